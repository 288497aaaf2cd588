"""Whether plans keep their shape while the tables grow tenfold: every statement of a shop's day on the hot paths, at two sizes.

A day: orders come in through the group commit's statements, segments and journeys follow, messages are judged, begun and ended, people
open and click. The server explains each statement as it really ran (auto_explain). A shape is the tree of node types with their tables
and indexes; the months of the log count as one table.
Not here: how fast the statements are (the other benchmarks), which benchmarks there are (`tests.bench.main`).
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
from django.db import connection

from parcours.accounts import actions as accounts
from parcours.accounts.types import SYSTEM
from parcours.audiences import actions as audiences
from parcours.contacts import actions as contacts
from parcours.contacts.types import AttributeType
from parcours.delivery import actions as delivery
from parcours.delivery import composing, feedback
from parcours.delivery.types import AttemptOutcome, Outcome, ToStart
from parcours.events import actions as events
from parcours.events import intake
from parcours.events.types import Incoming
from parcours.insights import actions as insights
from parcours.journeys import actions as journeys
from parcours.kernel import sql
from tests.bench import upkeep
from tests.bench.segments import RULES
from tests.scenarios.living import LivingShop

SMALL = int(os.environ.get("PARCOURS_BENCH_PLANS", "100000"))
GROWTH = 10
EVENTS_EACH = 10
ORDERS = 300
DAYS = 4  # a statement is planned anew for its first runs, then once and for all: the last day counts
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)

_PEOPLE = """
WITH made AS (
    INSERT INTO contacts_contact (id, workspace_id, email, language, attributes, created_at, updated_at)
    SELECT kernel_uuid7(), %(workspace_id)s, 'person' || n || '@example.org', 'fr',
           jsonb_build_object('first_name', 'Ada', 'city', (ARRAY['Lyon', 'Paris', 'Nantes', 'Lille', 'Brest'])[1 + n %% 5]),
           %(created)s, %(created)s
    FROM generate_series(%(first)s::integer, %(last)s::integer) AS n
    RETURNING id, email
), consented AS (
    INSERT INTO consent_record (workspace_id, contact_id, purpose_id, channel, act, at, source)
    SELECT %(workspace_id)s, made.id, purpose.id, CASE WHEN purpose.is_measuring THEN 'any' ELSE 'email' END, 'granted', %(now)s, 'bench'
    FROM made, consent_purpose AS purpose
    WHERE purpose.workspace_id = %(workspace_id)s AND purpose.code IN ('promotions', 'measure_opens')
    RETURNING contact_id, purpose_id, channel, id
), allowed AS (
    INSERT INTO consent_state (workspace_id, contact_id, purpose_id, channel, act, since, record_id)
    SELECT %(workspace_id)s, contact_id, purpose_id, channel, 'granted', %(now)s, id FROM consented
)
INSERT INTO contacts_identity (workspace_id, contact_id, kind, value, created_at)
SELECT %(workspace_id)s, made.id, kind.name, CASE kind.name WHEN 'email' THEN made.email ELSE substring(made.email FROM 7 FOR position('@' IN made.email) - 7) END,
       %(now)s
FROM made, (VALUES ('email'), ('external')) AS kind (name)"""
_EVENTS = """
INSERT INTO events_event (workspace_id, at, received_at, contact_id, name, properties)
SELECT %(workspace_id)s, %(now)s::timestamptz - random() * interval '360 days' - interval '1 day', %(now)s, contact.id,
       (ARRAY['Order Completed', 'Product Viewed', 'Email Opened', 'Email Link Clicked', 'Page Viewed'])[1 + floor(random() * 5)::integer],
       jsonb_build_object('total', (random() * 200)::integer, 'currency', 'EUR')
