"""Django behind the hot paths: RSGI requests become WSGI calls (PEP 3333) in a pool of threads.

Bodies are read whole before the call: small ones into memory, those of the few addresses that take a file (`Pages.limit_of`) into
a temporary file. One that is larger than its address takes is thrown away, and Django is told so when it reads it: what the person
then sees is its business. Answers are sent in parts as Django makes them.
"""

import asyncio
import io
import logging
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from django.core.exceptions import RequestDataTooBig

from parcours.public.hot.http import Headers, Protocol_, Scope
from parcours.public.hot.proxies import Networks, client_address

logger = logging.getLogger(__name__)

MAX_BODY = 5 * 1024 * 1024
IN_MEMORY = 1024 * 1024
"""A body up to this size never touches the disk."""
PATIENCE = 256 * 1024 * 1024
"""A browser reads the answer only when it has sent everything: that much of a body which is too large is read for its sake."""
WHOLE = 1024 * 1024
"""Answers up to this size are sent in one piece."""

StartResponse = Callable[..., Callable[[bytes], None]]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
LimitOf = Callable[[str], int]
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade"})


def same_for_all(path: str) -> int:
    """No address takes more than the others."""
    return MAX_BODY


@dataclass(frozen=True)
class Body:
    """A request's body; `content` fails when it is read if it was larger than `size` may be."""

    content: IO[bytes] | io.RawIOBase
    size: int


class Pages:
    """Answers a request by a WSGI application. `limit_of` says how many bytes of body a path takes."""

    def __init__(
        self,
        application: Application,
        executor: Executor,
        scheme: str,
        limit_of: LimitOf = same_for_all,
        proxies: Networks = (),
    ) -> None:
        self._application, self._executor = application, executor
        self._scheme, self._limit_of, self._proxies = scheme, limit_of, proxies

    async def answer(self, scope: Scope, protocol: Protocol_) -> None:
        """Answer one request."""
        body = await _receive(scope, protocol, self._limit_of(scope.path))
        loop = asyncio.get_running_loop()
        with body.content:
            answer = await loop.run_in_executor(self._executor, self._call, scope, body)
        if answer.is_whole:
            protocol.response_bytes(
                answer.status, answer.headers, answer.begun if scope.method != "HEAD" else b""
            )
            return
        stream = protocol.response_stream(answer.status, answer.headers)
        await stream.send_bytes(answer.begun)
        while part := await loop.run_in_executor(self._executor, answer.next_part):
            await stream.send_bytes(part)

    def _call(self, scope: Scope, body: Body) -> "_Answer":
        """In a thread: run the application and read the beginning of its answer."""
        answer = _Answer()
        answer.read(self._application(environ(scope, body, self._scheme, self._proxies), answer.start))
        return answer


async def _receive(scope: Scope, protocol: Protocol_, limit: int) -> Body:
    """Take the body in, or throw it away when it turns out to be larger than `limit`."""
    declared = _declared(scope)
    if declared is not None and declared <= min(limit, IN_MEMORY):
        return Body(io.BytesIO(await protocol()), declared)
    if declared is not None and declared > PATIENCE:
        return Body(_TooLarge(), declared)
    kept: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed after the call
    size = 0
    async for part in protocol:
        size += len(part)
        if size <= limit:
            kept.write(part)
        elif size > PATIENCE:
            break
    if size > limit:
        kept.close()
        return Body(_TooLarge(), size)
    kept.seek(0)
    return Body(kept, size)


def _declared(scope: Scope) -> int | None:
    """The size that the request says it has; None when it comes in chunks, too much when it says nonsense."""
    text = scope.headers.get("content-length")
    if text is None:
        return None
    return int(text) if text.isdecimal() else PATIENCE + 1


class _TooLarge(io.RawIOBase):
    """Stands for a body that was thrown away."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise RequestDataTooBig("The body is larger than this address takes.")


class _Answer:
    """What the application answers, as far as it has been read."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: Headers = []
        self.begun = b""
        self.is_whole = False
        self._parts: Iterable[bytes] = ()

    def start(self, status: str, headers: Headers, error: object = None) -> Callable[[bytes], None]:
        """WSGI's start_response. `write` is not offered: Django does not use it."""
        self.status = int(status[:3])
        self.headers = [
            (name.lower(), value.strip().encode("latin-1").decode("utf-8", "replace"))
            for name, value in headers
            if name.lower() not in _HOP_BY_HOP
        ]
        return _no_write

    def read(self, parts: Iterable[bytes]) -> None:
        """Take the beginning, all of it if it is small. Generators of endless length are met by the bound."""
        self._parts = parts
        iterator = iter(parts)
        self._next = iterator.__next__
        collected: list[bytes] = []
        size = 0
        while size <= WHOLE:
            part = self._next_or_none()
            if part is None:
                self.is_whole = True
                break
            collected.append(part)
            size += len(part)
        self.begun = b"".join(collected)

    def next_part(self) -> bytes:
        """The next piece that is not empty; empty bytes at the end."""
        while (part := self._next_or_none()) is not None:
            if part:
                return part
        return b""

    def _next_or_none(self) -> bytes | None:
        try:
            return self._next()
        except StopIteration:
            self._close()
            return None
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        close = getattr(self._parts, "close", None)
        if close is not None:
            close()


def _no_write(data: bytes) -> None:
    """The old way to answer (PEP 3333, `write`), which Django never takes."""
    raise TypeError("Answers are iterables.")


def environ(scope: Scope, body: Body, scheme: str, proxies: Networks) -> dict[str, Any]:
    """The WSGI environment of a request. Repeated fields are joined by commas, cookies by semicolons (RFC 9110 §5.3).

    `scheme` is what the visitor speaks. Behind a proxy with TLS the server itself hears plain HTTP, and a header that says more
    could be anybody's: the operator's public address decides.
    """
    server, _, port = scope.server.rpartition(":")
    variables: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope.path).decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]")
        or scope.client,  # until the headers are read
        "SERVER_NAME": server.strip("[]") or "localhost",
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "CONTENT_LENGTH": str(body.size),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": body.content,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # X_Forwarded_For would pass for X-Forwarded-For
        key = name.upper().replace("-", "_")
        if name == "content-type":
            variables.setdefault(key, value)
        elif name != "content-length":
            key = f"HTTP_{key}"
            joint = "; " if name == "cookie" else ","
            variables[key] = f"{variables[key]}{joint}{value}" if key in variables else value
    variables.setdefault("HTTP_HOST", scope.authority or scope.server)
    forwarded = variables.get("HTTP_X_FORWARDED_FOR", "")
    variables["REMOTE_ADDR"] = client_address(variables["REMOTE_ADDR"], forwarded, proxies)
    return variables
