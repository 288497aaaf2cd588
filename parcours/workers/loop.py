"""The loop of a worker process: every duty for every workspace, again and again, resting when there is nothing to do.

A duty that fails is logged and left for its next pass; the others go on, also when the database refused that one statement (a
deadlock, a full disk). A lost database is waited for. What a duty writes down for people is in the workspace's language.
"""

import logging
import time
from collections.abc import Sequence
from threading import Event

from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils import translation

from parcours.accounts import queries as accounts
from parcours.accounts.models import Workspace
from parcours.workers.duties import DUTIES, Clock, Duty

log = logging.getLogger("parcours.workers")
REST = 0.15  # seconds between two passes without work: an event is acted on well within a second
WORKSPACES_EVERY = 2.0  # seconds after which a new workspace is noticed
AFTER_REFUSAL = 0.5  # seconds before a duty that lost against another transaction is tried again
AFTER_FAILURE = 5.0  # seconds before a failed duty is tried again for its workspace


class Worker:
    """One worker's memory: which workspaces there are and when each duty may run next."""

    def __init__(self, clock: Clock, stopping: Event, duties: Sequence[Duty] = DUTIES) -> None:
        self._clock = clock
        self._stopping = stopping
        self._duties = duties
        self._workspaces: list[Workspace] = []
        self._known_until = 0.0
        self._next: dict[tuple[str, int], float] = {}

    def run(self) -> None:
        """Work until told to stop."""
        while not self._stopping.is_set():
            try:
                done = self.one_pass()
            except (OperationalError, InterfaceError) as error:
                log.warning("The database is away: %s", str(error).strip())
                close_old_connections()
                connection.close()
                done = 0
            if not done:
                self._stopping.wait(REST)

    def one_pass(self) -> int:
        """Every due duty once for every workspace; returns how much was done."""
        self._look_for_workspaces()
        return sum(self._perform(duty, one) for one in self._workspaces for duty in self._duties)

    def _look_for_workspaces(self) -> None:
        if time.monotonic() >= self._known_until:
            self._workspaces = accounts.workspaces()
            self._known_until = time.monotonic() + WORKSPACES_EVERY

    def _perform(self, duty: Duty, workspace: Workspace) -> int:
        key = duty.name, workspace.pk
        if time.monotonic() < self._next.get(key, 0.0) or self._stopping.is_set():
            return 0
        self._next[key] = time.monotonic() + duty.every
        try:
            with translation.override(workspace.language):
                return duty.work(workspace.pk, now=self._clock())
        except (OperationalError, InterfaceError) as error:
            if not connection.is_usable():
                raise
            log.warning(
                "The duty “%s” is tried again for workspace %s: %s",
                duty.name,
                workspace.pk,
                str(error).strip(),
            )
            self._next[key] = time.monotonic() + AFTER_REFUSAL
            return 0
        except Exception:
            log.exception("The duty “%s” failed for workspace %s", duty.name, workspace.pk)
            self._next[key] = time.monotonic() + AFTER_FAILURE
            return 0
