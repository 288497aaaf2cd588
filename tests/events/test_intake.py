"""From accepted calls to people and events in the database."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from parcours.accounts.models import Workspace
from parcours.contacts import attributes
from parcours.contacts import queries as contacts
from parcours.contacts.types import ContactRow, IdentityKind
from parcours.events import actions, intake, queries
from parcours.events.pipeline import parse
from parcours.events.types import Incoming, NewEvent
from parcours.kernel import sql, tenancy


@pytest.fixture
def shop(workspace: Workspace) -> Iterator[Workspace]:
    with tenancy.scope(workspace_id=workspace.id):
        yield workspace


def calls(now: datetime, *events: dict[str, Any], is_trusted: bool = False) -> list[Incoming]:
    parsed = parse("batch", json.dumps({"batch": events}).encode(), now, is_trusted=is_trusted)
    assert parsed.refused == []
    return [call for _, call in parsed.accepted]


def names(shop: Workspace, row: ContactRow) -> list[str]:
    return [entry.name for entry in queries.timeline(shop.id, row.id)]


def by_external(shop: Workspace, value: str) -> ContactRow:
    found = contacts.contact_of(shop.id, IdentityKind.EXTERNAL, value)
    assert found
    return found


def test_identify_makes_a_contact_with_typed_attributes(shop: Workspace, now: datetime) -> None:
    traits = {
        "email": "Alice@example.org",
        "firstName": "Alice",
        "lastName": "Li",
        "locale": "fr-FR",
        "timezone": "Europe/Paris",
        "age": 30,
    }

    refused = intake.store(
        shop.id, calls(now, {"type": "identify", "userId": "u1", "traits": traits}), now=now
    )

    alice = by_external(shop, "u1")
    assert refused == [()]
    assert (alice.email, alice.language, alice.time_zone) == ("alice@example.org", "fr", "Europe/Paris")
    assert alice.attributes == {"first_name": "Alice", "last_name": "Li", "age": 30}
    assert names(shop, alice) == ["Contact Created"]


def test_trait_of_wrong_type_is_told_and_the_rest_is_kept(shop: Workspace, now: datetime) -> None:
    first = {"type": "identify", "userId": "u1", "traits": {"age": 30}}
    second = {
        "type": "identify",
        "userId": "u1",
        "traits": {"age": "old", "city": "Lyon", "timezone": "Mars"},
    }

    intake.store(shop.id, calls(now, first), now=now)
    refused = intake.store(shop.id, calls(now, second), now=now)

    assert {each.name: each.code for each in refused[0]} == {
        "age": "attribute.invalid",
        "time_zone": "time_zone.invalid",
    }
    alice = by_external(shop, "u1")
    assert alice.attributes == {"age": 30, "city": "Lyon"}
    changed = queries.timeline(shop.id, alice.id, names=["Attributes Changed"])
    assert changed[0].properties == {"changes": {"city": {"from": None, "to": "Lyon"}}}


def test_message_counts_once(shop: Workspace, now: datetime) -> None:
    order = {"type": "track", "userId": "u1", "event": "Order Completed", "messageId": "m1"}

    intake.store(shop.id, calls(now, order, order), now=now)
    intake.store(shop.id, calls(now, order), now=now)

    assert names(shop, by_external(shop, "u1")) == ["Order Completed", "Contact Created"]


def test_repeated_identify_does_not_bring_old_values_back(shop: Workspace, now: datetime) -> None:
    old = {"type": "identify", "userId": "u1", "messageId": "m1", "traits": {"city": "Lyon"}}
    new = {"type": "identify", "userId": "u1", "messageId": "m2", "traits": {"city": "Nice"}}
    for each in (old, new, old):
        intake.store(shop.id, calls(now, each), now=now)

    assert by_external(shop, "u1").attributes == {"city": "Nice"}


def test_alias_merges_and_keeps_the_history(shop: Workspace, now: datetime) -> None:
    browse = {"type": "page", "anonymousId": "b1", "name": "Home"}
    login = {"type": "track", "userId": "u1", "event": "Signed In"}
    alias = {"type": "alias", "previousId": "b1", "userId": "u1"}

    for each in (browse, login, alias):
        intake.store(shop.id, calls(now, each), now=now)

    alice = by_external(shop, "u1")
    assert contacts.contact_of(shop.id, IdentityKind.ANONYMOUS, "b1") == alice
    assert sorted(names(shop, alice)) == sorted(
        ["Contacts Merged", "Signed In", "Page Viewed", "Contact Created", "Contact Created"]
    )


@pytest.mark.parametrize("is_trusted", [False, True])
def test_alias_of_somebody_to_themselves_says_nothing_new(
    shop: Workspace, now: datetime, is_trusted: bool
) -> None:
    """Also when a browser's id of the same letters is somebody else's, with whom nothing is merged then."""
    for each in ({"type": "page", "anonymousId": "u1", "name": "Home"}, identify("u1", "alice@example.org")):
        intake.store(shop.id, calls(now, each), now=now)
    alias = calls(now, {"type": "alias", "previousId": "u1", "userId": "u1"}, is_trusted=is_trusted)

    assert intake.store(shop.id, alias, now=now) == [()]

    alice = by_external(shop, "u1")
    assert contacts.contact_of(shop.id, IdentityKind.ANONYMOUS, "u1") not in (alice, None)


def identify(user: str, email: str, **members: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": user, "traits": {"email": email}, **members}


def test_write_key_does_not_merge_strangers(shop: Workspace, now: datetime) -> None:
    """Mallory knows the shop's write key, as everybody does who reads its pages."""
    intake.store(shop.id, calls(now, identify("u1", "victim@example.org")), now=now)
    intake.store(shop.id, calls(now, identify("mallory", "mallory@example.org")), now=now)
    theft = {"type": "track", "event": "Seen", "anonymousId": "b9", "userId": "mallory"}
    attempts = [
        identify("mallory", "victim@example.org"),
        {"type": "alias", "previousId": "u1", "userId": "mallory"},
    ]

    refused = intake.store(shop.id, calls(now, *attempts, theft), now=now)

    assert [[(each.name, each.code) for each in one] for one in refused] == [
        [("email", "identity.unproven")],
        [("external", "identity.unproven")],
        [],
    ]
    assert by_external(shop, "u1").email == "victim@example.org"
    assert by_external(shop, "mallory").email == "mallory@example.org"
    assert names(shop, by_external(shop, "u1")) == ["Contact Created"]
    assert names(shop, by_external(shop, "mallory")) == ["Seen", "Contact Created"]


