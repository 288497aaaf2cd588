"""What is no rule is refused, with its place, what was found and what is possible."""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from parcours.audiences.errors import RuleInvalid
from parcours.audiences.language import parse, parse_filters, tree

LIST = {"list": "vip"}
EVENT = {"event": "Order Completed"}


def nested(depth: int) -> Any:
    rule: Any = LIST
    for _ in range(depth):
        rule = {"not": rule}
    return rule


@pytest.mark.parametrize(
    ("data", "place", "message", "hint"),
    [
        (None, "", "Expected an object; found: None", ""),
        ([], "", "Expected an object", ""),
        ({}, "", "This is no condition: –. Possible: all, any, not", ""),
        ({"evnt": "x"}, "", "“evnt”", "“event”"),
        ({"all": []}, "all", "From 1 to 200 entries; found: 0", ""),
        ({"all": LIST}, "all", "Expected a list", ""),
        ({"all": [LIST], "any": [LIST]}, "any", "“any”. Possible: all", ""),
        ({"all": [LIST, {"any": [LIST, 3]}]}, "all[1].any[1]", "found: 3", ""),
        ({"not": {"list": 7}}, "not.list", "Expected a text; found: 7", ""),
        ({"list": ""}, "list", "From 1 to 200 characters; found: 0", ""),
        ({"list": "a\0"}, "list", "cannot be stored", ""),
        ({"list": "\ud800"}, "list", "cannot be stored", ""),
        ({"list": "vip", "iz": 1}, "iz", "“iz”", ""),
        ({"segment": "a", "is": True}, "is", "“is”. Possible: segment", ""),
        ({"attribute": "city"}, "", "Exactly one test is needed beside “attribute”; found: –", ""),
        ({"attribute": "age", "at_least": 1, "at_most": 2}, "", "found: at_least, at_most", ""),
        ({"attribute": "city", "iss": "Lyon"}, "iss", "“iss”", "“is”"),
        ({"attribute": "city", "is": None}, "is", "a text, a number, true or false; found: None", ""),
        ({"attribute": "city", "is": "x" * 401}, "is", "From 1 to 400 characters", ""),
        ({"attribute": "city", "one_of": ["a", 1]}, "one_of", "all texts or all numbers", ""),
        ({"attribute": "city", "one_of": []}, "one_of", "From 1 to 200 entries", ""),
        ({"attribute": "city", "contains": 3}, "contains", "Expected a text", ""),
        ({"attribute": "age", "at_least": True}, "at_least", "Expected a number; found: True", ""),
        ({"attribute": "age", "at_least": "5"}, "at_least", "Expected a number", ""),
        ({"attribute": "age", "at_least": float("nan")}, "at_least", "out of range", ""),
        ({"attribute": "age", "at_least": float("inf")}, "at_least", "out of range", ""),
        ({"attribute": "age", "is": 10**5000}, "is", "out of range", ""),
        ({"attribute": "age", "is_set": 1}, "is_set", "Expected true or false", ""),
        ({"attribute": "d", "before": "2026-02-31"}, "before", "“2026-02-31”", ""),
        ({"attribute": "d", "after": "tomorrow"}, "after", "“tomorrow”", ""),
        ({"attribute": "d", "after": "0001-01-01T00:00+10:00"}, "after", "A date such as", ""),
        ({"attribute": "d", "less_than_ago": "90"}, "less_than_ago", "“90”", "m (minutes)"),
        ({"attribute": "d", "less_than_ago": "9999d"}, "less_than_ago", "ten years: at most 3660d", ""),
        ({"attribute": "d", "less_than_ago": "999999999d"}, "less_than_ago", "ten years: at most 3660d", ""),
        ({"consent": "promotions", "is": "grantd"}, "is", "“grantd”", "“granted”"),
        ({"consent": "promotions", "channel": "fax"}, "channel", "“fax”. Possible: email, sms, any", ""),
        ({**EVENT, "cont": {}}, "cont", "“cont”", "“count”"),
        ({**EVENT, "count": {}}, "count", "A bound is missing", ""),
        ({**EVENT, "count": {"at_least": 1.5}}, "count.at_least", "whole number", ""),
        ({**EVENT, "count": {"at_least": -1}}, "count.at_least", "whole number", ""),
        ({**EVENT, "count": {"at_least": 10**6}}, "count.at_least", "whole number", ""),
        ({**EVENT, "count": {"at_least": 3, "less_than": 3}}, "count", "No number of times", ""),
        ({**EVENT, "count": {"at_least": 0}}, "count", "Every number of times", ""),
        ({**EVENT, "never": False}, "never", "“never”: true", ""),
        ({**EVENT, "never": True, "count": {"is": 1}}, "never", "“never”: true", ""),
        ({**EVENT, "sum": "total"}, "", "A bound is missing", ""),
        ({**EVENT, "sum": "total", "count": {"is": 1}}, "count", "“count”", ""),
        ({**EVENT, "last": {}}, "last", "Say how long ago", ""),
        ({**EVENT, "last": {"more_than_ago": "2d", "less_than_ago": "1d"}}, "last", "that long ago", ""),
        ({**EVENT, "last": {"more_than_ago": "2d"}, "within": "1d"}, "within", "“within”", ""),
        ({**EVENT, "where": [{"is": 1}]}, "where[0]", "A filter names a property", ""),
        ({**EVENT, "where": [{"property": "d", "more_than_ago": "1d"}]}, "where[0].more_than_ago", "not possible", ""),
        ({"all": [LIST, {**EVENT, "where": [{"property": "total", "mor_than": 3}]}]},
         "all[1].where[0].mor_than", "“mor_than”", "“more_than”"),
        ({"all": [{"list": "a"}] * 201}, "all", "From 1 to 200 entries; found: 201", ""),
        ({"all": [{"any": [LIST] * 150}, {"any": [LIST] * 51}]}, "all[1].any[50]", "more than 200 conditions", ""),
        (nested(13), "not." * 11 + "not", "nested deeper than 12", ""),
        ({1: 2}, "", "whose keys are texts", ""),
        ({"\ud800": 1}, "", "“�”", ""),
        ({"list": "vip", "\ud800": 1}, "�", "“�”", ""),
        ("\ud800", "", "found: “�”", ""),
        ("x" * 500, "", f"“{'x' * 79}…”", ""),
        ({"list": 10**5000}, "list", "Expected a text; found: a number", ""),
        ({"attribute": "age", "at_least": -(10**5000)}, "at_least", "out of range", ""),
        ([LIST], "", "Expected an object; found: a list", ""),
        ({"list": LIST}, "list", "Expected a text; found: an object", ""),
    ],
)  # fmt: skip
def test_error_says_where_what_and_how_to_mend(data: Any, place: str, message: str, hint: str) -> None:
    with pytest.raises(RuleInvalid) as raised:
        parse(data)
    assert raised.value.field == place
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_list_that_is_nearly_too_deep_to_be_read_is_refused_as_a_list() -> None:
    deep: Any = []
    for _ in range(sys.getrecursionlimit() * 2):
        deep = [deep]
    with pytest.raises(RuleInvalid, match="found: a list"):
        parse({"list": deep})


