"""One HTTP/1.1 connection (RFC 9112): bytes in, whole requests in their order to the application, answers out.

llhttp, by httptools, reads the syntax; uvicorn accepts, drains and restarts (`connection` is its `http` class). What stands here is
the way between: a request costs some callbacks and no task; answers may come later, all those of a group commit at once.
- Requests of one connection are answered one after the other; while one waits, at most one read's worth of others is kept.
- A head is at most MAX_HEAD and one read, and comes within HEAD_TIME.
- A body that is too large is thrown away as it comes, up to PATIENCE.
- Whoever sends or takes nothing for IDLE seconds is let go, unless it is we who are late.
Not here: addresses (`application`), Django (`wsgi`).
"""

import asyncio
import logging
import tempfile
from collections import deque
from typing import IO, Any, Protocol, cast

import httptools

from parcours.public.hot import http
from parcours.public.hot.request import Request, Rest

logger = logging.getLogger(__name__)

MAX_HEAD = 64 * 1024
IN_MEMORY = 1024 * 1024
"""A body up to this size never touches the disk."""
PATIENCE = 256 * 1024 * 1024
"""A browser reads the answer only when it has sent everything: that much of a body which is too large is read for its sake."""
HEAD_TIME = 30.0
IDLE = 75.0
LOOK = 15.0

_JOINTS = {b"cookie": b"; "}
"""Repeated fields are joined by commas, cookies by semicolons (RFC 9110 §5.3, RFC 9113 §8.2.3)."""


class Application(Protocol):
    """What answers, at once or later. `limit_of` says how many bytes of body a path takes."""

    def answer(self, request: Request) -> None: ...
    def limit_of(self, path: str) -> int: ...


def connection(config: Any, server_state: Any, app_state: object, _loop: object = None) -> "Connection":
    """uvicorn's call for each accepted connection."""
    return Connection(config.loaded_app, server_state.connections, server_state.tasks)


class _Malformed(Exception):
    """The parser's syntax is right, the request is not."""


