"""States of endpoints and deliveries, and what the room hands around. No Django here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from parcours.kernel import http

TEST_NAME = "Webhook Test"
"""The type of a delivery that somebody asked for to see whether the endpoint hears us. It names no event of the log."""


class EndpointState(StrEnum):
    """Whether an endpoint is written to.

    active ◄──► paused       (by hand, because it said 410, or because it was down for long; what happens meanwhile waits)
       └───────────┴──► removed   (for good: its deliveries, then itself, are cleared away)
    """

    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


class PauseReason(StrEnum):
    """Why an endpoint is paused."""

    BY_HAND = "by_hand"
    GONE = "gone"
    FAILING = "failing"


class DeliveryState(StrEnum):
    """Where a delivery is.

    pending ──► sending ──► delivered
       ▲           ├──────► pending     (no answer, or not 2xx: due again later)
       │           ├──────► failed      (that was the last try, or the event is no more)
       │           └──────► sending     (its worker was lost and the lease ran out: claimed by another one)
       └── delivered, failed            (a person replays it, under the same id)
    """

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


WAITING = frozenset({DeliveryState.PENDING.value, DeliveryState.SENDING.value})
"""States of deliveries for which a try follows, or is under way."""


class Trouble(StrEnum):
    """Why a try has no answer: what `kernel.http` says, or what went wrong here before anything could be asked."""

    REFUSED = http.Trouble.REFUSED.value
    UNKNOWN_HOST = http.Trouble.UNKNOWN_HOST.value
    NO_CONNECTION = http.Trouble.NO_CONNECTION.value
    TLS = http.Trouble.TLS.value
    TIMEOUT = http.Trouble.TIMEOUT.value
    BAD_ANSWER = http.Trouble.BAD_ANSWER.value
    EVENT_GONE = "event_gone"
    UNREADABLE = "unreadable"
    FAULT = "fault"


PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
)
"""How long after each failed try the next one follows; after the last pause there is one more try. Some two days in all."""

LONGEST_PAUSE = timedelta(hours=24)
"""An endpoint that asks for more (Retry-After) is tried after this."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an endpoint is told, and where. `takes_all`: every event, also of names that nobody has thought of yet."""

    url: str
    description: str = ""
    takes_all: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker is about to try, claimed under `fence`, with all that its body says.

    Without `event_id` it is a test. `is_there` is false when the event is not in the log any more.
    """

    id: UUID
    fence: int
    endpoint_id: int
    url: str
    secret: bytes
    former_secret: bytes | None
    tries: int
    name: str
    at: datetime
    event_id: int | None
    is_there: bool
    contact_id: UUID | None
    email: str | None
    external_id: str | None
    properties: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended: with a status, or with a trouble. `due_at`: when the next one follows (None: never)."""

    id: UUID
    fence: int
    endpoint_id: int
    code: int | None
    trouble: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """How an endpoint's deliveries stand."""

    waiting: int = 0
    failed: int = 0