def test_place_begins_where_the_rule_stands() -> None:
    with pytest.raises(RuleInvalid) as raised:
        parse({"any": [{"list": 1}]}, at="nodes.first.if")
    assert raised.value.field == "nodes.first.if.any[0].list"
    with pytest.raises(RuleInvalid) as raised:
        parse_filters([{"property": "a", "is": []}], at="entry.where")
    assert raised.value.field == "entry.where[0].is"


def test_whole_rule_becomes_a_tree() -> None:
    rule = parse({
        "all": [
            {"attribute": "city", "one_of": ["Lyon", "Paris"]},
            {"consent": "promotions"},
            {**EVENT, "count": {"at_least": 2, "at_most": 5}, "within": "90d",
             "where": [{"property": "total", "more_than": 0.1}]},
            {"not": {"any": [{"segment": "vip"}, {**EVENT, "last": {"more_than_ago": "6w"}}]}},
            {**EVENT, "sum": "total", "is": 3},
            {"attribute": "created_at", "after": "2026-03-10T12:00:00+02:00"},
        ]
    })  # fmt: skip
    assert isinstance(rule, tree.AllOf)
    many = tree.Happened(
        "Order Completed",
        (tree.Bound(tree.Order.AT_LEAST, Decimal(2)), tree.Bound(tree.Order.AT_MOST, Decimal(5))),
        tree.Duration(90, tree.Unit.DAYS),
        (tree.Filter("total", tree.Bound(tree.Order.MORE_THAN, Decimal("0.1"))),),
    )
    assert rule.rules[2] == many
    assert (many.least, many.most) == (2, 5)
    assert rule.rules[5] == tree.Attribute(
        "created_at", tree.Dated("after", datetime(2026, 3, 10, 10, tzinfo=UTC))
    )


@pytest.mark.parametrize(
    ("count", "least", "most"),
    [
        ({"is": 2}, 2, 2),
        ({"more_than": 2}, 3, None),
        ({"less_than": 2}, 0, 1),
        ({"at_most": 2}, 0, 2),
        ({"more_than": 1, "less_than": 4}, 2, 3),
    ],
)
def test_counts_have_a_least_and_a_most(count: dict[str, int], least: int, most: int | None) -> None:
    rule = parse({**EVENT, "count": count})
    assert isinstance(rule, tree.Happened)
    assert (rule.least, rule.most) == (least, most)
