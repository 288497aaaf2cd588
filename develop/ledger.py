"""The mail sink's memory: every accepted message is a line of JSON in a file, on disk before its sender is told so.

One `fsync` serves all messages that wait at that moment (group commit). In memory are only the small fields and where
each line is; the messages themselves are read from the file when somebody asks for them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

FOLD = re.compile(rb"\r\n[ \t]+")


@dataclass(frozen=True)
class Message:
    """An accepted message. `to` joins its recipients with ", "; `received_at` is ISO 8601 in UTC."""

    id: int
    to: str
    sender: str
    subject: str
    message_id: str
    received_at: str

    def summary(self) -> dict[str, Any]:
        """Return the fields for JSON, the sender under its usual name."""
        return {
            "id": self.id,
            "to": self.to,
            "from": self.sender,
            "subject": self.subject,
            "message_id": self.message_id,
            "received_at": self.received_at,
        }


@dataclass
class _Waiting:
    message: Message
    raw: bytes
    stored: asyncio.Future[Message]


class Ledger:
    """The messages of one file, oldest first. Used by one event loop; `append` may be called concurrently."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.messages: list[Message] = []
        self._places: list[tuple[int, int]] = []
        self._of_recipient: dict[str, list[int]] = defaultdict(list)
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._end = self._load()

    async def append(self, sender: str, recipients: Iterable[str], raw: bytes) -> Message:
        """Store a message; return once it is on disk."""
        loop = asyncio.get_running_loop()
        number = len(self.messages) + len(self._waiting) + 1
        message = Message(
            id=number,
            to=", ".join(recipients),
            sender=sender,
            subject=_readable(_header(raw, b"subject")),
            message_id=_readable(_header(raw, b"message-id")),
            received_at=datetime.now(UTC).isoformat(),
        )
        waiting = _Waiting(message, raw, loop.create_future())
        self._waiting.append(waiting)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        return await waiting.stored

    def find(self, to: str | None = None, since_id: int = 0, limit: int = 1000) -> list[Message]:
        """Return messages, newest first: to one recipient (in any case), after an id, at most `limit`."""
        numbers: Iterable[int] = range(len(self.messages), since_id, -1)
        if to is not None:
            numbers = reversed(self._of_recipient.get(to.strip().lower(), []))
        found: list[Message] = []
        for number in numbers:
            if number <= since_id or len(found) >= limit:
                break
            found.append(self.messages[number - 1])
        return found

    def raw(self, message: Message) -> bytes:
        """Return the message as it was received, byte for byte."""
        start, length = self._places[message.id - 1]
        text: str = json.loads(os.pread(self._descriptor, length, start))["raw"]
        return text.encode("utf-8", "surrogateescape")

    async def close(self) -> None:
        """Finish writing and close the file."""
        if self._writer is not None:
            await self._writer
        os.close(self._descriptor)

    async def _write_all(self) -> None:
        """Write what waits, again and again until nothing does: each round is one write and one `fsync`."""
        try:
            while self._waiting:
                batch = list(self._waiting)
                lines = [_line(each.message, each.raw) for each in batch]
                await asyncio.to_thread(self._store, b"".join(lines))
                del self._waiting[: len(batch)]
                for each, line in zip(batch, lines, strict=True):
                    self._remember(each.message, len(line))
                    if not each.stored.done():
                        each.stored.set_result(each.message)
        except OSError as error:
            for each in self._waiting:
                if not each.stored.done():
                    each.stored.set_exception(error)
            self._waiting.clear()
        finally:
            self._writer = None

    def _store(self, content: bytes) -> None:
        start = self._end
        while content:
            written = os.pwrite(self._descriptor, content, start)
            content, start = content[written:], start + written
        os.fsync(self._descriptor)

    def _remember(self, message: Message, length: int) -> None:
        self.messages.append(message)
        self._places.append((self._end, length))
        self._end += length
        for recipient in set(message.to.lower().split(", ")):
            self._of_recipient[recipient].append(message.id)

    def _load(self) -> int:
        """Read the file of an earlier run; a last line that a crash left unfinished was never acknowledged and goes."""
        self._end = 0
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            for line in file:
                try:
                    fields = json.loads(line)
                except ValueError:
                    break
                if not line.endswith(b"\n"):
                    break
                fields["sender"] = fields.pop("from")
                del fields["raw"]
                self._remember(Message(**fields), len(line))
        os.ftruncate(self._descriptor, self._end)
        return self._end


def _line(message: Message, raw: bytes) -> bytes:
    """Return the line of a message. Bytes that are not UTF-8 survive as lone surrogates."""
    fields = {**message.summary(), "raw": raw.decode("utf-8", "surrogateescape")}
    return json.dumps(fields).encode() + b"\n"


def _header(raw: bytes, name: bytes) -> str:
    """Return the first header of this name, unfolded, as it stands."""
    end = raw.find(b"\r\n\r\n")
    block = b"\r\n" + (raw if end < 0 else raw[:end])
    start = block.lower().find(b"\r\n" + name + b":")
    if start < 0:
        return ""
    value = FOLD.sub(b" ", block[start + 2 :]).split(b"\r\n", 1)[0]
    return value[len(name) + 1 :].strip().decode("utf-8", "replace")


def _readable(value: str) -> str:
    """Decode RFC 2047 words; what cannot be decoded stays as it is."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value
