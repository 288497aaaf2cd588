"""JSON → tree. Every error says where (`all[1].where[0]`), what was found, and what is possible.

Unknown keys are errors, sizes are bounded, and nothing is looked up: whether a list exists is for `check`.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from django.utils.translation import gettext as _

from parcours.audiences.errors import RuleInvalid
from parcours.audiences.language import tree
from parcours.consent.types import Act, Channel
from parcours.contacts.identities import shown

MAX_LEAVES = 200
MAX_DEPTH = 12
MAX_VALUES = 200
MAX_TEXT = 400
MAX_NAME = 200
MAX_NUMBER = Decimal(10) ** 15
MAX_TIMES = 100_000
MAX_DURATION = tree.Duration(3660, tree.Unit.DAYS)

TESTS = (
    *("is", "is_not", "one_of", "contains", "is_set"),
    *("at_least", "at_most", "more_than", "less_than"),
    *("before", "after", "more_than_ago", "less_than_ago"),
)
AGES = ("more_than_ago", "less_than_ago")
FILTER_TESTS = tuple(test for test in TESTS if test not in AGES)
"""An event's properties never change, and neither may the truth about them: when it happened is `within` and `last`."""
KINDS = ("all", "any", "not", "attribute", "list", "segment", "consent", "event")
_BOUNDS = tuple(order.value for order in tree.Order)
_DURATION = re.compile(r"([1-9][0-9]*)([mhdw])")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?")
_Kind = TypeVar("_Kind", bound=StrEnum)


def parse(data: object, *, at: str = "") -> tree.Rule:
    """The tree of one rule. `at` is where the rule stands in a larger document, for the errors' positions.

    Raises RuleInvalid.
    """
    return _Parser().rule(data, at, depth=1)


def parse_filters(data: object, *, at: str = "where") -> tuple[tree.Filter, ...]:
    """The tests of an event's properties, alone: what stands under `where`. Raises RuleInvalid."""
    return _Parser().filters(data, at)


class _Parser:
    """Reads one document, and counts what it has read so that a bomb is refused before it grows."""

    def __init__(self) -> None:
        self.leaves = 0

    def rule(self, data: object, at: str, depth: int) -> tree.Rule:
        found = _object(data, at)
        if depth > MAX_DEPTH:
            raise _error(at, _("The rule is nested deeper than %(limit)s levels.") % {"limit": MAX_DEPTH})
        kind = next((kind for kind in KINDS if kind in found), None)
        if kind is None:
            raise _unknown(at, _("This is no condition"), found, KINDS)
        if kind in ("all", "any"):
            _only(found, (kind,), at)
            rules = tuple(
                self.rule(each, f"{_under(at, kind)}[{index}]", depth + 1)
                for index, each in enumerate(_several(found[kind], _under(at, kind)))
            )
            return tree.AllOf(rules) if kind == "all" else tree.AnyOf(rules)
        if kind == "not":
            _only(found, ("not",), at)
            return tree.Not(self.rule(found["not"], _under(at, "not"), depth + 1))
        self._count(at)
        return _LEAVES[kind](self, found, at)

    def attribute(self, found: Mapping[str, object], at: str) -> tree.Leaf:
        return tree.Attribute(_name(found, "attribute", at), _test(found, "attribute", TESTS, at))

    def list(self, found: Mapping[str, object], at: str) -> tree.Leaf:
        _only(found, ("list",), at)
        return tree.OnList(_name(found, "list", at))

    def segment(self, found: Mapping[str, object], at: str) -> tree.Leaf:
        _only(found, ("segment",), at)
        return tree.InSegment(_name(found, "segment", at))

    def consent(self, found: Mapping[str, object], at: str) -> tree.Leaf:
        _only(found, ("consent", "channel", "is"), at)
        channel = _choice(found.get("channel", Channel.EMAIL.value), Channel, _under(at, "channel"))
        act = _choice(found.get("is", Act.GRANTED.value), Act, _under(at, "is"))
        return tree.Consent(_name(found, "consent", at), channel, act)

    def event(self, found: Mapping[str, object], at: str) -> tree.Leaf:
        name = _name(found, "event", at)
        where = self.filters(found["where"], _under(at, "where")) if "where" in found else ()
        if "last" in found:
            _only(found, ("event", "where", "last"), at)
            return _latest(name, found["last"], where, _under(at, "last"))
        within = _duration(found["within"], _under(at, "within")) if "within" in found else None
        if "sum" in found:
            _only(found, ("event", "where", "within", "sum", *_BOUNDS), at)
            given = {key: value for key, value in found.items() if key in _BOUNDS}
            return tree.Total(name, _name(found, "sum", at), _bounds(given, at), within, where)
        _only(found, ("event", "where", "within", "count", "never", "sum", "last"), at)
        return tree.Happened(name, _times(found, at), within, where)

    def filters(self, data: object, at: str) -> tuple[tree.Filter, ...]:
        filters = []
        for index, each in enumerate(_several(data, at)):
            place = f"{at}[{index}]"
            found = _object(each, place)
            if "property" not in found:
                raise _unknown(place, _("A filter names a property"), found, ("property",))
            self._count(place)
            test = _test(found, "property", FILTER_TESTS, place)
            filters.append(tree.Filter(_name(found, "property", place), test))
        return tuple(filters)

    def _count(self, at: str) -> None:
        self.leaves += 1
        if self.leaves > MAX_LEAVES:
            raise _error(at, _("The rule has more than %(limit)s conditions.") % {"limit": MAX_LEAVES})