FROM contacts_contact AS contact, generate_series(1, %(each)s)
WHERE contact.workspace_id = %(workspace_id)s AND contact.created_at = %(created)s"""
_MESSAGES = """
INSERT INTO delivery_message (workspace_id, mailing_id, run, contact_id, state, verdict, queued_at, due_at, expires_at, sent_at)
SELECT %(workspace_id)s, (SELECT min(id) FROM delivery_mailing WHERE workspace_id = %(workspace_id)s), -1, id, 'sent', 'send', at, at, at, at
FROM contacts_contact, LATERAL (SELECT %(now)s::timestamptz - random() * interval '360 days' AS at OFFSET 0) AS sent
WHERE workspace_id = %(workspace_id)s AND created_at = %(created)s"""
_TRACES = """
WITH told AS MATERIALIZED (
    SELECT id, contact_id, sent_at FROM delivery_message
    WHERE workspace_id = %(workspace_id)s AND state = 'sent'
      AND contact_id IN (SELECT id FROM contacts_contact WHERE workspace_id = %(workspace_id)s AND created_at = %(created)s)
), tried AS (
    INSERT INTO delivery_attempt (workspace_id, message_id, fence, connection, started_at, finished_at, outcome, code)
    SELECT %(workspace_id)s, id, 1, 'bench', sent_at, sent_at, 'accepted', 250 FROM told
), placed AS (
    INSERT INTO delivery_allowance (workspace_id, contact_id, day, place, message_id)
    SELECT %(workspace_id)s, contact_id, sent_at::date, 1, id FROM told
), slowed AS (
    INSERT INTO consent_pace (workspace_id, contact_id, every_days, changed_at)
    SELECT %(workspace_id)s, contact_id, 7, sent_at FROM told WHERE random() < 0.02
)
INSERT INTO consent_suppression (workspace_id, channel, address_hash, reason, at)
SELECT %(workspace_id)s, 'email', decode(md5(contact_id::text), 'hex'), 'bounce', sent_at FROM told WHERE random() < 0.02"""
_RUNS = """
INSERT INTO journeys_run (workspace_id, journey_id, version_id, contact_id, entry_key, event_at, event_id, entered_at, node, due_at)
SELECT %(workspace_id)s, version.journey_id, version.id, contact.id, 'before', %(now)s, 1, %(now)s, 1,
       %(now)s::timestamptz + (30 + random() * 300) * interval '1 day'
FROM contacts_contact AS contact, journeys_version AS version
WHERE contact.workspace_id = %(workspace_id)s AND contact.created_at = %(created)s AND version.workspace_id = %(workspace_id)s"""
_READ = """
INSERT INTO events_cursor (workspace_id, consumer, xid, event_id)
SELECT %(workspace_id)s, %(consumer)s, pg_snapshot_xmax(pg_current_snapshot()), 0
ON CONFLICT (workspace_id, consumer) DO UPDATE SET xid = excluded.xid, event_id = 0"""

Shapes = dict[str, str]


def bench_plans_growth() -> list[dict[str, Any]]:
    """How many statements of a day have the same plan at ten times the size. Those that differ are shown on standard error."""
    explain_all()
    shop = _shop()
    _grow(shop, 1, SMALL)
    small = _days(shop)
    _grow(shop, SMALL + 1, SMALL * GROWTH)
    large = _days(shop)
    both = sorted(small.keys() & large.keys())
    changed = [query for query in both if small[query] != large[query]]
    for query in changed:
        print(
            f"\n{query}\n--- {SMALL:,}\n{small[query]}\n--- {SMALL * GROWTH:,}\n{large[query]}",
            file=sys.stderr,
        )
    kept = len(both) - len(changed)
    return [
        {
            "name": "plans.growth",
            "figure": kept,
            "unit": "statements",
            "floor": len(both),
            "ratio": round(kept / len(both), 3),
            "setting": f"same plan at {SMALL:,} contacts, {SMALL * EVENTS_EACH:,} events and at {GROWTH} times as many; floor: all"
            " statements of a day",
        }
    ]


def explain_all() -> None:
    """From the next connection on, the server tells the plan of every statement to the client, once it has run."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        for name, value in (
            ("session_preload_libraries", "auto_explain"),
            ("auto_explain.log_min_duration", "0"),
            ("auto_explain.log_format", "json"),
            ("auto_explain.log_level", "notice"),
        ):
            setting = psycopg.sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                psycopg.sql.Identifier(owner.info.dbname),
                psycopg.sql.SQL(name),
                psycopg.sql.Literal(value),
            )
            owner.execute(setting)
    connection.close()


def _shop() -> LivingShop:
    workspace = accounts.create_workspace("bench-plans", name="Bench", now=NOW)
    shop = LivingShop(workspace.pk, NOW)
    with shop.scope():
        contacts.declare_attribute(
            workspace.pk, "city", AttributeType.TEXT, label_fr="Ville", label_en="City", actor=SYSTEM, now=NOW
        )
        events.ensure_months(NOW + timedelta(days=days) for days in range(-366, 32, 15))
    shop.open("post-purchase", "first-purchase", "re-engagement")
    with shop.scope():
        for slug, rule in RULES.items():
            audiences.create_segment(workspace.pk, slug, slug.title(), rule, actor=SYSTEM, now=NOW)
    return shop


