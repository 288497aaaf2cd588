"""One HTTP/1.1 connection (RFC 9112): bytes in, whole requests in their order to the application, answers out.

llhttp, by httptools, reads the syntax; uvicorn accepts, drains and restarts (`connection` is its `http` class). What stands here is
the way between: a request costs some callbacks and no task; answers may come later, all those of a group commit at once.
- Requests of one connection are answered one after the other. While one waits, or the other side does not take its answers, at
  most one read's worth of others is kept.
- What a request has beside its body (head, chunks' lengths, trailers) is bounded by MAX_HEAD and one read, the body by its address;
  one that is too large is thrown away as it comes, up to PATIENCE. It comes at SLOWEST bytes a second, or not at all.
- Whoever sends or takes nothing for IDLE seconds is let go, unless it is we who are late.
Not here: addresses (`application`), Django (`wsgi`).
"""

import asyncio
import logging
import tempfile
from collections import deque
from typing import IO, Any, Protocol, cast
from weakref import WeakSet

import httptools

from parcours.public.hot import http
from parcours.public.hot.heads import Heads
from parcours.public.hot.request import Request, Rest

logger = logging.getLogger(__name__)

MAX_HEAD = 64 * 1024
MAX_FIELDS = 200
IN_MEMORY = 1024 * 1024
"""A body up to this size never touches the disk."""
MAX_FILES = 40
"""So many larger ones at once, per process: anybody may send them."""
PATIENCE = 256 * 1024 * 1024
"""A browser reads the answer only when it has sent everything: that much of a body which is too large is read for its sake."""
SLOWEST = 1000
HEAD_TIME = 30.0
IDLE = 130.0
"""Seconds; longer than the two minutes for which Caddy keeps a connection to use it again."""
LOOK = 10.0

_JOINTS = {b"cookie": b"; "}
"""Repeated fields are joined by commas, cookies by semicolons (RFC 9110 §5.3, RFC 9113 §8.2.3)."""
_files: "WeakSet[IO[bytes]]" = WeakSet()


class Application(Protocol):
    """What answers, at once or later. `limit_of` says how many bytes of body a path takes; `heads`: of requests before."""

    @property
    def heads(self) -> Heads: ...
    def answer(self, request: Request) -> None: ...
    def limit_of(self, path: str) -> int: ...


def connection(config: Any, server_state: Any, app_state: object, _loop: object = None) -> "Connection":
    """uvicorn's call for each accepted connection."""
    return Connection(config.loaded_app, server_state.connections, server_state.tasks)


class _Malformed(Exception):
    """The syntax is right, the request is not."""


class _Busy(Exception):
    """Too many large bodies at once."""


