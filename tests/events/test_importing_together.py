"""Imports on real connections: who may go on while a worker reads a file."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.contacts.importing import actions as imports
from parcours.contacts.importing import queries, reading
from parcours.contacts.importing.plan import Plan
from parcours.contacts.models import Contact, Import
from parcours.events import importing
from parcours.kernel import sql, tenancy

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 5.0
FILE = b"email\na@example.com\nb@example.com\na@example.com\n"


@pytest.fixture
def shop(transactional_db: None, workspace: Workspace) -> Workspace:
    return workspace


@pytest.fixture
def run(shop: Workspace, now: datetime) -> Import:
    with tenancy.scope(workspace_id=shop.pk):
        run = imports.upload(shop.pk, "people.csv", FILE, actor=SYSTEM, now=now)
        preview = queries.preview(shop.pk, run)
        imports.confirm(shop.pk, run, Plan(preview.delimiter, preview.columns), actor=SYSTEM, now=now)
    return run


def elsewhere(work: Callable[[], Any]) -> Any:
    """The result of some work on a connection of its own, which has to come soon."""

    def apart() -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(apart).result(PATIENCE)


def while_reading(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> None:
    """Let something happen in the middle of the first reading of a file."""
    real = reading.portion

    def portion(*args: Any) -> reading.Portion:
        monkeypatch.setattr(reading, "portion", real)
        work()
        return real(*args)

    monkeypatch.setattr(reading, "portion", portion)


def state(shop: Workspace, run: Import) -> str:
    with tenancy.scope(workspace_id=shop.pk):
        return queries.import_of(shop.pk, run.pk).state


def test_reading_a_file_keeps_no_consumer_of_the_log_waiting(
    shop: Workspace, run: Import, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing: list[object] = []
    while_reading(
        monkeypatch,
        lambda: writing.append(sql.scalar("SELECT pg_current_xact_id_if_assigned()::text", {})),
    )
    assert importing.step(shop.pk, now=now) == 1
    assert writing == [None], "a transaction with an id holds back what consumers may read"
    assert state(shop, run) == "running"


def test_import_is_cancelled_while_its_file_is_read(
    shop: Workspace, run: Import, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel() -> None:
        with tenancy.scope(workspace_id=shop.pk):
            imports.cancel(queries.import_of(shop.pk, run.pk), actor=SYSTEM, now=now)

    while_reading(monkeypatch, lambda: elsewhere(cancel))
    importing.tick(shop.pk, now=now)
    assert state(shop, run) == "cancelled"
    with tenancy.scope(workspace_id=shop.pk):
        assert not Contact.objects.exists()
        assert not queries.refusals(run).exists()
        assert importing.tick(shop.pk, now=now) == 0


def test_file_is_read_by_one_worker_at_a_time(
    shop: Workspace, run: Import, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[int] = []
    while_reading(monkeypatch, lambda: others.append(elsewhere(lambda: importing.step(shop.pk, now=now))))
    while importing.tick(shop.pk, now=now):
        pass
    assert (others, state(shop, run)) == ([0], "finished")
