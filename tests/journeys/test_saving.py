"""One's own journey, from its text to the people who walk it: by event, by segment, by list; and its next version."""

from datetime import timedelta
from typing import Any

import pytest

from parcours.accounts.models import AuditEntry
from parcours.accounts.types import SYSTEM, Actor
from parcours.audiences import actions as audiences
from parcours.events import people
from parcours.journeys import actions, queries
from parcours.journeys.errors import GraphInvalid, WrongState
from parcours.journeys.models import Journey, Run, Version
from parcours.journeys.types import Texts
from tests.journeys.shop import SEND, Shop

TEXTS = Texts("Mon parcours", "My journey", "À moi.", "Mine.")
NODES: dict[str, Any] = {
    "tell": {"send": SEND, "next": "wait"},
    "wait": {"wait": "7d", "next": "end"},
    "end": {"exit": "done"},
}
ALICE = Actor("Alice")


def graph(entry: dict[str, Any], nodes: dict[str, Any] = NODES) -> dict[str, Any]:
    return {"entry": entry, "start": next(iter(nodes)), "nodes": nodes}


def save(shop: Shop, entry: dict[str, Any], nodes: dict[str, Any] = NODES, texts: Texts = TEXTS) -> Version:
    with shop.scope():
        return actions.save(shop.workspace_id, "mine", texts, graph(entry, nodes), actor=ALICE, now=shop.now)


@pytest.mark.parametrize("kind", ["event", "segment", "list"])
def test_own_journey_takes_people_in_and_writes_to_them(shop: Shop, kind: str) -> None:
    if kind == "segment":
        with shop.scope():
            rule = {"event": "Order Completed", "count": {"at_least": 2}}
            audiences.create_segment(shop.workspace_id, "faithful", "F", rule, actor=SYSTEM, now=shop.now)
    entries: dict[str, dict[str, Any]] = {
        "event": {"event": "Order Completed", "key": "order_id"},
        "segment": {"segment": "faithful", "key": "once"},
        "list": {"list": "loyal"},
    }
    save(shop, entries[kind])
    marc = shop.person("marc@example.com")
    shop.person("alice@example.com")
    for number in ("1", "2") if kind == "segment" else ("1",) if kind == "event" else ():
        shop.happens(marc, order_id=number)
    if kind == "list":
        with shop.scope():
            people.add_to_list(shop.workspace_id, "loyal", [marc], now=shop.now)
    shop.settle()
    audiences.refresh(shop.workspace_id, now=shop.now)
    assert shop.enter() == 1
    shop.tick()
    assert [message.contact_id for message in shop.messages()] == [marc]
    shop.tick(shop.now + timedelta(days=8))
    assert shop.paths() == [["tell:queued", "wait:waited", "end:exit"]]


def test_next_version_is_for_those_who_enter_then(shop: Shop) -> None:
    first = save(shop, {"event": "Order Completed"})
    shop.happens(shop.person(), order_id="1")
    shop.enter()
    shop.tick()
    renamed = Texts("Autre nom", "Another name")
    second = save(shop, {"event": "Order Completed"}, {"end": {"exit": "short"}}, renamed)
    shop.happens(shop.person(), order_id="2")
    shop.enter()
    shop.tick(shop.now + timedelta(days=8))
    assert (first.number, second.number) == (1, 2)
    assert shop.paths() == [["tell:queued", "wait:waited", "end:exit"], ["end:exit"]]
    with shop.scope():
        journey = queries.access_journey(shop.workspace_id, "mine")
        assert (journey.name_en, journey.live) == ("Another name", second)
        trail = AuditEntry.objects.filter(subject="journey", subject_id="mine").order_by("id")
        assert [(entry.actor, entry.action) for entry in trail] == [
            ("Alice", "created"),
            ("Alice", "published"),
            ("Alice", "changed"),
            ("Alice", "published"),
        ]


@pytest.mark.parametrize(
    ("entry", "nodes", "place"),
    [
        ({"segment": "nobody"}, NODES, "entry.segment"),
        ({"list": "nobody"}, NODES, "entry.list"),
        ({"list": "loyal"}, {"a": {"wait": "7d", "next": "b"}}, "nodes.a.next"),
        (
            {"list": "loyal"},
            {"a": {"send": {"template": "none", **{"purpose": "promotions"}}}},
            "nodes.a.send.template",
        ),
    ],
)
def test_what_cannot_run_is_refused_and_leaves_nothing(
    shop: Shop, entry: dict[str, Any], nodes: dict[str, Any], place: str
) -> None:
    with pytest.raises(GraphInvalid) as refused:
        save(shop, entry, nodes)
    assert refused.value.field == place
    with shop.scope():
        assert not Journey.objects.exists()
        assert not Version.objects.exists()
        with pytest.raises(GraphInvalid):
            queries.preview(shop.workspace_id, graph(entry, nodes), language="en")


def test_preview_shows_what_would_run_and_writes_nothing(shop: Shop) -> None:
    with shop.scope():
        view = queries.preview(shop.workspace_id, graph({"list": "loyal"}), language="en")
        assert not Journey.objects.exists()
    assert [(node.name, node.here, node.passed) for node in view.nodes] == [
        ("tell", 0, 0),
        ("wait", 0, 0),
        ("end", 0, 0),
    ]
    assert "Fidèles" in view.entry
    assert [(edge.source, edge.target) for edge in view.edges][:2] == [("tell", "wait"), ("wait", "end")]


def test_paused_journey_stays_paused_and_archived_one_takes_no_version(shop: Shop) -> None:
    save(shop, {"event": "Order Completed"})
    with shop.scope():
        actions.pause(shop.workspace_id, "mine", actor=ALICE, now=shop.now)
    save(shop, {"event": "Order Completed"})
    shop.happens(shop.person(), order_id="1")
    assert shop.enter() == 0
    with shop.scope():
        assert queries.access_journey(shop.workspace_id, "mine").state == "paused"
        actions.archive(shop.workspace_id, "mine", actor=ALICE, now=shop.now)
    with pytest.raises(WrongState):
        save(shop, {"event": "Order Completed"}, texts=Texts("x", "y"))
    with shop.scope():
        assert queries.access_journey(shop.workspace_id, "mine").name_en == "My journey"
        assert not Run.objects.exists()