class Connection(asyncio.Protocol):
    """From accept to close. `connections` and `tasks` are the server's, which waits for both when it stops."""

    def __init__(
        self,
        application: Application,
        connections: "set[Connection]",
        tasks: "set[asyncio.Task[None]]",
    ) -> None:
        self._application, self._connections, self._tasks = application, connections, tasks
        self._heads = application.heads
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._current: Request | None = None
        self._waiting: deque[Request] = deque()
        self._slow: asyncio.Future[None] | None = None  # the other side does not take its answers
        self._is_paused = False  # nothing is read
        self._is_deaf = False  # nothing that comes now is a request; close when all are answered
        self._is_ending = False  # the request that is coming is the last
        self._is_gone = False
        self._seen = self._moved = self._loop.time()  # when something came, and when something went
        self._unsent = 0
        self._number = 0  # of requests that began
        self._begun: float | None = None  # since when one is coming
        self._received = 0  # of it, without its first read
        self._bytes = b""  # that are being read, if a request begins with them
        self._forget()

    def _forget(self) -> None:
        """Keep nothing of the request that came last."""
        self._target = b""
        self._fields: dict[bytes, bytes] = {}
        self._count = 0
        self._is_head_complete = False
        self._parts: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._size, self._limit = 0, -1

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is one in all but name
        self._connections.add(self)
        self._timer = self._loop.call_later(LOOK, self._look)
        self.peer: tuple[str, int] = transport.get_extra_info("peername")
        self.local: tuple[str, int] = transport.get_extra_info("sockname")
        if not self.peer or not self.local:  # gone before it was here
            self._is_deaf = True
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        self._is_gone = self._is_deaf = True
        self._timer.cancel()
        for request in self._waiting:
            request.drop()
        self._waiting.clear()
        self._throw_away()
        self._let_go_on()
        del self._parser  # each holds the other

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._seen = self._loop.time()
        is_between = self._begun is None
        if is_between and (known := self._heads.request(self, data)) is not None:
            self._take(known)
        else:
            self._read(data, is_between)
        if self._waiting or self._slow is not None:
            self._pause()

    def _read(self, data: bytes, is_between: bool) -> None:
        """Bytes of requests. `is_between`: the first of them begins one."""
        number = self._number
        self._bytes = data if is_between else b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse_unreadable(error)
        self._bytes = b""
        if self._begun is not None and self._number == number:
            self._received += len(data)
            if self._received - self._size > MAX_HEAD + 16 * self._size and not self._is_deaf:
                self._refuse(431, b"The header fields are too long.\n")

    def eof_received(self) -> bool:
        """The other side has said all. It may still wait for answers."""
        self._is_deaf = True
        return self._owes_answers

    def pause_writing(self) -> None:
        self._slow = self._loop.create_future()
        self._pause()

    def resume_writing(self) -> None:
        self._moved = self._loop.time()
        self._let_go_on()
        self._loop.call_soon(self._next)

    # What uvicorn calls

    def shutdown(self) -> None:
        """Answer what was begun, then close."""
        if self._begun is not None and not self._is_deaf:
            self._is_ending = True
            return
        self._is_deaf = True
        if not self._owes_answers:
            self._transport.close()

    # What the parser calls

    def on_message_begin(self) -> None:
        self._number += 1
        self._begun, self._received = self._seen, 0
        self._forget()

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_head_complete:
            return  # a trailer, which no proxy has looked at
        self._count += 1
        name, value = name.lower(), value.rstrip(b" \t")
        before = self._fields.get(name)
        if before is not None:
            value = before + _JOINTS.get(name, b", ") + value
        if self._count > MAX_FIELDS or (before is not None and name == b"host"):
            raise _Malformed
        self._fields[name] = value

    def on_headers_complete(self) -> None:
        self._is_head_complete = True
        self._version = self._parser.get_http_version()
        path, _, query = self._origin_form().partition(b"?")
        self._path, self._query = path.decode("latin-1"), query.decode("latin-1")
        is_old, fields = self._version == "1.0", self._fields
        coding = fields.get(b"transfer-encoding")
        if self._parser.should_upgrade() and self._parser.get_method() == b"CONNECT":
            raise _Malformed
        if coding is not None and (is_old or coding.lower() != b"chunked"):
            raise _Malformed
        if not is_old and (self._version != "1.1" or b"host" not in fields):
            raise _Malformed
        if b"expect" in fields and not is_old and self._current is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        if self._is_deaf:
            return
        if self._limit < 0:
            self._limit = self._application.limit_of(self._path)
        self._size += len(part)
        if self._size > PATIENCE:
            self._is_deaf = True
            self._hand_over()
        elif self._size > self._limit:
            self._throw_away()
        elif self._file is not None:
            self._file.write(part)
        else:
            self._parts.append(part)
            if self._size > IN_MEMORY:
                self._file = _file_of(self._parts)
                self._parts = []

    def on_message_complete(self) -> None:
        if self._is_deaf or self._parser.should_upgrade():
            return
        self._is_deaf = self._is_ending or not self._parser.should_keep_alive()
        self._hand_over()

    # What a request and its answer call

    def write(self, data: bytes) -> None:
        """Send, or do nothing when nobody listens any more."""
        if not self._is_gone:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait while the other side does not take what it is sent. Raises ConnectionResetError when it has gone."""
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

    # Within: from bytes to a request

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

    def _stay(self, rest: bytes) -> None:
        """Whoever offers another protocol is answered in this one (RFC 9110 §7.8): read the request again, without the offer."""
        offers = (b"connection", b"upgrade", b"http2-settings")
        kept = b"".join(b"%b: %b\r\n" % each for each in self._fields.items() if each[0] not in offers)
        method, target = self._parser.get_method(), self._target
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, kept) + rest)

    def _throw_away(self) -> None:
        self._parts = []
        if self._file is not None:
            self._file.close()
            self._file = None

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
        self._heads.learn(request, self._bytes)
        self._begun = None
        self._forget()
        self._take(request)

    def _refuse(self, status: int, text: bytes) -> None:
        """Answer with a refusal when those before it are answered; read no more."""
        self._is_deaf, self._begun = True, None
        self._throw_away()
        request = Request(self, "GET", "", "", {}, is_last=True)
        request.fault = (status, text)
        self._take(request)

    def _refuse_unreadable(self, error: httptools.HttpParserError) -> None:
        if self._is_deaf:
            return  # what came after the last request
        cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else None
        if cause is None or isinstance(cause, _Malformed):
            self._refuse(400, b"This is no request of HTTP/1.1.\n")
            return
        if not isinstance(cause, _Busy):
            logger.error("A request could not be taken.", exc_info=cause)
        self._refuse(503, b"This cannot be taken now. Try again later.\n")

    # Within: from a request to its answer

    @property
    def _owes_answers(self) -> bool:
        return self._current is not None or bool(self._waiting)

    def _take(self, request: Request) -> None:
        if self._owes_answers or self._slow is not None:
            self._waiting.append(request)
        else:
            self._serve(request)

    def _next(self) -> None:
        if self._current is None and self._waiting and self._slow is None:
            self._serve(self._waiting.popleft())
        if self._is_paused and not self._waiting and self._slow is None and not self._is_gone:
            self._is_paused = False
            self._transport.resume_reading()

    def _pause(self) -> None:
        if (self._waiting or self._slow is not None) and not self._is_paused and not self._is_gone:
            self._is_paused = True
            self._transport.pause_reading()

    def _let_go_on(self) -> None:
        slow, self._slow = self._slow, None
        if slow is not None and not slow.done():
            slow.set_result(None)

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
        except Exception as error:
            if not (self._is_gone and isinstance(error, ConnectionResetError)):
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
        unsent = self._transport.get_write_buffer_size()
        if not unsent or unsent < self._unsent:
            self._moved = now
        self._unsent = unsent
        if now - self._moved > IDLE:
            self._transport.abort()
        elif now - self._seen > IDLE and not self._owes_answers:
            self._transport.close()
        elif self._begun is not None and now - self._begun > HEAD_TIME + self._size / SLOWEST:
            self._refuse(408, b"The request took too long to come.\n")


def _file_of(parts: list[bytes]) -> IO[bytes]:
    if len(_files) >= MAX_FILES:
        raise _Busy
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever takes the request closes it
    file.writelines(parts)
    _files.add(file)
    return file
