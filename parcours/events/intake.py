"""Storing what the pipeline accepted: the fast way for people who are known, and the thorough way for everybody else.

Both store a message once (by its key) and may be repeated after a lost connection. `take_in` is a statement with its parameters,
for the writer of `public.hot`, which runs it on a connection of its own; `store` runs on Django's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from parcours.contacts import identities
from parcours.contacts.errors import InvalidLanguage, InvalidTimeZone
from parcours.contacts.types import IdentityKind, Person, RefusedValue
from parcours.events import actions, people
from parcours.events.actions import append_parameters, months_of
from parcours.events.types import Incoming, NewEvent
from parcours.kernel import sql, tenancy

statements = sql.load(__package__)
SOURCE = "events"

# The traits that are fields of a contact, in Segment's spellings. Others are attributes.
_LANGUAGE = ("language", "locale")
_TIME_ZONE = ("timezone", "timeZone", "time_zone")
_FIELDS = frozenset({"email", "id", *_LANGUAGE, *_TIME_ZONE})


@dataclass(frozen=True, slots=True)
class Query:
    """A statement's text and its parameters, for a connection that is not Django's."""

    text: str
    parameters: dict[str, Any]


def prepare(workspace_id: int, instants: Iterable[datetime]) -> Query:
    """What a transaction runs first for a workspace. The instants of its events say which months it needs."""
    return Query(statements.prepare.text, {"workspace_id": workspace_id, "months": months_of(instants)})


def append(workspace_id: int, events: Sequence[NewEvent], *, now: datetime) -> Query:
    """`events.actions.append` as a statement, after `prepare`."""
    return Query(statements.append.text, append_parameters(workspace_id, events, now))


def take_in(workspace_id: int, calls: Sequence[Incoming], *, now: datetime) -> Query:
    """Store plain events of known people; the rows returned are the places (from 1) in `calls` of those that need `store`.

    Of calls with one key the first is stored; the others are left to `store`, which finds out whether it was.
    """
    parameters = {
        "workspace_id": workspace_id,
        "events": _encode(calls).decode(),
        "repeated": _repeated(calls),
        "now": now,
    }
    return Query(statements.take_in.text, parameters)


def _repeated(calls: Sequence[Incoming]) -> list[int]:
    """The places (from 1) of calls whose key came before. Here and not in the statement, where it costs 50 times as much."""
    if len({call.key for call in calls}) == len(calls):
        return []
    first: dict[str, int] = {}
    return [place for place, call in enumerate(calls, 1) if first.setdefault(call.key, place) != place]


_encode = msgspec.json.Encoder().encode


def store(workspace_id: int, calls: Sequence[Incoming], *, now: datetime) -> list[tuple[RefusedValue, ...]]:
    """Save the people and their events, in one transaction of its own; return the traits that were left out, per call.

    Traits declare new attributes; a value of the wrong type is left out and the rest is kept. A repeated message does nothing.
    """
    refused: list[tuple[RefusedValue, ...]] = [()] * len(calls)
    with tenancy.scope(workspace_id=workspace_id):
        places = _new_places(workspace_id, calls, now)
        read = [_person(calls[place]) for place in places]
        saved = people.save_people(
            workspace_id, [person for person, _ in read], now=now, declare=True, partial=True
        )
        told = []
        for place, one, (_, wrong) in zip(places, saved, read, strict=True):
            call = calls[place]
            refused[place] = wrong + one.refused
            if call.name:
                told.append(NewEvent(one.contact_id, call.name, call.properties, call.at))
        actions.append(workspace_id, told, now=now)
    return refused


def _new_places(workspace_id: int, calls: Sequence[Incoming], now: datetime) -> list[int]:
    """The places of calls whose keys get their receipts now; of calls with one key, the first."""
    first = {call.key: place for place, call in reversed(list(enumerate(calls)))}
    fresh = statements.receive.records(workspace_id=workspace_id, keys=list(first), now=now)
    return sorted(first[row["message_key"].hex] for row in fresh)


def _person(call: Incoming) -> tuple[Person, tuple[RefusedValue, ...]]:
    """What a call says about its person, and the reserved traits that make no sense."""
    known = [(IdentityKind.EXTERNAL, call.external), (IdentityKind.ANONYMOUS, call.anonymous)]
    if call.previous:
        known += [(IdentityKind.ANONYMOUS, call.previous), (IdentityKind.EXTERNAL, call.previous)]
    traits = call.traits or {}
    language, time_zone, refused = _fields(traits)
    is_stated = call.kind == "identify" or call.external is None
    person = Person(
        email=call.email if is_stated else None,
        possible_email=None if is_stated else call.email,
        identities=tuple((kind, value) for kind, value in known if value),
        language=language,
        time_zone=time_zone,
        possible_language=call.seen_language,
        possible_time_zone=call.seen_time_zone,
        attributes={name: value for name, value in traits.items() if name not in _FIELDS},
        source=SOURCE,
        is_alias=call.previous is not None,
        is_trusted=call.is_trusted,
    )
    return person, refused


def _fields(traits: Mapping[str, Any]) -> tuple[str, str, tuple[RefusedValue, ...]]:
    """Language and time zone out of the traits; what cannot be one is refused by itself."""
    language = next((traits[name] for name in _LANGUAGE if traits.get(name)), "")
    time_zone = next((traits[name] for name in _TIME_ZONE if traits.get(name)), "")
    refused = []
    try:
        language = identities.language(str(language)) if language else ""
    except InvalidLanguage as error:
        refused.append(RefusedValue("language", error.code, error.message))
        language = ""
    try:
        time_zone = identities.time_zone(str(time_zone)) if time_zone else ""
    except InvalidTimeZone as error:
        refused.append(RefusedValue("time_zone", error.code, error.message))
        time_zone = ""
    return language, time_zone, tuple(refused)
