"""`/v1/…` as clients see it: keys, limits, answers, durability, what reaches the database."""

import asyncio
import base64
import gzip
import json
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, KeyKind
from parcours.contacts import queries as contacts
from parcours.contacts.types import IdentityKind
from parcours.events import queries
from parcours.kernel import tenancy
from parcours.public.hot import keys
from tests.public.asking import Answer, Client, visit
from tests.public.sessions import cut

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "wk_test_secret"
BASIC = {"authorization": "Basic " + base64.b64encode(f"{SECRET}:".encode()).decode()}


@pytest.fixture
def shop(transactional_db: None, workspace: Workspace, now: datetime) -> Workspace:
    with tenancy.scope(workspace_id=workspace.id):
        accounts.create_key(workspace.id, KeyKind.WRITE, "site", actor=SYSTEM, now=now, secret=SECRET)
    return workspace


async def post(client: Client, call: str, headers: dict[str, str] = BASIC, **members: Any) -> Answer:
    return await client.ask("POST", f"/v1/{call}", json.dumps(members).encode(), headers)


def timeline(shop: Workspace, external: str) -> list[str]:
    with tenancy.scope(workspace_id=shop.id):
        found = contacts.contact_of(shop.id, IdentityKind.EXTERNAL, external)
        return [entry.name for entry in queries.timeline(shop.id, found.id)] if found else []


def test_identify_and_track_reach_the_timeline(shop: Workspace) -> None:
    async def story(client: Client) -> None:
        identify = await post(client, "identify", userId="u1", traits={"email": "a@example.org"})
        track = await post(client, "track", userId="u1", event="Order Completed", properties={"total": 3})
        assert (identify.status, identify.body, track.body) == (200, b'{"success":true}', b'{"success":true}')
        assert track.header("access-control-allow-origin") == "*"

    visit(story)
    assert timeline(shop, "u1") == ["Order Completed", "Contact Created"]


def test_many_at_once_are_all_stored_once(shop: Workspace) -> None:
    async def story(client: Client) -> None:
        calls = [
            post(client, "track", userId=f"u{n % 7}", event="Seen", messageId=f"m{n % 150}")
            for n in range(300)
        ]
        answers = await asyncio.gather(*calls)
        assert {answer.body for answer in answers} == {b'{"success":true}'}

    visit(story)
    assert sum(timeline(shop, f"u{n}").count("Seen") for n in range(7)) == 150


def test_batch_tells_what_was_refused_and_keeps_the_rest(shop: Workspace) -> None:
    async def story(client: Client) -> None:
        batch = [
            {"type": "identify", "userId": "u1", "traits": {"age": 30}},
            {"type": "track", "userId": "u1", "event": "Email Opened"},
            {"type": "identify", "userId": "u1", "traits": {"age": "old", "city": "Lyon"}},
            {"type": "track", "userId": "u1", "event": "Seen"},
        ]
        answer = json.loads((await post(client, "batch", batch=batch)).body)
        assert answer["success"] is True
        assert [(each["index"], each["code"]) for each in answer["refused"]] == [
            (1, "event.reserved_name"),
            (2, "attribute.invalid"),
        ]

    visit(story)
    assert timeline(shop, "u1")[:1] == ["Seen"]


