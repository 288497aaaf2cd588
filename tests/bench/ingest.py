"""Event intake over HTTP: single calls against nginx, the same server without work and an INSERT per request; batches against COPY.

Every figure counts answers that came after the commit, for people who are known, each message with an id of its own.
"""

import json
import os
import statistics
import time
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import psycopg

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, KeyKind
from parcours.contacts import actions as contacts
from parcours.contacts.types import IdentityKind, Person
from parcours.events import actions as events
from parcours.kernel import clock, tenancy
from tests.bench import load, upkeep

SECRET = "wk_bench_key"
PEOPLE = 20_000
BATCH = 1_000
BATCH_CONNECTIONS = 4

HEAD = """
local n = 0
local head = "POST %(path)s HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nAuthorization: Bearer %(secret)s\\r\\nContent-Type: application/json\\r\\nContent-Length: "
local function event()
  n = n + 1
  return string.format('{"type":"track","userId":"u%%07d","event":"Product Viewed","messageId":"%%s-%%09d",' ..
    '"timestamp":"%(at)s","properties":{"product_id":"p%%05d","name":"White hanging heart","price":2.55,"quantity":6}}',
    n %% %(people)d, RUN, n, n %% 99999)
end
"""
SINGLE = """
request = function() local body = event() return head .. #body .. "\\r\\n\\r\\n" .. body end
"""
MANY = """
request = function()
  local parts = {}
  for i = 1, %d do parts[i] = event() end
  local body = '{"batch":[' .. table.concat(parts, ",") .. ']}'
  return head .. #body .. "\\r\\n\\r\\n" .. body
end
"""


def bench_ingest_single() -> list[dict[str, Any]]:
    """Single `track` calls at 256 connections."""
    shop, people, now = prepare("single")
    script = _head("/v1/track", now) + SINGLE
    figures: dict[str, list[float]] = {"nginx": [], "no work": [], "insert": [], "product": []}
    variables = {"BENCH_WORKSPACE": str(shop.id), "BENCH_PEOPLE": json.dumps(people[:500])}
    with ExitStack() as servers:
        addresses = {
            "nginx": servers.enter_context(load.nginx()),
            "no work": servers.enter_context(load.floor("no_work", variables)),
            "insert": servers.enter_context(load.floor("insert_per_request", variables)),
            "product": servers.enter_context(load.web()),
        }
        for address in addresses.values():
            load.requests_per_second(address, script, seconds=1)
        for _ in range(load.ROUNDS):
            for name, address in addresses.items():
                before = _count(shop)
                figures[name].append(load.requests_per_second(address, script))
                if name == "product":
                    _check_stored(shop, before, figures[name][-1])
    product = statistics.median(figures["product"])
    setting = f"{load.CONNECTIONS} connections, {load.PROCESSES} processes, durable, identity-resolved, known people"
    floors = {
        "nginx": "nginx return 204",
        "no work": "the same server without work",
        "insert": "INSERT per request",
    }
    return [
        result("ingest.single", product, statistics.median(figures[name]), f"{setting}; floor: {floor}")
        for name, floor in floors.items()
    ]


def bench_ingest_batch() -> list[dict[str, Any]]:
    """Batches of 1,000 events against a raw COPY of the same rows, one transaction each."""
    shop, people, now = prepare("batch")
    script = _head("/v1/batch", now) + MANY % BATCH
    rates, floors = [], []
    with load.web() as address:
        load.requests_per_second(address, script, connections=BATCH_CONNECTIONS, seconds=2)
        for _ in range(load.ROUNDS):
            floors.append(_copy(shop, people, now))
            rates.append(BATCH * load.requests_per_second(address, script, connections=BATCH_CONNECTIONS))
    setting = f"batches of {BATCH}, {BATCH_CONNECTIONS} connections, {load.PROCESSES} processes; floor: COPY into the same table"
    return [result("ingest.batch", statistics.median(rates), statistics.median(floors), setting)]


def result(name: str, figure: float, floor: float, setting: str, unit: str = "events/s") -> dict[str, Any]:
    """A result as `tests.bench.main` prints it."""
    return {
        "name": name,
        "figure": round(figure),
        "unit": unit,
        "floor": round(floor),
        "ratio": round(figure / floor, 2),
        "setting": setting,
    }


def prepare(slug: str) -> tuple[Workspace, list[str], datetime]:
    """A workspace with a write key and people who are known; their ids as text; the instant."""
    now = clock.now()
    shop = accounts.create_workspace(f"bench-{slug}", name="Bench", now=now)
    people = [
        Person(email=f"{n}@example.org", identities=((IdentityKind.EXTERNAL, f"u{n:07d}"),))
        for n in range(PEOPLE)
    ]
    with tenancy.scope(workspace_id=shop.id):
        accounts.create_key(shop.id, KeyKind.WRITE, slug, actor=SYSTEM, now=now, secret=f"{SECRET}_{slug}")
        events.prepare_months(now)
        saved = contacts.save_people(shop.id, people, now=now)
    upkeep.vacuum()
    return shop, [str(one.contact_id) for one in saved], now


def _head(path: str, now: datetime) -> str:
    slug = "single" if path.endswith("track") else "batch"
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return HEAD % {"path": path, "secret": f"{SECRET}_{slug}", "at": at, "people": PEOPLE}


def _count(shop: Workspace) -> int:
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        found = owner.execute(
            "SELECT count(*) FROM events_event WHERE workspace_id = %s", [shop.id]
        ).fetchone()
    assert found
    return int(found[0])


def _check_stored(shop: Workspace, before: int, rate: float) -> None:
    """Every answer that wrk counted must be in the log."""
    stored = _count(shop) - before
    if stored < rate * load.SECONDS * 0.99:
        raise SystemExit(f"{stored} events are stored, {rate * load.SECONDS:.0f} were answered.")


def _copy(shop: Workspace, people: list[str], now: datetime) -> float:
    """Rows per second of COPY, text format, made beforehand, in transactions of one batch."""
    properties = json.dumps(
        {"product_id": "p00001", "name": "White hanging heart", "price": 2.55, "quantity": 6}
    )
    rows = [
        f"{shop.id}\t{now.isoformat()}\t{now.isoformat()}\t{people[n * 7 % PEOPLE]}\tProduct Viewed\t{properties}\n"
        for n in range(BATCH)
    ]
    block = "".join(rows).encode()
    copied, started = 0, time.perf_counter()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner, owner.cursor() as cursor:
        while time.perf_counter() - started < load.SECONDS:
            with cursor.copy(
                "COPY events_event (workspace_id, at, received_at, contact_id, name, properties) FROM STDIN"
            ) as copy:
                copy.write(block)
            copied += BATCH
        return copied / (time.perf_counter() - started)
