"""Reports as rows of a table, with a header of fixed names. Not here: how a file of them is written (`kernel.tables`)."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

from parcours.delivery.models import Mailing
from parcours.events.types import CONTACT_CREATED
from parcours.insights import mailings, queries
from parcours.insights.types import DeviceFigures, DomainFigures

Rows = list[list[str]]
_DOMAIN = (
    *("domain", "domains", "sent", "failed", "bounced", "open_measured", "opened"),
    *("click_measured", "clicked", "unsubscribed", "complained"),
)
_DAY = {
    "revenue": (queries.ORDERS, True),
    "orders": (queries.ORDERS, False),
    "refunded": (queries.REFUNDS, True),
    "refunds": (queries.REFUNDS, False),
    "new_contacts": (CONTACT_CREATED, False),
    "sent": (queries.SENT, False),
    "withheld": (queries.WITHHELD, False),
    "opens": (queries.OPENED, False),
    "clicks": (queries.CLICKED, False),
}
"""Column → the events it counts, and whether it sums their amounts instead."""
_DEVICE = ("device", "opened", "clicked")


def links(mailing: Mailing, language: str) -> Rows:
    """Every link of a mailing with its clicks."""
    header = [
        *("number", "label", "address", "people", "clicks", "named_clicks"),
        *("unnamed_clicks", "machine_clicks"),
    ]
    rows = [
        [
            str(each.counted.number),
            each.label,
            " | ".join(each.addresses),
            str(each.counted.people),
            str(each.counted.clicks),
            str(each.counted.named_clicks),
            str(each.counted.unnamed_clicks),
            str(each.counted.machine_clicks),
        ]
        for each in mailings.links(mailing, language)
    ]
    return [header, *rows]


def domains(mailing: Mailing, _language: str) -> Rows:
    """The mail systems of a mailing; the last row without a domain is all others together."""
    return _rows(_DOMAIN, mailings.domains(mailing))


def devices(mailing: Mailing, _language: str) -> Rows:
    """The devices on which a mailing was read."""
    return _rows(_DEVICE, mailings.devices(mailing))


def days(workspace_id: int, first: date, last: date, write: Callable[[Decimal], str]) -> Rows:
    """What happened on each day, zeros included; `write` spells amounts, which are in the workspace's currency."""
    found = queries.series(workspace_id, [name for name, _ in _DAY.values()], first, last)
    columns = [
        [write(each.amount) if is_amount else str(each.count) for each in found[name]]
        for name, is_amount in _DAY.values()
    ]
    told = zip(*columns, strict=True)
    dates = (each.day.isoformat() for each in found[queries.ORDERS])
    return [["day", *_DAY], *([day, *row] for day, row in zip(dates, told, strict=True))]


def _rows(names: Sequence[str], found: Sequence[DomainFigures] | Sequence[DeviceFigures]) -> Rows:
    return [list(names), *([str(getattr(each, name)) for name in names] for each in found)]


TABLES: dict[str, Callable[[Mailing, str], Rows]] = {"links": links, "domains": domains, "devices": devices}
