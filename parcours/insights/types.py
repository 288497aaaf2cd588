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
class LinkClicks:
    """How often the link of a number was followed. `people` are messages of those who may be measured."""

    number: int
    people: int = 0
    named_clicks: int = 0
    unnamed_clicks: int = 0
    machine_clicks: int = 0

    @property
    def clicks(self) -> int:
        """Clicks of people, with and without their names."""
        return self.named_clicks + self.unnamed_clicks


@dataclass(frozen=True)
class LinkFigures:
    """A link as it is written in the message, and how often it was followed."""

    label: str
    addresses: tuple[str, ...]
    counted: LinkClicks


@dataclass(frozen=True)
class DomainFigures:
    """What became of the messages to one mail system; of `domains` together where `domain` is ''. Rates as in `MailingFigures`."""

    domain: str
    domains: int
    sent: int
    failed: int
    bounced: int
    open_measured: int
    opened: int
    click_measured: int
    clicked: int
    unsubscribed: int
    complained: int


@dataclass(frozen=True)
class DeviceFigures:
    """In how many messages people who may be measured did something on one kind of device ('machine': what was none of them)."""

    device: str
    opened: int
    clicked: int


@dataclass(frozen=True)
class MailingReport:
    """What came of one mailing. `links` are all of its links, those followed most first."""

    figures: MailingFigures
    links: list[LinkFigures]
    domains: list[DomainFigures]
    devices: list[DeviceFigures]

    @property
    def clicks(self) -> int:
        """Clicks of people on any link."""
        return sum(each.counted.clicks for each in self.links)


@dataclass(frozen=True)
class Comparison:
    """A figure of the last seven days beside that of the seven days before."""

    now: Decimal
    before: Decimal

    @property
    def change(self) -> Decimal | None:
        """The relative change (0.1 is ten per cent more); None when there was nothing before."""
        return (self.now - self.before) / abs(self.before) if self.before else None
