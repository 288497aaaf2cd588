"""Django behind the hot paths: RSGI requests become WSGI calls (PEP 3333) in a pool of threads.

Bodies are read whole before the call (bounded); answers are sent in parts as Django makes them.
"""

import asyncio
import io
import logging
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any
from urllib.parse import unquote_to_bytes

from parcours.public.hot import http
from parcours.public.hot.http import Headers, Protocol_, Scope

logger = logging.getLogger(__name__)

MAX_BODY = 5 * 1024 * 1024
WHOLE = 1024 * 1024
"""Answers up to this size are sent in one piece."""

StartResponse = Callable[..., Callable[[bytes], None]]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade"})


class Pages:
    """Answers a request by a WSGI application."""

    def __init__(self, application: Application, executor: Executor, scheme: str) -> None:
        self._application, self._executor, self._scheme = application, executor, scheme

    async def answer(self, scope: Scope, protocol: Protocol_) -> None:
        """Answer one request."""
        try:
            content = await http.body(scope, protocol, MAX_BODY)
        except http.BodyTooLarge:
            protocol.response_bytes(413, http.TEXT, b"The request is larger than 5 MB.\n")
            return
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._executor, self._call, scope, content)
        if answer.is_whole:
            protocol.response_bytes(
                answer.status, answer.headers, answer.begun if scope.method != "HEAD" else b""
            )
            return
        stream = protocol.response_stream(answer.status, answer.headers)
        await stream.send_bytes(answer.begun)
        while part := await loop.run_in_executor(self._executor, answer.next_part):
            await stream.send_bytes(part)

    def _call(self, scope: Scope, content: bytes) -> "_Answer":
        """In a thread: run the application and read the beginning of its answer."""
        answer = _Answer()
        answer.read(self._application(environ(scope, content, self._scheme), answer.start))
        return answer


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


def environ(scope: Scope, content: bytes, scheme: str) -> dict[str, Any]:
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
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]") or scope.client,
        "SERVER_NAME": server.strip("[]") or "localhost",
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": io.BytesIO(content),
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
    return variables