def test_write_key_cannot_redirect_mail_and_is_told_so(shop: Workspace, now: datetime) -> None:
    """The event is kept, the address is not; the shop's server may change it with an API key."""
    with tenancy.scope(workspace_id=shop.id):
        accounts.create_key(shop.id, KeyKind.API, "server", actor=SYSTEM, now=now, secret="ak_server")
    server = {"authorization": "Bearer ak_server"}

    async def story(client: Client) -> None:
        await post(client, "identify", userId="u1", traits={"email": "victim@example.org"})
        theft = {"type": "identify", "userId": "u1", "traits": {"email": "mallory@example.org"}}
        seen = {"type": "track", "userId": "u1", "event": "Seen"}
        answer = json.loads((await post(client, "batch", batch=[theft, seen])).body)
        assert [(each["index"], each["code"]) for each in answer["refused"]] == [(0, "identity.unproven")]
        moved = await post(client, "identify", server, userId="u1", traits={"email": "new@example.org"})
        assert moved.body == b'{"success":true}'

    visit(story)
    with tenancy.scope(workspace_id=shop.id):
        found = contacts.contact_of(shop.id, IdentityKind.EXTERNAL, "u1")
        assert found
        [changed] = queries.timeline(shop.id, found.id, names=["Attributes Changed"])
    assert changed.properties["changes"]["email"] == {"from": "victim@example.org", "to": "new@example.org"}
    assert timeline(shop, "u1") == ["Attributes Changed", "Seen", "Contact Created"]


def test_log_names_codes_never_values(shop: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    async def story(client: Client) -> None:
        answer = await post(client, "identify", userId="u1", traits={"email": "marie@example", "age": 3})
        assert b"marie@example" in answer.body

    with caplog.at_level("INFO"):
        visit(story)
    assert "event.bad_identity" in caplog.text
    assert "marie" not in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Basic !"},
        {"authorization": "Bearer wk_unknown"},
        {"authorization": "Digest x"},
        {"authorization": "Bearer " + "x" * 9000},
        {"authorization": "Bearer a\xadb"},
    ],
)
def test_wrong_keys_are_refused(shop: Workspace, headers: dict[str, str]) -> None:
    async def story(client: Client) -> None:
        answer = await post(client, "track", headers, userId="u1", event="Seen")
        assert (answer.status, json.loads(answer.body)["code"]) == (401, "key.bad")

    visit(story)


def test_key_is_taken_from_bearer_and_from_the_body(shop: Workspace) -> None:
    async def story(client: Client) -> None:
        bearer = await post(client, "t", {"authorization": f"Bearer {SECRET}"}, userId="u1", event="A")
        body = await post(
            client, "t", {"content-type": "text/plain"}, userId="u1", event="B", writeKey=SECRET
        )
        assert (bearer.status, body.status) == (200, 200)

    visit(story)
    assert sorted(timeline(shop, "u1")) == ["A", "B", "Contact Created"]


def test_revoked_key_stops_working_within_seconds(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "TIME_TO_LIVE", 0.05)

    def revoke() -> None:
        with tenancy.scope(workspace_id=shop.id):
            key = shop.keys.get()
            accounts.revoke_key(shop.id, str(key.pk), actor=SYSTEM, now=now)
        connection.close()

    async def story(client: Client) -> None:
        assert (await post(client, "track", userId="u1", event="Seen")).status == 200
        await asyncio.to_thread(revoke)
        await asyncio.sleep(0.06)
        assert (await post(client, "track", userId="u1", event="Seen")).status == 401

    visit(story)


def test_limits_and_wrong_addresses(shop: Workspace) -> None:
    async def story(client: Client) -> None:
        long = json.dumps({"userId": "u1", "event": "Seen", "properties": {"a": "x" * 40_000}}).encode()
        assert (await client.ask("POST", "/v1/track", long, BASIC)).status == 400
        assert (await client.ask("POST", "/v1/track", long, BASIC, is_chunked=True)).status == 400
        assert (await client.ask("POST", "/v1/track", b"{", BASIC)).status == 400
        assert (await client.ask("POST", "/v1/dance", b"{}", BASIC)).status == 404
        assert (await client.ask("GET", "/v1/track", b"", BASIC)).status == 405
        preflight = await client.ask("OPTIONS", "/v1/track")
        assert (preflight.status, preflight.header("access-control-allow-headers")) == (
            204,
            "authorization, content-type, content-encoding",
        )

    visit(story)