def test_write_key_does_not_redirect_mail_but_an_api_key_may(shop: Workspace, now: datetime) -> None:
    intake.store(shop.id, calls(now, identify("u1", "victim@example.org")), now=now)
    theft = identify("u1", "mallory@example.org", messageId="m1")
    theft["traits"]["city"] = "Lyon"

    [refused] = intake.store(shop.id, calls(now, theft), now=now)

    assert [(each.name, each.code) for each in refused] == [("email", "identity.unproven")]
    victim = by_external(shop, "u1")
    assert (victim.email, victim.attributes) == ("victim@example.org", {"city": "Lyon"})
    assert contacts.contact_of(shop.id, IdentityKind.EMAIL, "mallory@example.org") is None

    moved = calls(now, identify("u1", "new@example.org"), is_trusted=True)
    assert intake.store(shop.id, moved, now=now) == [()]
    assert by_external(shop, "u1").email == "new@example.org"


def test_browser_with_a_history_says_who_it_is(shop: Workspace, now: datetime) -> None:
    browse = {"type": "page", "anonymousId": "b1", "name": "Home"}
    order = {"type": "track", "userId": "u1", "event": "Order Completed"}
    someone = identify("u1", "alice@example.org", anonymousId="b1")

    for each in (browse, someone, order, someone):
        assert intake.store(shop.id, calls(now, each), now=now) == [()]

    alice = by_external(shop, "u1")
    assert alice.email == "alice@example.org"
    assert names(shop, alice).count("Order Completed") == 1
    assert "Page Viewed" in names(shop, alice)


def test_customer_known_by_address_gets_an_account(shop: Workspace, now: datetime) -> None:
    """A newsletter reader buys: the shop's id joins the address, whoever says so."""
    newsletter = {"type": "identify", "anonymousId": "b1", "traits": {"email": "alice@example.org"}}
    intake.store(shop.id, calls(now, newsletter), now=now)

    assert intake.store(shop.id, calls(now, identify("u1", "alice@example.org")), now=now) == [()]

    assert by_external(shop, "u1").email == "alice@example.org"


def test_write_key_leaves_room_for_other_attributes(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attributes, "MAX_DECLARED_BY_WRITE_KEY", 2)
    flood = {"type": "identify", "userId": "u1", "traits": {"a": 1, "b": 2, "c": 3, "d": 4}}
    own = {"type": "identify", "userId": "u1", "traits": {"city": "Lyon"}}

    [refused] = intake.store(shop.id, calls(now, flood), now=now)

    assert {each.name: each.code for each in refused} == dict.fromkeys("cd", "attribute.too_many")
    assert intake.store(shop.id, calls(now, own, is_trusted=True), now=now) == [()]
    assert by_external(shop, "u1").attributes == {"a": 1, "b": 2, "city": "Lyon"}


