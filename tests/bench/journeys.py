"""One tick over many due runs, against the same work row by row with a commit each; and whether it stays flat as the table grows.

Not here: which benchmarks there are and how their results are printed (`tests.bench.main`).
"""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql as composition

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.audiences import language
from parcours.consent import actions as consent
from parcours.content.models import Template, TemplateVersion
from parcours.events import actions as events
from parcours.journeys import actions
from parcours.journeys.models import Version
from parcours.journeys.types import Texts
from parcours.journeys.versions import Program, program
from parcours.kernel import sql, tenancy
from tests.bench import upkeep

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
PEOPLE = int(os.environ.get("PARCOURS_BENCH_PEOPLE", "100000"))
EVENTS = PEOPLE * 10
SAMPLE = 1_000
DUE = PEOPLE // 5
ROUNDS = 3

TWICE = {"event": "Order Completed", "count": {"at_least": 2}, "within": "120d"}
CURIOUS = {"event": "Product Viewed", "within": "30d"}
RULES = {"twice": TWICE, "curious": CURIOUS}
GRAPH: dict[str, Any] = {
    "entry": {"event": "Order Completed", "key": "event"},
    "start": "twice",
    "nodes": {
        "twice": {"if": TWICE, "then": "thank", "else": "curious"},
        "thank": {"send": {"template": "hello", "purpose": "order_information"}, "next": "wait"},
        "curious": {"if": CURIOUS, "then": "advise", "else": "wait"},
        "advise": {"send": {"template": "hello", "purpose": "order_information"}, "next": "wait"},
        "wait": {"wait": "30d", "next": "back"},
        "back": {"if": TWICE, "then": "end", "else": "end"},
        "end": {"exit": "done"},
    },
}

_PEOPLE = """
INSERT INTO contacts_contact (id, workspace_id, email, attributes, created_at, updated_at)
SELECT kernel_uuid7(), %(workspace_id)s, 'person' || n || '@example.org', '{}', %(now)s, %(now)s
FROM generate_series(1, %(people)s::integer) AS n"""
_EVENTS = """
WITH numbered AS MATERIALIZED (
    SELECT id, row_number() OVER () AS n FROM contacts_contact WHERE workspace_id = %(workspace_id)s
), drawn AS MATERIALIZED (
    SELECT 1 + floor(random() * %(people)s::integer)::integer AS n, random() AS kind
    FROM generate_series(1, %(events)s::integer)
)
INSERT INTO events_event (workspace_id, at, received_at, contact_id, name, properties)
SELECT %(workspace_id)s, %(now)s::timestamptz - random() * interval '365 days', %(now)s, numbered.id,
       CASE WHEN kind < 0.3 THEN 'Order Completed' WHEN kind < 0.6 THEN 'Product Viewed' ELSE 'Page Viewed' END,
       jsonb_build_object('total', 20)
FROM drawn JOIN numbered USING (n)"""
_RUNS = """
INSERT INTO journeys_run (workspace_id, journey_id, version_id, contact_id, entry_key, event_at, event_id, entered_at, node, due_at)
SELECT %(workspace_id)s, %(journey_id)s, %(version_id)s, id, %(key)s, %(now)s, 1, %(now)s, 0, %(due_at)s
FROM contacts_contact WHERE workspace_id = %(workspace_id)s ORDER BY md5(id::text) LIMIT %(runs)s"""

_CLAIM = """
SELECT id, contact_id FROM journeys_run
WHERE workspace_id = %(workspace_id)s AND version_id = %(version_id)s AND due_at <= %(now)s
ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED"""
_ASK = composition.SQL(
    "SELECT {} FROM contacts_contact contact WHERE contact.workspace_id = %(workspace_id)s AND contact.id = %(contact_id)s"
)
_QUEUE = """
INSERT INTO delivery_message (workspace_id, mailing_id, run, contact_id, event_at, event_id, state, is_urgent,
                              queued_at, due_at, expires_at)
VALUES (%(workspace_id)s, %(mailing_id)s, %(run)s, %(contact_id)s, %(now)s, 1, 'queued', true, %(now)s, %(now)s, %(now)s)
ON CONFLICT DO NOTHING"""
_STEP = """
INSERT INTO journeys_step (workspace_id, run_id, version_id, node, outcome, at)
VALUES (%(workspace_id)s, %(run)s, %(version_id)s, %(node)s, %(outcome)s, %(now)s)"""
_MOVE = "UPDATE journeys_run SET node = %(node)s, due_at = %(due_at)s WHERE workspace_id = %(workspace_id)s AND id = %(run)s"


def bench_journey_tick() -> list[dict[str, Any]]:
    """Nodes passed per second: everybody is due at once; half of the nodes ask about events."""
    version = _journey("bench-journeys-tick")
    workspace_id = version.workspace_id
    figures = []
    for number in range(ROUNDS):
        _add_runs(version, f"round {number}", PEOPLE, due_at=NOW)
        figures.append(_rate(lambda: actions.tick(workspace_id, now=NOW)))
    floors = []
    for number in range(ROUNDS):
        _add_runs(version, f"row by row {number}", SAMPLE, due_at=NOW)
        floors.append(_rate(lambda: _row_by_row(version)))
    setting = f"{PEOPLE:,} due runs, {EVENTS:,} events; floor: {SAMPLE:,} of them one by one, a commit each"
    return [_result("journey.tick", statistics.median(figures), statistics.median(floors), setting)]


