"""What a workspace knows, and whether a rule speaks of it: names that exist, tests that suit their types.

`check` also looks references to segments up, so that the tree that it returns stands alone: a segment is its rule,
evaluated at the same instant, not its membership as some worker last left it (see docs/concepts/rules.md).

Not here: loading the vocabulary (`audiences.queries.vocabulary`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from typing import assert_never

from django.utils.translation import gettext as _

from parcours.audiences.errors import RuleInvalid
from parcours.audiences.language import tree
from parcours.audiences.language.parse import MAX_LEAVES, unknown_name
from parcours.contacts.types import AttributeType

MAX_CHAIN = 5
"""How far segments may refer to segments that refer to segments."""


@dataclass(frozen=True)
class Label:
    """How people read a thing, in the product's two languages."""

    fr: str
    en: str

    def of(self, language: str) -> str:
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True)
class AttributeWord:
    """An attribute that rules may speak of. Without `options`, a category takes any text."""

    type: AttributeType
    label: Label
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class SegmentWord:
    """A segment that rules may refer to."""

    name: str
    rule: tree.Rule


BUILT_IN: Mapping[str, AttributeWord] = {
    "email": AttributeWord(AttributeType.TEXT, Label("Adresse e-mail", "Email address")),
    "language": AttributeWord(AttributeType.TEXT, Label("Langue", "Language")),
    "time_zone": AttributeWord(AttributeType.TEXT, Label("Fuseau horaire", "Time zone")),
    "source": AttributeWord(AttributeType.TEXT, Label("Origine", "Source")),
    "created_at": AttributeWord(AttributeType.DATE, Label("Date de création", "Creation date")),
}


@dataclass(frozen=True)
class Vocabulary:
    """The names that rules of one workspace may use. Names of events are open: a shop sends what it likes."""

    attributes: Mapping[str, AttributeWord] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    segments: Mapping[str, SegmentWord] = field(default_factory=dict)
    purposes: Mapping[str, Label] = field(default_factory=dict)

    def attribute(self, name: str) -> AttributeWord | None:
        return BUILT_IN.get(name) or self.attributes.get(name)

    def with_segment(self, slug: str, word: SegmentWord) -> "Vocabulary":
        """The same with one segment more, or with another rule for it."""
        return replace(self, segments={**self.segments, slug: word})


def check(rule: tree.Rule, vocabulary: Vocabulary, *, at: str = "") -> tree.Rule:
    """The rule with its references to segments looked up. Raises RuleInvalid where it cannot mean anything here."""
    checked = _Checker(vocabulary, is_strict=True).rule(rule, at)
    _bounded(checked, at)
    return checked


def resolve(rule: tree.Rule, vocabulary: Vocabulary) -> tree.Rule:
    """The same for a rule that was checked when it was saved: only its references to segments are looked up."""
    resolved = _Checker(vocabulary, is_strict=False).rule(rule, "")
    _bounded(resolved, "")
    return resolved


def problem(slug: str, vocabulary: Vocabulary) -> RuleInvalid | None:
    """Why a segment cannot be judged, its rule and those that it refers to being what they are; None when it can."""
    try:
        resolve(tree.InSegment(slug), vocabulary)
    except RuleInvalid as error:
        return error
    return None


def _bounded(checked: tree.Rule, at: str) -> None:
    if sum(1 for _leaf in islice(tree.leaves(checked), MAX_LEAVES + 1)) > MAX_LEAVES:
        message = _("With the segments that it refers to, the rule has more than %(limit)s conditions.")
        raise RuleInvalid(message % {"limit": MAX_LEAVES}, field=at)


def watched_events(rule: tree.Rule) -> frozenset[str]:
    """The names of the events that can change the truth of a checked rule for the person whom they happen to."""
    return frozenset(name for leaf in tree.leaves(rule) for name in _watched(leaf)) | _ALWAYS


_ALWAYS = frozenset({"Contact Created"})  # a merge plans a recheck instead: see audiences.merging


def _watched(leaf: tree.Leaf) -> tuple[str, ...]:
    match leaf:
        case tree.Attribute():
            return ("Attributes Changed",)
        case tree.OnList():
            return ("List Joined", "List Left")
        case tree.Consent():
            return ("Consent Granted", "Consent Requested", "Consent Withdrawn", "Consent Objected")
        case tree.Happened(event) | tree.Total(event) | tree.Latest(event):
            return (event,)
        case tree.InSegment():
            return ()
        case _:
            assert_never(leaf)


