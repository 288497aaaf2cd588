"""A received mail as far as reports need it: its headers, its parts, their decoded content.

Written by hand, because what arrives is hostile: size, depth and number of parts are bounded, the time is linear, nothing is
guessed. What cannot be read raises UnreadableMail. Not here: what a report says (`reports`), whom it is about (`receiving`).
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from parcours.delivery.errors import UnreadableMail

LARGEST = 2 * 1024 * 1024
"""Bytes of a mail. Reports carry our own message back at most, which is far smaller."""

_LARGEST_HEAD = 256 * 1024
_LONGEST_VALUE = 4000
_MOST_PARTS = 40
_DEEPEST = 5

_FIELD = re.compile(rb"([!-9;-~]{1,80})[ \t]*:(.*)", re.DOTALL)
_FOLD = re.compile(rb"\n[ \t]+")
_BLANK_LINE = re.compile(rb"\n[ \t]*\n")
_KIND = re.compile(r"\s*([\w.+-]{1,60}/[\w.+-]{1,60})\s*(?:;|$)", re.ASCII)
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"\\\n]{1,200})"|([^\s";]{1,200}))', re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Fields = dict[str, list[str]]
"""Header values by lower-case name, unfolded, in their order."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A mail, or a part of one."""

    fields: Fields
    body: bytes

    def first(self, name: str) -> str:
        """The first header of this name; empty when there is none."""
        return next(iter(self.fields.get(name, ())), "")

    @property
    def kind(self) -> str:
        """The content type, such as `multipart/report`; `text/plain` when it does not say."""
        found = _KIND.match(self.first("content-type"))
        return found[1].lower() if found else "text/plain"

    def content(self) -> bytes:
        """The body without its transfer encoding."""
        encoding = self.first("content-transfer-encoding").strip().lower()
        if encoding == "quoted-printable":
            return a2b_qp(self.body)
        if encoding == "base64":
            try:
                return a2b_base64(self.body).replace(b"\r\n", b"\n")
            except Base64Error:
                raise _unreadable(_("a part is not the base64 that it says it is")) from None
        return self.body

    def parts(self) -> "list[Entity]":
        """The parts of a multipart. Raises UnreadableMail when its boundary is missing or never occurs."""
        found = _BOUNDARY.search(self.first("content-type"))
        if found is None:
            raise _unreadable(_("a multipart without a boundary"))
        boundary = (found[1] or found[2]).encode("utf-8", "replace")
        line = re.compile(rb"\n--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\n|\Z)")
        whole = b"\n" + self.body
        marks = list(line.finditer(whole))
        if not marks:
            raise _unreadable(_("a multipart whose boundary does not occur"))
        if len(marks) > _MOST_PARTS:
            raise _unreadable(_("too many parts"))
        end = next((n for n, mark in enumerate(marks) if mark[1]), len(marks))
        stops = [*(mark.start() for mark in marks[1:]), len(whole)]
        return [
            _entity(whole[mark.end() : stop].removeprefix(b"\n"))
            for mark, stop in zip(marks[:end], stops, strict=False)
        ]


def read(raw: bytes) -> Entity:
    """Read a mail with CRLF or LF line ends, with or without the `From ` line of a mailbox file."""
    if len(raw) > LARGEST:
        raise _unreadable(_("it is larger than %(limit)s bytes") % {"limit": LARGEST})
    text = raw.replace(b"\r\n", b"\n")
    if text.startswith(b"From "):
        text = text.partition(b"\n")[2]
    mail = _entity(text)
    if not mail.fields:
        raise _unreadable(_("it has no headers"))
    return mail


def walk(entity: Entity, depth: int = 0) -> Iterator[Entity]:
    """The entity and all that is inside its multiparts, outer before inner. Attached mails are not opened."""
    yield entity
    if not entity.kind.startswith("multipart/"):
        return
    if depth == _DEEPEST:
        raise _unreadable(_("parts inside parts inside parts"))
    for part in entity.parts():
        yield from walk(part, depth + 1)


def groups(content: bytes) -> list[Fields]:
    """Groups of fields that blank lines separate, as reports write them."""
    text = content.replace(b"\r\n", b"\n").strip(b"\n")
    found = [fields(block) for block in _BLANK_LINE.split(text, maxsplit=_MOST_PARTS)[:_MOST_PARTS]]
    return [group for group in found if group]


def fields(head: bytes) -> Fields:
    """The fields of a header block. Lines that are none are passed over; values are cut at a sane length."""
    found: Fields = {}
    for line in _FOLD.sub(b" ", head.replace(b"\r\n", b"\n")).split(b"\n"):
        match = _FIELD.fullmatch(line)
        if match:
            value = match[2][:_LONGEST_VALUE].decode("utf-8", "replace")
            found.setdefault(match[1].decode("ascii").lower(), []).append(_CONTROLS.sub(" ", value).strip())
    return found


def _entity(text: bytes) -> Entity:
    if text.startswith(b"\n"):
        return Entity({}, text[1:])
    head, _blank, body = text.partition(b"\n\n")
    if len(head) > _LARGEST_HEAD:
        raise _unreadable(_("its headers are too long"))
    return Entity(fields(head), body)


def _unreadable(why: str) -> UnreadableMail:
    return UnreadableMail(_("This mail cannot be read: %(why)s.") % {"why": why})
