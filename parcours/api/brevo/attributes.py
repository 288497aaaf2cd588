"""Brevo's attributes, in capitals, and ours: which are fields or identities here, and under which names the others are kept.

Not here: types and values (`contacts.attributes`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parcours.contacts.attributes import name_of
from parcours.contacts.types import ContactRow, IdentityKind, KnownIdentity

_OURS = {
    "firstname": "first_name",
    "prenom": "first_name",
    "lastname": "last_name",
    "nom": "last_name",
}
_THEIRS = {"first_name": ("FIRSTNAME", "PRENOM"), "last_name": ("LASTNAME", "NOM")}
"""Accounts opened in French have the French names: both are taken, and both are given."""

_DIGITS = re.compile(r"(?:00)?([1-9][0-9]{5,18})")


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody's attributes say. None where they say nothing, '' where they take something away."""

    email: str | None = None
    phone: str | None = None
    external: str | None = None
    language: str | None = None
    others: dict[str, Any] = field(default_factory=dict)


def read(attributes: Mapping[str, Any]) -> Told:
    """Attributes as Brevo's clients send them."""
    fields: dict[str, str] = {}
    others: dict[str, Any] = {}
    for given, value in attributes.items():
        place = _FIELDS.get(given.upper())
        if place is not None:
            fields[place] = "" if value is None else str(value).strip()
            continue
        name = name_of(given)
        others[_OURS.get(name, name)] = value
    if fields.get("phone"):
        fields["phone"] = _phone(fields["phone"])
    return Told(**fields, others=others)


_FIELDS = {"EMAIL": "email", "SMS": "phone", "EXT_ID": "external", "LANGUAGE": "language"}


def _phone(text: str) -> str:
    """Brevo takes 33612345678 and 0033612345678 for +33612345678."""
    digits = _DIGITS.fullmatch(re.sub(r"[ .()/-]", "", text))
    return f"+{digits[1]}" if digits else text


def shown(row: ContactRow, identities: Sequence[KnownIdentity]) -> dict[str, Any]:
    """What is known of a person, under Brevo's names."""
    known: dict[str, Any] = {}
    for name, value in row.attributes.items():
        for theirs in _THEIRS.get(name, (name.upper(),)):
            known[theirs] = value
    for kind, theirs in ((IdentityKind.PHONE, "SMS"), (IdentityKind.EXTERNAL, "EXT_ID")):
        values = [one.value for one in identities if one.kind == kind.value]
        if values:
            known[theirs] = values[-1].removeprefix("+") if kind is IdentityKind.PHONE else values[-1]
    if row.language:
        known["LANGUAGE"] = row.language
    return known
