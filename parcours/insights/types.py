"""Figures as pages show them. No Django here."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Day:
    """How many events of one name on one day, and the sum of their `total`, in the workspace's currency."""

    day: date
    name: str
    count: int
    amount: Decimal


@dataclass(frozen=True)
class MailingFigures:
    """What became of a mailing's messages. The states add up to `targeted`; rates are over those who may be measured.

    `opened` and `clicked` are messages that a person opened, clicked in; a machine may have, too (`…_by_machines`). Clicks of
    people who may not be measured are counted one by one, without their names (`unnamed_clicks`).
    """

    mailing_id: int
    targeted: int = 0
    queued: int = 0
    delayed: int = 0
    sending: int = 0
    sent: int = 0
    withheld: int = 0
    failed: int = 0
    in_doubt: int = 0
    cancelled: int = 0
    open_measured: int = 0
    opened: int = 0
    opened_by_machines: int = 0
    click_measured: int = 0
    clicked: int = 0
    clicked_by_machines: int = 0
    unnamed_clicks: int = 0
    unnamed_clicks_by_machines: int = 0
    unsubscribed: int = 0
    bounced: int = 0
    complained: int = 0

    @property
    def waiting(self) -> int:
        """Those that have yet to leave, whether or not the gate has told them to wait."""
        return self.queued + self.delayed

    @property
    def done(self) -> int:
        """Those that have left or never will, and those nobody knows of."""
        return self.targeted - self.waiting - self.sending


@dataclass(frozen=True)
class Comparison:
    """A figure of the last seven days beside that of the seven days before."""

    now: Decimal
    before: Decimal

    @property
    def change(self) -> Decimal | None:
        """The relative change (0.1 is ten per cent more); None when there was nothing before."""
        return (self.now - self.before) / abs(self.before) if self.before else None
