"""What the product is measured against: the same raw server without work and with an INSERT per request, a Django view that inserts."""

import json
import os
import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.urls import path
from psycopg_pool import AsyncConnectionPool

if not apps.ready:
    django.setup()

from parcours.events import pipeline
from parcours.events.tokens import InvalidToken, Purpose, signer
from parcours.kernel import clock
from parcours.public.hot.application import HAND_OVER, PAGE_THREADS
from parcours.public.hot.heads import Heads
from parcours.public.hot.intake import SUCCESS
from parcours.public.hot.refusals import JSON
from parcours.public.hot.request import Request
from parcours.public.hot.wsgi import MAX_BODY, Pages

WORKSPACE = int(os.environ.get("BENCH_WORKSPACE", "0"))
PEOPLE: list[str] = json.loads(os.environ.get("BENCH_PEOPLE", "[]"))
INSERT = """
INSERT INTO events_event (workspace_id, at, received_at, contact_id, name, properties)
VALUES (%(workspace)s, %(at)s, %(now)s, %(contact)s, %(name)s, %(properties)s::jsonb)"""


class Floor:
    """An application of the product's server, without its lanes."""

    def __init__(self) -> None:
        self.heads = Heads()

    async def __call__(self, scope: object, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        await receive()
        sys.setswitchinterval(HAND_OVER)
        await self.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self) -> None:
        """Nothing to make ready."""

    def limit_of(self, path: str) -> int:
        return MAX_BODY

    def answer(self, request: Request) -> None:
        """Read the body and say yes."""
        request.answer(200, JSON, SUCCESS)


class InsertPerRequest(Floor):
    """Parses as the product does, then one INSERT per request, without identities and receipts: less work than the product's."""

    async def start(self) -> None:
        self._pool = _pool()
        await self._pool.open()

    def answer(self, request: Request) -> None:
        if request.path == "/healthz":
            request.answer(204, JSON)
        else:
            request.wait_for(self._insert(request))

    async def _insert(self, request: Request) -> None:
        now = datetime.now(UTC)
        [(_, call)] = pipeline.parse("track", request.content, now).accepted
        async with self._pool.connection() as opened:
            await opened.execute(
                INSERT,
                {
                    "workspace": WORKSPACE,
                    "at": call.at,
                    "now": now,
                    "contact": random.choice(PEOPLE),
                    "name": call.name,
                    "properties": json.dumps(call.properties),
                },
                prepare=True,
            )
        request.answer(200, JSON, SUCCESS)


class DjangoViews(Floor):
    """Django's pages in threads, as behind the hot paths."""

    def __init__(self, views: WSGIHandler) -> None:
        super().__init__()
        self._pages = Pages(views, ThreadPoolExecutor(PAGE_THREADS), "http")

    def answer(self, request: Request) -> None:
        self._pages.answer(request)


def _pool() -> AsyncConnectionPool[Any]:
    given = {**connection.get_connection_params(), "autocommit": True}
    given = {name: value for name, value in given.items() if name not in ("cursor_factory", "context")}
    given["options"] = f"{given.get('options', '')} -c app.workspace={WORKSPACE}"
    return AsyncConnectionPool(kwargs=given, min_size=8, max_size=16, open=False)


no_work = Floor()
insert_per_request = InsertPerRequest()


def opened(request: HttpRequest, token: str) -> HttpResponse:
    """A pixel as a Django view: verify, insert, answer."""
    try:
        named = signer().verify(token.removesuffix(".gif"), Purpose.OPEN)
    except InvalidToken:
        return HttpResponseNotFound()
    _insert("Email Opened", {"message": str(named.message_id)})
    return HttpResponse(b"GIF89a", content_type="image/gif")


def clicked(request: HttpRequest, token: str) -> HttpResponse:
    """A click as a Django view: verify, insert, redirect."""
    url = request.GET.get("u", "")
    try:
        named = signer().verify_click(token, url)
    except InvalidToken:
        return HttpResponseNotFound()
    _insert("Email Link Clicked", {"message": str(named.message_id), "url": url, "link": named.link})
    return HttpResponse(status=302, headers={"Location": url})


def _insert(name: str, properties: dict[str, Any]) -> None:
    now = clock.now()
    with connection.cursor() as cursor:
        if not hasattr(connection, "in_bench_workspace"):
            cursor.execute("SELECT set_config('app.workspace', %s, false)", [str(WORKSPACE)])
            connection.in_bench_workspace = True  # type: ignore[attr-defined]  # a mark on this thread's connection
        cursor.execute(
            INSERT,
            {
                "workspace": WORKSPACE,
                "at": now,
                "now": now,
                "contact": random.choice(PEOPLE),
                "name": name,
                "properties": json.dumps(properties),
            },
        )


urlpatterns = [
    path("healthz", lambda request: HttpResponse()),
    path("t/o/<str:token>", opened),
    path("t/c/<str:token>", clicked),
]
settings.ROOT_URLCONF = "tests.bench.floors"
settings.MIDDLEWARE = []
django_views = DjangoViews(WSGIHandler())