_LEAVES: dict[str, Callable[[_Parser, Mapping[str, object], str], tree.Leaf]] = {
    "attribute": _Parser.attribute,
    "list": _Parser.list,
    "segment": _Parser.segment,
    "consent": _Parser.consent,
    "event": _Parser.event,
}


def _times(found: Mapping[str, object], at: str) -> tuple[tree.Bound, ...]:
    """How often an event must have happened: `never`, a `count`, or at least once."""
    if "never" in found:
        if found["never"] is not True or "count" in found:
            raise _error(
                _under(at, "never"), _("Write “never”: true, alone, or a “count”."), hint='{"never": true}'
            )
        return tree.NEVER
    if "count" not in found:
        return tree.ONCE
    place = _under(at, "count")
    bounds = _bounds(_object(found["count"], place), place)
    for bound in bounds:
        if bound.number != int(bound.number) or not 0 <= bound.number <= MAX_TIMES:
            raise _error(
                _under(place, bound.order),
                _("A count is a whole number from 0 to %(limit)s.") % {"limit": MAX_TIMES},
            )
    happened = tree.Happened("", bounds)
    if happened.most is not None and happened.least > happened.most:
        raise _error(place, _("No number of times satisfies these bounds."))
    if happened.most is None and happened.least == 0:
        raise _error(place, _("Every number of times satisfies these bounds."))
    return bounds


def _latest(event: str, data: object, where: tuple[tree.Filter, ...], at: str) -> tree.Latest:
    found = _object(data, at)
    _only(found, AGES, at)
    more, less = (_duration(found[key], _under(at, key)) if key in found else None for key in AGES)
    if more is None and less is None:
        raise _unknown(at, _("Say how long ago"), found, AGES)
    if more is not None and less is not None and more.seconds >= less.seconds:
        raise _error(at, _("Nothing happened both that long ago and that recently."))
    return tree.Latest(event, more, less, where)


def _bounds(found: Mapping[str, object], at: str) -> tuple[tree.Bound, ...]:
    """One or more bounds of a number."""
    _only(found, _BOUNDS, at)
    if not found:
        raise _error(at, _("A bound is missing: %(possible)s.") % {"possible": ", ".join(_BOUNDS)})
    return tuple(
        tree.Bound(order, _number(found[order], _under(at, order)))
        for order in tree.Order
        if order.value in found
    )