def bench_journey_growth() -> list[dict[str, Any]]:
    """The same number of due runs among ten times as many: the ratio of the two rates is 1 when nothing depends on the size."""
    version = _journey("bench-journeys-growth")
    _add_runs(version, "waiting 0", PEOPLE, due_at=NOW + timedelta(days=365))
    small = _due_rates(version, "small")
    for number in range(1, 10):
        _add_runs(version, f"waiting {number}", PEOPLE, due_at=NOW + timedelta(days=365))
    large = _due_rates(version, "large")
    setting = f"{DUE:,} due runs among {10 * PEOPLE:,}; floor: among {PEOPLE:,}"
    return [_result("journey.growth", large, small, setting)]


def _due_rates(version: Version, name: str) -> float:
    rates = []
    for number in range(ROUNDS):
        _add_runs(version, f"{name} {number}", DUE, due_at=NOW)
        rates.append(_rate(lambda: actions.tick(version.workspace_id, now=NOW)))
    return statistics.median(rates)


def _result(name: str, figure: float, floor: float, setting: str) -> dict[str, Any]:
    return {
        "name": name,
        "figure": round(figure),
        "unit": "transitions/s",
        "floor": round(floor),
        "ratio": round(figure / floor, 2),
        "setting": setting,
    }


def _rate(work: Callable[[], int]) -> float:
    started = time.perf_counter()
    passed = work()
    return passed / (time.perf_counter() - started)


def _journey(slug: str) -> Version:
    """A workspace of its own for each benchmark, with people, a year of events and a published journey."""
    workspace = accounts.create_workspace(f"{slug}-{time.time_ns()}", name="Bench", now=NOW)
    names = {"workspace_id": workspace.id, "now": NOW, "people": PEOPLE}
    with tenancy.scope(workspace_id=workspace.id):
        events.ensure_months(NOW - timedelta(days=days) for days in range(0, 366, 15))
        sql.run(_PEOPLE, names)
        sql.run(_EVENTS, {**names, "events": EVENTS})
        version = _publish(workspace)
    upkeep.vacuum("contacts_contact", "events_event")
    return version


def _publish(workspace: Workspace) -> Version:
    mine: dict[str, Any] = {"workspace_id": workspace.id, "created_at": NOW}
    names = {"name_fr": "x", "name_en": "x", "basis": "contract", "is_marketing": False}
    consent.save_purpose(workspace.id, "order_information", names, actor=SYSTEM, now=NOW)
    template = Template.objects.create(slug="hello", name="Hello", updated_at=NOW, **mine)
    TemplateVersion.objects.create(template=template, number=1, bodies={}, actor="bench", **mine)
    actions.create(workspace.id, "bench", Texts("Mesure", "Bench"), actor=SYSTEM, now=NOW)
    return actions.publish(workspace.id, "bench", GRAPH, actor=SYSTEM, now=NOW)


def _add_runs(version: Version, key: str, runs: int, *, due_at: datetime) -> None:
    with tenancy.scope(workspace_id=version.workspace_id):
        names = {
            "workspace_id": version.workspace_id,
            "journey_id": version.journey_id,
            "version_id": version.pk,
        }
        sql.run(_RUNS, {**names, "key": key, "now": NOW, "due_at": due_at, "runs": runs})
    upkeep.vacuum("journeys_run")


def _row_by_row(version: Version) -> int:
    """The plain engine: one run, one transaction; the same rules, messages and steps, as prepared statements."""
    running = _program(version)
    asked = {name: language.compile(language.parse(rule), name) for name, rule in RULES.items()}
    names: dict[str, Any] = {"workspace_id": version.workspace_id, "version_id": version.pk, "now": NOW}
    passed = 0
    while True:
        with tenancy.scope(workspace_id=version.workspace_id), sql.cursor() as cursor:
            run = cursor.execute(_CLAIM, names, prepare=True).fetchone()
            if run is None:
                return passed
            passed += _walk_one(cursor, running, asked, {**names, "run": run[0], "contact_id": run[1]})


def _walk_one(
    cursor: psycopg.Cursor[Any],
    running: Program,
    asked: Mapping[str, language.Compiled],
    names: Mapping[str, Any],
) -> int:
    """Move one run to the wait; returns how many nodes it passed."""
    node, passed = "twice", 0
    while node != "wait":
        outcome = "queued"
        if node in asked:
            query, parameters = _ASK.format(asked[node].condition), {**names, **asked[node].parameters}
            outcome = "yes" if cursor.execute(query, parameters, prepare=True).fetchone() == (True,) else "no"
        else:
            cursor.execute(_QUEUE, {**names, "mailing_id": running.mailings[node]}, prepare=True)
        step = {**names, "node": running.graph.number[node], "outcome": outcome}
        cursor.execute(_STEP, step, prepare=True)
        ways = {way.outcome: way.target for way in running.graph.nodes[node].ways}
        node, passed = ways[outcome] or "wait", passed + 1
    rest = {**names, "node": running.graph.number["wait"], "due_at": NOW + timedelta(days=30)}
    cursor.execute(_MOVE, rest, prepare=True)
    return passed


def _program(version: Version) -> Program:
    with tenancy.scope(workspace_id=version.workspace_id), connection.cursor() as cursor:
        cursor.execute("SELECT graph::text FROM journeys_version WHERE id = %s", [version.pk])
        row = cursor.fetchone()
    return program(version.workspace_id, row[0])
