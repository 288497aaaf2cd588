"""States of a campaign, what its author gives, and its progress. No Django here."""

from dataclasses import dataclass
from enum import StrEnum


class CampaignState(StrEnum):
    """Where a campaign is.

    draft ──► scheduled ──► running ⇄ paused
      │           │            ├─────────┴──► cancelled
      └───────────┴────────────┤
                               └──► finished   (every recipient has an outcome)
    """

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Draft:
    """What a campaign sends, why, and to whom: a segment or a list, by slug."""

    name: str
    template: str
    purpose: str
    segment: str | None = None
    list: str | None = None


@dataclass(frozen=True)
class Progress:
    """What became of the frozen audience, counted from its messages: `targeted` is always the sum of the seven states.

    `delayed` are those of `queued` that the gate has told to wait.
    """

    targeted: int
    queued: int
    sending: int
    sent: int
    failed: int
    in_doubt: int
    withheld: int
    cancelled: int
    delayed: int
