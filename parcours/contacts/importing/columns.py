"""What the columns of a file are: guessed from their names (French and English) and their first values.

A guess is a proposal; the person who imports decides. Values are converted in `rows`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from parcours.contacts.attributes import RESERVED_NAMES, name_of
from parcours.contacts.errors import InvalidAttributeName
from parcours.contacts.types import AttributeType


class Target(StrEnum):
    """What a column becomes."""

    EMAIL = "email"
    PHONE = "phone"
    EXTERNAL = "external"
    LANGUAGE = "language"
    TIME_ZONE = "time_zone"
    SOURCE = "source"
    OPT_OUT = "opt_out"
    OPTED_OUT_AT = "opted_out_at"
    BOUNCED_AT = "bounced_at"
    ATTRIBUTE = "attribute"
    IGNORE = "ignore"


class DateOrder(StrEnum):
    """How 03/04/2026 is read: day first, month first; ISO dates need no order."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


@dataclass(frozen=True)
class Column:
    """One column of the file and what it becomes. `name` and `type` are of the attribute, `is_new` if it is to be declared."""

    header: str
    target: Target
    name: str = ""
    type: AttributeType = AttributeType.TEXT
    is_new: bool = False


@dataclass(frozen=True)
class Known:
    """An attribute that the workspace has: its name, type, and the labels that people know it by."""

    name: str
    type: AttributeType
    labels: tuple[str, ...] = ()


_SYNONYMS: dict[Target, str] = {
    Target.EMAIL: "email|e mail|mail|courriel|adresse email|adresse e mail|adresse mail|adresse courriel|adresse electronique"
    "|email address|e mail address|address email|emailaddress",
    Target.PHONE: "phone|telephone|tel|mobile|portable|sms|gsm|numero de telephone|phone number|telephone portable",
    Target.EXTERNAL: "external id|externalid|ext id|identifiant|identifiant client|id client|customer id|client id|user id"
    "|userid|numero client|no client|reference client",
    Target.LANGUAGE: "language|langue|locale|lang|preferred language",
    Target.TIME_ZONE: "time zone|timezone|fuseau|fuseau horaire",
    Target.SOURCE: "source|origine|provenance|acquisition source",
    Target.OPT_OUT: "opt out|optout|unsubscribed|desinscrit|desabonne|desinscription|blacklist|blacklisted|email blacklisted"
    "|liste noire|stop|ne pas contacter|do not contact",
}
_TARGETS = {word: target for target, words in _SYNONYMS.items() for word in words.split("|")}

_ATTRIBUTE_SYNONYMS = {
    "first_name": "prenom|first name|firstname|given name|forename|fname",
    "last_name": "nom|nom de famille|last name|lastname|surname|family name|lname|name",
    "city": "ville|city|town|commune",
    "country": "pays|country",
    "postal_code": "code postal|cp|zip|zip code|postal code|postcode",
    "birthday": "date de naissance|anniversaire|birthday|birth date|date of birth|dob|naissance",
    "gender": "sexe|genre|civilite|gender|sex|title",
    "company": "societe|entreprise|company|organisation|organization",
}
_ATTRIBUTES = {word: name for name, words in _ATTRIBUTE_SYNONYMS.items() for word in words.split("|")}

TRUE_WORDS = frozenset({"1", "true", "vrai", "yes", "oui", "y", "o", "x", "on"})
FALSE_WORDS = frozenset({"0", "false", "faux", "no", "non", "n", "off", ""})
SLASHED_DATE = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})(?:[ T].*)?")
ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[ T].*)?")
NUMBER = re.compile(r"[+-]?\d{1,15}(?:[.,]\d{1,10})?")
BLANKS_IN_NUMBERS = str.maketrans("", "", " \u00a0\u202f")


