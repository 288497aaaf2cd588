"""Rules in English: "People who ordered at least twice and whose “City” is “Lyon”"."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from parcours.audiences.language import tree
from parcours.audiences.language.voice import Voice
from parcours.consent.types import Act, Channel


@dataclass(frozen=True)
class Words:
    """How one event is said: done, (did not) do, the last one, and several of them."""

    did: str
    do: str
    last: str
    them: str


EVENTS: Mapping[str, Words] = {
    "Order Completed": Words("ordered", "order", "last order", "orders"),
    "Order Refunded": Words("were refunded", "get a refund", "last refund", "refunds"),
    "Order Cancelled": Words("cancelled an order", "cancel an order", "last cancellation", "cancellations"),
    "Product Viewed": Words("viewed a product", "view a product", "last viewed product", "viewed products"),
    "Product Added": Words(
        "put a product in the cart",
        "put a product in the cart",
        "last addition to the cart",
        "additions to the cart",
    ),
    "Checkout Started": Words("started a checkout", "start a checkout", "last checkout", "checkouts"),
    "Email Delivered": Words(
        "received an email", "receive an email", "last email received", "emails received"
    ),
    "Email Opened": Words("opened an email", "open an email", "last open", "opens"),
    "Email Link Clicked": Words("clicked in an email", "click in an email", "last click", "clicks"),
    "Unsubscribed": Words("unsubscribed", "unsubscribe", "last unsubscription", "unsubscriptions"),
    "Contact Created": Words("were created", "get created", "creation", "creations"),
}

_UNITS = {
    tree.Unit.MINUTES: "minute",
    tree.Unit.HOURS: "hour",
    tree.Unit.DAYS: "day",
    tree.Unit.WEEKS: "week",
}
_ORDERS = {
    tree.Order.IS: "",
    tree.Order.AT_LEAST: "at least ",
    tree.Order.AT_MOST: "at most ",
    tree.Order.MORE_THAN: "more than ",
    tree.Order.LESS_THAN: "less than ",
}
_CHANNELS = {Channel.EMAIL: " by email", Channel.SMS: " by SMS", Channel.ANY: ""}
_CONSENTS = {
    Act.GRANTED: ("who consented to {}{}", "who have not consented to {}{}"),
    Act.REQUESTED: (
        "whose consent to {}{} awaits confirmation",
        "whose consent to {}{} does not await confirmation",
    ),
    Act.WITHDRAWN: ("who withdrew their consent to {}{}", "who have not withdrawn their consent to {}{}"),
    Act.OBJECTED: ("who objected to {}{}", "who have not objected to {}{}"),
}


class English(Voice):
    """Plain English."""

    language = "en"
    everyone = "People"
    conjunctions = ("and", "or")
    quotes = ("“", "”")
    separators = (",", ".")
    clock = "at"

    def whose(self, tested: str) -> str:
        return f"whose {tested}"

    def tested(self, subject: str, test: tree.Test, negated: bool) -> str:
        match test:
            case tree.Is(value):
                return f"{subject} {_is(negated)} {self.value(value)}"
            case tree.IsNot(value):
                return f"{subject} {_is(not negated)} {self.value(value)}"
            case tree.OneOf(values) if negated:
                return f"{subject} is neither " + " nor ".join(self.value(value) for value in values)
            case tree.OneOf(values):
                return f"{subject} is " + self.joined([self.value(value) for value in values], is_all=False)
            case tree.Contains(text):
                return f"{subject} {'does not contain' if negated else 'contains'} {self.quoted(text)}"
            case tree.Bound():
                return f"{subject} {_is(negated)} {self.bound(test)}"
            case tree.Dated(side, instant):
                return f"{subject} {_is(negated)} {side} {self.day(instant)}"
            case tree.Aged(side, age):
                return f"{subject} {_is(negated)} {_ago(side, age)}"
            case tree.IsSet(expected):
                return f"{subject} {_is(negated is expected)} known"
            case _:
                assert_never(test)

    def value(self, value: tree.Scalar) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        return self.quoted(value) if isinstance(value, str) else self.number(value)

    def bound(self, bound: tree.Bound) -> str:
        return _ORDERS[bound.order] + self.number(bound.number)

    def on_list(self, name: str, negated: bool) -> str:
        return f"who {_are(negated)} on the list {name}"

    def in_segment(self, name: str, negated: bool) -> str:
        return f"who {_are(negated)} in the segment {name}"

    def consented(self, name: str, consent: tree.Consent, negated: bool) -> str:
        return _CONSENTS[consent.act][negated].format(name, _CHANNELS[consent.channel])

    def happened(self, rule: tree.Happened) -> str:
        words = self.words(rule.event)
        if rule.most == 0:
            did = f"did not {words.do}" if rule.within else f"never {words.did}"
        else:
            did = words.did + _times(rule.least, rule.most)
        return f"who {did}{_window(rule.within)}{self.where(rule.where)}"

    def total(self, rule: tree.Total) -> str:
        words = self.words(rule.event)
        bounds = self.joined([self.bound(bound) for bound in rule.bounds], is_all=True)
        summed = f"whose sum of {self.quoted(rule.property)} over {words.them}{self.where(rule.where)}"
        return f"{summed} is {bounds}{_window(rule.within)}"

    def latest(self, rule: tree.Latest) -> str:
        sides = (("more_than_ago", rule.more_than_ago), ("less_than_ago", rule.less_than_ago))
        ages = [_ago(side, age) for side, age in sides if age is not None]
        last = f"whose {self.words(rule.event).last}{self.where(rule.where)}"
        return f"{last} was {self.joined(ages, is_all=True)}"

    def where(self, filters: tuple[tree.Filter, ...]) -> str:
        return f" (where {self.filters(filters)})" if filters else ""

    def words(self, event: str) -> Words:
        name = self.quoted(event)
        return EVENTS.get(event) or Words(f"did {name}", f"do {name}", f"last {name}", name)


def _is(negated: bool) -> str:
    return "is not" if negated else "is"


def _are(negated: bool) -> str:
    return "are not" if negated else "are"


def _times(least: int, most: int | None) -> str:
    if most is None:
        return "" if least == 1 else f" at least {_count(least)}"
    if least == most:
        return f" exactly {_count(least)}"
    return f" at most {_count(most)}" if least == 0 else f" {least} to {_count(most)}"


def _count(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _window(within: tree.Duration | None) -> str:
    if within is None:
        return ""
    unit = _UNITS[within.unit]
    return f" in the last {unit}" if within.count == 1 else f" in the last {within.count} {unit}s"


def _ago(side: str, age: tree.Duration) -> str:
    amount = f"{age.count} {_UNITS[age.unit]}{'s' if age.count > 1 else ''}"
    return f"{'more' if side == 'more_than_ago' else 'less'} than {amount} ago"