def _grow(shop: LivingShop, first: int, last: int) -> None:
    """More people, each with what a year leaves behind; everything that the log says of them has been read."""
    created = NOW - timedelta(days=400) + timedelta(seconds=first)
    with shop.scope():
        names = {"workspace_id": shop.workspace_id, "now": NOW, "created": created}
        sql.run(_PEOPLE, {**names, "first": first, "last": last})
        sql.run(_MESSAGES, names)
        sql.run(_TRACES, names)
        sql.run(_RUNS, names)
        sql.run(_EVENTS, {**names, "each": EVENTS_EACH})
    upkeep.vacuum()
    for slug in RULES:
        audiences.build(shop.workspace_id, slug, now=NOW)
    with shop.scope():
        for consumer in ("audiences", "journeys", "delivery", "insights"):
            sql.run(_READ, {"workspace_id": shop.workspace_id, "consumer": consumer})
    upkeep.vacuum()
    connection.close()


def _days(shop: LivingShop) -> Shapes:
    """Let some days pass; the shape of each statement on the last of them."""
    for _ in range(DAYS - 1):
        _day(shop)
    with _explained() as shapes:
        _day(shop)
    return shapes


def _day(shop: LivingShop) -> None:
    shop.now += timedelta(days=1)
    now, workspace_id = shop.now, shop.workspace_id
    calls = [
        Incoming(
            kind="track",
            key=uuid4().hex,
            at=now,
            name="Order Completed",
            properties={"order_id": uuid4().hex, "total": 20, "currency": "EUR"},
            external=str(1 + n * 7 % SMALL),
        )
        for n in range(ORDERS)
    ]
    with shop.scope():
        _run(intake.prepare(workspace_id, [now]))
        _run(intake.take_in(workspace_id, calls, now=now))
    audiences.refresh(workspace_id, now=now)
    audiences.recheck(workspace_id, now=now)
    journeys.enter(workspace_id, now=now)
    journeys.tick(workspace_id, now=now)
    _send(shop)
    delivery.project(workspace_id, now=now)
    insights.roll_up(workspace_id, now=now)
    delivery.sweep(workspace_id, now=now)


def _send(shop: LivingShop) -> None:
    """What a sender writes and reads for a batch, and what its people then do."""
    now, workspace_id = shop.now, shop.workspace_id
    with shop.scope():
        judged = delivery.claim(workspace_id, now=now, limit=200).to_send
        composing.load(workspace_id, judged, now=now)
    with shop.scope():
        wanted = [ToStart(one.id, one.fence, f"{one.id}", one.address_hash) for one in judged]
        delivery.start(workspace_id, wanted, now=now)
    with shop.scope():
        outcomes = [Outcome(one.id, one.fence, AttemptOutcome.ACCEPTED, 250, "ok") for one in judged]
        delivery.finish(workspace_id, outcomes, transport="bench", now=now)
    hits = [
        feedback.Call(
            workspace_id, one.id, now, uuid4(), "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0", False
        )
        for one in judged
    ]
    with shop.scope():
        found = [feedback.Measured(*row.values()) for row in _run(feedback.messages(workspace_id, hits))]
        opened, _ = feedback.outcome(hits, found)
        _run(intake.append(workspace_id, opened, now=now))


def _run(query: intake.Query) -> list[dict[str, Any]]:
    with sql.cursor(psycopg.rows.dict_row) as opened:
        opened.execute(psycopg.sql.SQL(query.text), query.parameters)
        return opened.fetchall() if opened.description else []


@contextmanager
def _explained() -> Iterator[Shapes]:
    """The shape of every statement that runs on Django's connection inside the block, by its text."""
    shapes: Shapes = {}

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        told = diagnostic.message_primary or ""
        _, marker, document = told.partition("plan:\n")
        if marker:
            explained = json.loads(document)
            shapes[" ".join(explained["Query Text"].split())] = shape(explained["Plan"])

    connection.ensure_connection()
    raw = connection.connection
    raw.add_notice_handler(note)
    try:
        yield shapes
    finally:
        raw.remove_notice_handler(note)


_MONTH = re.compile(r"_\d{4}_\d{2}")


def shape(plan: dict[str, Any], depth: int = 0) -> str:
    """A plan as indented lines: node types, tables, indexes. Months of the log are one, and so are equal branches over them."""
    words = [
        plan["Node Type"],
        plan.get("Join Type", ""),
        plan.get("Relation Name", ""),
        plan.get("Index Name", ""),
    ]
    children = plan.get("Plans", ())
    if plan["Node Type"] == "Append":  # as many branches as the span has months, none of them for one month
        return "\n".join(dict.fromkeys(shape(child, depth) for child in children))
    line = "  " * depth + " ".join(_MONTH.sub("", word) for word in words if word)
    return "\n".join([line, *dict.fromkeys(shape(child, depth + 1) for child in children)])
