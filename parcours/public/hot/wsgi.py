"""Django behind the hot paths: requests become WSGI calls (PEP 3333) in a pool of threads.

A body that is larger than its address takes was thrown away, and Django is told so when it reads it: what the person then sees is
its business. Answers are sent in parts as Django makes them.
"""

import asyncio
import io
import logging
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from django.core.exceptions import RequestDataTooBig

from parcours.public.hot.http import fields
from parcours.public.hot.proxies import Networks, client_address
from parcours.public.hot.request import Request

logger = logging.getLogger(__name__)

MAX_BODY = 5 * 1024 * 1024
WHOLE = 1024 * 1024
"""Answers up to this size are sent in one piece."""

StartResponse = Callable[..., Callable[[bytes], None]]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
LimitOf = Callable[[str], int]
_OURS = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"})
"""Header fields that the connection sets."""


class Pages:
    """Answers a request by a WSGI application. `scheme` is what the visitor speaks."""

    def __init__(
        self, application: Application, executor: Executor, scheme: str, proxies: Networks = ()
    ) -> None:
        self._application, self._executor = application, executor
        self._scheme, self._proxies = scheme, proxies

    def answer(self, request: Request) -> None:
        """Answer one request."""
        request.wait_for(self._answer(request))

    async def _answer(self, request: Request) -> None:
        loop = asyncio.get_running_loop()
        with _body(request) as body:
            answer = await loop.run_in_executor(self._executor, self._call, request, body)
        if answer.is_whole:
            request.answer(answer.status, fields(*answer.headers), answer.begun)
            return
        try:
            stream = request.stream(answer.status, fields(*answer.headers), answer.size)
            await stream.send(answer.begun)
            while part := await loop.run_in_executor(self._executor, answer.next_part):
                await stream.send(part)
            stream.end()
        finally:
            loop.run_in_executor(self._executor, answer.close)

    def _call(self, request: Request, body: IO[bytes] | io.RawIOBase) -> "_Answer":
        """In a thread: run the application and read the beginning of its answer."""
        answer = _Answer()
        answer.read(self._application(environ(request, body, self._scheme, self._proxies), answer.start))
        return answer


def _body(request: Request) -> IO[bytes] | io.RawIOBase:
    if request.is_too_large:
        return _TooLarge()
    return io.BytesIO(request.content) if request.file is None else request.file


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
        self.headers: list[tuple[str, str]] = []
        self.size: int | None = None
        self.begun = b""
        self.is_whole = False
        self._parts: Iterable[bytes] = ()

    def start(
        self, status: str, headers: list[tuple[str, str]], error: object = None
    ) -> Callable[[bytes], None]:
        """WSGI's start_response. `write` is not offered: Django does not use it."""
        self.status = int(status[:3])
        given = [(name.lower(), value.strip()) for name, value in headers]
        self.headers = [each for each in given if each[0] not in _OURS]
        self.size = next((int(value) for name, value in given if name == "content-length"), None)
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
            self.close()
            return None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Tell the application once that no more is wanted."""
        parts, self._parts = self._parts, ()
        if close := getattr(parts, "close", None):
            close()


def _no_write(data: bytes) -> None:
    """The old way to answer (PEP 3333, `write`), which Django never takes."""
    raise TypeError("Answers are iterables.")


def environ(
    request: Request, body: IO[bytes] | io.RawIOBase, scheme: str, proxies: Networks
) -> dict[str, Any]:
    """The WSGI environment of a request.

    `scheme` is what the visitor speaks. Behind a proxy with TLS the server itself hears plain HTTP, and a header that says more
    could be anybody's: the operator's public address decides.
    """
    server, port = request.server[:2]
    variables: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": server,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "CONTENT_LENGTH": str(request.size),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for field, value in request.fields.items():
        name = field.decode("latin-1")
        if "_" in name:
            continue  # X_Forwarded_For would pass for X-Forwarded-For
        key = name.upper().replace("-", "_")
        if name == "content-type":
            variables[key] = value.decode("latin-1")
        elif name != "content-length":
            variables[f"HTTP_{key}"] = value.decode("latin-1")
    forwarded = variables.get("HTTP_X_FORWARDED_FOR", "")
    variables["REMOTE_ADDR"] = client_address(request.client, forwarded, proxies)
    return variables
