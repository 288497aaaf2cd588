"""The lower half of our SMTP client: cuts what a server says into replies, and knows when all that we wrote
has gone.

A protocol of ours rather than asyncio's streams, because a reply that arrived before a reset must stay
readable: a 250 followed by
an RST is an acceptance, not a doubt. Not here: what is said, and in which order (`smtp`).
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from parcours.delivery.replies import ReplyClass, classify

_MAX_LINE = 4096
_MAX_REPLY = 65_536
_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply; `enhanced` is "" when it has none, `text` joins the lines with newlines, without
    the codes and without NUL, which the database does not store.
    """

    code: int
    enhanced: str
    text: str

    @classmethod
    def of_lines(cls, lines: list[bytes]) -> "Reply":
        """Read the lines of one reply (RFC 5321 4.2, RFC 2034)."""
        code, texts = (
            int(lines[0][:3]),
            [line[4:].decode("utf-8", "replace").replace("\0", "") for line in lines],
        )
        match = _ENHANCED.match(texts[0])
        if match is None:
            return cls(code, "", "\n".join(texts))
        return cls(
            code,
            match[1],
            "\n".join(text.removeprefix(match[1]).lstrip() for text in texts),
        )

    @property
    def meaning(self) -> ReplyClass:
        """The class of this reply, whatever the stage."""
        return classify(self.code, self.enhanced, self.text)

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


class Wire(asyncio.Protocol):
    """One connection. `is_lost` and `reason` say that it has ended and why; replies read before that
    remain.
    """

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.replies: deque[Reply] = deque()
        self.is_lost = False
        self.reason = ""
        self._buffer = bytearray()
        self._lines: list[bytes] = []
        self._size = 0
        self._is_full = False
        self._waiter: asyncio.Future[None] | None = None

    async def next_reply(self, timeout: float) -> Reply | None:
        """Return the next reply, or None when the connection is lost first or the server stays silent for
        `timeout` seconds.
        """
        await self._until(lambda: bool(self.replies), timeout, "the server gave no answer in time")
        return self.replies.popleft() if self.replies else None

    async def flush(self, timeout: float) -> bool:
        """Wait until all that was written is with the kernel; False when the connection ends or a reply
        comes before that.
        """
        await self._until(
            lambda: not self._is_full or bool(self.replies),
            timeout,
            "the server stopped reading",
        )
        return not self._is_full

    def write(self, data: bytes) -> None:
        """Send, or drop silently when the connection is lost: the next reply will be None."""
        if self.transport is not None and not self.is_lost:
            self.transport.write(data)

    def abort(self, reason: str) -> None:
        """Give the connection up at once. The first reason stands."""
        self.reason = self.reason or reason
        self.is_lost = True
        if self.transport is not None:
            self.transport.abort()
        self._wake()

    async def _until(self, is_done: Callable[[], bool], timeout: float, reason: str) -> None:
        """Wait at most `timeout` seconds in all, also when a reply trickles in byte by byte."""
        if is_done() or self.is_lost:
            return
        loop = asyncio.get_running_loop()
        alarm = loop.call_later(timeout, self.abort, reason)
        try:
            while not is_done() and not self.is_lost:
                self._waiter = loop.create_future()
                await self._waiter
        finally:
            alarm.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _take_line(self, line: bytes) -> None:
        self._size += len(line)
        match = _REPLY_LINE.fullmatch(line)
        if match is None or self._size > _MAX_REPLY or (self._lines and line[:3] != self._lines[0][:3]):
            self.abort("the server sent something that is not an SMTP reply")
            return
        self._lines.append(line)
        if match[2] != b"-":
            self.replies.append(Reply.of_lines(self._lines))
            self._lines, self._size = [], 0

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; a limit of 0 makes `flush` wait for the very last byte."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's does not say that it is one
        self.transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        """Cut at line ends. A line without end, or one that is no reply, ends the connection."""
        self._buffer += data
        while not self.is_lost and (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            self._take_line(line)
        if len(self._buffer) > _MAX_LINE:
            self.abort("the server sent a line without end")
        self._wake()

    def eof_received(self) -> None:
        """The server said its last word; asyncio closes the transport."""
        self.reason = self.reason or "the server closed the connection"

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember why."""
        self.is_lost = True
        self.reason = self.reason or (
            f"the connection was lost: {exc}" if exc else "the connection was closed"
        )
        self._wake()

    def pause_writing(self) -> None:
        """Some of what was written is still with us."""
        self._is_full = True

    def resume_writing(self) -> None:
        """All that was written is with the kernel."""
        self._is_full = False
        self._wake()
