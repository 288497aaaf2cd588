"""Requests to the application by a real connection, without a socket: bytes in, bytes out, read by httptools as a client does."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import httptools

from parcours.public.hot.application import Application, same_for_all
from parcours.public.hot.connection import Connection


@dataclass
class Answer:
    """An answer; `parts` when it was streamed."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    parts: list[bytes] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


class Wire(asyncio.Transport):
    """What asyncio gives a connection: keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 8000)})
        self.written = b""
        self.unsent = 0
        self.is_closed = self.is_aborted = self.is_paused = False
        self.news = asyncio.Event()

    def write(self, data: Any) -> None:
        self.written += data
        self.news.set()

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True
        self.news.set()

    def abort(self) -> None:
        self.is_aborted = True
        self.close()

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


class _Reader:
    """Reads one answer."""

    def __init__(self) -> None:
        self.answer, self.is_complete = Answer(), False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answer.headers.append((name.decode(), value.decode("latin-1")))

    def on_body(self, part: bytes) -> None:
        self.answer.body += part
        self.answer.parts.append(part)

    def on_message_complete(self) -> None:
        self.answer.status = self._parser.get_status_code()
        if self.answer.header("transfer-encoding") is None:
            self.answer.parts.clear()
        self.is_complete = True


class Client:
    """Asks the application, by a new connection each time."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def connect(self) -> tuple[Connection, Wire]:
        """A connection to say bytes to, and what it answers."""
        connection, wire = Connection(self.application, set(), set()), Wire()
        connection.connection_made(wire)
        return connection, wire

    async def ask(
        self,
        method: str,
        address: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        is_chunked: bool = False,
    ) -> Answer:
        fields = {"host": "127.0.0.1:8000"} | {name.lower(): value for name, value in (headers or {}).items()}
        fields.pop("content-length", None)
        fields |= {"transfer-encoding": "chunked"} if is_chunked else {"content-length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        connection, wire = self.connect()
        connection.data_received(f"{method} {address} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        for start in range(0, len(body), 1000):
            part = body[start : start + 1000]
            connection.data_received(b"%x\r\n%b\r\n" % (len(part), part) if is_chunked else part)
        if is_chunked:
            connection.data_received(b"0\r\n\r\n")
        answer = await _read(wire, has_body=method != "HEAD")
        connection.connection_lost(None)
        return answer


async def _read(wire: Wire, *, has_body: bool) -> Answer:
    reader, seen = _Reader(), 0
    while not reader.is_complete:
        await wire.news.wait()
        wire.news.clear()
        reader.feed(wire.written[seen:])
        seen = len(wire.written)
        if not has_body and b"\r\n\r\n" in wire.written:
            reader.on_message_complete()
    return reader.answer


def no_pages(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    start("404 Not Found", [("Content-Type", "text/plain")])
    return [b"no pages here"]


def visit(
    story: Callable[[Client], Coroutine[Any, Any, None]],
    pages: Any = no_pages,
    limit_of_page: Callable[[str], int] = same_for_all,
) -> None:
    """Run a story against a fresh application, and stop it properly."""

    async def run() -> None:
        application = Application(pages, limit_of_page)
        application.start(asyncio.get_running_loop())
        try:
            await story(Client(application))
        finally:
            await application.stop()

    asyncio.run(asyncio.wait_for(run(), 20))
