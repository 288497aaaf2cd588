"""Who is told to stop ends, also while the database is away: an orphan that waits for it would hold up the next start."""

from collections.abc import Iterator
from threading import Event

import pytest
from django.db import OperationalError

from parcours.accounts import queries as accounts
from parcours.accounts.models import Workspace
from parcours.workers.command import parts


class Outage:
    """The first thing that every part asks the database for, and does not get."""

    def __init__(self) -> None:
        self.met = Event()
        self.over = Event()

    def workspaces(self) -> list[Workspace]:
        if self.over.is_set():
            return []
        self.met.set()
        raise OperationalError("connection refused")


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    outage = Outage()
    monkeypatch.setattr(accounts, "workspaces", outage.workspaces)
    yield outage
    outage.over.set()


@pytest.mark.parametrize("part", ["sending", "duties", "webhooks"])
def test_worker_told_to_stop_while_the_database_is_away_ends(part: str, outage: Outage) -> None:
    stopping = Event()
    [thread] = parts(part, stopping)
    thread.start()
    try:
        assert outage.met.wait(20)
        stopping.set()
        thread.join(10)
        assert not thread.is_alive()
    finally:
        outage.over.set()
        thread.join()
