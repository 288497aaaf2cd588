"""The tree of a rule: what can be said about a person. Immutable, closed, and free of SQL and of languages.

A rule is true or false of one contact at one instant, never unknown: a missing value makes every test false, except
`is_not` and what stands under `not`. Dates without a time are midnight UTC; a window `within` 90 days is open at its
far end (an event exactly 90 days old has left it). An open or a click that a machine made is nobody's act: conditions
about events do not see it, unless they test the property `machine` themselves.

Not here: how a rule is written (`parse`), what a workspace knows (`check`), what it means in SQL (`compile`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal, TypeAlias

from parcours.consent.types import Act, Channel
from parcours.events.types import MEASURED_NAMES


class Unit(StrEnum):
    """The units of a duration, as they are written: 30m, 12h, 90d, 6w."""

    MINUTES = "m"
    HOURS = "h"
    DAYS = "d"
    WEEKS = "w"


SECONDS = {Unit.MINUTES: 60, Unit.HOURS: 3600, Unit.DAYS: 86_400, Unit.WEEKS: 604_800}


@dataclass(frozen=True)
class Duration:
    """A length of time as somebody wrote it. A day is 24 hours."""

    count: int
    unit: Unit

    @property
    def seconds(self) -> int:
        return self.count * SECONDS[self.unit]


class Order(StrEnum):
    """How a number stands to a bound."""

    IS = "is"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    MORE_THAN = "more_than"
    LESS_THAN = "less_than"


@dataclass(frozen=True)
class Bound:
    """A number is at least, at most, … `number`."""

    order: Order
    number: Decimal


# Tests of one value, of an attribute or of a property of an event.

Scalar: TypeAlias = str | Decimal | bool


@dataclass(frozen=True)
class Is:
    """The value equals. Texts compare exactly; a text that reads as a number equals that number."""

    value: Scalar


@dataclass(frozen=True)
class IsNot:
    """The value does not equal, or is missing."""

    value: Scalar


@dataclass(frozen=True)
class OneOf:
    """The value equals one of these."""

    values: tuple[str, ...] | tuple[Decimal, ...]


@dataclass(frozen=True)
class Contains:
    """A text contains this, whatever its case; a list has this very element."""

    text: str


@dataclass(frozen=True)
class Dated:
    """A date is before, or after, an instant (both strictly)."""

    side: Literal["before", "after"]
    instant: datetime


@dataclass(frozen=True)
class Aged:
    """A date lies more than, or less than, this long ago. A date to come is neither."""

    side: Literal["more_than_ago", "less_than_ago"]
    age: Duration


@dataclass(frozen=True)
class IsSet:
    """There is a value, or there is none (an empty text or list counts as none)."""

    expected: bool


Test: TypeAlias = Is | IsNot | OneOf | Contains | Bound | Dated | Aged | IsSet


# Rules about a contact.


@dataclass(frozen=True)
class Attribute:
    """An attribute, built in or declared, passes a test."""

    name: str
    test: Test


@dataclass(frozen=True)
class OnList:
    """The contact is on a static list."""

    slug: str


@dataclass(frozen=True)
class InSegment:
    """The contact satisfies a segment's rule. `rule` is None until `check` has looked it up."""

    slug: str
    rule: "Rule | None" = None


@dataclass(frozen=True)
class Consent:
    """The last thing that the contact said for a purpose on a channel."""

    purpose: str
    channel: Channel
    act: Act


@dataclass(frozen=True)
class Filter:
    """A property of an event passes a test."""

    property: str
    test: Test


@dataclass(frozen=True)
class Happened:
    """An event happened a number of times, ever or within a window."""

    event: str
    bounds: tuple[Bound, ...]
    within: Duration | None = None
    where: tuple[Filter, ...] = ()

    @property
    def least(self) -> int:
        """The smallest number of times that satisfies the bounds."""
        return max((int(_lowest(bound)) for bound in self.bounds), default=0)

    @property
    def most(self) -> int | None:
        """The greatest number of times that satisfies the bounds; None when there is no limit."""
        limits = [limit for limit in map(_highest, self.bounds) if limit is not None]
        return int(min(limits)) if limits else None


@dataclass(frozen=True)
class Total:
    """The sum of a property over an event, 0 without any; values that are no numbers do not count."""

    event: str
    property: str
    bounds: tuple[Bound, ...]
    within: Duration | None = None
    where: tuple[Filter, ...] = ()


@dataclass(frozen=True)
class Latest:
    """The last time that an event happened lies more than, less than (or both) so long ago; it did happen."""

    event: str
    more_than_ago: Duration | None
    less_than_ago: Duration | None
    where: tuple[Filter, ...] = ()


@dataclass(frozen=True)
class AllOf:
    """Every rule is true."""

    rules: "tuple[Rule, ...]"


@dataclass(frozen=True)
class AnyOf:
    """At least one rule is true."""

    rules: "tuple[Rule, ...]"


@dataclass(frozen=True)
class Not:
    """The rule is false."""

    rule: "Rule"


Leaf: TypeAlias = Attribute | OnList | InSegment | Consent | Happened | Total | Latest
Rule: TypeAlias = AllOf | AnyOf | Not | Leaf

ONCE = (Bound(Order.AT_LEAST, Decimal(1)),)
NEVER = (Bound(Order.IS, Decimal(0)),)


def _lowest(bound: Bound) -> Decimal:
    if bound.order is Order.MORE_THAN:
        return bound.number + 1
    return bound.number if bound.order in (Order.IS, Order.AT_LEAST) else Decimal(0)


def _highest(bound: Bound) -> Decimal | None:
    if bound.order is Order.LESS_THAN:
        return bound.number - 1
    return bound.number if bound.order in (Order.IS, Order.AT_MOST) else None


def leaves_machines_out(event: str, where: tuple[Filter, ...]) -> bool:
    """Whether a condition about an event means people's acts alone: opens and clicks whose tests do not ask about machines."""
    return event in MEASURED_NAMES and all(each.property != "machine" for each in where)


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Every condition of the rule, those of the segments that it refers to included."""
    match rule:
        case AllOf(rules) | AnyOf(rules):
            for each in rules:
                yield from leaves(each)
        case Not(inner):
            yield from leaves(inner)
        case InSegment(_, inner):
            yield rule
            if inner is not None:
                yield from leaves(inner)
        case _:
            yield rule
