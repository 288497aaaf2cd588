"""States of a campaign, and what its author gives. No Django here."""

from dataclasses import dataclass
from enum import StrEnum


class CampaignState(StrEnum):
    """Where a campaign is.

      ┌─────────────────────┐
      │                     ▼
    draft ◄─► scheduled ──► running ⇄ paused
      │           │         │ │          │
      │           │         │ └──────────│──► finished   (every recipient has an outcome)
      └───────────┴─────────┴────────────┴──► cancelled

    What may not be sent when its time comes is a draft again.
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
