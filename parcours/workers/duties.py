"""What workers do for each workspace, in this order, and how often at most. The functions are the rooms' own.

A duty opens its own short transactions, may run in several workers at once, and returns how much it did: 0 is "nothing to do".
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from parcours.audiences import actions as audiences
from parcours.campaigns import actions as campaigns
from parcours.catalogue import seen as catalogue
from parcours.delivery import actions as delivery
from parcours.events import actions as events
from parcours.events import forgetting, importing
from parcours.insights import actions as insights
from parcours.integrations import queue as webhooks
from parcours.journeys import actions as journeys
from parcours.kernel import tenancy


class Work(Protocol):
    """One pass over a workspace at an instant."""

    def __call__(self, workspace_id: int, *, now: datetime) -> int: ...


@dataclass(frozen=True)
class Duty:
    """A piece of work with its name in logs and the least number of seconds between two passes."""

    name: str
    work: Work
    every: float = 0.0


def sweep(workspace_id: int, *, now: datetime) -> int:
    """Take up messages that a lost sender left."""
    swept = delivery.sweep(workspace_id, now=now)
    return swept.requeued + swept.in_doubt


def prepare_log(workspace_id: int, *, now: datetime) -> int:
    """Make the log's next months."""
    with tenancy.scope(workspace_id=workspace_id):
        events.prepare_months(now)
    return 0


TURN = 0.5
"""Seconds after which a duty that could go on for long lets the others, and other workspaces, have their turn."""

DUTIES = (
    Duty("feedback", delivery.project),
    Duty("segments", audiences.refresh),
    Duty("segments in time", audiences.recheck, every=1.0),
    Duty("journey entries", partial(journeys.enter, patience=TURN)),
    Duty("journeys", partial(journeys.tick, patience=TURN)),
    Duty("campaigns", campaigns.tick, every=0.5),
    Duty("insights", insights.roll_up, every=1.0),
    Duty("catalogue", catalogue.learn, every=0.2),
    Duty("imports", importing.tick, every=0.5),
    Duty("lost messages", sweep, every=5.0),
    Duty("held messages", delivery.set_aside, every=1.0),
    Duty("webhooks", webhooks.notice, every=0.25),
    Duty("old webhooks", webhooks.clear, every=10.0),
    Duty("months of the log", prepare_log, every=3600.0),
    Duty("old receipts", forgetting.forget_receipts, every=5.0),
)

Clock = Callable[[], datetime]
