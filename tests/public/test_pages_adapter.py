"""Django behind the hot paths: what a WSGI application sees of a request, and what its answer becomes."""

import asyncio
import io
import re
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.wsgi import get_wsgi_application
from django.test import override_settings

from parcours.public.hot import application, connection
from parcours.public.hot.application import PAGE_THREADS
from tests.public.asking import Client, visit

# The pages run in threads, which see nothing of a test's transaction; allauth counts attempts.
WITHOUT_DATABASE = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
LOGIN = "/account/login/"
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


def reading(environ: dict[str, Any], start: Start) -> list[bytes]:
    """A page that reads what it is sent."""
    try:
        size = len(environ["wsgi.input"].read())
    except RequestDataTooBig:
        start("413 Content Too Large", [])
        return [environ["CONTENT_LENGTH"].encode()]
    start("200 OK", [])
    return [str(size).encode()]


def test_head_has_no_body_and_too_large_bodies_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "MAX_BODY", 2000)
    monkeypatch.setattr(connection, "PATIENCE", 6000)

    async def story(client: Client) -> None:
        head = await client.ask("HEAD", "/x")
        assert (head.status, head.body) == (200, b"")
        for is_chunked in (False, True):
            for sent, status, said in ((2000, 200, b"2000"), (2001, 413, b"2001"), (9000, 413, None)):
                answer = await client.ask("POST", "/x", b"x" * sent, is_chunked=is_chunked)
                assert answer.status == status
                assert answer.body == said or int(answer.body) > 6000
        assert (await client.ask("GET", "/healthz")).body == b"ok\n"

    visit(story, reading)


def test_address_that_takes_a_file_gets_it_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "MAX_BODY", 2000)
    monkeypatch.setattr(connection, "IN_MEMORY", 1000)
    on_disk: list[bool] = []

    def pages(environ: dict[str, Any], start: Start) -> list[bytes]:
        on_disk.append(isinstance(environ["wsgi.input"], io.BufferedRandom))
        return reading(environ, start)

    async def story(client: Client) -> None:
        for path, sent, status in (("/file", 50_000, 200), ("/file", 1000, 200), ("/other", 50_000, 413)):
            answer = await client.ask("POST", path, b"x" * sent)
            assert answer.status == status

    visit(story, pages, lambda path: 50_000 if path == "/file" else application.MAX_BODY)
    assert on_disk == [True, False, False]


def test_slow_pages_of_the_staff_do_not_keep_anybody_subscribed() -> None:
    enough = threading.Event()

    def pages(environ: dict[str, Any], start: Start) -> list[bytes]:
        if environ["PATH_INFO"].startswith("/w/"):
            enough.wait(15)
        start("200 OK", [])
        return [b"done"]

    async def story(client: Client) -> None:
        slow = [asyncio.ensure_future(client.ask("GET", "/w/shop/")) for _ in range(PAGE_THREADS + 2)]
        try:
            for path in ("/u/token", "/p/token", "/why/token", "/confirm/token"):
                answer = await asyncio.wait_for(client.ask("POST", path), 5)
                assert answer.body == b"done"
            assert not any(each.done() for each in slow)
        finally:
            enough.set()
        await asyncio.gather(*slow)

    visit(story, pages)


def test_behind_a_proxy_with_tls_forms_are_accepted_and_hsts_is_sent() -> None:
    """The proxy speaks plain HTTP to the server and may send another Host: the public address is what counts."""
    public = "https://parcours.example"

    async def story(client: Client) -> None:
        assert (await client.ask("GET", LOGIN)).header("strict-transport-security") == "max-age=3600"
        for host in ("parcours.example", "127.0.0.1:8000"):
            assert await post_form(client, host, public) == 200
            assert await post_form(client, host, "https://evil.example") == 403

    known = {"BASE_URL": public, "SECURE_HSTS_SECONDS": 3600, "CSRF_TRUSTED_ORIGINS": [public]}
    with override_settings(**known, CACHES=WITHOUT_DATABASE):
        visit(story, get_wsgi_application())


def test_forms_of_the_public_address_are_accepted_whatever_host_the_proxy_sends() -> None:
    async def story(client: Client) -> None:
        assert await post_form(client, "inside:8000", settings.BASE_URL) == 200

    with override_settings(CACHES=WITHOUT_DATABASE):
        visit(story, get_wsgi_application())


def test_address_behind_our_own_proxy_is_the_visitors() -> None:
    def pages(environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [])
        return [environ["REMOTE_ADDR"].encode()]

    async def story(client: Client) -> None:
        assert (
            await client.ask("GET", "/", headers={"x-forwarded-for": "198.51.100.7"})
        ).body == b"198.51.100.7"

    with override_settings(TRUSTED_PROXIES=[ip_network("127.0.0.0/8")]):
        visit(story, pages)


async def post_form(client: Client, host: str, origin: str) -> int:
    """Open the sign-in page and send its form, incomplete; the status of the answer."""
    page = await client.ask("GET", LOGIN, headers={"host": host})
    [cookie] = [each for name, each in page.headers if name == "set-cookie" and "csrf" in each]
    token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
    assert token
    headers = {
        "host": host,
        "origin": origin,
        "cookie": cookie.split(";")[0],
        "content-type": "application/x-www-form-urlencoded",
    }
    form = b"csrfmiddlewaretoken=" + token[1] + b"&login=nobody%40shop.example&password="
    return (await client.ask("POST", LOGIN, form, headers)).status
