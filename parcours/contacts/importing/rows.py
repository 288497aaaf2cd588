"""From a record of the file to a person, or to the reason why not. Pure: no database, no clock.

A row is taken whole or refused whole: a refused one is in the report with its line, and the mended file can be imported again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from parcours.contacts import identities
from parcours.contacts.attributes import accepted, items_in
from parcours.contacts.importing.columns import (
    BLANKS_IN_NUMBERS,
    FALSE_WORDS,
    ISO_DATE,
    NUMBER,
    SLASHED_DATE,
    TRUE_WORDS,
    Column,
    DateOrder,
    Target,
    plain,
)
from parcours.contacts.importing.plan import Plan
from parcours.contacts.importing.reading import Record
from parcours.contacts.types import AttributeType, Declared, Identity, IdentityKind, Person
from parcours.kernel.errors import Invalid
from parcours.kernel.tables import meant

REMEMBERED = 10_000
_LEFT_WORDS = frozenset(
    {"unsubscribed", "desinscrit", "desabonne", "blacklisted", "opted out", "do not contact"}
)
_THERE_WORDS = frozenset({"subscribed", "inscrit", "abonne", "opted in", "never subscribed"})
_LANGUAGES = {"francais": "fr", "french": "fr", "anglais": "en", "english": "en", "français": "fr"}


@dataclass(frozen=True, slots=True)
class Row:
    """A person to be saved, and whether the file says that they want nothing, or that their address does not work."""

    line: int
    email: str
    person: Person
    opted_out: bool
    bounced: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that is not taken in. `value` is the cell at fault, as text.

    What it says against writing to its address counts all the same, where the address can be read.
    """

    line: int
    code: str
    value: str
    email: str = ""
    opted_out: bool = False
    bounced: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """A column at its position, ready to read cells."""

    position: int
    column: Column
    attribute: Declared
    seen: dict[str, Any] = field(default_factory=dict)


class Reader:
    """Reads records by one plan. `attributes` are those of the workspace, by name."""

    def __init__(self, plan: Plan, attributes: Sequence[Declared]) -> None:
        declared = {one.name: one for one in attributes}
        self._width = len(plan.columns)
        self._source = plan.source
        self._order = plan.date_order
        self._places = [
            _Place(position, column, declared.get(column.name, Declared(column.name, column.type)))
            for position, column in enumerate(plan.columns)
            if column.target is not Target.IGNORE
        ]

    def read(self, record: Record) -> Row | Refusal:
        """The person of a record, or why it is refused. One with too many cells says nothing: they are not where they should be."""
        cells = record.cells
        if len(cells) > self._width and any(cell.strip() for cell in cells[self._width :]):
            return Refusal(record.line, "too_many_cells", " ".join(cells[self._width :]))
        person = _Draft()
        refused: Refusal | None = None
        for place in self._places:
            cell = meant(cells[place.position].strip()) if place.position < len(cells) else ""
            if not cell:
                continue
            try:
                self._take(person, place, cell)
            except Invalid as error:
                refused = refused or Refusal(record.line, _code(place.column, cell, error), cell)
        if refused is None and not person.email:
            refused = Refusal(record.line, "no_email", "")
        if refused is None:
            return person.row(record.line, self._source)
        return replace(refused, email=person.email, opted_out=person.opted_out, bounced=person.bounced)

    def _take(self, person: "_Draft", place: _Place, cell: str) -> None:
        target = place.column.target
        if target is Target.ATTRIBUTE:
            person.attributes[place.column.name] = self._value(place, cell)
        else:
            _TAKERS[target](person, cell)

    def _value(self, place: _Place, cell: str) -> Any:
        """The value of a cell; towns, dates and the like come again and again, and are converted once."""
        if cell in place.seen:
            return place.seen[cell]
        value = accepted(place.attribute, _convert(cell, place.attribute.type, self._order))
        if len(place.seen) < REMEMBERED:
            place.seen[cell] = value
        return value