def _test(found: Mapping[str, object], subject: str, possible: Sequence[str], at: str) -> tree.Test:
    """The one test that stands beside an attribute or a property."""
    _only(found, (subject, *possible), at)
    given = [key for key in found if key != subject]
    if len(given) != 1:
        message = _("Exactly one test is needed beside “%(subject)s”; found: %(found)s.")
        hint = _("Possible: %(possible)s.") % {"possible": ", ".join(possible)}
        raise _error(at, message % {"subject": subject, "found": ", ".join(given) or "–"}, hint=hint)
    key, place = given[0], _under(at, given[0])
    return _TESTS[key](found[key], place)


def _one_of(data: object, at: str) -> tree.OneOf:
    values = [_scalar(each, f"{at}[{index}]") for index, each in enumerate(_several(data, at, MAX_VALUES))]
    texts = tuple(value for value in values if isinstance(value, str))
    numbers = tuple(value for value in values if isinstance(value, Decimal))
    if len(texts) != len(values) and len(numbers) != len(values):
        raise _error(at, _("The values must be all texts or all numbers."))
    return tree.OneOf(texts or numbers)


def _bound(order: tree.Order) -> Callable[[object, str], tree.Test]:
    return lambda data, at: tree.Bound(order, _number(data, at))


_TESTS: dict[str, Callable[[object, str], tree.Test]] = {
    "is": lambda data, at: tree.Is(_scalar(data, at)),
    "is_not": lambda data, at: tree.IsNot(_scalar(data, at)),
    "one_of": _one_of,
    "contains": lambda data, at: tree.Contains(_text(data, at, MAX_TEXT)),
    "at_least": _bound(tree.Order.AT_LEAST),
    "at_most": _bound(tree.Order.AT_MOST),
    "more_than": _bound(tree.Order.MORE_THAN),
    "less_than": _bound(tree.Order.LESS_THAN),
    "before": lambda data, at: tree.Dated("before", _instant(data, at)),
    "after": lambda data, at: tree.Dated("after", _instant(data, at)),
    "more_than_ago": lambda data, at: tree.Aged("more_than_ago", _duration(data, at)),
    "less_than_ago": lambda data, at: tree.Aged("less_than_ago", _duration(data, at)),
    "is_set": lambda data, at: tree.IsSet(_boolean(data, at)),
}


# Values.


def _object(data: object, at: str) -> Mapping[str, object]:
    if not isinstance(data, dict):
        raise _mismatch(at, _("an object"), data)
    if bad := next((key for key in data if not isinstance(key, str)), None):
        raise _mismatch(at, _("an object whose keys are texts"), bad)
    return data


def _several(data: object, at: str, limit: int = MAX_LEAVES) -> list[object]:
    if not isinstance(data, list):
        raise _mismatch(at, _("a list"), data)
    if not 1 <= len(data) <= limit:
        raise _error(
            at, _("From 1 to %(limit)s entries; found: %(found)s.") % {"limit": limit, "found": len(data)}
        )
    return data


def _text(data: object, at: str, limit: int) -> str:
    if not isinstance(data, str):
        raise _mismatch(at, _("a text"), data)
    if not 1 <= len(data) <= limit:
        raise _error(
            at, _("From 1 to %(limit)s characters; found: %(found)s.") % {"limit": limit, "found": len(data)}
        )
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in data):
        raise _error(at, _("The text holds a character that cannot be stored."))
    return data


def _name(found: Mapping[str, object], key: str, at: str) -> str:
    return _text(found[key], _under(at, key), MAX_NAME)


def _number(data: object, at: str) -> Decimal:
    if isinstance(data, bool) or not isinstance(data, int | float | Decimal):
        raise _mismatch(at, _("a number"), data)
    # Python refuses to write out an integer of thousands of digits.
    number = Decimal(data) if isinstance(data, int) else Decimal(str(data))
    if not number.is_finite() or abs(number) > MAX_NUMBER:
        raise _error(
            at, _("The number is out of range (at most %(limit)s).") % {"limit": f"{MAX_NUMBER:.0e}"}
        )
    return number


