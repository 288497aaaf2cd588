"""One request over HTTP, and the way to answer it: what `connection` reads and the hot paths and `wsgi` work on.

Not here: bytes on the wire (`connection`), what an answer says (`http`).
"""

from collections.abc import Coroutine, Mapping
from http import HTTPStatus
from typing import IO, Any, Protocol

from parcours.public.hot.http import BodyTooLarge, Fields, UnknownEncoding, date, inflated

Rest = Coroutine[Any, Any, None]
"""What is left to do for an answer."""

_STATUS = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
_WITHOUT_BODY = frozenset({204, 304})
_CLOSE = b"connection: close\r\n"


class Answering(Protocol):
    """The connection that a request came by."""

    @property
    def peer(self) -> tuple[str, int]: ...
    @property
    def local(self) -> tuple[str, int]: ...
    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None: ...
    def finish(self, request: "Request") -> None: ...
    def carry_on(self, request: "Request", rest: Rest) -> None: ...


class Request:
    """A whole request. It is answered once, by `answer` or by a `stream`; when nobody listens any more, answers go nowhere.

    `path` and `query` are as they were sent, percent-encoded. `fields`: header fields, names in lower case, repeated ones joined.
    `content` is the body, unless it was kept in `file` (given to whoever takes it, who closes it) or was larger than its address
    takes (`is_too_large`, then it is thrown away). `fault`: what could not be read as a request is answered with this, in its turn.
    """

    __slots__ = (
        "_connection",
        "content",
        "fault",
        "fields",
        "file",
        "is_answered",
        "is_last",
        "is_too_large",
        "method",
        "path",
        "query",
        "size",
        "version",
    )

    def __init__(
        self,
        connection: Answering,
        method: str,
        path: str,
        query: str,
        fields: Mapping[bytes, bytes],
        *,
        content: bytes = b"",
        version: str = "1.1",
        is_last: bool = False,
    ) -> None:
        self._connection = connection
        self.method, self.path, self.query, self.fields = method, path, query, fields
        self.content, self.size = content, len(content)
        self.version, self.is_last = version, is_last
        self.file: IO[bytes] | None = None
        self.fault: tuple[int, bytes] | None = None
        self.is_too_large = False
        self.is_answered = False

    def header(self, name: bytes) -> str | None:
        """A header field's value, by its name in lower case."""
        value = self.fields.get(name)
        return None if value is None else value.decode("latin-1")

    def plain(self, limit: int) -> bytes:
        """The content, inflated. Raises BadBody: BodyTooLarge for more than `limit` bytes, before or after inflating;
        BodyUnreadable; UnknownEncoding.
        """
        if self.is_too_large or self.size > limit:
            raise BodyTooLarge
        encoding = self.fields.get(b"content-encoding")
        if encoding is None or encoding.lower() == b"identity":
            return self.content
        if encoding.lower() not in (b"gzip", b"x-gzip"):
            raise UnknownEncoding
        return inflated(self.content, limit)

    @property
    def client(self) -> str:
        """The address of whoever opened the connection."""
        return self._connection.peer[0]

    @property
    def server(self) -> tuple[str, int]:
        """The address and port that were called."""
        return self._connection.local

    def wait_for(self, rest: Rest) -> None:
        """Answer in a task of the connection's. What it raises is logged and answered as our fault."""
        self._connection.carry_on(self, rest)

    def answer(self, status: int, fields: Fields, body: bytes = b"") -> None:
        """The whole answer. Its length and the date are added; a HEAD is told the length and nothing more."""
        length = b"" if status in _WITHOUT_BODY else b"content-length: %d\r\n" % len(body)
        last = _CLOSE if self.is_last else b""
        told = b"" if self.method == "HEAD" or status in _WITHOUT_BODY else body
        self._connection.write(b"".join((_STATUS[status], fields, length, date(), last, b"\r\n", told)))
        self.end()

    def stream(self, status: int, fields: Fields, size: int | None) -> "Stream":
        """Begin an answer that is sent in parts, `size` bytes in all if that is known."""
        is_chunked = size is None and self.version != "1.0"
        if size is None and not is_chunked:
            self.is_last = True  # the end of the connection is the end of the answer (RFC 9112 §6.3)
        length = b"" if size is None else b"content-length: %d\r\n" % size
        coding = b"transfer-encoding: chunked\r\n" if is_chunked else b""
        last = _CLOSE if self.is_last else b""
        self.is_answered = True
        self._connection.write(b"".join((_STATUS[status], fields, length, coding, date(), last, b"\r\n")))
        return Stream(self._connection, self, size, is_chunked=is_chunked)

    def end(self) -> None:
        """The answer is out."""
        self.is_answered = True
        self.drop()
        self._connection.finish(self)

    def drop(self) -> None:
        """Nobody reads the body any more."""
        if self.file is not None:
            self.file.close()


class Stream:
    """An answer that is sent in parts, and ended, neither before nor after the size that was told: the next answer begins there."""

    def __init__(
        self, connection: Answering, request: Request, size: int | None, *, is_chunked: bool
    ) -> None:
        self._connection, self._request, self._left, self._is_chunked = connection, request, size, is_chunked
        self._is_silent = request.method == "HEAD"

    async def send(self, part: bytes) -> None:
        """Send a part that is not empty, and wait while the other side is slow. Raises ConnectionResetError when it has gone."""
        if self._left is not None:
            self._left -= len(part)
            if self._left < 0:
                raise ValueError("An answer is longer than it said.")
        if not self._is_silent:
            self._connection.write(b"%x\r\n%b\r\n" % (len(part), part) if self._is_chunked else part)
        await self._connection.drain()

    def end(self) -> None:
        """All is sent."""
        if self._left and not self._is_silent:
            raise ValueError("An answer is shorter than it said.")
        if self._is_chunked and not self._is_silent:
            self._connection.write(b"0\r\n\r\n")
        self._request.end()