def fast(shop: Workspace, batch: list[Incoming], now: datetime) -> list[int]:
    for query in (
        intake.prepare(shop.id, [call.at for call in batch]),
        intake.take_in(shop.id, batch, now=now),
    ):
        left = sql.records(query.text, query.parameters)
    return sorted(row["n"] - 1 for row in left)


def test_fast_way_stores_events_of_known_people_only(shop: Workspace, now: datetime) -> None:
    intake.store(
        shop.id,
        calls(now, {"type": "identify", "userId": "u1", "anonymousId": "b1", "traits": {"email": "a@b.fr"}}),
        now=now,
    )
    track = {"type": "track", "event": "Seen"}
    batch = calls(
        now,
        {**track, "userId": "u1"},
        {**track, "anonymousId": "b1"},
        {**track, "userId": "u1", "anonymousId": "b1", "properties": {"email": "a@b.fr"}},
        {**track, "userId": "u2"},
        {**track, "userId": "u1", "anonymousId": "b2"},
        {**track, "userId": "u1", "properties": {"email": "other@b.fr"}},
    )

    assert fast(shop, batch, now) == [3, 4, 5]
    assert names(shop, by_external(shop, "u1")) == ["Seen", "Seen", "Seen", "Contact Created"]


def test_fast_way_stores_a_message_once(shop: Workspace, now: datetime) -> None:
    order = calls(now, {"type": "track", "userId": "u1", "event": "Order Completed", "messageId": "m1"})
    intake.store(shop.id, order, now=now)

    assert fast(shop, order, now) == []
    assert names(shop, by_external(shop, "u1")).count("Order Completed") == 1


def test_fast_way_stores_a_message_that_is_twice_in_one_commit_once(shop: Workspace, now: datetime) -> None:
    intake.store(shop.id, calls(now, {"type": "identify", "userId": "u1"}), now=now)
    twice = {"type": "track", "userId": "u1", "event": "Order Completed", "messageId": "m1"}
    batch = calls(
        now,
        {**twice, "properties": {"attempt": 1}},
        {"type": "track", "userId": "u1", "event": "Seen"},
        {**twice, "properties": {"attempt": 2}},
    )

    assert fast(shop, batch, now) == [2]
    assert intake.store(shop.id, batch[2:], now=now) == [()]
    orders = queries.timeline(shop.id, by_external(shop, "u1").id, names=["Order Completed"])
    assert [order.properties for order in orders] == [{"attempt": 1}]


def test_fast_way_leaves_both_of_a_message_whose_person_is_not_known(shop: Workspace, now: datetime) -> None:
    """Neither is answered before the thorough way has stored it."""
    order = {"type": "track", "userId": "u9", "event": "Order Completed", "messageId": "m1"}

    assert fast(shop, calls(now, order, order), now) == [0, 1]


def test_append_stores_a_key_that_is_given_twice_once(shop: Workspace, now: datetime) -> None:
    intake.store(shop.id, calls(now, {"type": "identify", "userId": "u1"}), now=now)
    who, key = by_external(shop, "u1").id, uuid4()
    told = [NewEvent(who, "Seen", {"attempt": n}, at=now, message_key=key) for n in (1, 2)]
    told += [NewEvent(who, "Told", {}, at=now), NewEvent(who, "Told", {}, at=now)]

    assert actions.append(shop.id, told, now=now) == 3
    seen = queries.timeline(shop.id, who, names=["Seen"])
    assert [each.properties for each in seen] == [{"attempt": 1}]


def test_timeline_pages_follow_each_other_across_months(shop: Workspace, now: datetime) -> None:
    days = [f"2026-0{month}-05T12:00:00Z" for month in (1, 1, 2, 2, 3)]
    events = [
        {"type": "track", "userId": "u1", "event": f"E{n}", "timestamp": at} for n, at in enumerate(days)
    ]
    intake.store(shop.id, calls(now, *events), now=now)
    alice = by_external(shop, "u1")

    first = queries.timeline(shop.id, alice.id, limit=3)
    second = queries.timeline(shop.id, alice.id, before=(first[-1].at, first[-1].id), limit=10)

    assert [entry.name for entry in first + second] == ["Contact Created", "E4", "E3", "E2", "E1", "E0"]
