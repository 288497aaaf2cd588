"""Moving one cohort: due runs of one version walk on in one statement; what follows from that is done in sets, in its transaction.

Not here: which versions are due and what happens when one fails (`actions.tick`), the statement itself (`compile`).
A wait counts from the `now` of the tick that brings the run to it: after an outage nobody is hurried through several waits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from psycopg.rows import namedtuple_row

from parcours.contacts import actions as contacts
from parcours.delivery import actions as delivery
from parcours.delivery.types import ToQueue
from parcours.events import actions as events
from parcours.events.types import JOURNEY_FINISHED, NewEvent
from parcours.journeys.errors import RunsAstray
from parcours.journeys.nodes.base import Change
from parcours.journeys.nodes.exit import Exit
from parcours.journeys.nodes.send import Send
from parcours.journeys.versions import Program, program
from parcours.kernel import sql

statements = sql.load(__package__)


@dataclass(frozen=True)
class DueVersion:
    """A version with due runs."""

    id: int
    journey_id: int
    slug: str
    document: str


@dataclass(frozen=True)
class Passed:
    """One run that passed a node about which others must hear."""

    node: int
    outcome: str
    run: int
    contact_id: UUID
    event_at: datetime
    event_id: int


@dataclass(frozen=True)
class Walk:
    """What one statement did: how many runs it claimed and how many nodes they passed."""

    claimed: int = 0
    passed: int = 0
    reported: list[Passed] = field(default_factory=list)


def advance(workspace_id: int, version: DueVersion, *, now: datetime, limit: int) -> Walk:
    """Claim up to `limit` due runs of a version and move them, in the caller's transaction: all of it commits, or nothing."""
    contacts.hold_people(workspace_id)
    held = statements.hold_published.scalar(workspace_id=workspace_id, journey_id=version.journey_id)
    if held is None:
        return Walk()
    running = program(workspace_id, version.document)
    walk = _walk(workspace_id, version.id, running, now=now, limit=limit)
    if walk.reported:
        delivery.enqueue(workspace_id, list(_messages(running, walk, now)), now=now)
        _apply_changes(workspace_id, running, walk, now=now)
        events.append(workspace_id, list(_endings(version.slug, running, walk, now)), now=now)
    return walk


def _walk(workspace_id: int, version_id: int, running: Program, *, now: datetime, limit: int) -> Walk:
    parameters = {
        **running.compiled.parameters,
        "workspace_id": workspace_id,
        "version_id": version_id,
        "now": now,
        "limit": limit,
    }
    with sql.cursor(namedtuple_row) as cursor:
        # Not prepared: a generic plan does not know how few rows `limit` is, and would read whole tables.
        rows = cursor.execute(running.compiled.statement, parameters, prepare=False).fetchall()
    claimed, rested, passed = rows[0][:3]
    if claimed != rested:
        raise RunsAstray(f"version {version_id}: {claimed} runs claimed, {rested} moved")
    return Walk(claimed, passed, [Passed(*row[3:]) for row in rows if row.run is not None])


def _messages(running: Program, walk: Walk, now: datetime) -> Iterator[ToQueue]:
    for one in walk.reported:
        name = running.graph.order[one.node]
        if isinstance(running.graph.nodes[name], Send):
            yield ToQueue(
                mailing_id=running.mailings[name],
                run=one.run,
                contact_id=one.contact_id,
                event_at=one.event_at,
                event_id=one.event_id,
                due_at=now,
            )


def _apply_changes(workspace_id: int, running: Program, walk: Walk, *, now: datetime) -> None:
    passing: dict[int, set[UUID]] = {}
    for one in walk.reported:
        passing.setdefault(one.node, set()).add(one.contact_id)
    for number, people in sorted(passing.items()):
        node = running.graph.nodes[running.graph.order[number]]
        if isinstance(node, Change):
            node.apply(workspace_id, sorted(people), now=now)


def _endings(slug: str, running: Program, walk: Walk, now: datetime) -> Iterator[NewEvent]:
    for one in walk.reported:
        node = running.graph.nodes[running.graph.order[one.node]]
        if any(way.outcome == one.outcome and way.target is None for way in node.ways):
            reason = node.reason if isinstance(node, Exit) else "end"
            yield NewEvent(
                contact_id=one.contact_id,
                name=JOURNEY_FINISHED,
                properties={"journey": slug, "reason": reason},
                at=now,
            )
