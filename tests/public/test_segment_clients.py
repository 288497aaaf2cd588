"""Segment's own clients: the real Python one, and what browsers fetch and send. In this process, without a network.

`/parcours.js` at work is in `tests.browser.test_visitors`.
"""

import asyncio
import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from requests.adapters import BaseAdapter
from requests.models import PreparedRequest, Response
from segment.analytics import request as segment_request
from segment.analytics.client import Client as Segment

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, KeyKind
from parcours.contacts import queries as contacts
from parcours.contacts.types import ContactRow, IdentityKind
from parcours.events import pipeline, queries
from parcours.kernel import tenancy
from parcours.public.hot import http, keys
from tests.public.asking import Client, visit

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "wk_shop"
HOST = "http://parcours.test"
BEARER = {"authorization": f"Bearer {KEY}"}


@pytest.fixture
def shop(transactional_db: None, workspace: Workspace, now: datetime) -> Workspace:
    with tenancy.scope(workspace_id=workspace.id):
        accounts.create_key(workspace.id, KeyKind.WRITE, "site", actor=SYSTEM, now=now, secret=KEY)
        accounts.create_key(workspace.id, KeyKind.API, "server", actor=SYSTEM, now=now, secret="ak_server")
    return workspace


class Bridge(BaseAdapter):
    """Carries what `requests` sends to the application, and its answer back."""

    def __init__(self) -> None:
        super().__init__()
        self.client: Client | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.sent: list[PreparedRequest] = []

    def carries(self, client: Client) -> None:
        self.client, self.loop = client, asyncio.get_running_loop()

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        assert self.client is not None
        assert self.loop is not None
        assert request.method is not None
        self.sent.append(request)
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        headers = {key: value for key, value in request.headers.items() if key.lower() != "content-length"}
        asked = self.client.ask(request.method, request.path_url, body, headers)
        answer = asyncio.run_coroutine_threadsafe(asked, self.loop).result(10)
        response = Response()
        response.status_code, response._content, response.request = answer.status, answer.body, request
        return response

    def close(self) -> None:
        pass


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    bridge = Bridge()
    segment_request._session.mount(HOST, bridge)
    yield bridge
    del segment_request._session.adapters[HOST]


def person(shop: Workspace, kind: IdentityKind, value: str) -> ContactRow:
    with tenancy.scope(workspace_id=shop.id):
        found = contacts.contact_of(shop.id, kind, value)
    assert found
    return found


def timeline(shop: Workspace, external: str) -> list[str]:
    found = person(shop, IdentityKind.EXTERNAL, external)
    with tenancy.scope(workspace_id=shop.id):
        return [entry.name for entry in queries.timeline(shop.id, found.id)]


@pytest.mark.parametrize("is_packed", [True, False])
def test_python_client_identifies_and_tells_of_an_order_once(
    shop: Workspace, bridge: Bridge, is_packed: bool
) -> None:
    refused: list[object] = []
    segment = Segment(
        KEY,
        host=HOST,
        sync_mode=True,
        gzip=is_packed,
        max_retries=0,
        on_error=lambda error, batch: refused.append(error),
    )

    def shop_server() -> None:
        segment.identify("u1", {"email": "ada@example.org", "firstName": "Ada"})
        for _ in range(2):
            segment.track("u1", "Order Completed", {"order_id": "o1", "total": 49.9}, message_id="order-o1")

    async def story(client: Client) -> None:
        bridge.carries(client)
        await asyncio.to_thread(shop_server)

    visit(story)
    assert refused == []
    assert [each.headers.get("Content-Encoding") for each in bridge.sent] == [
        "gzip" if is_packed else None
    ] * 3
    assert timeline(shop, "u1") == ["Order Completed", "Contact Created"]
    assert person(shop, IdentityKind.EXTERNAL, "u1").email == "ada@example.org"


def test_browser_client_finds_its_settings(shop: Workspace) -> None:
    async def story(client: Client) -> None:
        answer = await client.ask("GET", f"/v1/projects/{KEY}/settings")
        found = json.loads(answer.body)
        assert answer.status == 200
        assert answer.header("access-control-allow-origin") == "*"
        assert found["integrations"]["Segment.io"]["apiKey"] == KEY
        assert found["integrations"]["Segment.io"]["apiHost"].endswith("/v1")
        assert found["remotePlugins"] == []

    visit(story)


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/v1/projects/wk_other/settings", 404),
        ("GET", "/v1/projects/ak_server/settings", 404),
        ("GET", f"/v1/projects/{KEY}", 404),
        ("GET", "/v1/projects//settings", 404),
        ("GET", f"/v1/projects/{'x' * 9000}/settings", 404),
        ("POST", f"/v1/projects/{KEY}/settings", 405),
        ("OPTIONS", f"/v1/projects/{KEY}/settings", 204),
    ],
)
def test_settings_of_anything_but_a_write_key_are_not_there(
    shop: Workspace, method: str, address: str, status: int
) -> None:
    async def story(client: Client) -> None:
        answer = await client.ask(method, address)
        assert (answer.status, answer.header("access-control-allow-origin")) == (status, "*")

    visit(story)


def test_script_is_small_and_fetched_once() -> None:
    async def story(client: Client) -> None:
        first = await client.ask("GET", "/parcours.js")
        assert (first.status, first.header("content-type")) == (200, "text/javascript; charset=utf-8")
        assert 0 < len(first.body) < 3000
        again = await client.ask("GET", "/parcours.js", b"", {"if-none-match": first.header("etag") or ""})
        assert (again.status, again.body) == (304, b"")
        assert (await client.ask("POST", "/parcours.js")).status == 405

    visit(story)


