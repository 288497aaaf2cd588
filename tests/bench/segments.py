"""Keeping segments current, and building them whole; each beside its floor on the same rows, in the same run.

Not here: which benchmarks there are and how their results are printed (`tests.bench.main`).
"""

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.audiences import actions, evaluation, queries
from parcours.audiences.models import Segment
from parcours.contacts import actions as contacts
from parcours.contacts.types import AttributeType
from parcours.events import actions as events
from parcours.events.types import NewEvent
from parcours.kernel import sql, tenancy
from tests.bench import upkeep

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
PEOPLE = int(os.environ.get("PARCOURS_BENCH_PEOPLE", "100000"))
EVENTS = PEOPLE * 10
TOUCHED = 1_000
ROUNDS = 5

RULES: dict[str, Any] = {
    "twice": {"event": "Order Completed", "count": {"at_least": 2}, "within": "90d"},
    "silent": {"event": "Order Completed", "last": {"more_than_ago": "60d"}},
    "lyon": {"all": [{"attribute": "city", "is": "Lyon"}, {"event": "Product Viewed", "within": "30d"}]},
    "curious": {"event": "Page Viewed", "count": {"at_least": 4}, "within": "90d"},
    "good": {"event": "Order Completed", "sum": "total", "at_least": 200, "within": "365d"},
    "cold": {
        "all": [{"event": "Email Opened", "never": True, "within": "30d"}, {"event": "Email Link Clicked"}]
    },
}

_PEOPLE = """
INSERT INTO contacts_contact (id, workspace_id, email, attributes, created_at, updated_at)
SELECT kernel_uuid7(), %(workspace_id)s, 'person' || n || '@example.org',
       jsonb_build_object('city', (ARRAY['Lyon', 'Paris', 'Nantes', 'Lille', 'Brest'])[1 + n %% 5]),
       %(now)s::timestamptz - (n %% 360) * interval '1 day', %(now)s
FROM generate_series(1, %(people)s::integer) AS n"""
_EVENTS = """
WITH numbered AS MATERIALIZED (
    SELECT id, row_number() OVER () AS n FROM contacts_contact WHERE workspace_id = %(workspace_id)s
), drawn AS MATERIALIZED (
    SELECT 1 + floor(random() * %(people)s::integer)::integer AS n, 1 + floor(random() * 10)::integer AS kind
    FROM generate_series(1, %(events)s::integer)
)
INSERT INTO events_event (workspace_id, at, received_at, contact_id, name, properties)
SELECT %(workspace_id)s, %(now)s::timestamptz - random() * interval '365 days', %(now)s, numbered.id,
       COALESCE((ARRAY['Order Completed', 'Product Viewed', 'Email Opened', 'Email Link Clicked'])[drawn.kind],
                'Page Viewed'),
       jsonb_build_object('total', (random() * 200)::integer, 'currency', 'EUR')
FROM drawn JOIN numbered USING (n)"""
_AT_END = """
INSERT INTO events_cursor (workspace_id, consumer, xid, event_id)
SELECT %(workspace_id)s, 'audiences', pg_snapshot_xmin(pg_current_snapshot()), 0
ON CONFLICT (workspace_id, consumer) DO UPDATE SET xid = excluded.xid, event_id = 0"""

_PROBE = """
SELECT count(*) FROM unnest(%(people)s::uuid[]) AS touched (id)
WHERE EXISTS (SELECT FROM events_event AS event
              WHERE event.workspace_id = %(workspace_id)s AND event.contact_id = touched.id
                AND event.name = %(name)s AND event.at > %(since)s AND event.at <= %(now)s)"""
_BY_HAND = """
INSERT INTO by_hand (segment_id, contact_id)
SELECT 1, event.contact_id FROM events_event AS event
WHERE event.workspace_id = %(workspace_id)s AND event.name = 'Order Completed'
  AND event.at > %(since)s AND event.at <= %(now)s
GROUP BY event.contact_id HAVING count(*) >= 2"""


def bench_segment_incremental() -> list[dict[str, Any]]:
    """People per second through `refresh`: 1,000 touched people, six rules that all look at them."""
    workspace = _shop()
    measured = [_incremental_round(workspace.id, number) for number in range(ROUNDS)]
    product, floor = (statistics.median(times) for times in zip(*measured, strict=True))
    return [
        _result(
            "segment.incremental",
            TOUCHED / product,
            TOUCHED / floor,
            f"{TOUCHED} people × {len(RULES)} rules, membership and rechecks written; floor: {len(RULES)} statements of"
            f" one EXISTS per person; {_size()}",
        )
    ]


def bench_segment_full() -> list[dict[str, Any]]:
    """People per second of a build from nothing: bought at least twice in 90 days."""
    workspace = _shop()
    product = statistics.median(_timed(lambda: _build(workspace.id, "twice")) for _ in range(ROUNDS))
    floor = statistics.median(_timed(lambda: _by_hand(workspace.id)) for _ in range(ROUNDS))
    return [
        _result(
            "segment.full",
            PEOPLE / product,
            PEOPLE / floor,
            f"everybody judged, members and rechecks written; floor: the members alone by a statement by hand; {_size()}",
        )
    ]


