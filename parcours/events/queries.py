"""Reads of the log: one contact's timeline, whether something happened to a contact, to whom something happened last."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from parcours.events.types import TimelineEntry
from parcours.kernel import sql

statements = sql.load(__package__)
LATEST = 10_000
"""How many entries of the log `latest_of` looks through."""


def timeline(
    workspace_id: int,
    contact_id: UUID,
    *,
    names: Sequence[str] | None = None,
    before: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[TimelineEntry]:
    """A page of a contact's events, newest first; `before` is (at, id) of the last entry of the page above."""
    before_at, before_id = before or (None, None)
    return statements.timeline.rows(
        TimelineEntry,
        workspace_id=workspace_id,
        contact_id=contact_id,
        names=None if names is None else list(names),
        before_at=before_at,
        before_id=before_id,
        limit=limit,
    )


def latest_of(workspace_id: int, name: str) -> UUID | None:
    """To whom something of this name happened last; None when it is not among the latest entries of the log."""
    found: UUID | None = statements.latest_of.scalar(workspace_id=workspace_id, name=name, most=LATEST)
    return found


def is_in_log(workspace_id: int, contact_id: UUID, name: str, properties: Mapping[str, Any]) -> bool:
    """True when something of this name, with these properties among its own, has happened to a contact."""
    return bool(
        statements.is_in_log.scalar(
            workspace_id=workspace_id, contact_id=contact_id, name=name, properties=Jsonb(dict(properties))
        )
    )
