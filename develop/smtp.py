"""The SMTP side of the mail sink: RFC 5321 with PIPELINING, 8BITMIME, SMTPUTF8 and SIZE, strict where it matters.

A message ends with CR LF . CR LF and with nothing else; a message with a bare CR or LF is refused, so that a sender
that could be used for SMTP smuggling fails here first. Where messages go is the caller's business (`Store`). Tests
script misbehaviour with a `Decide` function: refusals, lost connections, lost answers, delays.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

LARGEST_MESSAGE = 26_214_400
LONGEST_COMMAND = 2048
MOST_RECIPIENTS = 1000
PIECE = 65536
HOST = "sink.parcours.test"
EXTENSIONS = ("PIPELINING", f"SIZE {LARGEST_MESSAGE}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")

PATH = re.compile(r'(FROM|TO):\s*<((?:"(?:[^"\\]|\\.)*"|[^<>"\s])*)>(?: (.*))?', re.IGNORECASE)
MAIL_OPTION = re.compile(r"SIZE=\d{1,20}|BODY=(?:7BIT|8BITMIME)|SMTPUTF8", re.IGNORECASE)


@dataclass(frozen=True)
class Stage:
    """A moment of a session at which a test may interfere.

    `name` is connect, hello, mail, rcpt, data, message (at its end) or quit; `connection` counts from 1; `argument` is
    the address or name just given; `message` is there at its end only.
    """

    name: str
    connection: int
    sender: str = ""
    recipients: tuple[str, ...] = ()
    argument: str = ""
    message: bytes = b""


@dataclass(frozen=True)
class Refuse:
    """Answer this instead: 4xx for now, 5xx for good. 421 also ends the connection."""

    code: int
    text: str


@dataclass(frozen=True)
class Drop:
    """Reset the connection without an answer; nothing is stored."""


@dataclass(frozen=True)
class StoreThenDrop:
    """At the end of a message: store it, then reset the connection, so that the sender cannot know."""


@dataclass(frozen=True)
class AnswerThenDrop:
    """Do and answer as usual, then reset the connection."""


@dataclass(frozen=True)
class Delay:
    """Wait this many seconds, then do as usual."""

    seconds: float


Fault = Refuse | Drop | StoreThenDrop | AnswerThenDrop | Delay
Decide = Callable[[Stage], Fault | None]
Store = Callable[[str, Iterable[str], bytes], Awaitable[object]]


class Session:
    """One connection, from greeting to end. Answers to pipelined commands leave in one piece."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        store: Store,
        decide: Decide | None = None,
        number: int = 1,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._store, self._decide, self._number = store, decide, number
        self._buffer = bytearray()
        self._answers: list[bytes] = []
        self._is_greeted = False
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._is_international = False

    async def run(self) -> None:
        """Serve the connection until either side ends it."""
        try:
            await self._at("connect", "", self._greet)
            while True:
                await self._command(await self._read_line())
        except (_Goodbye, ConnectionError):
            await self._flush()
        except _Reset:
            await self._flush()
            _reset(self._writer)
        finally:
            self._writer.close()

    # Reading and answering

    async def _read_line(self) -> bytes:
        line = await self._read_until(b"\r\n", LONGEST_COMMAND)
        if line is None:
            self._answer(500, "5.5.6 Line too long")
            raise _Goodbye
        return line

    async def _read_message(self) -> bytes | None:
        """Return the message without transparency dots, or None when it is larger than announced in EHLO."""
        content = await self._read_until(b"\r\n.\r\n", LARGEST_MESSAGE, before=b"\r\n")
        if content is None:
            return None
        return (content + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]

    async def _read_until(self, end: bytes, limit: int, before: bytes = b"") -> bytes | None:
        """Return what precedes `end`, as if `before` had been sent first; None, once it has come, if over `limit`."""
        self._buffer[:0] = before
        scanned, is_too_long = 0, False
        while (place := self._buffer.find(end, scanned)) < 0:
            if len(self._buffer) > limit:
                is_too_long = True
                del self._buffer[: -len(end)]
                if end == b"\r\n":
                    return None
            scanned = max(0, len(self._buffer) - len(end) + 1)
            await self._receive()
        found = bytes(self._buffer[:place])
        del self._buffer[: place + len(end)]
        return None if is_too_long or place > limit else found

    async def _receive(self) -> None:
        await self._flush()
        piece = await self._reader.read(PIECE)
        if not piece:
            raise _Goodbye
        self._buffer += piece

    def _answer(self, code: int, *lines: str) -> None:
        last = len(lines) - 1
        for number, line in enumerate(lines):
            self._answers.append(f"{code}{' ' if number == last else '-'}{line}\r\n".encode())

    async def _flush(self) -> None:
        if self._answers:
            self._writer.write(b"".join(self._answers))
            self._answers.clear()
            await self._writer.drain()

    # What a test may decide

    async def _at(
        self, name: str, argument: str, proceed: Callable[[], Awaitable[None]], message: bytes = b""
    ) -> None:
        """Do what this stage does, unless the test decides otherwise."""
        if self._decide is None:
            return await proceed()
        stage = Stage(name, self._number, self._sender or "", tuple(self._recipients), argument, message)
        match self._decide(stage):
            case None:
                await proceed()
            case Refuse(code, text):
                self._answer(code, text)
                if name == "message":
                    self._forget_envelope()
                if code == 421:
                    raise _Goodbye
            case Drop():
                raise _Reset
            case StoreThenDrop():
                await self._store(self._sender or "", list(self._recipients), message)
                raise _Reset
            case AnswerThenDrop():
                await proceed()
                raise _Reset
            case Delay(seconds):
                await self._flush()
                await asyncio.sleep(seconds)
                await proceed()
        return None

    # Commands

    async def _command(self, line: bytes) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return self._answer(500, "5.5.2 Not UTF-8")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
            return self._answer(500, "5.5.2 Control character in a command")
        verb, _, argument = text.partition(" ")
        argument = argument.strip()
        match verb.upper():
            case "EHLO" | "HELO" as verb:
                await self._at("hello", argument, lambda: self._hello(verb, argument))
            case "MAIL":
                await self._mail(argument)
            case "RCPT":
                await self._rcpt(argument)
            case "DATA":
                await self._data(argument)
            case "RSET":
                self._forget_envelope()
                self._answer(250, "2.0.0 Forgotten")
            case "NOOP":
                self._answer(250, "2.0.0 Nothing done")
            case "VRFY":
                self._answer(252, "2.5.2 Try it")
            case "HELP":
                self._answer(214, "2.0.0 Every message is kept, none is passed on")
            case "QUIT":
                await self._at("quit", "", self._quit)
            case _:
                self._answer(500, "5.5.1 Unknown command")
        return None

    async def _greet(self) -> None:
        self._answer(220, f"{HOST} ESMTP")

    async def _hello(self, verb: str, name: str) -> None:
        if not name:
            return self._answer(501, "5.5.4 Name missing")
        self._forget_envelope()
        self._is_greeted = True
        self._answer(250, HOST, *(EXTENSIONS if verb == "EHLO" else ()))
        return None

    async def _mail(self, argument: str) -> None:
        if refusal := self._refusal_of_sender(argument):
            return self._answer(*refusal)
        address, options = _path(argument, "FROM") or ("", [])

        async def accept() -> None:
            self._sender = address
            self._is_international = "SMTPUTF8" in options
            self._answer(250, "2.1.0 Sender accepted")

        return await self._at("mail", address, accept)

    def _refusal_of_sender(self, argument: str) -> tuple[int, str] | None:
        path = _path(argument, "FROM")
        if not self._is_greeted or self._sender is not None:
            return 503, "5.5.1 EHLO first, and one sender for each message"
        if path is None:
            return 501, "5.5.4 MAIL FROM:<address>"
        address, options = path
        if not all(MAIL_OPTION.fullmatch(option) for option in options):
            return 555, "5.5.4 Unknown option"
        if any(int(option[5:]) > LARGEST_MESSAGE for option in options if option.startswith("SIZE=")):
            return 552, "5.3.4 Too large"
        if not address.isascii() and "SMTPUTF8" not in options:
            return 553, "5.6.7 International address without SMTPUTF8"
        return None

    async def _rcpt(self, argument: str) -> None:
        if refusal := self._refusal_of_recipient(argument):
            return self._answer(*refusal)
        address, _ = _path(argument, "TO") or ("", [])

        async def accept() -> None:
            self._recipients.append(address)
            self._answer(250, "2.1.5 Recipient accepted")

        return await self._at("rcpt", address, accept)

    def _refusal_of_recipient(self, argument: str) -> tuple[int, str] | None:
        path = _path(argument, "TO")
        if self._sender is None:
            return 503, "5.5.1 MAIL first"
        if path is None or "@" not in path[0]:
            return 501, "5.1.3 RCPT TO:<address>"
        if path[1]:
            return 555, "5.5.4 Unknown option"
        if not path[0].isascii() and not self._is_international:
            return 553, "5.6.7 International address without SMTPUTF8"
        if len(self._recipients) >= MOST_RECIPIENTS:
            return 452, "4.5.3 Too many recipients"
        return None

    async def _data(self, argument: str) -> None:
        if argument:
            return self._answer(501, "5.5.4 DATA takes no argument")
        if not self._recipients:
            return self._answer(503, "5.5.1 RCPT first")
        return await self._at("data", "", self._take_message)

    async def _take_message(self) -> None:
        self._answer(354, "End with a line that holds only a dot")
        message = await self._read_message()
        if message is None:
            self._answer(552, "5.3.4 Too large")
        elif message.count(b"\r\n") != message.count(b"\n") or message.count(b"\r\n") != message.count(b"\r"):
            self._answer(550, "5.6.11 Bare CR or LF in the message")
        else:
            return await self._at("message", "", lambda: self._keep(message), message)
        return self._forget_envelope()

    async def _keep(self, message: bytes) -> None:
        try:
            await self._store(self._sender or "", self._recipients, message)
            self._answer(250, "2.6.0 Stored")
        except OSError as error:
            self._answer(451, f"4.3.0 Not stored: {error.strerror}")
        self._forget_envelope()

    async def _quit(self) -> None:
        self._answer(221, "2.0.0 Goodbye")
        raise _Goodbye

    def _forget_envelope(self) -> None:
        self._sender = None
        self._recipients = []
        self._is_international = False


class _Goodbye(Exception):
    """The connection ends in order."""


class _Reset(Exception):
    """The connection ends as a crash would end it."""


def _path(argument: str, kind: str) -> tuple[str, list[str]] | None:
    """Return the address and the options, in capitals, of the argument of MAIL or RCPT."""
    match = PATH.fullmatch(argument)
    if match is None or match[1].upper() != kind:
        return None
    return match[2], (match[3] or "").upper().split()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a TCP reset."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
