"""Les règles en français : « Clients qui ont commandé au moins 2 fois et dont « Ville » est « Lyon » »."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from parcours.audiences.language import tree
from parcours.audiences.language.voice import Voice
from parcours.consent.types import Act, Channel


@dataclass(frozen=True)
class Words:
    """How one event is said: done, not done (`{}` is "pas" or "jamais"), the last one, and several of them."""

    did: str
    did_not: str
    last: str
    of_them: str


EVENTS: Mapping[str, Words] = {
    "Order Completed": Words("ont commandé", "n'ont {} commandé", "la dernière commande", "des commandes"),
    "Order Refunded": Words(
        "ont été remboursés", "n'ont {} été remboursés", "le dernier remboursement", "des remboursements"
    ),
    "Order Cancelled": Words(
        "ont annulé une commande", "n'ont {} annulé de commande", "la dernière annulation", "des annulations"
    ),
    "Product Viewed": Words(
        "ont regardé un produit",
        "n'ont {} regardé de produit",
        "le dernier produit regardé",
        "des produits regardés",
    ),
    "Product Added": Words(
        "ont mis un produit au panier",
        "n'ont {} mis de produit au panier",
        "le dernier ajout au panier",
        "des ajouts au panier",
    ),
    "Checkout Started": Words(
        "ont commencé à payer",
        "n'ont {} commencé à payer",
        "le dernier passage en caisse",
        "des passages en caisse",
    ),
    "Email Delivered": Words(
        "ont reçu un e-mail", "n'ont {} reçu d'e-mail", "le dernier e-mail reçu", "des e-mails reçus"
    ),
    "Email Opened": Words(
        "ont ouvert un e-mail", "n'ont {} ouvert d'e-mail", "la dernière ouverture", "des ouvertures"
    ),
    "Email Link Clicked": Words(
        "ont cliqué dans un e-mail", "n'ont {} cliqué dans un e-mail", "le dernier clic", "des clics"
    ),
    "Unsubscribed": Words(
        "se sont désabonnés", "ne se sont {} désabonnés", "le dernier désabonnement", "des désabonnements"
    ),
    "Contact Created": Words("ont été créés", "n'ont {} été créés", "la création", "des créations"),
}

_UNITS = {
    tree.Unit.MINUTES: ("minute", True),
    tree.Unit.HOURS: ("heure", True),
    tree.Unit.DAYS: ("jour", False),
    tree.Unit.WEEKS: ("semaine", True),
}
_ORDERS = {
    tree.Order.IS: "de ",
    tree.Order.AT_LEAST: "d'au moins ",
    tree.Order.AT_MOST: "d'au plus ",
    tree.Order.MORE_THAN: "de plus de ",
    tree.Order.LESS_THAN: "de moins de ",
}
_CHANNELS = {Channel.EMAIL: " par e-mail", Channel.SMS: " par SMS", Channel.ANY: ""}
_CONSENTS = {
    Act.GRANTED: ("qui ont consenti à {}{}", "qui n'ont pas consenti à {}{}"),
    Act.REQUESTED: (
        "dont le consentement à {}{} attend sa confirmation",
        "dont le consentement à {}{} n'attend pas de confirmation",
    ),
    Act.WITHDRAWN: (
        "qui ont retiré leur consentement à {}{}",
        "qui n'ont pas retiré leur consentement à {}{}",
    ),
    Act.OBJECTED: ("qui se sont opposés à {}{}", "qui ne se sont pas opposés à {}{}"),
}


class French(Voice):
    """Le français de l'interface."""

    language = "fr"
    everyone = "Clients"
    conjunctions = ("et", "ou")
    quotes = ("«\u00a0", "\u00a0»")
    separators = ("\u202f", ",")
    clock = "à"

    def day(self, instant: datetime) -> str:
        day = super().day(instant)
        return f"1er{day[1:]}" if instant.day == 1 else day

    def whose(self, tested: str) -> str:
        return f"dont {tested}"

    def tested(self, subject: str, test: tree.Test, negated: bool) -> str:
        match test:
            case tree.Is(value):
                return f"{subject} {_verb('est', negated)} {self.value(value)}"
            case tree.IsNot(value):
                return f"{subject} {_verb('est', not negated)} {self.value(value)}"
            case tree.OneOf(values) if negated:
                return f"{subject} n'est ni " + " ni ".join(self.value(value) for value in values)
            case tree.OneOf(values):
                return f"{subject} est " + self.joined([self.value(value) for value in values], is_all=False)
            case tree.Contains(text):
                return f"{subject} {_verb('contient', negated)} {self.quoted(text)}"
            case tree.Bound():
                return f"{subject} {_verb('est', negated)} {self.bound(test)}"
            case tree.Dated(side, instant):
                word = "avant" if side == "before" else "après"
                return f"{subject} {_verb('est', negated)} {word} le {self.day(instant)}"
            case tree.Aged(side, age):
                return f"{subject} {_verb('remonte', negated)} {_ago(side, age)}"
            case tree.IsSet(expected):
                return f"{subject} {_verb('est', negated is expected)} renseigné"
            case _:
                assert_never(test)

    def value(self, value: tree.Scalar) -> str:
        if isinstance(value, bool):
            return "vrai" if value else "faux"
        return self.quoted(value) if isinstance(value, str) else self.number(value)

    def bound(self, bound: tree.Bound) -> str:
        return _ORDERS[bound.order] + self.number(bound.number)

    def on_list(self, name: str, negated: bool) -> str:
        return f"qui {_verb('sont', negated)} sur la liste {name}"

    def in_segment(self, name: str, negated: bool) -> str:
        return f"qui {_verb('sont', negated)} dans le segment {name}"

    def consented(self, name: str, consent: tree.Consent, negated: bool) -> str:
        return _CONSENTS[consent.act][negated].format(name, _CHANNELS[consent.channel])

    def happened(self, rule: tree.Happened) -> str:
        words = self.words(rule.event)
        if rule.most == 0:
            did = words.did_not.format("pas" if rule.within else "jamais")
        else:
            did = words.did + _times(rule.least, rule.most)
        return f"qui {did}{_window(rule.within)}{self.where(rule.where)}"

    def total(self, rule: tree.Total) -> str:
        words = self.words(rule.event)
        bounds = self.joined([self.bound(bound) for bound in rule.bounds], is_all=True)
        summed = f"dont la somme de {self.quoted(rule.property)} {words.of_them}{self.where(rule.where)}"
        return f"{summed} est {bounds}{_window(rule.within)}"

    def latest(self, rule: tree.Latest) -> str:
        sides = (("more_than_ago", rule.more_than_ago), ("less_than_ago", rule.less_than_ago))
        ages = [_ago(side, age) for side, age in sides if age is not None]
        last = f"dont {self.words(rule.event).last}{self.where(rule.where)}"
        return f"{last} remonte {self.joined(ages, is_all=True)}"

    def where(self, filters: tuple[tree.Filter, ...]) -> str:
        return f" (où {self.filters(filters)})" if filters else ""

    def words(self, event: str) -> Words:
        name = self.quoted(event)
        return EVENTS.get(event) or Words(
            f"ont fait {name}", f"n'ont {{}} fait {_escaped(name)}", f"le dernier {name}", f"des {name}"
        )


def _escaped(name: str) -> str:
    return name.replace("{", "{{").replace("}", "}}")


def _verb(verb: str, negated: bool) -> str:
    if not negated:
        return verb
    return f"n'{verb} pas" if verb[0] in "aeiou" else f"ne {verb} pas"


def _times(least: int, most: int | None) -> str:
    if most is None:
        return "" if least == 1 else f" au moins {least} fois"
    if least == most:
        return f" exactement {least} fois"
    return f" au plus {most} fois" if least == 0 else f" entre {least} et {most} fois"


def _window(within: tree.Duration | None) -> str:
    if within is None:
        return ""
    word, is_feminine = _UNITS[within.unit]
    if within.count == 1:
        return " ces dernières 24 heures" if within.unit is tree.Unit.DAYS else f" cette dernière {word}"
    return f" ces {within.count} {'dernières' if is_feminine else 'derniers'} {word}s"


def _ago(side: str, age: tree.Duration) -> str:
    word, _is_feminine = _UNITS[age.unit]
    amount = f"{age.count} {word}{'s' if age.count > 1 else ''}"
    return f"à {'plus' if side == 'more_than_ago' else 'moins'} de {amount}"
