"""A dump restored into another server: the log is ahead of the server's transaction ids. Nothing starts, nothing leaves, it is mended."""

import argparse
from datetime import datetime

import pytest
from django.db import connection

from parcours.accounts.models import AuditEntry, Workspace
from parcours.cli import doctor, web
from parcours.contacts.types import Person
from parcours.delivery.models import Sending
from parcours.events import cursor, people, restoring
from parcours.events.errors import LogAhead
from parcours.events.models import Cursor
from parcours.kernel import sql, tenancy
from parcours.workers import command
from tests.delivery.stories import Shop
from tests.settling import settle

pytestmark = pytest.mark.django_db(transaction=True)
CONSUMER = "audiences"


@pytest.fixture
def restored(workspace: Workspace, other_workspace: Workspace, now: datetime) -> Workspace:
    """Everything was read on a server that had come 15,000 transactions further."""
    with tenancy.scope(workspace_id=workspace.id):
        Shop.open(workspace, now)
        sql.run(
            "INSERT INTO events_cursor (workspace_id, consumer, xid, event_id) VALUES (%(workspace_id)s, %(consumer)s,"
            " (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 15000)::text::xid8, 1)",
            {"workspace_id": workspace.id, "consumer": CONSUMER},
        )
    return workspace


def test_log_of_this_server_is_well(workspace: Workspace, now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace.id):
        people.save_people(workspace.id, [Person(email="a@example.org")], now=now)
    settle(workspace.id)
    with cursor.advance(workspace.id, CONSUMER):
        pass
    assert restoring.ahead() == 0
    restoring.check()
    assert doctor.restored_log().well


def test_processes_refuse_to_start_on_a_restored_log(
    restored: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LogAhead, match="restored"):
        command.run(argparse.Namespace(only=None))
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "options", "-c role=parcours_web")
    connection.close()
    with pytest.raises(LogAhead, match="restored"):
        web.run(argparse.Namespace(host="127.0.0.1", port=0, processes=1))
    monkeypatch.undo()
    found = doctor.restored_log()
    assert not found.well
    assert "doctor --mend" in found.mend


def test_mending_pauses_sending_and_lets_new_events_be_read(restored: Workspace, now: datetime) -> None:
    doctor.mend_restored(now)

    assert restoring.ahead() == 0
    with tenancy.scope(workspace_id=restored.id):
        sending = Sending.objects.get()
        assert sending.paused_at == now
        assert "restored" in sending.pause_reason
        assert AuditEntry.objects.filter(action="paused", subject="sending").count() == 1
        before = Cursor.objects.get(consumer=CONSUMER).xid
        people.save_people(restored.id, [Person(email="a@example.org")], now=now)
    settle(restored.id)
    with cursor.advance(restored.id, CONSUMER) as span:
        assert span is not None
        assert span.count == 1
    with tenancy.scope(workspace_id=restored.id):
        assert int(Cursor.objects.get(consumer=CONSUMER).xid) > int(before)

    doctor.mend_restored(now)  # again: nothing to do
