"""What the hot paths need of HTTP: header fields made once, bodies inflated within bounds, credentials, query parameters.

Not here: bytes on the wire (`connection`), a request (`request`), what a refusal says (`refusals`).
"""

import binascii
import re
import time
import zlib
from email.utils import formatdate
from urllib.parse import unquote_to_bytes

Fields = bytes
"""Header fields as they are sent, each with its end of line."""

_UNFIT = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")


def fields(*pairs: tuple[str, str]) -> Fields:
    """Header fields. Raises ValueError for one that would end its line (RFC 9110 §5.5), or that Latin-1 cannot hold."""
    for name, value in pairs:
        if _UNFIT.search(name) or _UNFIT.search(value):
            raise ValueError(f"The header field {name!r} has control characters.")
    return "".join(f"{name}: {value}\r\n" for name, value in pairs).encode("latin-1")


TEXT = fields(
    ("content-type", "text/plain; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
)


class BadBody(Exception):
    """The body cannot be taken as it is."""


class BodyTooLarge(BadBody):
    """The body is longer than the address takes."""


class BodyUnreadable(BadBody):
    """The body is not in the encoding that it claims."""


class UnknownEncoding(BadBody):
    """The body is in an encoding other than gzip."""


def inflated(content: bytes, limit: int) -> bytes:
    """What one member of gzip (RFC 1952) holds. Never makes more than `limit` bytes of it, and one, whatever it promises."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = unpacking.decompress(content, limit + 1)
    except zlib.error:
        raise BodyUnreadable from None
    if len(plain) > limit:
        raise BodyTooLarge
    if not unpacking.eof or unpacking.unused_data:
        raise BodyUnreadable
    return plain


def credential(authorization: str) -> str | None:
    """The key in an Authorization field: the user name of Basic, or the token of Bearer. None when it cannot be read."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        return binascii.a2b_base64(value).decode().partition(":")[0] or None
    except ValueError:
        return None


def parameter(query: str, name: str) -> str | None:
    """The first value of a query parameter, percent-decoded; None when it is absent or not UTF-8."""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            try:
                return unquote_to_bytes(value.replace("+", " ")).decode()
            except UnicodeDecodeError:
                return None
    return None


class _Date:
    """The date field of this second."""

    second, field = 0, b""


def date() -> Fields:
    """The date of an answer (RFC 9110 §6.6.1), made once a second."""
    now = int(time.time())
    if now != _Date.second:
        _Date.second, _Date.field = now, fields(("date", formatdate(now, usegmt=True)))
    return _Date.field
