"""Writing to the log, in sets. Called inside a workspace's scope.

Events of people's own changes (lists, consent, attributes) are written by `events.people`, what comes in from outside by
`events.intake`.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction

from parcours.events.types import NewEvent
from parcours.kernel import sql

statements = sql.load(__package__)


def append(workspace_id: int, events: Sequence[NewEvent], *, now: datetime) -> int:
    """Write events, in their order, in one statement; return how many were new.

    `now` is when they became known. A transaction that read whom they are about earlier calls `contacts.actions.hold_people`
    before that, so that nobody is merged away meanwhile.
    """
    if not events:
        return 0
    ensure_months(event.at for event in events)
    return statements.append.run(**append_parameters(workspace_id, events, now))


def append_one(workspace_id: int, event: NewEvent, *, now: datetime) -> int:
    """Write an event without a message key and return its id, for a row that refers to it as (at, id)."""
    ensure_months([event.at])
    return int(
        statements.append_one.scalar(
            workspace_id=workspace_id,
            contact_id=event.contact_id,
            name=event.name,
            at=event.at,
            properties=msgspec.json.encode(event.properties).decode(),
            now=now,
        )
    )


def append_parameters(workspace_id: int, events: Sequence[NewEvent], now: datetime) -> dict[str, Any]:
    """The parameters of the statement `append`."""
    rows = [
        {
            "n": n,
            "contact_id": event.contact_id,
            "name": event.name,
            "at": event.at,
            "properties": event.properties,
            "key": event.message_key,
        }
        for n, event in enumerate(_once(events))
    ]
    return {"workspace_id": workspace_id, "events": sql.document(rows), "now": now}


def _once(events: Sequence[NewEvent]) -> Iterable[NewEvent]:
    """The events without those whose key came before: one that is twice in a batch would find one receipt for both."""
    first: dict[UUID | int, NewEvent] = {}
    for n, event in enumerate(events):
        first.setdefault(event.message_key or n, event)
    return first.values()


_made: set[date] = set()
"""Months whose partitions this process has seen committed. Nobody drops them."""


def ensure_months(instants: Iterable[datetime]) -> None:
    """Make the partitions that events at these instants need. Takes a lock on the log only where one is missing."""
    months = [month for month in months_of(instants) if month not in _made]
    if months:
        statements.ensure_months.run(months=months)
        transaction.on_commit(lambda: _made.update(months))


def months_of(instants: Iterable[datetime]) -> list[date]:
    """The first days of the months of some instants in UTC, as the log is parted, whichever zones they are written in."""
    utc = (at.astimezone(UTC) for at in instants)
    return [date(year, month, 1) for year, month in sorted({(at.year, at.month) for at in utc})]


def prepare_months(now: datetime) -> None:
    """Make this month's partition and the next one's, so that no writer needs to. Daily work of the workers."""
    ensure_months([now, now + timedelta(days=31)])
