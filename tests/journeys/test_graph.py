"""What a graph may be: every fault is refused with its place, and what passes is numbered so that a walk only goes forward."""

from typing import Any

import pytest

from parcours.journeys import graph
from parcours.journeys.errors import GraphInvalid
from parcours.journeys.nodes import KINDS
from parcours.kernel.errors import Invalid

ORDER = {"event": "Order Completed", "key": "order_id"}


def journey(nodes: dict[str, Any], start: str = "a", entry: Any = ORDER) -> dict[str, Any]:
    return {"entry": entry, "start": start, "nodes": nodes}


EXIT = {"exit": "done"}


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ([], "graph"),
        (journey({"a": EXIT}) | {"colour": "red"}, "graph.colour"),
        (journey({}), "nodes"),
        (journey({"a": EXIT}, start="b"), "start"),
        (journey({"a": {"wait": "7d", "next": "b"}}), "nodes.a.next"),
        (journey({"a": {"wait": "a week", "next": "b"}, "b": EXIT}), "nodes.a.wait"),
        (journey({"a": {"wait": "0d"}}), "nodes.a.wait"),
        (journey({"a": {"wait": "99999w"}}), "nodes.a.wait"),
        (journey({"a": EXIT, "b": EXIT}), "nodes.b"),
        (journey({"a": {"exit": "done", "next": "a"}}), "nodes.a.next"),
        (journey({"a": {"exit": "done", "wait": "1d"}}), "nodes.a"),
        (journey({"a": {"dance": "tango"}}), "nodes.a"),
        (journey({"a": {"send": {"template": "t", "purpose": "p", "subject": "x"}}}), "nodes.a.send.subject"),
        (journey({"a": {"send": {"purpose": "p"}}}), "nodes.a.send.template"),
        (journey({"a": {"if": {"event": "X"}, "then": "b", "else": "nowhere"}, "b": EXIT}), "nodes.a.else"),
        (journey({"a": {"if": {"evnt": "X"}}}), "nodes.a.if"),
        (journey({"a": {"set": {"attribute": "stage", "value": ["x"]}}}), "nodes.a.set.value"),
        (journey({"a": {"add_to_list": ""}}), "nodes.a.add_to_list"),
        (journey({"a": EXIT}, entry={"event": "X", "list": "y"}), "entry"),
        (journey({"a": EXIT}, entry={"event": "Journey Finished"}), "entry.event"),
        (journey({"a": EXIT}, entry={"event": "X", "key": 3}), "entry.key"),
        (journey({"a": EXIT}, entry={"event": "X", "where": [{"property": "total"}]}), "entry.where[0]"),
        (journey({"a": {"exit": "no\x00"}}), "nodes.a.exit"),
        (journey({f"n{i}": EXIT for i in range(201)}, start="n0"), "nodes"),
    ],
)
def test_fault_is_refused_at_its_place(data: Any, place: str) -> None:
    with pytest.raises(Invalid) as caught:
        graph.parse(data)
    assert caught.value.field == place


@pytest.mark.parametrize("between", [{"add_to_list": "vip"}, {"set": {"attribute": "a", "value": 1}}])
def test_loop_without_wait_is_refused_at_a_node_inside_it(between: dict[str, Any]) -> None:
    nodes = {
        "a": {"if": {"event": "X"}, "then": "z", "else": "b"},
        "z": EXIT,
        "b": between | {"next": "c"},
        "c": {"if": {"event": "X"}, "then": "b", "else": "d"},
        "d": EXIT,
    }
    with pytest.raises(GraphInvalid, match="loop without a wait") as caught:
        graph.parse(journey(nodes))
    assert caught.value.field in {"nodes.b", "nodes.c"}


def test_loop_with_a_wait_is_a_journey() -> None:
    nodes = {
        "a": {"wait": "1d", "next": "b"},
        "b": {"if": {"event": "X"}, "then": "c", "else": "a"},
        "c": EXIT,
    }
    assert list(graph.parse(journey(nodes)).order) == ["a", "b", "c"]


def test_message_in_a_loop_is_refused() -> None:
    nodes = {
        "a": {"wait": "1d", "next": "b"},
        "b": {"if": {"event": "X"}, "then": "c", "else": "remind"},
        "remind": {"send": {"template": "t", "purpose": "p"}, "next": "a"},
        "c": EXIT,
    }
    with pytest.raises(GraphInvalid) as caught:
        graph.parse(journey(nodes))
    assert caught.value.field == "nodes.remind"


def test_numbers_follow_the_walk_whatever_the_order_of_writing() -> None:
    nodes = {
        "end": EXIT,
        "second": {"add_to_list": "b", "next": "end"},
        "a": {"if": {"event": "X"}, "then": "second", "else": "first"},
        "first": {"add_to_list": "a", "next": "second"},
    }
    read = graph.parse(journey(nodes))
    for name, node in read.nodes.items():
        assert all(read.number[target] > read.number[name] for target in graph.targets(node))


def test_unknown_target_hints_at_the_nearest() -> None:
    nodes = {"a": {"wait": "7d", "next": "chekc-in"}, "check-in": EXIT}
    with pytest.raises(GraphInvalid) as caught:
        graph.parse(journey(nodes))
    assert "check-in" in caught.value.hint


def test_segment_and_list_entries_are_their_events() -> None:
    segment = graph.parse(journey({"a": EXIT}, entry={"segment": "silent"})).entry
    joined = graph.parse(journey({"a": EXIT}, entry={"list": "vip"})).entry
    assert (segment.event, segment.subject, segment.key) == ("Segment Entered", "silent", "event")
    assert (joined.event, joined.subject) == ("List Joined", "vip")


def test_every_kind_is_listed_under_its_keyword() -> None:
    assert {keyword: kind.keyword for keyword, kind in KINDS.items()} == {
        keyword: keyword for keyword in KINDS
    }