def plain(text: str) -> str:
    """Lower case without accents or punctuation: how headers are compared."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(one for one in bare if not unicodedata.combining(one))
    return " ".join(re.findall(r"[a-z0-9]+", letters))


def guess(
    header: Sequence[str],
    samples: Sequence[Sequence[str]],
    known: Sequence[Known],
    stated: Mapping[str, Target] | None = None,
) -> tuple[Column, ...]:
    """A proposal for every column: as `stated` by its plain name (see `profiles`), else guessed.

    A name and a target (other than attributes and ignore) are proposed once.
    """
    columns: list[Column] = []
    promised = {stated[word] for word in map(plain, header) if word in stated} if stated else set()
    for position, title in enumerate(header):
        values = [row[position].strip() for row in samples if position < len(row)]
        target = stated.get(plain(title)) if stated else None
        taken = {column.target for column in columns} - {Target.ATTRIBUTE, Target.IGNORE}
        if target is not None:
            columns.append(Column(title, Target.IGNORE if target in taken else target))
            continue
        found = _guess_one(title, values, known, columns)
        columns.append(Column(title, Target.IGNORE) if found.target in promised else found)
    return tuple(columns)


def _guess_one(title: str, values: list[str], known: Sequence[Known], before: list[Column]) -> Column:
    word = plain(title)
    target = _TARGETS.get(word)
    taken = {column.target for column in before} - {Target.ATTRIBUTE, Target.IGNORE}
    names = {column.name for column in before if column.name}
    attribute = _attribute_called(title, known)
    if attribute is not None and attribute.name not in names:
        return Column(title, Target.ATTRIBUTE, attribute.name, attribute.type)
    if target is not None and target not in taken:
        return Column(title, target)
    name = new_name(title)
    if not name or name in names or target is not None:
        return Column(title, Target.IGNORE)
    already = next((one for one in known if one.name == name), None)
    if already is not None:
        return Column(title, Target.ATTRIBUTE, name, already.type)
    return Column(title, Target.ATTRIBUTE, name, type_of(values), is_new=True)


def new_name(title: str) -> str:
    """The attribute that a column of this title would declare; '' when none can be called so."""
    word = plain(title)
    try:
        name = _ATTRIBUTES.get(word) or name_of(word)
    except InvalidAttributeName:
        return ""
    return "" if name in RESERVED_NAMES else name


def _attribute_called(title: str, known: Sequence[Known]) -> Known | None:
    word = plain(title)
    matches = (
        one
        for one in known
        if word and word in {plain(name) for name in (one.name, f"attribute_{one.name}", *one.labels)}
    )
    return next(matches, None)


def type_of(values: Iterable[str]) -> AttributeType:
    """The narrowest type that all non-empty values have; text when there is none."""
    filled = [value for value in values if value]
    if not filled:
        return AttributeType.TEXT
    if all(value.casefold() in TRUE_WORDS | FALSE_WORDS and not value.isdigit() for value in filled):
        return AttributeType.BOOLEAN
    if all(ISO_DATE.fullmatch(value) or SLASHED_DATE.fullmatch(value) for value in filled):
        return AttributeType.DATE
    is_number = all(
        NUMBER.fullmatch(value.translate(BLANKS_IN_NUMBERS)) and not _has_leading_zero(value)
        for value in filled
    )
    return AttributeType.NUMBER if is_number else AttributeType.TEXT


def _has_leading_zero(value: str) -> bool:
    """Postal codes and phone numbers are no numbers."""
    return len(value) > 1 and (value.startswith("+") or (value[0] == "0" and value[1].isdigit()))


def date_order(values: Iterable[str]) -> DateOrder | None:
    """The order that the values prove; None when they fit both."""
    for value in values:
        match = SLASHED_DATE.fullmatch(value.strip())
        if match is None:
            continue
        first, second = int(match[1]), int(match[2])
        if first > 12:
            return DateOrder.DAY_FIRST
        if second > 12:
            return DateOrder.MONTH_FIRST
    return None


def needs_date_order(values: Iterable[str]) -> bool:
    """True when some date can be read two ways."""
    return any(SLASHED_DATE.fullmatch(value.strip()) for value in values)
