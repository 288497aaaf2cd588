"""Letting people in: one INSERT … SELECT from a span of the event log for each open journey.

A run is unique in (journey, person, entry key), whatever the version. With the key `once` a person goes through the journey once in
a life; with `event`, once for each event; with a property's name, once for each of its values (an order's number), and an event
without that property counts for itself. So an event read twice lets nobody in twice, and one person may be inside several times,
for several orders. Only events at or after `entries_from` count: what happened before the journey was published, or while it was
paused, is past. An open or a click of a machine lets nobody in, unless the entry asks about `machine`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql

from parcours.audiences import language
from parcours.events import actions as events
from parcours.events.types import JOURNEY_ENTERED, NewEvent, Span
from parcours.journeys.compile import pause_at
from parcours.journeys.graph import Entry
from parcours.journeys.versions import program
from parcours.kernel import sql as statements

ENTER = sql.SQL("""
INSERT INTO journeys_run (workspace_id, journey_id, version_id, contact_id, entry_key, event_at, event_id, entered_at, node, due_at)
SELECT %(workspace_id)s, %(journey_id)s, %(version_id)s, event.contact_id, {key}, event.at, event.id, %(now)s, %(start)s,
       %(now)s::timestamptz + %(pause)s::interval
FROM events_event event
JOIN contacts_contact contact ON contact.workspace_id = %(workspace_id)s AND contact.id = event.contact_id
WHERE {event}
  AND (event.xid, event.id) > (%(after_xid)s::text::xid8, %(after_id)s::bigint)
  AND (event.xid, event.id) <= (%(until_xid)s::text::xid8, %(until_id)s::bigint)
  AND event.at BETWEEN %(first_at)s AND %(last_at)s
  AND event.at >= %(entries_from)s AND {rule}
ORDER BY event.at, event.id
ON CONFLICT (workspace_id, journey_id, contact_id, entry_key) DO NOTHING
RETURNING contact_id
""")

ONCE, EVERY = "once", "event"
_KEYS = {ONCE: sql.SQL("''"), EVERY: sql.SQL("event.id::text")}
# A value too long for the column is told apart by its hash.
_PROPERTY = sql.SQL("""CASE
    WHEN coalesce(event.properties ->> {0}, '') = '' THEN event.id::text
    WHEN length(event.properties ->> {0}) > 120 THEN md5(event.properties ->> {0})
    ELSE event.properties ->> {0} END""")


@dataclass(frozen=True)
class OpenJourney:
    """A published journey with its live version."""

    id: int
    slug: str
    entries_from: datetime
    version_id: int
    document: str


class Entered(NamedTuple):
    """Somebody who came in."""

    contact_id: UUID


def let_in(workspace_id: int, journey: OpenJourney, span: Span, *, now: datetime) -> int:
    """Start a run for each event of the span that opens this journey; returns how many. Runs in the caller's transaction."""
    graph = program(workspace_id, journey.document).graph
    if graph.entry.event not in span.names:
        return 0
    statement, parameters = compile_entry(graph.entry)
    entered = statements.rows(
        statement,
        {
            **parameters,
            "workspace_id": workspace_id,
            "journey_id": journey.id,
            "version_id": journey.version_id,
            "entries_from": journey.entries_from,
            "start": graph.number[graph.start],
            "pause": pause_at(graph, graph.start),
            **span.limits,
            "now": now,
        },
        Entered,
    )
    events.append(
        workspace_id,
        [
            NewEvent(
                contact_id=one.contact_id,
                name=JOURNEY_ENTERED,
                properties={"journey": journey.slug},
                at=now,
            )
            for one in entered
        ],
        now=now,
    )
    return len(entered)


@lru_cache(maxsize=256)
def compile_entry(entry: Entry) -> tuple[sql.SQL, Mapping[str, Any]]:
    """The statement that lets people in, with the parameters that the entry itself binds."""
    event = language.compile_event(entry.event, entry.where, "event")
    parameters: dict[str, Any] = {**event.parameters}
    rule: sql.Composable = sql.SQL("true")
    if entry.rule is not None:
        compiled = language.compile(entry.rule, "rule")
        rule = compiled.condition
        parameters.update(compiled.parameters)
    key: sql.Composable | None = _KEYS.get(entry.key)
    if key is None:
        key = _PROPERTY.format(sql.SQL("%(key)s::text"))
        parameters["key"] = entry.key
    return statements.written_out(ENTER.format(key=key, event=event.condition, rule=rule)), parameters