def _boolean(data: object, at: str) -> bool:
    if not isinstance(data, bool):
        raise _mismatch(at, _("true or false"), data)
    return data


def _scalar(data: object, at: str) -> tree.Scalar:
    if isinstance(data, bool):
        return data
    if isinstance(data, int | float | Decimal):
        return _number(data, at)
    if isinstance(data, str):
        return _text(data, at, MAX_TEXT)
    raise _mismatch(at, _("a text, a number, true or false"), data)


def _duration(data: object, at: str) -> tree.Duration:
    match = _DURATION.fullmatch(_text(data, at, MAX_NAME))
    if match is None:
        hint = _("Write a number and m (minutes), h (hours), d (days) or w (weeks).")
        raise _error(
            at,
            _("A duration such as “90d” is expected; found: %(found)s.") % {"found": _shown(data)},
            hint=hint,
        )
    duration = tree.Duration(int(match[1]), tree.Unit(match[2]))
    if duration.seconds > MAX_DURATION.seconds:
        raise _error(at, _("The duration is longer than ten years: at most %(most)s.") % {"most": "3660d"})
    return duration


def _instant(data: object, at: str) -> datetime:
    text = _text(data, at, MAX_NAME)
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        message = _("A date such as “2026-03-31” is expected; found: %(found)s.") % {"found": _shown(data)}
        raise _error(at, message) from None


def _choice(data: object, kinds: type[_Kind], at: str) -> _Kind:
    possible = [kind.value for kind in kinds]
    if data not in possible:
        raise _unknown(at, _("This is not possible here"), [_text(data, at, MAX_NAME)], possible)
    return kinds(data)


# Errors.


def _only(found: Mapping[str, object], possible: Iterable[str], at: str) -> None:
    """Refuse every key that is not possible here."""
    allowed = tuple(possible)
    if unknown := [key for key in found if key not in allowed]:
        raise _unknown(
            _under(at, shown(unknown[0])), _("This key is not possible here"), unknown[:1], allowed
        )


def _error(at: str, message: str, *, hint: str = "") -> RuleInvalid:
    return RuleInvalid(message, field=at, hint=hint)


def _mismatch(at: str, expected: str, data: object) -> RuleInvalid:
    message = _("Expected %(expected)s; found: %(found)s.")
    return _error(at, message % {"expected": expected, "found": _shown(data)})


def _unknown(at: str, problem: str, found: Iterable[str], possible: Iterable[str]) -> RuleInvalid:
    names = list(found)
    return unknown_name(at, problem, ", ".join(map(_shown, names)) or "–", names[:1], list(possible))


def unknown_name(at: str, problem: str, shown: str, names: list[str], possible: list[str]) -> RuleInvalid:
    """The error for a name that is not among the possible ones, with the nearest of them as a hint."""
    near = difflib.get_close_matches(names[0][:MAX_NAME], possible, n=1, cutoff=0.6) if names else []
    hint = _("Did you mean “%(name)s”?") % {"name": near[0]} if near else ""
    listed = ", ".join(possible[:20]) + (", …" if len(possible) > 20 else "")
    message = _("%(problem)s: %(found)s. Possible: %(possible)s.")
    return _error(at, message % {"problem": problem, "found": shown, "possible": listed or "–"}, hint=hint)


def _shown(data: object) -> str:
    """What was found, short enough for a message, and nothing that cannot be written: `repr` fails for huge or deep values."""
    if isinstance(data, str):
        return f"“{shown(data)}”"
    if isinstance(data, list):
        return _("a list")
    if isinstance(data, dict):
        return _("an object")
    if isinstance(data, int) and abs(data) > MAX_NUMBER:
        return _("a number")
    return repr(data)[:60]


def _under(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key
