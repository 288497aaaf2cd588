"""Builds the bytes of a message (RFC 5322, 2045–2047): headers, then a text part and an HTML part, in
quoted-printable.

Written by hand because Python's email package injects headers (CVE-2024-6923, CVE-2026-1299) and takes 6 ms
a message. Three
walls against injection: addresses, ids and extra headers with anything suspect are refused; people's texts
lose their
control characters and whatever looks encoded is encoded again, so that it is shown literally; and the
finished header
block is read back and compared with what was intended. Not here: which headers a message needs, signing
(`dkim`).
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from hashlib import blake2b

import idna
from django.utils.translation import gettext as _

from parcours.content.encoding import quoted_printable
from parcours.kernel.errors import DomainError

_MAX_LINE = 78
_MAX_WORD_LINE = 76
_HARD_LIMIT = 998
_WORD_OVERHEAD = len("=?utf-8?b??=")

# C0, DEL, C1, line and paragraph separators, the marks that turn text around, lone surrogates.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_PLAIN_TEXT = re.compile(r"[!-~]+(?: [!-~]+)*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._+$=/-]+@[A-Za-z0-9.-]+>")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,59}")
_FOLD_HERE = re.compile(r"(?<! ) (?! )")

_TEXT_PART = (
    b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
)
_HTML_PART = _TEXT_PART.replace(b"text/plain", b"text/html")

_OWN_HEADERS = frozenset(
    [
        "from",
        "to",
        "cc",
        "bcc",
        "sender",
        "reply-to",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "return-path",
        "received",
        "dkim-signature",
    ]
)


class UnsafeMail(DomainError):
    """A value cannot stand in a message: it holds control characters, or is not what its header needs."""

    code = "mail.unsafe"


class BrokenMail(DomainError):
    """A finished message does not read back as intended. It was not sent; this is a fault of ours to
    report.
    """

    code = "mail.broken"


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to one person.

    `html` and `text`: str is encoded here; bytes are taken as quoted-printable with CRLF already
    (`content.encoding`).
    `message_id` has its angle brackets; `date` is aware; `headers` are extra ones in their order, ASCII,
    each name once.
    """

    from_name: str
    from_address: str
    to_name: str
    to_address: str
    subject: str
    html: str | bytes
    text: str | bytes
    message_id: str
    date: datetime
    reply_to: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def build(mail: Mail) -> bytes:
    """Return the message: ASCII, CRLF, no line over 998 bytes. Raises UnsafeMail (with its field) or
    BrokenMail.
    """
    boundary = "=_" + blake2b(mail.message_id.encode(), digest_size=15).hexdigest()
    fields = list(_fields(mail, boundary))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields).encode("ascii")
    mark = b"--" + boundary.encode()
    message = b"".join(
        (
            head,
            b"\r\n",
            mark,
            _TEXT_PART,
            _body(mail.text),
            b"\r\n",
            mark,
            _HTML_PART,
            _body(mail.html),
            b"\r\n",
            mark,
            b"--\r\n",
        )
    )
    _check(message, [name for name, _ in fields], mark)
    return message


def address(text: str, *, field: str = "address") -> str:
    """Return an addr-spec fit for a header and an envelope; an international domain becomes its ASCII form
    (IDNA 2008).
    """
    local, at, domain = text.rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError:
            at = ""
    if (
        not at
        or len(local) > 64
        or len(domain) > 253
        or not _LOCAL_PART.fullmatch(local)
        or not _DOMAIN.fullmatch(domain)
    ):
        raise UnsafeMail(
            _("This is not an address that mail can be sent to."), field=field, hint=_("Correct the address.")
        )
    return f"{local}@{domain}"


def mailbox(name: str, addr_spec: str, *, room: int = 66, field: str = "address") -> str:
    """Return `name <address>`, the name quoted or encoded as needed; `room` is what the first line still
    holds.
    """
    spec = address(addr_spec, field=field)
    shown = phrase(name, room=room)
    if not shown:
        return spec
    last_line = len(shown) - shown.rfind("\n") - 1 if "\n" in shown else _MAX_LINE - room + len(shown)
    return shown + (" <" if last_line + len(spec) + 3 <= _MAX_LINE else "\r\n <") + spec + ">"


def phrase(text: str, *, room: int = 66) -> str:
    """Return a display name for a header (also the phrase of a List-Id): atoms, a quoted string, or encoded
    words.
    """
    clean = _neutral(text)
    if "=?" not in clean and len(clean) <= room - 4:
        if not clean or _ATOMS.fullmatch(clean):
            return clean
        if _PLAIN_TEXT.fullmatch(clean):
            return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _encoded_words(clean, room)


