"""States and verdicts of a message, reasons of the gate, origins, and what is queued and judged. No Django here."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from parcours.delivery.replies import ReplyClass


class Origin(StrEnum):
    """What asked for a message."""

    JOURNEY = "journey"
    CAMPAIGN = "campaign"
    API = "api"
    CONFIRMATION = "confirm"
    TEST = "test"


class MessageState(StrEnum):
    """Where a message is.

    queued ──► sending ──► sent
      │           ├──────► failed      (refused for good)
      │           ├──────► queued      (refused for now: due again later)
      │           └──────► in_doubt    (the connection or the process was lost after the text had gone)
      ├──────► withheld                (the gate's last word)
      └──────► cancelled               (its campaign or journey was stopped)
    in_doubt ──► sent | queued         (a person, or the provider, settles it)
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    WITHHELD = "withheld"
    CANCELLED = "cancelled"


class Verdict(StrEnum):
    """The gate's answer."""

    SEND = "send"
    DELAY = "delay"
    WITHHOLD = "withhold"


class Reason(StrEnum):
    """Why the gate delays or withholds, or on which basis it sends. The code is shown with its evidence."""

    BASIS_CONTRACT = "basis_contract"
    BASIS_LEGITIMATE_INTEREST = "basis_legitimate_interest"
    BASIS_CONSENT = "basis_consent"
    CONFIRMATION_ASKED = "confirmation_asked"
    TEST_ASKED = "test_asked"
    NO_ADDRESS = "no_address"
    NOT_A_MEMBER = "not_a_member"
    HAD_ALREADY = "had_already"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CONSENT_PENDING = "consent_pending"
    OBJECTED = "objected"
    NOTHING_TO_CONFIRM = "nothing_to_confirm"
    OUTSIDE_PURPOSE_AUDIENCE = "outside_purpose_audience"
    GUARD = "guard"
    PURPOSE_ARCHIVED = "purpose_archived"
    EXPIRED = "expired"
    PAUSED = "paused"
    CHOSEN_FREQUENCY = "chosen_frequency"
    FREQUENCY_CAP = "frequency_cap"
    QUIET_HOURS = "quiet_hours"
    TEMPLATE_FAILED = "template_failed"
    CONTACT_GONE = "contact_gone"
    STOPPED = "stopped"
    NOT_JUDGED = "not_judged"


class AttemptOutcome(StrEnum):
    """What an attempt came to. An attempt without an outcome after a crash is in doubt.

    A message that was refused through a fault of our configuration is tried again, once it is mended.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    NOT_SENT = "not_sent"
    IN_DOUBT = "in_doubt"


class ReturnKind(StrEnum):
    """What a mail that came back is about."""

    BOUNCED = "bounced"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    ANSWERED = "answered"
    IGNORED = "ignored"


class ClickTracking(StrEnum):
    """Whose clicks are recorded by person (compliance C12). Others are counted without saying who."""

    CONSENTED = "consented"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class ToQueue:
    """A message to queue; `models.Message` says what a run is. The event is what the template may speak of."""

    mailing_id: int
    run: int
    contact_id: UUID
    event_at: datetime | None
    event_id: int | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ToSend:
    """A message that the gate lets go, claimed under `fence`. From `closes_at` on it must not leave: ask the gate again."""

    workspace_id: int
    id: UUID
    fence: int
    mailing_id: int
    run: int
    contact_id: UUID
    event_at: datetime | None
    event_id: int | None
    address: str
    address_hash: bytes
    measured_opens: bool
    measured_clicks: bool
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a claimed batch."""

    to_send: list[ToSend]
    delayed: int = 0
    withheld: int = 0

    @property
    def count(self) -> int:
        """How many messages were judged."""
        return len(self.to_send) + self.delayed + self.withheld


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. `due_at`: when it is tried again (None: a deferred one depends on its tries, others never)."""

    message_id: UUID
    fence: int
    outcome: AttemptOutcome
    code: int | None = None
    reply: str = ""
    due_at: datetime | None = None
    subject: str = ""
    meaning: ReplyClass = ReplyClass.ACCEPTED


@dataclass(frozen=True, slots=True)
class ToStart:
    """A message that a connection is about to hand over."""

    message_id: UUID
    fence: int
    connection: str
    address_hash: bytes


class Moved(NamedTuple):
    """A message that reached a new state, as its event needs it. A test is nobody's event."""

    id: UUID
    mailing_id: int
    contact_id: UUID
    address: str
    state: str
    is_test: bool
