"""The cursor against real transactions: concurrent, long, committing out of order, rolled back. Nothing skipped, nothing twice."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from psycopg import sql as composition

from parcours.accounts.models import Workspace
from parcours.events.actions import prepare_months
from parcours.events.cursor import advance
from parcours.events.types import Span
from parcours.kernel import sql, tenancy
from tests.settling import settle

pytestmark = pytest.mark.django_db(transaction=True)

READ = """
SELECT name FROM events_event
WHERE workspace_id = %(workspace_id)s AND (xid, id) > (%(after_xid)s::text::xid8, %(after_id)s)
  AND (xid, id) <= (%(until_xid)s::text::xid8, %(until_id)s)
"""


class Writer:
    """A connection with at most one open transaction, and the names that it will have committed."""

    def __init__(self, workspace_id: int, now: datetime) -> None:
        self.connection = psycopg.connect(**connection.get_connection_params())  # type: ignore[arg-type]  # Django's own
        self.workspace_id, self.now = workspace_id, now
        self.pending: list[str] = []

    def write(self, names: list[str]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.workspace', %s, true)", [str(self.workspace_id)])
            for name in names:
                cursor.execute(
                    "INSERT INTO events_event (workspace_id, at, received_at, contact_id, name) VALUES (%s, %s, %s, %s, %s)",
                    [self.workspace_id, self.now, self.now, uuid4(), name],
                )
        self.pending += names

    def end(self, *, well: bool) -> list[str]:
        written, self.pending = self.pending, []
        if not well:
            self.connection.rollback()
            return []
        self.connection.commit()
        return written


@pytest.fixture
def shop(transactional_db: None, workspace: Workspace, now: datetime) -> Workspace:
    with tenancy.scope(workspace_id=workspace.id):
        prepare_months(now)
    return workspace


@pytest.fixture
def writers(shop: Workspace, now: datetime) -> Iterator[list[Writer]]:
    made = [Writer(shop.id, now) for _ in range(6)]
    yield made
    for writer in made:
        writer.connection.close()


def read(shop: Workspace, limit: int = 7) -> list[str]:
    """What the next span holds; the span's count must be right."""
    with advance(shop.id, "test", limit=limit) as span:
        if span is None:
            return []
        return names_in(shop, span)


def names_in(shop: Workspace, span: Span) -> list[str]:
    position = {
        "after_xid": span.after_xid,
        "after_id": span.after_id,
        "until_xid": span.until_xid,
        "until_id": span.until_id,
    }
    found = [row["name"] for row in sql.records(READ, {"workspace_id": shop.id, **position})]
    assert len(found) == span.count
    return found


@pytest.mark.parametrize("seed", range(6))
def test_every_committed_event_is_read_once_whatever_the_interleaving(
    shop: Workspace, writers: list[Writer], seed: int
) -> None:
    fate = random.Random(seed)
    committed: list[str] = []
    seen: Counter[str] = Counter()
    for step in range(150):
        writer = fate.choice(writers)
        match fate.random():
            case chance if chance < 0.45:
                writer.write([f"{step}-{n}" for n in range(fate.randint(1, 4))])
            case chance if chance < 0.7:
                committed += writer.end(well=fate.random() < 0.85)
            case _:
                seen.update(read(shop, limit=fate.randint(1, 9)))
    for writer in writers:
        committed += writer.end(well=True)
    settle(shop.id)
    while new := read(shop):
        seen.update(new)

    assert committed
    assert seen == Counter(committed)


def test_long_transaction_holds_readers_back_and_loses_nothing(
    shop: Workspace, writers: list[Writer]
) -> None:
    slow, quick = writers[:2]
    slow.write(["early"])
    quick.write(["late"])
    quick.end(well=True)

    assert read(shop) == []
    slow.end(well=True)
    settle(shop.id)
    assert read(shop) == ["early", "late"]


def test_position_stays_when_the_work_fails(shop: Workspace, writers: list[Writer]) -> None:
    writers[0].write(["once"])
    writers[0].end(well=True)
    settle(shop.id)

    with pytest.raises(ZeroDivisionError), advance(shop.id, "test") as span:
        assert span
        raise ZeroDivisionError
    assert read(shop) == ["once"]
    assert read(shop) == []


def test_second_worker_passes_by(shop: Workspace, writers: list[Writer]) -> None:
    writers[0].write(["one"])
    writers[0].end(well=True)
    settle(shop.id)
    assert read(shop) == ["one"]
    writers[0].write(["two"])
    writers[0].end(well=True)
    settle(shop.id)
    other = psycopg.connect(**connection.get_connection_params())  # type: ignore[arg-type]  # Django's own
    with other, other.cursor() as cursor:
        cursor.execute("SELECT set_config('app.workspace', %s, true)", [str(shop.id)])
        cursor.execute(composition.SQL("SELECT FROM events_cursor WHERE consumer = 'test' FOR UPDATE"))
        assert read(shop) == []
    assert read(shop) == ["two"]