def _fields(mail: Mail, boundary: str) -> Iterator[tuple[str, str]]:
    yield "From", mailbox(mail.from_name, mail.from_address, room=_MAX_WORD_LINE - 6, field="from_address")
    yield "To", mailbox(mail.to_name, mail.to_address, room=_MAX_WORD_LINE - 4, field="to_address")
    if mail.reply_to:
        yield "Reply-To", address(mail.reply_to, field="reply_to")
    yield "Subject", _unstructured(mail.subject, room=_MAX_WORD_LINE - 9)
    if mail.date.tzinfo is None:
        raise UnsafeMail(_("The date has no time zone."), field="date")
    yield "Date", format_datetime(mail.date)
    if not _MESSAGE_ID.fullmatch(mail.message_id) or len(mail.message_id) > 250:
        raise UnsafeMail(_("This is not a Message-ID."), field="message_id")
    yield "Message-ID", mail.message_id
    yield from _extra_headers(mail.headers)
    yield "MIME-Version", "1.0"
    yield "Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"'


def _extra_headers(headers: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for name, value in headers:
        key = name.lower()
        if (
            not _HEADER_NAME.fullmatch(name)
            or key in _OWN_HEADERS
            or key.startswith("content-")
            or key in seen
        ):
            raise UnsafeMail(
                _("This header cannot be added."),
                field=name[:60],
                hint=_("Name each header once; some are ours."),
            )
        seen.add(key)
        if not _PLAIN_TEXT.fullmatch(value) or "=?" in value:
            raise UnsafeMail(_("A header's value must be plain ASCII on one line."), field=name)
        yield name, _folded(value, _MAX_LINE - len(name) - 2, field=name)


def _unstructured(text: str, *, room: int) -> str:
    clean = _neutral(text)
    if not clean or ("=?" not in clean and len(clean) <= room and _PLAIN_TEXT.fullmatch(clean)):
        return clean
    return _encoded_words(clean, room)


def _neutral(text: str) -> str:
    """One line without controls: what looked like a line break is a space now."""
    return _CONTROLS.sub(" ", text).strip() if _CONTROLS.search(text) else text.strip()


def _encoded_words(text: str, room: int) -> str:
    """RFC 2047 words in base64, cut between characters so that no line passes 76, folded between words."""
    words: list[str] = []
    chunk: list[str] = []
    size = 0
    limit = _bytes_that_fit(room)
    for character in text:
        length = len(character.encode())
        if size + length > limit:
            words.append("".join(chunk))
            chunk, size, limit = [], 0, _bytes_that_fit(_MAX_WORD_LINE - 1)
        chunk.append(character)
        size += length
    words.append("".join(chunk))
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word.encode()).decode('ascii')}?=" for word in words)


def _bytes_that_fit(room: int) -> int:
    return (min(room, 75) - _WORD_OVERHEAD) // 4 * 3


def _folded(value: str, room: int, *, field: str) -> str:
    """Fold at single spaces so that lines keep to 78 where they can; unfolding gives the same value back."""
    if len(value) <= room:
        return value
    lines: list[str] = []
    line = ""
    for part in _FOLD_HERE.split(value):
        grown = f"{line} {part}" if line else part
        if line and len(grown) > room:
            lines.append(line)
            line, room = part, _MAX_LINE - 1
        else:
            line = grown
    lines.append(line)
    if max(map(len, lines)) > _HARD_LIMIT - 80:
        raise UnsafeMail(_("A header's value has a word that is too long for a line."), field=field)
    return "\r\n ".join(lines)


def _body(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else quoted_printable(content)


def _check(message: bytes, names: list[str], mark: bytes) -> None:
    """Read the header block back: exactly the intended names in their order, no stray CR, LF, NUL or 8-bit,
    three marks.
    """
    head, _separator, body = message.partition(b"\r\n\r\n")
    found = [
        line.partition(b":")[0].decode("ascii")
        for line in head.split(b"\r\n")
        if line[:1] not in (b" ", b"\t")
    ]
    bare = message.replace(b"\r\n", b"")
    if (
        found != names
        or b"\n" in bare
        or b"\r" in bare
        or b"\0" in bare
        or not message.isascii()
        or body.count(mark) != 3
    ):
        raise BrokenMail(_("A message did not read back as it was meant and was not sent."))
