"""What a sentence about a rule is made of, whatever the language: clauses joined by "and" and "or".

"Not" is pushed down to the conditions, where every language has words for it ("did not order"); a group inside a group
stands in parentheses. Not here: words (`french`, `english`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, TypeAlias, assert_never

from django.utils import dateformat, translation

from parcours.audiences.language import tree
from parcours.audiences.language.check import Vocabulary


@dataclass(frozen=True)
class Clause:
    """One condition, or its contrary."""

    leaf: tree.Leaf
    negated: bool = False


@dataclass(frozen=True)
class Group:
    """Clauses of which all must hold, or any."""

    is_all: bool
    parts: "tuple[Part, ...]"


Part: TypeAlias = Clause | Group


def plain(rule: tree.Rule, *, negated: bool = False) -> Part:
    """The rule, or its contrary, without "not" above a condition and without a group in one of its own kind."""
    match rule:
        case tree.AllOf(rules):
            return _group(not negated, [plain(each, negated=negated) for each in rules])
        case tree.AnyOf(rules):
            return _group(negated, [plain(each, negated=negated) for each in rules])
        case tree.Not(inner):
            return plain(inner, negated=not negated)
        case tree.Happened() | tree.Total() | tree.Latest() if negated:
            return _group(False, [Clause(each) for each in _contraries(rule)])
        case tree.Attribute(name, test) if negated:
            return _contrary_test(name, test)
        case _:
            return Clause(rule, negated)


def _group(is_all: bool, parts: Sequence[Part]) -> Part:
    flat: list[Part] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Group) and part.is_all == is_all else [part])
    return flat[0] if len(flat) == 1 else Group(is_all, tuple(flat))


def _contraries(leaf: tree.Happened | tree.Total | tree.Latest) -> Iterator[tree.Leaf]:
    """Conditions of which one holds exactly when `leaf` does not."""
    match leaf:
        case tree.Happened(event, _bounds, within, where):
            if leaf.least > 0:
                fewer = (tree.Bound(tree.Order.LESS_THAN, Decimal(leaf.least)),)
                yield tree.Happened(event, fewer, within, where)
            if leaf.most is not None:
                more = (tree.Bound(tree.Order.MORE_THAN, Decimal(leaf.most)),)
                yield tree.Happened(event, more, within, where)
        case tree.Total(event, summed, bounds, within, where):
            for bound in bounds:
                for order in _CONTRARY_ORDERS[bound.order]:
                    yield tree.Total(event, summed, (tree.Bound(order, bound.number),), within, where)
        case tree.Latest(event, more_than_ago, less_than_ago, where):
            yield tree.Happened(event, tree.NEVER, less_than_ago, where)
            if more_than_ago is not None:
                yield tree.Happened(event, tree.ONCE, more_than_ago, where)
        case _:
            assert_never(leaf)


_CONTRARY_ORDERS = {
    tree.Order.IS: (tree.Order.LESS_THAN, tree.Order.MORE_THAN),
    tree.Order.AT_LEAST: (tree.Order.LESS_THAN,),
    tree.Order.AT_MOST: (tree.Order.MORE_THAN,),
    tree.Order.MORE_THAN: (tree.Order.AT_MOST,),
    tree.Order.LESS_THAN: (tree.Order.AT_LEAST,),
}


def _contrary_test(name: str, test: tree.Test) -> Clause:
    match test:
        case tree.Is(value):
            return Clause(tree.Attribute(name, tree.IsNot(value)))
        case tree.IsNot(value):
            return Clause(tree.Attribute(name, tree.Is(value)))
        case tree.IsSet(expected):
            return Clause(tree.Attribute(name, tree.IsSet(not expected)))
        case _:
            return Clause(tree.Attribute(name, test), negated=True)


class Voice(ABC):
    """One language. Each condition becomes a relative clause in the plural: "who ordered", « dont l'âge est … »."""

    language: ClassVar[str]
    everyone: ClassVar[str]
    conjunctions: ClassVar[tuple[str, str]]
    """And, or."""
    quotes: ClassVar[tuple[str, str]]
    separators: ClassVar[tuple[str, str]]
    """Of thousands and of decimals."""
    clock: ClassVar[str]

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def sentence(self, rule: tree.Rule) -> str:
        return f"{self.everyone} {self.part(plain(rule))}"

    def part(self, part: Part, *, is_inner: bool = False) -> str:
        match part:
            case Group(is_all, parts):
                text = self.joined([self.part(each, is_inner=True) for each in parts], is_all=is_all)
                return f"({text})" if is_inner else text
            case Clause(leaf, negated):
                return self.clause(leaf, negated)
            case _:
                assert_never(part)

    def clause(self, leaf: tree.Leaf, negated: bool) -> str:
        match leaf:
            case tree.Attribute(name, test):
                word = self.vocabulary.attribute(name)
                label = word.label.of(self.language) if word else name
                return self.whose(self.tested(self.quoted(label), test, negated))
            case tree.OnList(slug):
                return self.on_list(self.quoted(self.vocabulary.lists.get(slug, slug)), negated)
            case tree.InSegment(slug):
                found = self.vocabulary.segments.get(slug)
                return self.in_segment(self.quoted(found.name if found else slug), negated)
            case tree.Consent(purpose, channel, act):
                label_of = self.vocabulary.purposes.get(purpose)
                name = self.quoted(label_of.of(self.language) if label_of else purpose)
                return self.consented(name, tree.Consent(purpose, channel, act), negated)
            case tree.Happened():
                return self.happened(leaf)
            case tree.Total():
                return self.total(leaf)
            case tree.Latest():
                return self.latest(leaf)
            case _:
                assert_never(leaf)

    def filters(self, filters: Sequence[tree.Filter]) -> str:
        """The tests of an event's properties: "“total” is more than 50 and …"."""
        tests = [self.tested(self.quoted(each.property), each.test, False) for each in filters]
        return self.joined(tests, is_all=True)

    def joined(self, texts: Sequence[str], *, is_all: bool) -> str:
        word = self.conjunctions[0 if is_all else 1]
        return f" {word} ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]

    def quoted(self, text: str) -> str:
        return f"{self.quotes[0]}{text}{self.quotes[1]}"

    def number(self, number: Decimal) -> str:
        thousands, decimals = self.separators
        text = f"{number:,f}"
        whole, _point, rest = text.partition(".")
        rest = rest.rstrip("0")
        return whole.replace(",", thousands) + (f"{decimals}{rest}" if rest else "")

    def day(self, instant: datetime) -> str:
        """A date, with its time when it is not midnight (UTC)."""
        with translation.override(self.language):
            day = dateformat.format(instant, "j F Y")
        midnight = instant.hour == instant.minute == instant.second == 0
        return day if midnight else f"{day} {self.clock} {instant:%H:%M} UTC"

    @abstractmethod
    def whose(self, tested: str) -> str:
        """The clause that says something of an attribute."""

    @abstractmethod
    def tested(self, subject: str, test: tree.Test, negated: bool) -> str:
        """A subject and what is true of it: "“City” is “Lyon”"."""

    @abstractmethod
    def on_list(self, name: str, negated: bool) -> str: ...

    @abstractmethod
    def in_segment(self, name: str, negated: bool) -> str: ...

    @abstractmethod
    def consented(self, name: str, consent: tree.Consent, negated: bool) -> str: ...

    @abstractmethod
    def happened(self, rule: tree.Happened) -> str: ...

    @abstractmethod
    def total(self, rule: tree.Total) -> str: ...

    @abstractmethod
    def latest(self, rule: tree.Latest) -> str: ...
