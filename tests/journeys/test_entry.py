"""Who comes in: by event, segment or list, once or each time, never from the past, never twice."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from parcours.accounts.types import SYSTEM
from parcours.audiences import actions as audiences
from parcours.events import people
from parcours.events.types import Span
from parcours.journeys import actions, entry
from parcours.journeys.models import Journey
from tests.journeys.shop import Shop

WAIT = {"a": {"wait": "1d", "next": "b"}, "b": {"exit": "done"}}


@pytest.mark.parametrize(
    ("key", "orders", "entered"),
    [
        ("order_id", ["A1", "A2", "A2"], 2),
        ("event", ["A1", "A2", "A2"], 3),
        ("once", ["A1", "A2", "A2"], 1),
        ("order_id", [None, None], 2),
        ("order_id", ["x" * 500, "x" * 500, "x" * 499 + "y"], 2),
    ],
)
def test_key_says_how_often(shop: Shop, key: str, orders: list[str | None], entered: int) -> None:
    shop.publish(WAIT, "a", entry={"event": "Order Completed", "key": key})
    marc = shop.person()
    for order in orders:
        properties: dict[str, Any] = {} if order is None else {"order_id": order}
        shop.happens(marc, **properties)
    assert shop.enter() == entered
    assert shop.enter() == 0


def test_once_in_a_life_holds_over_versions_and_after_the_end(shop: Shop) -> None:
    shop.publish({"a": {"exit": "done"}}, "a", entry={"event": "Order Completed", "key": "once"})
    marc = shop.person()
    shop.happens(marc, order_id="A1")
    assert (shop.enter(), shop.tick()) == (1, 1)
    shop.publish(WAIT, "a", entry={"event": "Order Completed", "key": "once"})
    shop.happens(marc, order_id="A2")
    assert shop.enter() == 0


def test_person_is_inside_once_for_each_order(shop: Shop) -> None:
    shop.publish(WAIT, "a")
    marc = shop.person()
    shop.happens(marc, order_id="A1")
    shop.happens(marc, order_id="A2")
    shop.enter()
    assert [run.entry_key for run in shop.runs()] == ["A1", "A2"]


def test_properties_and_rule_decide_who_enters(shop: Shop) -> None:
    entry: dict[str, Any] = {
        "event": "Order Completed",
        "where": [{"property": "total", "more_than": 50}],
        "rule": {"attribute": "stage", "is": "vip"},
    }
    shop.publish(WAIT, "a", entry=entry)
    vip, other = shop.person(stage="vip"), shop.person()
    shop.happens(vip, order_id="A1", total=50)
    shop.happens(vip, order_id="A2", total="80.00")
    shop.happens(other, order_id="A3", total=80)
    shop.happens(vip, "Cart Viewed", total=80)
    assert shop.enter() == 1
    assert [run.contact_id for run in shop.runs()] == [vip]


def test_past_and_pause_let_nobody_in(shop: Shop) -> None:
    marc = shop.person()
    shop.happens(marc, order_id="before", at=shop.now - timedelta(seconds=1))
    shop.publish(WAIT, "a")
    shop.happens(marc, order_id="imported", at=shop.now - timedelta(days=100))
    assert shop.enter() == 0
    with shop.scope():
        actions.pause(shop.workspace_id, "j", actor=SYSTEM, now=shop.now)
    shop.happens(marc, order_id="paused", at=shop.now + timedelta(minutes=1))
    assert shop.enter() == 0
    shop.happens(marc, order_id="paused, read late", at=shop.now + timedelta(minutes=2))
    with shop.scope():
        actions.resume(shop.workspace_id, "j", actor=SYSTEM, now=shop.now + timedelta(hours=1))
    shop.happens(marc, order_id="after", at=shop.now + timedelta(hours=1))
    shop.enter()
    assert [run.entry_key for run in shop.runs()] == ["after"]


@pytest.mark.parametrize(
    ("where", "entered"), [([], 1), ([{"property": "machine", "is": True}], 2)], ids=["people", "machines"]
)
def test_scanner_that_clicks_lets_nobody_in(shop: Shop, where: list[Any], entered: int) -> None:
    entry: dict[str, Any] = {"event": "Email Link Clicked"} | ({"where": where} if where else {})
    shop.publish(WAIT, "a", entry=entry)
    marc = shop.person()
    for machine in (True, True, False):
        shop.happens(marc, "Email Link Clicked", machine=machine)
    assert shop.enter() == entered


def test_joining_a_list_is_an_entry(shop: Shop) -> None:
    shop.publish(WAIT, "a", entry={"list": "loyal"})
    marc, alice = shop.person(), shop.person()
    with shop.scope():
        people.add_to_list(shop.workspace_id, "loyal", [marc], now=shop.now)
        people.add_to_list(shop.workspace_id, "loyal", [marc], now=shop.now)
    shop.happens(alice, "List Joined", list="another")
    assert shop.enter() == 1
    assert [run.contact_id for run in shop.runs()] == [marc]


def test_coming_into_a_segment_is_an_entry_each_time(shop: Shop) -> None:
    with shop.scope():
        rule = {"attribute": "stage", "is": "vip"}
        audiences.create_segment(shop.workspace_id, "vips", "VIPs", rule, actor=SYSTEM, now=shop.now)
    shop.publish(WAIT, "a", entry={"segment": "vips"})
    marc = shop.person()
    for _ in range(2):
        shop.happens(marc, "Segment Entered", segment="vips")
    shop.happens(marc, "Segment Entered", segment="others")
    assert shop.enter() == 2


def test_person_who_is_gone_does_not_enter(shop: Shop) -> None:
    shop.publish(WAIT, "a")
    marc = shop.person()
    shop.happens(marc, order_id="A1")
    with shop.scope():
        from parcours.contacts.models import Contact

        Contact.objects.filter(pk=marc).delete()
    assert shop.enter() == 0


def test_entry_that_fails_pauses_its_journey_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish(WAIT, "a", slug="poisoned")
    shop.publish(WAIT, "a", slug="sound")
    shop.happens(shop.person(), order_id="A1")
    whole = entry.let_in

    def poisoned(workspace_id: int, journey: Any, span: Span, *, now: datetime) -> int:
        if journey.slug == "poisoned":
            raise ValueError("bad data")
        return whole(workspace_id, journey, span, now=now)

    monkeypatch.setattr(entry, "let_in", poisoned)
    assert shop.enter() == 1
    with shop.scope():
        states = dict(Journey.objects.values_list("slug", "state"))
    assert states == {"poisoned": "paused", "sound": "published"}
