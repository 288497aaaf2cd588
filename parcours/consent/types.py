"""Legal bases, channels, what a person can say, and why an address is never written to. No Django here."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Basis(StrEnum):
    """Why a purpose is lawful (GDPR art. 6.1 a, b, f)."""

    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"
    CONSENT = "consent"


class Channel(StrEnum):
    """A way to reach a person. `any` is used by measuring purposes, which have no channel of their own."""

    EMAIL = "email"
    SMS = "sms"
    ANY = "any"


MEASURING = frozenset({"measure_opens", "measure_clicks"})
"""The codes of the purposes that are asked before a person is measured."""


FREQUENCIES = (7, 30)
"""In how many days a person may ask for one marketing message at most: a week, a month."""

PAUSES = (7, 30, 90)
"""For how many days a person may pause all marketing: a week, a month, three months."""


class Act(StrEnum):
    """What the ledger records. `requested` waits for a double opt-in; `objected` refuses a legitimate interest."""

    GRANTED = "granted"
    REQUESTED = "requested"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"


class SuppressionReason(StrEnum):
    """Why an address is never written to again."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"
    IMPORT = "import"


@dataclass(frozen=True)
class Evidence:
    """How a statement was made: the proof (GDPR art. 7.1). `source` says where, `wording` the text that was shown."""

    source: str
    wording: str = ""
    ip: str | None = None
    user_agent: str = ""
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wish:
    """How much marketing a person wants: none before `paused_until`, at most one message in `every_days`."""

    paused_until: datetime | None = None
    every_days: int | None = None


@dataclass(frozen=True)
class Statement:
    """What one person said about one purpose on one channel. `at` is when (None: now)."""

    contact_id: UUID
    purpose: str
    channel: Channel
    act: Act
    evidence: Evidence
    at: datetime | None = None
