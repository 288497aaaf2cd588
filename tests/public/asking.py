"""Requests to the RSGI application without a server: what granian hands in, and what it is given back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from parcours.public.hot.application import Application
from parcours.public.hot.http import Headers
from parcours.public.hot.wsgi import LimitOf, same_for_all


@dataclass
class Answer:
    """An answer; `parts` when it was streamed."""

    status: int
    headers: Headers
    body: bytes
    parts: list[bytes] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


class _Fields:
    def __init__(self, fields: Headers) -> None:
        self._fields = fields

    def get(self, key: str, default: str | None = None) -> str | None:
        return next((value for name, value in self._fields if name == key), default)

    def items(self) -> list[tuple[str, str]]:
        return self._fields


@dataclass
class Request:
    """RSGI's scope."""

    method: str
    path: str
    query_string: str
    fields: Headers
    proto: str = "http"
    http_version: str = "1.1"
    server: str = "127.0.0.1:8000"
    client: str = "127.0.0.1:50000"
    scheme: str = "http"
    authority: str | None = None

    @property
    def headers(self) -> _Fields:
        return _Fields(self.fields)


class Exchange:
    """RSGI's protocol."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.answer: Answer | None = None

    async def __call__(self) -> bytes:
        return self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), 1000):
            yield self._body[start : start + 1000]

    def response_empty(self, status: int, headers: Headers) -> None:
        self.answer = Answer(status, headers, b"")

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        self.answer = Answer(status, headers, body)

    def response_stream(self, status: int, headers: Headers) -> "Exchange":
        self.answer = Answer(status, headers, b"")
        return self

    async def send_bytes(self, data: bytes) -> None:
        assert self.answer
        self.answer.body += data
        self.answer.parts.append(data)


class Client:
    """Asks the application."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def ask(
        self,
        method: str,
        address: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        is_chunked: bool = False,
    ) -> Answer:
        path, _, query = address.partition("?")
        fields = [(name.lower(), value) for name, value in (headers or {}).items()]
        if not is_chunked:
            fields.append(("content-length", str(len(body))))
        exchange = Exchange(body)
        await self.application.__rsgi__(Request(method, path, query, fields), exchange)
        assert exchange.answer
        return exchange.answer


def no_pages(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    start("404 Not Found", [("Content-Type", "text/plain")])
    return [b"no pages here"]


def visit(
    story: Callable[[Client], Coroutine[Any, Any, None]],
    pages: Any = no_pages,
    limit_of: LimitOf = same_for_all,
) -> None:
    """Run a story against a fresh application, and stop it properly."""

    async def run() -> None:
        application = Application(pages, limit_of)
        application.__rsgi_init__(asyncio.get_running_loop())
        try:
            await story(Client(application))
        finally:
            await application.stop()

    asyncio.run(asyncio.wait_for(run(), 20))
