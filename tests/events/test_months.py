"""Months of the log: made while others read and write it, and as good as those that a migration made."""

from datetime import UTC, date, datetime

import psycopg
import pytest
from django.db import connection

from parcours.accounts.models import Workspace
from parcours.events import actions, queries
from parcours.events.types import NewEvent
from parcours.kernel import sql, tenancy
from parcours.kernel.ids import uuid7

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = datetime(2011, 7, 4, tzinfo=UTC)


@pytest.fixture
def shop(transactional_db: None, workspace: Workspace) -> Workspace:
    return workspace


def forget(month: str) -> None:
    """Take a month away again: it is empty, and other tests make it anew."""
    with psycopg.connect(**{**connection.get_connection_params(), "options": ""}) as owner:
        owner.execute(f"DROP TABLE IF EXISTS {month}".encode())


def test_new_month_waits_for_no_reader_and_no_writer(shop: Workspace, now: datetime) -> None:
    forget("events_event_2011_07")
    parameters = connection.get_connection_params()
    with psycopg.connect(**parameters) as other, other.transaction():
        other.execute(
            "LOCK TABLE events_event IN ROW EXCLUSIVE MODE"
        )  # as every writer has it until it commits
        with tenancy.scope(workspace_id=shop.id):
            sql.scalar("SELECT set_config('lock_timeout', '2s', true)", {})
            who = uuid7()
            actions.append(shop.id, [NewEvent(who, "Ordered", {}, LONG_AGO)], now=now)
    with tenancy.scope(workspace_id=shop.id):
        assert [entry.name for entry in queries.timeline(shop.id, who)] == ["Ordered"]


def test_month_made_aside_is_like_the_others(shop: Workspace) -> None:
    """The same columns, checks, indexes and row security as the log."""
    forget("events_event_2011_08")
    with tenancy.scope(workspace_id=shop.id):
        actions.ensure_months([datetime(2011, 8, 1, tzinfo=UTC)])
    found = sql.records(
        """
        SELECT c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
               (SELECT count(*) FROM pg_index i JOIN pg_inherits h ON h.inhrelid = i.indexrelid WHERE i.indrelid = c.oid) AS attached,
               (SELECT count(*) FROM pg_index i WHERE i.indrelid = 'events_event'::regclass) AS wanted,
               (SELECT count(*) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c') AS checks
        FROM pg_class c WHERE c.relname = 'events_event_2011_08'
        """,
        {},
    )
    [month] = found
    assert (month["relispartition"], month["relrowsecurity"], month["relforcerowsecurity"]) == (
        True,
        True,
        True,
    )
    assert month["attached"] == month["wanted"] > 1
    assert month["checks"] == 1


@pytest.mark.parametrize(
    ("stated", "month"),
    [("2011-09-30T23:30:00-05:00", "2011-10-01"), ("2011-10-01T00:30:00+14:00", "2011-09-01")],
)
def test_month_is_that_of_utc_whichever_zone_the_sender_is_in(
    shop: Workspace, now: datetime, stated: str, month: str
) -> None:
    at = datetime.fromisoformat(stated)
    assert actions.months_of([at]) == [date.fromisoformat(month)]
    forget(f"events_event_{month[:7].replace('-', '_')}")
    with tenancy.scope(workspace_id=shop.id):
        who = uuid7()
        actions.append(shop.id, [NewEvent(who, "Ordered", {}, at)], now=now)
        assert [entry.at for entry in queries.timeline(shop.id, who)] == [at]