class _Checker:
    """Walks one rule; remembers the segments that it has looked up, and those that it is looking up."""

    def __init__(self, vocabulary: Vocabulary, *, is_strict: bool) -> None:
        self.vocabulary = vocabulary
        self.is_strict = is_strict
        self.known: dict[str, tree.Rule] = {}
        self.chain: list[str] = []

    def rule(self, rule: tree.Rule, at: str) -> tree.Rule:
        match rule:
            case tree.AllOf(rules):
                return tree.AllOf(self.rules(rules, f"{at}.all" if at else "all"))
            case tree.AnyOf(rules):
                return tree.AnyOf(self.rules(rules, f"{at}.any" if at else "any"))
            case tree.Not(inner):
                return tree.Not(self.rule(inner, f"{at}.not" if at else "not"))
            case tree.InSegment(slug):
                return tree.InSegment(slug, self.segment(slug, f"{at}.segment" if at else "segment"))
            case _:
                if (
                    self.is_strict and not self.chain
                ):  # what stands in another segment was checked when that one was saved
                    _check_leaf(rule, self.vocabulary, at)
                return rule

    def rules(self, rules: tuple[tree.Rule, ...], at: str) -> tuple[tree.Rule, ...]:
        return tuple(self.rule(each, f"{at}[{index}]") for index, each in enumerate(rules))

    def segment(self, slug: str, at: str) -> tree.Rule:
        """The looked-up rule of another segment; refuses circles and long chains."""
        if slug in self.known:
            return self.known[slug]
        word = self.vocabulary.segments.get(slug)
        if word is None:
            raise _no_such(_("There is no such segment"), slug, self.vocabulary.segments, at)
        if slug in self.chain:
            circle = " → ".join([*self.chain[self.chain.index(slug) :], slug])
            raise RuleInvalid(
                _("Segments refer to each other in a circle: %(circle)s.") % {"circle": circle}, field=at
            )
        if len(self.chain) == MAX_CHAIN:
            message = _("Segments refer to each other more than %(limit)s deep.") % {"limit": MAX_CHAIN}
            raise RuleInvalid(message, field=at)
        self.chain.append(slug)
        self.known[slug] = self.rule(word.rule, at)
        self.chain.pop()
        return self.known[slug]


def _check_leaf(
    leaf: tree.Attribute | tree.OnList | tree.Consent | tree.Happened | tree.Total | tree.Latest,
    vocabulary: Vocabulary,
    at: str,
) -> None:
    place = f"{at}." if at else ""
    match leaf:
        case tree.Attribute(name, test):
            word = vocabulary.attribute(name)
            if word is None:
                possible = {**BUILT_IN, **vocabulary.attributes}
                raise _no_such(_("There is no such attribute"), name, possible, f"{place}attribute")
            _check_test(name, test, word, at)
        case tree.OnList(slug):
            if slug not in vocabulary.lists:
                raise _no_such(_("There is no such list"), slug, vocabulary.lists, f"{place}list")
        case tree.Consent(purpose):
            if purpose not in vocabulary.purposes:
                raise _no_such(_("There is no such purpose"), purpose, vocabulary.purposes, f"{place}consent")
        case tree.Happened() | tree.Total() | tree.Latest():
            return
        case _:
            assert_never(leaf)


_POSSIBLE: Mapping[AttributeType, tuple[str, ...]] = {
    AttributeType.TEXT: ("is", "is_not", "one_of", "contains", "is_set"),
    AttributeType.CATEGORY: ("is", "is_not", "one_of", "contains", "is_set"),
    AttributeType.NUMBER: (
        "is", "is_not", "one_of", "at_least", "at_most", "more_than", "less_than", "is_set",
    ),
    AttributeType.DATE: ("before", "after", "more_than_ago", "less_than_ago", "is_set"),
    AttributeType.BOOLEAN: ("is", "is_not", "is_set"),
    AttributeType.LIST: ("contains", "is_set"),
}  # fmt: skip
_VALUE_TYPES: Mapping[AttributeType, type] = {
    AttributeType.TEXT: str,
    AttributeType.CATEGORY: str,
    AttributeType.NUMBER: Decimal,
    AttributeType.BOOLEAN: bool,
}


def _check_test(name: str, test: tree.Test, word: AttributeWord, at: str) -> None:
    """The test suits the attribute's type, and a category's values are among its options."""
    operator, values = _operator(test), _values(test)
    place = f"{at}.{operator}" if at else operator
    subject = {"name": name, "type": word.type.value}
    if operator not in _POSSIBLE[word.type]:
        problem = _("“%(name)s” is of type %(type)s, which has no such test") % subject
        raise unknown_name(place, problem, f"“{operator}”", [operator], list(_POSSIBLE[word.type]))
    wanted = _VALUE_TYPES.get(word.type)
    for value in values:
        if wanted is not None and type(value) is not wanted:
            message = _("“%(name)s” is of type %(type)s; found: %(found)s.")
            raise RuleInvalid(message % {**subject, "found": value}, field=place)
        if word.type is AttributeType.CATEGORY and word.options and value not in word.options:
            problem = _("“%(name)s” has no such option") % subject
            raise unknown_name(place, problem, f"“{value}”", [str(value)], list(word.options))


def _operator(test: tree.Test) -> str:
    """The key under which a test is written."""
    match test:
        case tree.Is():
            return "is"
        case tree.IsNot():
            return "is_not"
        case tree.OneOf():
            return "one_of"
        case tree.Contains():
            return "contains"
        case tree.Bound(order):
            return order.value
        case tree.Dated(side) | tree.Aged(side):
            return side
        case tree.IsSet():
            return "is_set"
        case _:
            assert_never(test)


def _values(test: tree.Test) -> tuple[tree.Scalar, ...]:
    """The values that a test of equality compares with."""
    match test:
        case tree.Is(value) | tree.IsNot(value):
            return (value,)
        case tree.OneOf(values):
            return values
        case tree.Contains() | tree.Bound() | tree.Dated() | tree.Aged() | tree.IsSet():
            return ()
        case _:
            assert_never(test)


def _no_such(problem: str, name: str, possible: Mapping[str, object], at: str) -> RuleInvalid:
    return unknown_name(at, problem, f"“{name}”", [name], sorted(possible))