class Connection(asyncio.Protocol):
    """From accept to close. `connections` and `tasks` are the server's, which waits for both when it stops."""

    def __init__(
        self,
        application: Application,
        connections: "set[Connection]",
        tasks: "set[asyncio.Task[None]]",
    ) -> None:
        self._application, self._connections, self._tasks = application, connections, tasks
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._current: Request | None = None
        self._waiting: deque[Request] = deque()
        self._is_full = False  # others wait: reading is paused
        self._is_deaf = False  # nothing that comes now is a request; close when all are answered
        self._is_gone = False
        self._slow: asyncio.Future[None] | None = None  # the other side takes its time
        self._seen = self._loop.time()
        self._head_begun: float | None = None
        self._head_size = 0

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is one in all but name
        self._connections.add(self)
        self._timer = self._loop.call_later(LOOK, self._look)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        self._is_gone = self._is_deaf = True
        self._timer.cancel()
        self._waiting.clear()
        self.resume_writing()
        del self._parser  # each holds the other

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._seen = self._loop.time()
        if self._head_begun is not None:
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self._refuse(431, b"The header fields are too long.\n")
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request was answered; what follows would be another protocol, to which nobody agreed
        except httptools.HttpParserError as error:
            self._refuse_unreadable(error)
        if self._waiting and not self._is_full:
            self._is_full = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The other side has said all. It may still wait for answers."""
        self._is_deaf = True
        return self._current is not None

    def pause_writing(self) -> None:
        self._slow = self._loop.create_future()

    def resume_writing(self) -> None:
        self._seen = self._loop.time()
        slow, self._slow = self._slow, None
        if slow is not None and not slow.done():
            slow.set_result(None)

    # What uvicorn calls

    def shutdown(self) -> None:
        """Answer what was accepted, then close."""
        self._is_deaf = True
        if self._current is None:
            self._transport.close()

    # What the parser calls

    def on_message_begin(self) -> None:
        self._head_begun, self._head_size = self._seen, 0
        self._target = b""
        self._fields: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._size = 0
        self._limit = -1

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        before = self._fields.get(name)
        if before is not None:
            if name == b"host":
                raise _Malformed
            value = before + _JOINTS.get(name, b", ") + value
        self._fields[name] = value

    def on_headers_complete(self) -> None:
        self._head_begun = None
        self._version = self._parser.get_http_version()
        path, _, query = self._origin_form().partition(b"?")
        self._path, self._query = path.decode("latin-1"), query.decode("latin-1")
        if b"host" not in self._fields and self._version != "1.0":
            raise _Malformed
        if b"expect" in self._fields and self._current is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        if self._is_deaf:
            return
        if self._limit < 0:
            self._limit = self._application.limit_of(self._path)
        self._size += len(part)
        if self._size > self._limit:
            self._throw_away()
        elif self._file is not None:
            self._file.write(part)
        else:
            self._parts.append(part)
            if self._size > IN_MEMORY:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever takes the request closes it
                self._file.writelines(self._parts)
                self._parts.clear()

    def on_message_complete(self) -> None:
        if self._is_deaf:
            return
        self._is_deaf = not self._parser.should_keep_alive() or self._parser.should_upgrade()
        self._hand_over()

    # What the request and its answer call

    @property
    def peer(self) -> tuple[str, int]:
        """The address and port of the other side."""
        address: tuple[str, int] = self._transport.get_extra_info("peername")
        return address

    @property
    def local(self) -> tuple[str, int]:
        """The address and port of ours."""
        address: tuple[str, int] = self._transport.get_extra_info("sockname")
        return address

    def write(self, data: bytes) -> None:
        """Send, or do nothing when nobody listens any more."""
        if not self._is_gone:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait while the other side is slow. Raises ConnectionResetError when it has gone."""
        if self._slow is not None:
            await self._slow
        if self._is_gone:
            raise ConnectionResetError

    def finish(self, request: Request) -> None:
        """The answer is out: the next one, or the end."""
        self._current = None
        self._seen = self._loop.time()
        if self._waiting:
            self._loop.call_soon(self._next)
        elif self._is_deaf or request.is_last:
            self._transport.close()

    def carry_on(self, request: Request, rest: Rest) -> None:
        """Await what is left to do for an answer."""
        task = self._loop.create_task(self._await(request, rest))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Within

    def _origin_form(self) -> bytes:
        """The target as path and query. A proxy's absolute form names the host too, which then counts (RFC 9112 §3.2.2)."""
        if self._target.startswith(b"/"):
            return self._target
        scheme, separator, rest = self._target.partition(b"://")
        if not separator or scheme.lower() not in (b"http", b"https"):
            raise _Malformed
        host, slash, path = rest.partition(b"/")
        self._fields[b"host"] = host
        return slash + path or b"/"

    def _throw_away(self) -> None:
        self._parts.clear()
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._size > PATIENCE:
            self._is_deaf = True
            self._hand_over()

    def _hand_over(self) -> None:
        parts = self._parts
        request = Request(
            self,
            self._parser.get_method().decode(),
            self._path,
            self._query,
            self._fields,
            content=parts[0] if len(parts) == 1 else b"".join(parts),
            version=self._version,
            is_last=self._is_deaf,
        )
        if self._file is not None:
            self._file.seek(0)
        request.file, request.size = self._file, self._size
        request.is_too_large = self._size > self._limit >= 0
        self._take(request)

    def _refuse(self, status: int, text: bytes) -> None:
        """Answer with a refusal when those before it are answered; read no more."""
        self._is_deaf = True
        request = Request(self, "GET", "", "", {}, is_last=True)
        request.fault = (status, text)
        self._take(request)

    def _refuse_unreadable(self, error: httptools.HttpParserError) -> None:
        if self._is_deaf:
            return  # what came after the last request
        if isinstance(error, httptools.HttpParserCallbackError) and not isinstance(
            error.__context__, _Malformed
        ):
            logger.error("A request could not be taken.", exc_info=error.__context__)
        self._refuse(400, b"This is no request of HTTP/1.1.\n")

    def _take(self, request: Request) -> None:
        if self._current is None and not self._waiting:
            self._serve(request)
        else:
            self._waiting.append(request)

    def _next(self) -> None:
        if self._waiting:
            self._serve(self._waiting.popleft())
        if self._is_full and not self._waiting and not self._is_gone:
            self._is_full = False
            self._transport.resume_reading()

    def _serve(self, request: Request) -> None:
        self._current = request
        if request.fault is not None:
            status, text = request.fault
            request.answer(status, http.TEXT, text)
            return
        try:
            self._application.answer(request)
        except Exception:
            self._fail(request)

    async def _await(self, request: Request, rest: Rest) -> None:
        try:
            await rest
        except ConnectionResetError:
            return  # nobody listens any more
        except Exception:
            self._fail(request)

    def _fail(self, request: Request) -> None:
        """In an except block: say so in the log and to the other side; a half answer must not pass for a whole one."""
        logger.exception("A request failed: %s", request.path)
        if not request.is_answered:
            request.answer(500, http.TEXT, b"Something went wrong here.\n")
        elif self._current is request and not self._is_gone:
            self._transport.abort()

    def _look(self) -> None:
        """From time to time: let go whoever says or takes nothing."""
        self._timer = self._loop.call_later(LOOK, self._look)
        now = self._loop.time()
        is_silent = now - self._seen > IDLE
        if is_silent and self._slow is not None:
            self._transport.abort()
        elif is_silent and self._current is None:
            self._transport.close()
        elif self._head_begun is not None and now - self._head_begun > HEAD_TIME and not self._is_deaf:
            self._refuse(408, b"The header fields took too long.\n")