class _Draft:
    """A person as the cells of one row fill it."""

    __slots__ = (
        "attributes",
        "bounced",
        "email",
        "identities",
        "language",
        "opted_out",
        "source",
        "time_zone",
    )

    def __init__(self) -> None:
        self.email = ""
        self.identities: list[Identity] = []
        self.language = self.time_zone = self.source = ""
        self.attributes: dict[str, Any] = {}
        self.opted_out = self.bounced = False

    def row(self, line: int, source: str) -> Row:
        person = Person(
            email=self.email,
            identities=tuple(self.identities),
            language=self.language,
            time_zone=self.time_zone,
            attributes=self.attributes,
            source=self.source or source,
        )
        return Row(line, self.email, person, self.opted_out, self.bounced)


def _take_email(person: _Draft, cell: str) -> None:
    person.email = identities.email(cell)


def _take_phone(person: _Draft, cell: str) -> None:
    person.identities += [
        identities.identity(IdentityKind.PHONE, one) for one in cell.split(identities.SEPARATOR)
    ]


def _take_external(person: _Draft, cell: str) -> None:
    person.identities += [
        identities.identity(IdentityKind.EXTERNAL, one) for one in cell.split(identities.SEPARATOR)
    ]


def _take_language(person: _Draft, cell: str) -> None:
    person.language = _LANGUAGES.get(cell.casefold()) or identities.language(cell)


def _take_time_zone(person: _Draft, cell: str) -> None:
    person.time_zone = identities.time_zone(cell)


def _take_source(person: _Draft, cell: str) -> None:
    if len(cell) > 60 or identities.has_control_characters(cell):
        raise Invalid(_("A source has at most 60 characters."), field="source")
    person.source = cell


def _take_opt_out(person: _Draft, cell: str) -> None:
    person.opted_out |= _says_no(cell)


@lru_cache(maxsize=1_000)  # a file has two or three such words, hundreds of thousands of times
def _says_no(cell: str) -> bool:
    word = plain(cell)
    return word in _LEFT_WORDS or (word not in _THERE_WORDS and _boolean(cell))


def _take_opted_out_at(person: _Draft, _cell: str) -> None:
    person.opted_out = True


def _take_bounced_at(person: _Draft, _cell: str) -> None:
    person.bounced = True


_TAKERS: dict[Target, Callable[[_Draft, str], None]] = {
    Target.EMAIL: _take_email,
    Target.PHONE: _take_phone,
    Target.EXTERNAL: _take_external,
    Target.LANGUAGE: _take_language,
    Target.TIME_ZONE: _take_time_zone,
    Target.SOURCE: _take_source,
    Target.OPT_OUT: _take_opt_out,
    Target.OPTED_OUT_AT: _take_opted_out_at,
    Target.BOUNCED_AT: _take_bounced_at,
}


def _convert(cell: str, kind: AttributeType, order: DateOrder | None) -> Any:
    """The value that a cell's text stands for."""
    if kind is AttributeType.NUMBER:
        return _number(cell)
    if kind is AttributeType.BOOLEAN:
        return _boolean(cell)
    if kind is AttributeType.DATE:
        return _day(cell, order)
    if kind is AttributeType.LIST:
        return items_in(cell)
    return cell


def _number(cell: str) -> float | int:
    bare = cell.translate(BLANKS_IN_NUMBERS)
    if NUMBER.fullmatch(bare) is None:
        raise Invalid(_("This is not a number."))
    value = float(bare.replace(",", "."))
    return int(value) if value.is_integer() else value


def _boolean(cell: str) -> bool:
    word = cell.casefold()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise Invalid(_("This is neither yes nor no."))


def _day(cell: str, order: DateOrder | None) -> date:
    if match := ISO_DATE.fullmatch(cell):
        year, month, day = int(match[1]), int(match[2]), int(match[3])
    elif match := SLASHED_DATE.fullmatch(cell):
        day, month, year = int(match[1]), int(match[2]), int(match[3])
        if order is DateOrder.MONTH_FIRST:
            day, month = month, day
    else:
        raise Invalid(_("This is not a date."))
    try:
        return date(year, month, day)
    except ValueError as error:
        raise Invalid(_("There is no such day.")) from error


def _code(column: Column, cell: str, error: Invalid) -> str:
    """Why a cell is refused: a code that the report has words for."""
    if "\x00" in cell:
        return "not_text"
    if column.target is not Target.ATTRIBUTE:
        return f"bad_{column.target.value}"
    return f"bad_{column.type.value}"
