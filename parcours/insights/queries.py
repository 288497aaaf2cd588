"""Reads for reports and the dashboard."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from parcours.events.types import EMAIL_LINK_CLICKED, EMAIL_OPENED, EMAIL_SENT, EMAIL_WITHHELD
from parcours.insights.types import Comparison, Day, MailingFigures
from parcours.kernel import sql

statements = sql.load(__package__)
ORDERS, REFUNDS = "Order Completed", "Order Refunded"
SENT, OPENED, CLICKED, WITHHELD = EMAIL_SENT, EMAIL_OPENED, EMAIL_LINK_CLICKED, EMAIL_WITHHELD


def daily(workspace_id: int, names: Sequence[str], first: date, last: date) -> list[Day]:
    """Counts and amounts by day and name, days without events left out."""
    return statements.daily.rows(Day, workspace_id=workspace_id, names=list(names), first=first, last=last)


def series(workspace_id: int, names: Sequence[str], first: date, last: date) -> dict[str, list[Day]]:
    """For each name a figure for every day, zeros included: what a chart draws."""
    known = {(one.day, one.name): one for one in daily(workspace_id, names, first, last)}
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    empty = Decimal(0)
    return {name: [known.get((day, name), Day(day, name, 0, empty)) for day in days] for name in names}


def week_against_last(
    workspace_id: int, names: Sequence[str], today: date
) -> dict[str, tuple[Comparison, Comparison]]:
    """For each name: counts and amounts of the last seven whole days, beside the seven days before them."""
    last = today - timedelta(days=1)
    boundary = last - timedelta(days=6)
    sums: defaultdict[tuple[str, bool], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for one in daily(workspace_id, names, boundary - timedelta(days=7), last):
        pair = sums[one.name, one.day >= boundary]
        pair[0] += one.count
        pair[1] += one.amount
    return {
        name: (
            Comparison(sums[name, True][0], sums[name, False][0]),
            Comparison(sums[name, True][1], sums[name, False][1]),
        )
        for name in names
    }


def mailing_figures(workspace_id: int, mailings: Sequence[int]) -> dict[int, MailingFigures]:
    """What became of each mailing's messages; mailings without messages give zeros."""
    found = statements.mailing_figures.rows(
        MailingFigures, workspace_id=workspace_id, mailings=list(mailings)
    )
    figures = {one.mailing_id: one for one in found}
    return {mailing: figures.get(mailing, MailingFigures(mailing)) for mailing in mailings}


def local_day(instant: datetime, zone: str) -> date:
    """The calendar day of an instant in a zone."""
    return instant.astimezone(ZoneInfo(zone)).date()


def event_names(workspace_id: int, since: date) -> list[str]:
    """What happened on or after a day, by name; at most a hundred names."""
    return [row["name"] for row in statements.event_names.records(workspace_id=workspace_id, since=since)]