async def refusal(client: Client, call: str, body: bytes, **headers: str) -> str:
    answer = await client.ask("POST", f"/v1/{call}", body, BASIC | headers)
    assert answer.status == 400
    return str(json.loads(answer.body)["message"])


def test_too_large_says_which_limit_and_how_large(shop: Workspace) -> None:
    long = b'{"event": "' + b"x" * 40_000 + b'"}'

    async def story(client: Client) -> None:
        told = await refusal(client, "track", long)
        assert told.startswith(
            "A call has at most 32768 bytes; this body has 40013. A batch may have 512000,"
        )
        told = await refusal(client, "track", gzip.compress(long), **{"content-encoding": "gzip"})
        assert told.startswith("A call has at most 32768 bytes; this body has more, once it is inflated. ")
        told = await refusal(client, "batch", long * 13)
        assert told == "A batch has at most 512000 bytes; this body has 520169. Send several."

    visit(story)


@pytest.mark.parametrize("call", ["track", "batch"])
@pytest.mark.parametrize("headers", [BASIC, {}], ids=["key in the head", "no key"])
def test_unreadable_body_is_told_what_is_wrong_and_where(
    shop: Workspace, call: str, headers: dict[str, str]
) -> None:
    event = '{"writeKey": "caf\u00e9", "batch": "\u00e9", "event": "\u00e9"}'

    async def story(client: Client) -> None:
        for body, told in (
            (b"", "it is empty. Send JSON"),
            (b" \n", "it is empty. Send JSON"),
            (event.encode("utf-8-sig"), "it begins with a byte order mark"),
            (event.encode("utf-16"), "it is in UTF-16 or UTF-32. Send it in UTF-8."),
            (event.encode("utf-16-le"), "it is in UTF-16 or UTF-32. Send it in UTF-8."),
            (event.encode("utf-32-be"), "it is in UTF-16 or UTF-32. Send it in UTF-8."),
            (event.encode("latin-1"), "byte 17 (0xe9) is not UTF-8. Encode the JSON in UTF-8."),
            (event.encode()[:9], "its JSON ends too early, after 9 bytes."),
            (b'{"event" 1}', "its JSON has a fault at byte 9: expected ':'."),
        ):
            answer = await client.ask("POST", f"/v1/{call}", body, headers)
            message = json.loads(answer.body)["message"]
            assert (answer.status, told in message) == (400, True), message

    visit(story)


def test_lost_connection_is_opened_again_and_nothing_is_lost(shop: Workspace) -> None:
    async def story(client: Client) -> None:
        assert (await post(client, "track", userId="u1", event="First")).status == 200
        assert (await post(client, "track", userId="u1", event="Second")).status == 200
        await asyncio.to_thread(cut)
        assert (await post(client, "track", userId="u1", event="Third")).status == 200
        assert (await post(client, "track", userId="u2", event="New")).status == 200

    visit(story)
    connection.close()
    assert timeline(shop, "u1")[:3] == ["Third", "Second", "First"]
    assert timeline(shop, "u2") == ["New", "Contact Created"]


def test_workspaces_do_not_mix_in_one_commit(
    shop: Workspace, other_workspace: Workspace, now: datetime
) -> None:
    with tenancy.scope(workspace_id=other_workspace.id):
        accounts.create_key(
            other_workspace.id, KeyKind.WRITE, "site", actor=SYSTEM, now=now, secret="wk_other"
        )
    other = {"authorization": "Bearer wk_other"}

    async def story(client: Client) -> None:
        for event in ("First", "Second"):
            await asyncio.gather(
                *[
                    post(client, "track", headers, userId=user, event=f"{event} {user}")
                    for headers in (BASIC, other)
                    for user in ("u1", "u2")
                ]
            )

    visit(story)
    for each in (shop, other_workspace):
        assert timeline(each, "u1") == ["Second u1", "First u1", "Contact Created"]
        assert timeline(each, "u2") == ["Second u2", "First u2", "Contact Created"]
