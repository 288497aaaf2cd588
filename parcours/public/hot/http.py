"""What the hot paths need of HTTP: bounded bodies, credentials, prepared answers. RSGI: https://github.com/emmett-framework/granian."""

import binascii
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

import msgspec

Headers = list[tuple[str, str]]


class RequestHeaders(Protocol):
    """Header fields; names in lower case."""

    def get(self, key: str, default: str | None = None) -> str | None: ...
    def items(self) -> list[tuple[str, str]]: ...


class Scope(Protocol):
    """A request before its body."""

    proto: str
    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    authority: str | None

    @property
    def headers(self) -> RequestHeaders: ...


class Stream(Protocol):
    """An answer that is sent in parts."""

    async def send_bytes(self, data: bytes) -> None: ...


class Protocol_(Protocol):
    """The way to the body and to the answer."""

    def __call__(self) -> Awaitable[bytes]: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_empty(self, status: int, headers: Headers) -> None: ...
    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...
    def response_stream(self, status: int, headers: Headers) -> Stream: ...


Handler = Callable[[Scope, Protocol_], Awaitable[None]]

ANYBODY: Headers = [("access-control-allow-origin", "*")]
PREFLIGHT: Headers = [
    *ANYBODY,
    ("access-control-allow-methods", "GET, POST, OPTIONS"),
    ("access-control-allow-headers", "authorization, content-type, content-encoding"),
    ("access-control-max-age", "86400"),
]
JSON: Headers = [*ANYBODY, ("content-type", "application/json"), ("cache-control", "no-store")]
AGAIN_LATER: Headers = [*JSON, ("retry-after", "2")]
TEXT: Headers = [
    ("content-type", "text/plain; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
]


_encode = msgspec.json.Encoder().encode


class BadBody(Exception):
    """The body cannot be taken as it is."""


class BodyTooLarge(BadBody):
    """The body is longer than the address takes."""


class BodyUnreadable(BadBody):
    """The body is not in the encoding that it claims."""


class UnknownEncoding(BadBody):
    """The body is in an encoding other than gzip."""


def body(headers: RequestHeaders, protocol: Protocol_, limit: int) -> Awaitable[bytes]:
    """The whole body, inflated. Raises BadBody, here or when awaited: BodyTooLarge as soon as it is known to be longer than `limit`
    bytes, before or after inflating; BodyUnreadable; UnknownEncoding.
    """
    encoding = headers.get("content-encoding")
    if encoding is None or encoding.lower() == "identity":
        return _sent(headers, protocol, limit)
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise UnknownEncoding
    return _inflated(_sent(headers, protocol, limit), limit)


async def _inflated(content: Awaitable[bytes], limit: int) -> bytes:
    return inflated(await content, limit)


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


def _sent(headers: RequestHeaders, protocol: Protocol_, limit: int) -> Awaitable[bytes]:
    declared = headers.get("content-length")
    if declared is None:
        return _in_parts(protocol, limit)
    if not declared.isdecimal() or int(declared) > limit:
        raise BodyTooLarge
    return protocol()


async def _in_parts(protocol: Protocol_, limit: int) -> bytes:
    """A body of unknown length."""
    parts: list[bytes] = []
    size = 0
    async for part in protocol:
        size += len(part)
        if size > limit:
            raise BodyTooLarge
        parts.append(part)
    return b"".join(parts)


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


def refuse(protocol: Protocol_, status: int, code: str, message: str) -> None:
    """Refuse the whole request."""
    protocol.response_bytes(status, JSON, _encode(problem(code, message)))


def try_again(protocol: Protocol_) -> None:
    """Say that the database is away."""
    protocol.response_bytes(503, AGAIN_LATER, _encode(problem("unavailable", "Try again in a moment.")))


def problem(code: str, message: str, **members: Any) -> dict[str, Any]:
    """A refusal of the whole request, in the shape of the intake's answers."""
    return {"success": False, "code": code, "message": message, **members}