def _size() -> str:
    return f"{PEOPLE:,} contacts, {EVENTS:,} events of a year"


def _result(name: str, figure: float, floor: float, setting: str) -> dict[str, Any]:
    ratio = round(figure / floor, 3)
    return {
        "name": name,
        "figure": round(figure),
        "unit": "people/s",
        "floor": round(floor),
        "ratio": ratio,
        "setting": setting,
    }


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _shop() -> Workspace:
    """A workspace with people, a year of events and six built segments; made once per database."""
    slug = f"bench-segments-{PEOPLE}"
    found = Workspace.objects.filter(slug=slug).first()
    workspace = found or accounts.create_workspace(slug, name="Bench", now=NOW)
    if found is None:
        _fill(workspace.id)
    return workspace


def _fill(workspace_id: int) -> None:
    names = {"workspace_id": workspace_id, "now": NOW, "people": PEOPLE, "events": EVENTS}
    with tenancy.scope(workspace_id=workspace_id):
        events.ensure_months(NOW - timedelta(days=days) for days in range(0, 366, 15))
        sql.run(_PEOPLE, {key: names[key] for key in ("workspace_id", "now", "people")})
        sql.run(_EVENTS, names)
    with tenancy.scope(workspace_id=workspace_id):
        sql.run(_AT_END, {"workspace_id": workspace_id})
        contacts.declare_attribute(
            workspace_id, "city", AttributeType.TEXT, label_fr="Ville", label_en="City", actor=SYSTEM, now=NOW
        )
        for slug, rule in RULES.items():
            actions.create_segment(workspace_id, slug, slug.title(), rule, actor=SYSTEM, now=NOW)
    upkeep.vacuum("contacts_contact", "events_event")
    actions.refresh(workspace_id, now=NOW)
    upkeep.vacuum("audiences_member", "audiences_recheck")


def _touched(workspace_id: int, number: int) -> list[UUID]:
    with tenancy.scope(workspace_id=workspace_id):
        found = sql.records(
            "SELECT id FROM contacts_contact WHERE workspace_id = %(workspace_id)s ORDER BY md5(id::text || %(n)s::text)"
            " LIMIT %(limit)s",
            {"workspace_id": workspace_id, "n": number, "limit": TOUCHED},
        )
        people = [row["id"] for row in found]
        # Every rule looks at somebody new.
        events.append(
            workspace_id, [NewEvent(each, "Contact Created", {}, at=NOW) for each in people], now=NOW
        )
    return people


def _incremental_round(workspace_id: int, number: int) -> tuple[float, float]:
    """Seconds of the product and of the floor for the same people."""
    people = _touched(workspace_id, number)
    return _timed(lambda: _refresh(workspace_id)), _timed(lambda: _probe(workspace_id, people))


def _refresh(workspace_id: int) -> None:
    """Another database's long transaction may hide the events for a moment: those calls cost next to nothing."""
    for _attempt in range(100):
        if actions.refresh(workspace_id, now=NOW) >= TOUCHED:
            return
        time.sleep(0.05)
    raise AssertionError("a transaction on this server has been running for seconds")


def _probe(workspace_id: int, people: list[UUID]) -> None:
    with tenancy.scope(workspace_id=workspace_id):
        for name in (
            "Order Completed",
            "Product Viewed",
            "Page Viewed",
            "Email Opened",
            "Email Link Clicked",
            "None",
        ):
            since = NOW - timedelta(days=90)
            names = {"workspace_id": workspace_id, "people": people, "name": name, "since": since, "now": NOW}
            sql.scalar(_PROBE, names)


def _build(workspace_id: int, slug: str) -> None:
    """Judge everybody as if nobody had been judged before."""
    with tenancy.scope(workspace_id=workspace_id):
        segment = Segment.objects.get(slug=slug)
        prepared = evaluation.prepare(queries.stored_rules(workspace_id))[slug]
        empty = Segment.objects.create(
            workspace_id=workspace_id, slug="empty", name="Empty", rule=segment.rule, created_at=NOW
        )
        outcome = evaluation.judge_everybody(workspace_id, empty.id, prepared.of_everybody, now=NOW)
        assert outcome.judged == PEOPLE
        empty.delete()


def _by_hand(workspace_id: int) -> None:
    with tenancy.scope(workspace_id=workspace_id):
        sql.run(
            "CREATE TEMPORARY TABLE by_hand (segment_id integer, contact_id uuid, PRIMARY KEY (segment_id, contact_id))"
            " ON COMMIT DROP",
            {},
        )
        sql.run(_BY_HAND, {"workspace_id": workspace_id, "since": NOW - timedelta(days=90), "now": NOW})
