"""The loop of a worker: every workspace has its turn, whatever happens to the others."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event

import pytest
from django.db import OperationalError, connection
from django.utils.translation import get_language

from parcours.accounts.models import Workspace
from parcours.workers import loop
from parcours.workers.duties import Duty
from parcours.workers.loop import Worker

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


class Diary:
    """What was done, and the troubles that are to come."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []
        self.languages: dict[int, str] = {}
        self.troubles: dict[tuple[str, int], Callable[[], None]] = {}

    def duty(self, name: str) -> Duty:
        def work(workspace_id: int, *, now: datetime) -> int:
            self.languages[workspace_id] = get_language()
            if trouble := self.troubles.get((name, workspace_id)):
                trouble()
            self.done.append((name, workspace_id))
            return 1

        return Duty(name, work)


def raising(error: Exception) -> Callable[[], None]:
    def trouble() -> None:
        raise error

    return trouble


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def worker(diary: Diary, workspace: Workspace, other_workspace: Workspace) -> Worker:
    return Worker(lambda: NOW, Event(), [diary.duty("segments"), diary.duty("journeys")])


def test_every_workspace_has_its_turn(
    worker: Worker, diary: Diary, workspace: Workspace, other_workspace: Workspace
) -> None:
    assert worker.one_pass() == 4
    assert set(diary.done) == {
        (name, each.pk) for name in ("segments", "journeys") for each in (workspace, other_workspace)
    }
    assert diary.languages == {workspace.pk: "fr", other_workspace.pk: "en"}


@pytest.mark.parametrize("error", [ValueError("a bug of ours"), OperationalError("deadlock detected")])
def test_duty_that_fails_for_one_workspace_stops_nobody_else(
    error: Exception, worker: Worker, diary: Diary, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    diary.troubles["segments", workspace.pk] = raising(error)

    assert worker.one_pass() == 3
    assert worker.one_pass() == 3, "it is not hurried either"
    assert ("segments", workspace.pk) not in diary.done
    assert sum(name == "segments" for name, _ in diary.done) == 2

    diary.troubles.clear()
    later = loop.time.monotonic() + 6
    monkeypatch.setattr(loop.time, "monotonic", lambda: later)
    assert worker.one_pass() == 4


@pytest.mark.django_db(transaction=True)
def test_lost_database_is_waited_for(worker: Worker, diary: Diary, workspace: Workspace) -> None:
    def lose() -> None:
        connection.close()
        raise OperationalError("server closed the connection unexpectedly")

    diary.troubles["segments", workspace.pk] = lose
    with pytest.raises(OperationalError):
        worker.one_pass()