def test_body_that_is_no_json_is_told_so_before_a_missing_key(shop: Workspace) -> None:
    async def story(client: Client) -> None:
        for body in (b"{", b"", b"[" * 20_000, b'{"writeKey": 3}'):
            answer = await client.ask("POST", "/v1/track", body)
            assert (answer.status, json.loads(answer.body)["code"]) == (400, "event.malformed")
        assert (await client.ask("POST", "/v1/track", b"{}")).status == 401
        assert (
            await client.ask("POST", "/v1/track", b"{}", {"authorization": "Bearer wk_other"})
        ).status == 401

    visit(story)


def test_packed_bodies_are_bounded_by_what_they_hold(shop: Workspace) -> None:
    seen = json.dumps({"userId": "u1", "event": "Seen"}).encode()
    long = json.dumps({"userId": "u1", "event": "Seen", "properties": {"a": "x" * 33_000}}).encode()
    bomb = gzip.compress(bytes(20 * 1024 * 1024))
    assert len(bomb) < pipeline.MAX_EVENT

    async def code(client: Client, body: bytes, encoding: str = "gzip") -> tuple[int, str]:
        answer = await client.ask("POST", "/v1/track", body, {**BEARER, "content-encoding": encoding})
        return answer.status, json.loads(answer.body).get("code", "")

    async def story(client: Client) -> None:
        assert await code(client, gzip.compress(seen)) == (200, "")
        assert await code(client, seen, "identity") == (200, "")
        assert await code(client, gzip.compress(long)) == (400, "event.too_large")
        assert await code(client, bomb) == (400, "event.too_large")
        assert await code(client, seen) == (400, "event.malformed")
        assert await code(client, gzip.compress(seen)[:-4]) == (400, "event.malformed")
        assert await code(client, gzip.compress(seen) * 2) == (400, "event.malformed")
        assert await code(client, seen, "br") == (415, "event.unknown_encoding")

    visit(story)
    assert timeline(shop, "u1").count("Seen") == 2


def test_inflating_stops_at_the_limit() -> None:
    packed = gzip.compress(b"x" * 100)
    assert http.inflated(packed, 100) == b"x" * 100
    with pytest.raises(http.BodyTooLarge):
        http.inflated(packed, 99)


def test_workspace_tracks_visitors_only_with_consent(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is followed within seconds, as a revoked key is."""
    monkeypatch.setattr(keys, "TIME_TO_LIVE", 0.05)

    def require() -> None:
        with tenancy.scope(workspace_id=shop.id):
            accounts.change_workspace(shop, {"tracking_consent": "analytics"}, actor=SYSTEM, now=now)
        connection.close()

    async def story(client: Client) -> None:
        async def look_around(**context: object) -> dict[str, Any]:
            visit = json.dumps({"anonymousId": "b1", "name": "Home", "context": context}).encode()
            answer = await client.ask("POST", "/v1/page", visit, BEARER)
            return json.loads(answer.body)  # type: ignore[no-any-return]

        assert await look_around() == {"success": True}
        await asyncio.to_thread(require)
        await asyncio.sleep(0.06)
        assert (await look_around())["refused"][0]["code"] == "event.no_consent"
        assert await look_around(consent={"categoryPreferences": {"analytics": True}}) == {"success": True}

    visit(story)
    visitor = person(shop, IdentityKind.ANONYMOUS, "b1")
    with tenancy.scope(workspace_id=shop.id):
        names = [each.name for each in queries.timeline(shop.id, visitor.id)]
    assert names == ["Page Viewed", "Page Viewed", "Contact Created"]


def test_language_and_zone_of_the_browser_fill_what_nobody_stated(shop: Workspace) -> None:
    """The browser's never replace what the person, or the shop, said; a traits' language replaces the browser's."""
    french = {"locale": "fr-FR", "timezone": "Europe/Paris"}
    english = {"locale": "en-GB", "timezone": "Europe/London"}

    async def story(client: Client) -> None:
        async def send(call: str, **members: Any) -> None:
            answer = await client.ask("POST", f"/v1/{call}", json.dumps(members).encode(), BEARER)
            assert answer.body == b'{"success":true}'

        await send("page", anonymousId="b1", name="Home", context=french)
        await send("identify", userId="u1", context=english)
        await send("identify", userId="u1", context=french)
        await send("identify", userId="u2", traits={"locale": "de"}, context=french)
        await send("identify", userId="u3")
        await send("identify", userId="u3", context=french)
        await send("identify", userId="u3", traits={"language": "en"}, context=french)
        await send("identify", userId="u4", context={"locale": "\0", "timezone": ["Mars"]})

    visit(story)

    def where(kind: IdentityKind, value: str) -> tuple[str, str]:
        found = person(shop, kind, value)
        return found.language, found.time_zone

    assert where(IdentityKind.ANONYMOUS, "b1") == ("fr", "Europe/Paris")
    assert where(IdentityKind.EXTERNAL, "u1") == ("en", "Europe/London")
    assert where(IdentityKind.EXTERNAL, "u2") == ("de", "Europe/Paris")
    assert where(IdentityKind.EXTERNAL, "u3") == ("en", "Europe/Paris")
    assert where(IdentityKind.EXTERNAL, "u4") == ("", "")
    u3 = person(shop, IdentityKind.EXTERNAL, "u3")
    with tenancy.scope(workspace_id=shop.id):
        changed = [
            each.properties["changes"]
            for each in queries.timeline(shop.id, u3.id, names=["Attributes Changed"])
        ]
    assert changed == [
        {"language": {"from": "fr", "to": "en"}},
        {"language": {"from": "", "to": "fr"}, "time_zone": {"from": "", "to": "Europe/Paris"}},
    ]
