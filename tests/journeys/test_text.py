"""A graph as text: what is read is what its author sees, what is written is read again the same, errors have their line."""

import json
from typing import Any

import pytest
from django.utils import translation

from parcours.journeys import graph, recipes, text
from parcours.journeys.errors import GraphInvalid

YAML = """\
entry: {event: Order Completed, where: [{property: total, more_than: 49.9}], key: order_id}
start: tell
nodes:
  # a remark of the author's
  tell:
    send: {template: hello, purpose: order_information, valid_for: 1d}
    next: wait
  wait: {wait: 7d, next: end}
  end: {exit: "yes"}
"""
MEANT: dict[str, Any] = {
    "entry": {
        "event": "Order Completed",
        "where": [{"property": "total", "more_than": 49.9}],
        "key": "order_id",
    },
    "start": "tell",
    "nodes": {
        "tell": {
            "send": {"template": "hello", "purpose": "order_information", "valid_for": "1d"},
            "next": "wait",
        },
        "wait": {"wait": "7d", "next": "end"},
        "end": {"exit": "yes"},
    },
}


@pytest.mark.parametrize(
    "written",
    [
        YAML,
        YAML.replace("\n", "\r\n"),
        json.dumps(MEANT),
        json.dumps(MEANT, indent="\t"),
        f"\n  {json.dumps(MEANT)}",
    ],
)
def test_yaml_and_json_say_the_same(written: str) -> None:
    assert text.read(written).source == MEANT


@pytest.mark.parametrize("slug", recipes.SLUGS)
def test_written_graph_is_read_again_the_same(slug: str) -> None:
    source = recipes.recipe(slug).journey
    order = graph.parse(source).order
    written = text.write(source, order)
    assert text.read(written).source == source
    assert list(text.read(written).source["nodes"]) == list(order)


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("2026-01-01", "2026-01-01"),
        ("12:30", "12:30"),
        ("0755", "0755"),
        ("1e400", "1e400"),
        (".inf", ".inf"),
        ("<<", "<<"),
        ("1", 1),
        ("-2.50", -2.5),
        ("true", True),
        ("null", None),
        ("~", None),
        ('"true"', "true"),
        ('"\\ud83d\\ude00"', "😀"),
    ],
)
def test_plain_words_are_taken_as_they_look(scalar: str, value: object) -> None:
    assert text.read(f"a: {scalar}").source == {"a": value}
    if isinstance(value, str):
        source = {"entry": {"event": value}, "start": "a", "nodes": {"a": {"exit": value}}}
        assert text.read(text.write(source, ["a"])).source == source


@pytest.mark.parametrize(
    ("written", "line", "hint"),
    [
        ("nodes:\n  a: [1, 2", 2, ""),
        ("a: 1\nb: &x [1]\nc: *x", 3, "References"),
        ("a: 1\na: 2", 2, "“a” stands twice"),
        ("a: 1\n2: b", 2, "key"),
        ("a: !!python/name:os.system x", 1, "python"),
        ("a: !!binary aGVsbG8=", 1, "binary"),
        ("a: !!set {b}", 1, "set"),
        ("a: !!timestamp 2026-01-01", 1, "timestamp"),
        ('a: "\\0"', 1, "stored"),
        ('a: "\\ud800"', 1, "stored"),
        ("a:\n\t- 1", 2, ""),
    ],
)
def test_unreadable_text_is_refused_with_its_place(written: str, line: int, hint: str) -> None:
    with pytest.raises(GraphInvalid) as refused:
        text.read(written)
    assert f"line {line}," in refused.value.message
    assert hint in refused.value.hint


def test_what_the_parser_cannot_read_is_told_in_the_readers_language() -> None:
    with translation.override("fr"), pytest.raises(GraphInvalid) as refused:
        text.read("entry:\n  event: a: b")
    assert "ligne 2, colonne 11" in refused.value.message
    assert refused.value.hint.startswith("Cherchez un deux-points")


@pytest.mark.parametrize("written", ["[" * 50_000, "x" * (text.LONGEST + 1), "a: \x07", "--- a\n--- b\n"])
def test_bombs_are_refused(written: str) -> None:
    with pytest.raises(GraphInvalid):
        text.read(written)


def test_empty_text_is_no_graph() -> None:
    with pytest.raises(GraphInvalid):
        graph.parse(text.read("").source)


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("nodes.wait.next", 8),
        ("nodes.tell.send.purpose", 6),
        ("nodes.tell.send.guard.all[1]", 6),
        ("entry.where[0].property", 1),
        ("entry.where[7]", 1),
        ("nodes.nowhere", 3),
        ("start", 2),
        ("", 1),
    ],
)
def test_place_in_the_graph_has_its_line(place: str, line: int) -> None:
    assert text.read(YAML).line(place) == line
