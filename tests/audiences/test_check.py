"""A rule may only speak of what the workspace knows, in tests that suit it."""

from typing import Any

import pytest

from parcours.audiences.errors import RuleInvalid
from parcours.audiences.language import (
    AttributeWord,
    Label,
    SegmentWord,
    Vocabulary,
    check,
    parse,
    resolve,
    tree,
    watched_events,
)
from parcours.contacts.types import AttributeType


def word(type_: AttributeType, *options: str) -> AttributeWord:
    return AttributeWord(type_, Label("", ""), options)


WORDS = Vocabulary(
    attributes={
        "city": word(AttributeType.TEXT),
        "age": word(AttributeType.NUMBER),
        "birthday": word(AttributeType.DATE),
        "vip": word(AttributeType.BOOLEAN),
        "tier": word(AttributeType.CATEGORY, "gold", "silver"),
        "tags": word(AttributeType.LIST),
    },
    lists={"press": "Press"},
    segments={
        "buyers": SegmentWord("Buyers", parse({"event": "Order Completed"})),
        "good": SegmentWord("Good", parse({"all": [{"segment": "buyers"}, {"list": "gone"}]})),
        "a": SegmentWord("A", parse({"not": {"segment": "b"}})),
        "b": SegmentWord("B", parse({"segment": "a"})),
        "big": SegmentWord("Big", parse({"any": [{"list": "press"}] * 150})),
        **{
            f"deep{level}": SegmentWord(
                "Deep", parse({"segment": f"deep{level + 1}"} if level < 6 else {"list": "press"})
            )
            for level in range(7)
        },
    },
    purposes={"promotions": Label("Promotions", "Promotions")},
)


@pytest.mark.parametrize(
    ("data", "place", "message", "hint"),
    [
        ({"attribute": "citty", "is": "x"}, "attribute", "no such attribute: “citty”", "“city”"),
        ({"not": {"list": "pres"}}, "not.list", "no such list: “pres”", "“press”"),
        ({"any": [{"segment": "buyer"}]}, "any[0].segment", "no such segment", "“buyers”"),
        ({"consent": "promotion"}, "consent", "no such purpose", "“promotions”"),
        ({"attribute": "city", "at_least": 3}, "at_least", "“city” is of type text", ""),
        ({"attribute": "city", "is": 3}, "is", "found: 3", ""),
        ({"attribute": "age", "is": "3"}, "is", "“age” is of type number", ""),
        ({"attribute": "age", "one_of": ["3"]}, "one_of", "“age” is of type number", ""),
        ({"attribute": "age", "contains": "3"}, "contains", "“age” is of type number", ""),
        ({"attribute": "vip", "is": "true"}, "is", "“vip” is of type boolean", ""),
        ({"attribute": "birthday", "is": "2026-01-01"}, "is", "Possible: before, after", ""),
        ({"attribute": "tags", "is": "x"}, "is", "Possible: contains, is_set", ""),
        ({"all": [{"attribute": "tier", "is": "golden"}]}, "all[0].is", "no such option", "“gold”"),
        ({"attribute": "tier", "one_of": ["gold", "tin"]}, "one_of", "“tin”", ""),
        ({"attribute": "email", "more_than": 1}, "more_than", "“email” is of type text", ""),
        ({"segment": "a"}, "segment.not.segment.segment", "circle: a → b → a", ""),
        ({"segment": "deep0"}, None, "more than 5 deep", ""),
        ({"any": [{"segment": "big"}, {"not": {"segment": "big"}}]}, "", "more than 200 conditions", ""),
    ],
)
def test_rule_that_cannot_mean_anything_is_refused(
    data: Any, place: str | None, message: str, hint: str
) -> None:
    with pytest.raises(RuleInvalid) as raised:
        check(parse(data), WORDS)
    assert message in raised.value.message
    assert hint in raised.value.hint
    assert place is None or raised.value.field == place


@pytest.mark.parametrize(
    "data",
    [
        {"attribute": "city", "contains": "yo"},
        {"attribute": "age", "one_of": [1, 2]},
        {"attribute": "vip", "is": True},
        {"attribute": "tier", "is_not": "gold"},
        {"attribute": "tags", "contains": "x"},
        {"attribute": "birthday", "more_than_ago": "30d"},
        {"attribute": "created_at", "after": "2026-01-01"},
        {"attribute": "email", "is_set": True},
        {"event": "Anything At All", "where": [{"property": "x", "before": "2026-01-01"}]},
        {"consent": "promotions", "is": "withdrawn"},
        {"list": "press"},
    ],
)
def test_rule_that_speaks_of_what_is_known_passes_unchanged(data: Any) -> None:
    rule = parse(data)
    assert check(rule, WORDS) == rule


def test_segments_are_looked_up_through_segments_without_judging_their_words() -> None:
    checked = check(parse({"segment": "good"}), WORDS)
    assert isinstance(checked, tree.InSegment)
    assert [type(leaf).__name__ for leaf in tree.leaves(checked)] == [
        "InSegment",
        "InSegment",
        "Happened",
        "OnList",
    ]
    assert resolve(parse({"all": [{"list": "gone"}, {"segment": "buyers"}]}), WORDS) != tree.AllOf(())


def test_watched_events_follow_what_the_rule_asks_about() -> None:
    data = {
        "all": [{"segment": "good"}, {"attribute": "city", "is": "x"}, {"not": {"consent": "promotions"}}]
    }
    assert watched_events(check(parse(data), WORDS)) == {
        "Contact Created", "Order Completed", "List Joined", "List Left", "Attributes Changed",
        "Consent Granted", "Consent Requested", "Consent Withdrawn", "Consent Objected",
    }  # fmt: skip
