"""The rule language a second time, in plain Python over plain people: what the compiler's SQL is compared with."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, assert_never
from uuid import UUID

from parcours.audiences.language import tree

NUMBER = re.compile(r"-?[0-9]{1,20}([.][0-9]{1,20})?")
DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


@dataclass
class Happening:
    """An event of a person."""

    name: str
    at: datetime
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class Person:
    """Somebody, with everything that a rule may ask about."""

    id: UUID
    created_at: datetime
    email: str | None = None
    language: str = ""
    source: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    lists: set[str] = field(default_factory=set)
    consents: dict[tuple[str, str], str] = field(default_factory=dict)
    events: list[Happening] = field(default_factory=list)


def is_true(rule: tree.Rule, person: Person, now: datetime) -> bool:
    """Whether the rule is true of the person at that instant."""
    match rule:
        case tree.AllOf(rules):
            return all(is_true(each, person, now) for each in rules)
        case tree.AnyOf(rules):
            return any(is_true(each, person, now) for each in rules)
        case tree.Not(inner):
            return not is_true(inner, person, now)
        case tree.Attribute(name, test):
            return passes(attribute(person, name), test, now)
        case tree.OnList(slug):
            return slug in person.lists
        case tree.InSegment(_, inner):
            assert inner is not None
            return is_true(inner, person, now)
        case tree.Consent(purpose, channel, act):
            return person.consents.get((purpose, channel.value)) == act.value
        case tree.Happened(event, bounds, within, where):
            times = Decimal(len(list(matching(person, event, where, within, now))))
            return all(bounded(times, bound) for bound in bounds)
        case tree.Total(event, name, bounds, within, where):
            found = matching(person, event, where, within, now)
            numbers = [number(each.properties.get(name)) for each in found]
            total = sum((each for each in numbers if each is not None), Decimal(0))
            return all(bounded(total, bound) for bound in bounds)
        case tree.Latest(event, more, less, where):
            last = max((each.at for each in matching(person, event, where, None, now)), default=None)
            if last is None:
                return False
            return (more is None or last <= now - delta(more)) and (less is None or last > now - delta(less))
        case _:
            assert_never(rule)


def matching(
    person: Person, name: str, where: tuple[tree.Filter, ...], within: tree.Duration | None, now: datetime
) -> Iterator[Happening]:
    for event in person.events:
        in_time = event.at <= now and (within is None or event.at > now - delta(within))
        fits = all(passes(event.properties.get(each.property), each.test, now) for each in where)
        if event.name == name and in_time and fits and not is_ignored(event, where):
            yield event


def is_ignored(event: Happening, where: tuple[tree.Filter, ...]) -> bool:
    """An open or a click of a machine, which nobody asked about."""
    is_measured = event.name in ("Email Opened", "Email Link Clicked")
    is_asked = "machine" in {each.property for each in where}
    return is_measured and not is_asked and text(event.properties.get("machine")) == "true"


def attribute(person: Person, name: str) -> Any:
    if name in ("email", "language", "source"):
        return getattr(person, name) or None
    if name == "created_at":
        return person.created_at.isoformat()
    return person.attributes.get(name)


def passes(value: Any, test: tree.Test, now: datetime) -> bool:
    match test:
        case tree.Is(wanted):
            return equals(value, wanted)
        case tree.IsNot(wanted):
            return not equals(value, wanted)
        case tree.OneOf(values):
            return any(equals(value, each) for each in values)
        case tree.Contains(wanted):
            if isinstance(value, list):
                return wanted in value
            return isinstance(value, str) and wanted.lower() in value.lower()
        case tree.Bound():
            found = number(value)
            return found is not None and bounded(found, test)
        case tree.Dated(side, instant):
            when = date(value)
            return when is not None and (when < instant if side == "before" else when > instant)
        case tree.Aged(side, age):
            when = date(value)
            if when is None:
                return False
            return when <= now - delta(age) if side == "more_than_ago" else now - delta(age) < when <= now
        case tree.IsSet(expected):
            return (text(value) not in (None, "", "[]")) is expected
        case _:
            assert_never(test)


def equals(value: Any, wanted: tree.Scalar) -> bool:
    if isinstance(wanted, bool):
        return text(value) == str(wanted).lower()
    return text(value) == wanted if isinstance(wanted, str) else number(value) == wanted


def text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def number(value: Any) -> Decimal | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    return Decimal(value) if isinstance(value, str) and NUMBER.fullmatch(value) else None


def date(value: Any) -> datetime | None:
    if not isinstance(value, str) or not DATE.fullmatch(value.replace("+00:00", "Z")):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def bounded(value: Decimal, bound: tree.Bound) -> bool:
    match bound.order:
        case tree.Order.IS:
            return value == bound.number
        case tree.Order.AT_LEAST:
            return value >= bound.number
        case tree.Order.AT_MOST:
            return value <= bound.number
        case tree.Order.MORE_THAN:
            return value > bound.number
        case tree.Order.LESS_THAN:
            return value < bound.number
        case _:
            assert_never(bound.order)


def delta(duration: tree.Duration) -> timedelta:
    """A duration of the language as Python counts."""
    return timedelta(seconds=duration.seconds)


def turning_ages(rule: tree.Rule) -> set[timedelta]:
    """The durations that the rule speaks of."""
    found: set[timedelta] = set()
    for leaf in tree.leaves(rule):
        parts = [getattr(leaf, name, None) for name in ("within", "more_than_ago", "less_than_ago")]
        parts.append(getattr(getattr(leaf, "test", None), "age", None))
        found |= {delta(part) for part in parts if part is not None}
    return found


def turning_points(rule: tree.Rule, person: Person) -> list[datetime]:
    """Every instant at which time alone may change something: nothing happens between two of them."""
    ages = turning_ages(rule) | {timedelta(0)}
    starts = [event.at for event in person.events] + [person.created_at]
    starts += [when for when in map(date, person.attributes.values()) if when is not None]
    return sorted({start + age for start in starts for age in ages})
