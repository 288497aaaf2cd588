"""Receipts are forgotten after 90 days: in portions, once a day, whoever does it."""

from datetime import datetime, timedelta

import psycopg
import pytest
from django.db import connection

from parcours.accounts.models import Workspace
from parcours.events import actions, forgetting
from parcours.events.forgetting import forget_receipts
from parcours.events.models import Event, Receipt
from parcours.events.types import NewEvent
from parcours.kernel import sql, tenancy
from parcours.kernel.ids import uuid7

pytestmark = pytest.mark.django_db(transaction=True)
OLD = timedelta(days=90, seconds=1)
FEW = 300  # receipts that fill more than one block


@pytest.fixture
def shop(transactional_db: None, workspace: Workspace) -> Workspace:
    return workspace


def hear(shop: Workspace, count: int, at: datetime) -> list[NewEvent]:
    """Messages with ids, each stored once."""
    told = [NewEvent(uuid7(), "Seen", {}, at, message_key=uuid7()) for _ in range(count)]
    with tenancy.scope(workspace_id=shop.id):
        assert actions.append(shop.id, told, now=at) == count
    return told


def kept(shop: Workspace) -> int:
    with tenancy.scope(workspace_id=shop.id):
        return Receipt.objects.count()


def test_old_receipts_go_and_the_message_counts_again(
    shop: Workspace, other_workspace: Workspace, now: datetime
) -> None:
    old = hear(shop, 3, now - OLD)
    hear(other_workspace, 3, now - OLD)
    recent = hear(shop, 2, now - OLD + timedelta(seconds=2))
    assert forget_receipts(shop.id, now=now) == 3
    assert (kept(shop), kept(other_workspace)) == (2, 3)
    with tenancy.scope(workspace_id=shop.id):
        assert actions.append(shop.id, old + recent, now=now) == 3
        assert Event.objects.count() == 8


def test_pass_goes_in_portions_and_is_made_once_a_day(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "BLOCKS_AT_ONCE", 1)
    hear(shop, FEW, now - OLD)
    portions = whole_pass(shop, now)
    assert sum(portions) == FEW
    assert len([each for each in portions if each]) > 1
    hear(shop, 1, now - OLD)
    assert forget_receipts(shop.id, now=now + timedelta(hours=23)) == 0
    assert sum(whole_pass(shop, now + timedelta(hours=24))) == 1


def whole_pass(shop: Workspace, now: datetime) -> list[int]:
    """How many each portion dropped, up to the end of the table."""
    portions = [forget_receipts(shop.id, now=now)]
    while goes_on(shop, now):
        portions.append(forget_receipts(shop.id, now=now))
    return portions


def goes_on(shop: Workspace, now: datetime) -> bool:
    with tenancy.scope(workspace_id=shop.id):
        return sql.scalar("SELECT next_at <= %(now)s FROM events_forgetting", {"now": now}) is True


def test_portion_that_another_worker_holds_is_left_to_it(shop: Workspace, now: datetime) -> None:
    hear(shop, 3, now - OLD)
    with tenancy.scope(workspace_id=shop.id):
        forgetting.statements.start_forgetting.run(workspace_id=shop.id, now=now)
    parameters = connection.get_connection_params()
    with psycopg.connect(**parameters) as other, other.transaction():
        other.execute("SELECT set_config('app.workspace', %s, true)", [str(shop.id)])
        other.execute("SELECT FROM events_forgetting FOR UPDATE")
        assert forget_receipts(shop.id, now=now) == 0
    assert forget_receipts(shop.id, now=now) == 3


def test_portion_reads_its_blocks_alone(shop: Workspace, now: datetime) -> None:
    hear(shop, FEW, now)
    bound = {"workspace_id": shop.id, "before": now, "first": "(0,0)", "until": "(1,0)"}
    with tenancy.scope(workspace_id=shop.id):
        for way in ("enable_indexscan", "enable_bitmapscan"):  # which a table of a few rows may prefer
            sql.scalar("SELECT set_config(%(way)s, 'off', true)", {"way": way})
        plan = sql.records("EXPLAIN " + forgetting.statements.forget_receipts.text, bound)
    assert "Tid Range Scan" in str(plan)
