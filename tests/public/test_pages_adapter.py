"""Django behind the hot paths: what a WSGI application sees of a request, and what its answer becomes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from parcours.public.hot import wsgi
from tests.public.asking import Client, visit

Start = Callable[..., Any]


def test_request_reaches_the_application_whole() -> None:
    seen: dict[str, Any] = {}

    def pages(environ: dict[str, Any], start: Start) -> list[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start("201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", " a=1"), ("Set-Cookie", "b=2")])
        return [b"do", b"ne"]

    async def story(client: Client) -> None:
        headers = {
            "content-type": "text/x",
            "cookie": "s=1",
            "x-forwarded-for": "1.2.3.4",
            "x_forwarded_for": "6.6.6.6",
        }
        answer = await client.ask("POST", "/w/%C3%A9t%C3%A9?q=1%202", b"hello", headers)
        assert (answer.status, answer.body, answer.parts) == (201, b"done", [])
        assert [value for name, value in answer.headers if name == "set-cookie"] == ["a=1", "b=2"]

    visit(story, pages)
    assert seen["PATH_INFO"].encode("latin-1").decode() == "/w/été"
    assert (seen["QUERY_STRING"], seen["CONTENT_LENGTH"], seen["body"]) == ("q=1%202", "5", b"hello")
    assert (seen["CONTENT_TYPE"], seen["HTTP_COOKIE"], seen["HTTP_X_FORWARDED_FOR"]) == (
        "text/x",
        "s=1",
        "1.2.3.4",
    )
    assert seen["REMOTE_ADDR"] == "127.0.0.1"


def test_long_answers_are_sent_in_parts_and_closed() -> None:
    class Parts:
        is_closed = False

        def __iter__(self) -> Iterator[bytes]:
            for _ in range(5):
                yield b"x" * 500_000

        def close(self) -> None:
            Parts.is_closed = True

    def pages(environ: dict[str, Any], start: Start) -> Parts:
        start("200 OK", [])
        return Parts()

    async def story(client: Client) -> None:
        answer = await client.ask("GET", "/export")
        assert len(answer.body) == 2_500_000
        assert len(answer.parts) == 3

    visit(story, pages)
    assert Parts.is_closed


def test_head_has_no_body_and_too_large_bodies_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsgi, "MAX_BODY", 2000)

    async def story(client: Client) -> None:
        head = await client.ask("HEAD", "/x")
        assert (head.status, head.body) == (404, b"")
        assert (await client.ask("POST", "/x", b"x" * 2001)).status == 413
        assert (await client.ask("POST", "/x", b"x" * 2001, is_chunked=True)).status == 413
        assert (await client.ask("GET", "/healthz")).body == b"ok\n"

    visit(story)
