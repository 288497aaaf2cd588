"""What the demo's people do with a message: a small seeded model, documented here and in `docs/concepts/demo.md`.

For each message that left, in this order:

- 0.8 % of first messages bounce for good (the address is wrong);
- 0.03 % of marketing messages are marked as spam;
- the person reads with probability 0.15 + 0.6 × interest (order information: 0.35 + 0.5 × interest), after a delay drawn from an
  exponential law of mean 5 hours;
- a reader whose opens may be measured gives an open; one in eight of these is a machine's (a mail proxy);
- a reader follows a link, any of those that the message holds, with probability 0.05 + 0.3 × interest, 1 to 9 minutes later; it is
  recorded by person where allowed;
- a reader of marketing unsubscribes with probability 0.012 × (1 − interest).

`interest` is drawn once per person (beta law, 2 and 3: mean 0.4). Orders and refunds are not modelled: they are real.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

DEVICES = ("phone", "phone", "phone", "computer", "computer", "tablet")


class Act(StrEnum):
    """What a person does."""

    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"
    BOUNCE = "bounce"
    COMPLAIN = "complain"


@dataclass(frozen=True)
class Sent:
    """A message that left, as far as a reaction depends on it."""

    message_id: UUID
    contact_id: UUID
    purpose: str
    is_marketing: bool
    is_first: bool
    measured_opens: bool
    measured_clicks: bool
    sent_at: datetime


@dataclass(frozen=True, order=True)
class Reaction:
    """One thing that happens at `at`."""

    at: datetime
    message_id: UUID
    act: Act
    contact_id: UUID
    purpose: str
    device: str = ""
    machine: bool = False


def react(message: Sent, interest: float, dice: random.Random) -> list[Reaction]:
    """What follows from one message, by the model above."""

    def reaction(at: datetime, act: Act, *, machine: bool = False) -> Reaction:
        return Reaction(at, message.message_id, act, message.contact_id, message.purpose, device, machine)

    device = dice.choice(DEVICES)
    if message.is_first and dice.random() < 0.008:
        return [reaction(message.sent_at + timedelta(seconds=20), Act.BOUNCE)]
    if message.is_marketing and dice.random() < 0.0003:
        return [reaction(message.sent_at + timedelta(hours=1), Act.COMPLAIN)]
    reads = 0.15 + 0.6 * interest if message.is_marketing else 0.35 + 0.5 * interest
    if dice.random() >= reads:
        return []
    read_at = message.sent_at + timedelta(hours=dice.expovariate(1 / 5), minutes=1)
    clicked_at = read_at + timedelta(minutes=dice.uniform(1, 9))
    happened = []
    if message.measured_opens:
        happened.append(reaction(read_at, Act.OPEN, machine=dice.random() < 0.125))
    if dice.random() < 0.05 + 0.3 * interest and message.measured_clicks:
        happened.append(reaction(clicked_at, Act.CLICK))
    if message.is_marketing and dice.random() < 0.012 * (1 - interest):
        happened.append(reaction(clicked_at, Act.UNSUBSCRIBE))
    return happened
