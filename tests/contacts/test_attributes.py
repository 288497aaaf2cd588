"""Values of attributes: what is refused, and the reason that is given."""

from typing import Any

import pytest
from django.utils import translation

from parcours.contacts import attributes
from parcours.contacts.errors import InvalidAttribute
from parcours.contacts.types import AttributeType, Declared

TEXT, NUMBER, CATEGORY, LIST = (
    AttributeType.TEXT,
    AttributeType.NUMBER,
    AttributeType.CATEGORY,
    AttributeType.LIST,
)


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (TEXT, "Eve\x0b", "“a” holds a character that cannot be kept: U+000B."),
        (CATEGORY, "\x7f", "“a” holds a character that cannot be kept: U+007F."),
        (LIST, ["fine", "\x1b"], "“a” holds a character that cannot be kept: U+001B."),
        (TEXT, True, "“a” takes a text of at most 4000 characters; “True” is not."),
        (CATEGORY, True, "“a” takes a text of at most 120 characters; “True” is not."),
        (LIST, [True], "“a” takes a list of at most 200 short texts; “[True]” is not."),
        (TEXT, "x" * 4001, f"“a” takes a text of at most 4000 characters; “{'x' * 79}…” is not."),
        (NUMBER, 10**200, "“a” takes numbers of at most 15 digits; this one is too large."),
        (NUMBER, -1e15, "“a” takes numbers of at most 15 digits; this one is too large."),
        (NUMBER, "1e400", "“a” takes numbers of at most 15 digits; this one is too large."),
        (NUMBER, "many", "“a” takes a number; “many” is not."),
        (NUMBER, "nan", "“a” takes a number; “nan” is not."),
        (NUMBER, True, "“a” takes a number; “True” is not."),
    ],
)
def test_value_that_is_refused_is_told_the_true_reason(kind: AttributeType, value: Any, told: str) -> None:
    with translation.override("en"), pytest.raises(InvalidAttribute) as refused:
        attributes.accepted(Declared("a", kind), value)
    assert refused.value.message == told


def test_largest_number_is_kept() -> None:
    assert attributes.accepted(Declared("a", NUMBER), 10**15 - 1) == 10**15 - 1


def test_number_for_a_text_is_written_out() -> None:
    assert [attributes.accepted(Declared("a", kind), 75001) for kind in (TEXT, CATEGORY)] == [
        "75001",
        "75001",
    ]


def test_text_that_spells_the_type_is_read_as_such() -> None:
    spelt = {NUMBER: "12", AttributeType.BOOLEAN: "true", AttributeType.DATE: "2024-05-01"}
    kept = [attributes.accepted(Declared("a", kind), text) for kind, text in spelt.items()]
    assert kept == [12.0, True, "2024-05-01"]
