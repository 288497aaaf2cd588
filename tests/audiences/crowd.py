"""People made up for tests of rules, and how they get into the database."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from parcours.consent.models import Purpose, Record, State
from parcours.contacts.models import Attribute, Contact, List, ListMember
from parcours.events import actions as events
from parcours.events.types import NewEvent
from tests.audiences.evaluator import Happening, Person

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
EVENTS = ("Order Completed", "Email Opened", "Odd {name} %s")
LISTS = ("vip", "press")
PURPOSES = ("promotions", "advice")
NUMBERS: tuple[Any, ...] = (
    0,
    10,
    49.5,
    50,
    120,
    "50",
    "-3",
    "12.50",
    "1e5",
    "NaN",
    "abc",
    " 7",
    None,
    True,
    [1],
    {"a": 1},
)
DATES: tuple[Any, ...] = (
    "2026-03-10", "2026-03-05", "2026-02-20", "2025-12-01", "2026-02-31", "2027-01-01T10:00:00Z", "yesterday",
    "2026-03-10T09:59:00Z", "0000-00-00", "now", 20260310, None,
)  # fmt: skip
TEXTS: tuple[Any, ...] = ("Lyon", "lyon", "Paris", "Saint-Étienne", "", "o'Neil", "%", None, 5, True)
TAGS: tuple[Any, ...] = (["vip"], ["a", "b"], [], None, "vip")


def crowd(seed: int, size: int, *, with_future: bool = True) -> list[Person]:
    """People as odd as they come; some have events that are still to come."""
    dice = random.Random(seed)
    return [_person(dice, number, with_future) for number in range(size)]


def _person(dice: random.Random, number: int, with_future: bool) -> Person:
    attributes = {
        "city": dice.choice(TEXTS),
        "age": dice.choice(NUMBERS),
        "birthday": dice.choice(DATES),
        "tags": dice.choice(TAGS),
        "vip": dice.choice((True, False, None)),
    }
    person = Person(
        id=UUID(int=(0x7 << 76) | (0x8 << 60) | (number + 1)),
        created_at=NOW - timedelta(hours=dice.randint(-48, 3000)),
        email=f"person{number}@example.org" if dice.random() < 0.8 else None,
        language=dice.choice(("fr", "en", "")),
        source=dice.choice(("shop", "")),
        attributes={name: value for name, value in attributes.items() if dice.random() < 0.7},
        lists={slug for slug in LISTS if dice.random() < 0.4},
        consents={
            (purpose, "email"): dice.choice(("granted", "withdrawn", "objected", "requested"))
            for purpose in PURPOSES
            if dice.random() < 0.6
        },
    )
    for _ in range(dice.choice((0, 0, 1, 2, 3, 6))):
        hours = dice.choice((dice.randint(1, 60), dice.randint(1, 2400), 90 * 24, 24))
        at = NOW - timedelta(hours=hours)
        if with_future and dice.random() < 0.15:
            at = NOW + timedelta(hours=dice.randint(1, 800))
        properties = {
            "total": dice.choice(NUMBERS),
            "kind": dice.choice(TEXTS),
            "when": dice.choice(DATES),
            "machine": dice.choice((True, True, False)),
        }
        kept = {name: value for name, value in properties.items() if dice.random() < 0.8}
        person.events.append(Happening(dice.choice(EVENTS), at, kept))
    return person


def store(workspace_id: int, people: Sequence[Person]) -> None:
    """Write people to the database, inside the workspace's scope."""
    Contact.objects.bulk_create(
        Contact(
            id=person.id,
            workspace_id=workspace_id,
            email=person.email,
            language=person.language,
            source=person.source,
            attributes=person.attributes,
            created_at=person.created_at,
            updated_at=person.created_at,
        )
        for person in people
    )
    _store_lists(workspace_id, people)
    _store_consents(workspace_id, people)
    tell(workspace_id, people)


def tell(workspace_id: int, people: Iterable[Person]) -> None:
    """Append all that happened to these people to the log."""
    happened = [
        NewEvent(person.id, event.name, event.properties, at=event.at)
        for person in people
        for event in person.events
    ]
    events.append(workspace_id, happened, now=NOW)


def _store_lists(workspace_id: int, people: Sequence[Person]) -> None:
    for slug in LISTS:
        made = List.objects.create(workspace_id=workspace_id, slug=slug, name=slug.upper(), created_at=NOW)
        ListMember.objects.bulk_create(
            ListMember(workspace_id=workspace_id, list=made, contact_id=person.id, added_at=NOW)
            for person in people
            if slug in person.lists
        )


def _store_consents(workspace_id: int, people: Sequence[Person]) -> None:
    for code in PURPOSES:
        purpose = Purpose.objects.create(
            workspace_id=workspace_id,
            code=code,
            name_fr=code.title(),
            name_en=code.title(),
            basis="consent",
            is_marketing=True,
        )
        for person in people:
            if act := person.consents.get((code, "email")):
                common: dict[str, Any] = {
                    "workspace_id": workspace_id,
                    "contact_id": person.id,
                    "purpose": purpose,
                    "channel": "email",
                    "act": act,
                }
                record = Record.objects.create(**common, at=NOW, source="test")
                State.objects.create(**common, since=NOW, record=record)


def declare(workspace_id: int, name: str, type_: str) -> None:
    """Declare an attribute, so that rules may speak of it."""
    Attribute.objects.create(workspace_id=workspace_id, name=name, label_fr=name, label_en=name, type=type_)
