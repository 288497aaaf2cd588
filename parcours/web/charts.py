"""Line charts drawn on the server as SVG paths, with the table that says the same. The island adds values by pointer and key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import floor, log10

from django.utils.formats import date_format
from django.utils.translation import get_language

from parcours.web import wording

WIDTH, HEIGHT = 1000, 200
LABELS = 5
Figure = int | Decimal


@dataclass(frozen=True)
class Line:
    """One series: a figure per point in time, the path that draws it, the same figures as text."""

    label: str
    path: str
    total: str
    shown: list[str]


@dataclass(frozen=True)
class Chart:
    """What `web/chart.html` shows. `rows` is the table: a day and a text per series."""

    title: str
    note: str
    lines: list[Line]
    scale: list[str]
    days: list[str]
    rows: list[tuple[str, list[str]]]
    is_empty: bool


def line_chart(
    title: str,
    note: str,
    days: Sequence[date],
    series: Sequence[tuple[str, Sequence[Figure]]],
    write: Callable[[Figure], str],
) -> Chart:
    """Draw at most five series over the same days, on one scale that starts at zero."""
    highest = max((value for _, values in series for value in values), default=Decimal(0))
    top = rounded_up(highest)
    lines = [
        Line(label, path(values, top), write(sum(values, Decimal(0))), [write(each) for each in values])
        for label, values in series
    ]
    names = [wording.dated(each) for each in days]
    rows = [(name, [line.shown[index] for line in lines]) for index, name in enumerate(names)]
    scale = [write(top), write(top / 2), write(Decimal(0))]
    return Chart(title, note, lines, scale, spread(days), rows, not highest)


def path(values: Sequence[Figure], top: Decimal) -> str:
    """The points of a line in a box of 1000 by 200, zero at the bottom."""
    step = WIDTH / max(1, len(values) - 1)
    points = (
        f"{index * step:.1f},{HEIGHT - float(value / top) * HEIGHT:.1f}" for index, value in enumerate(values)
    )
    return "M" + "L".join(points) if values else ""


def rounded_up(value: Figure) -> Decimal:
    """The next 1, 2 or 5 times a power of ten: the top of the scale."""
    if value <= 0:
        return Decimal(1)
    power = Decimal(10) ** floor(log10(float(value)))
    return next(
        step * power for step in (Decimal(1), Decimal(2), Decimal(5), Decimal(10)) if step * power >= value
    )


def spread(days: Sequence[date]) -> list[str]:
    """A few months' names, evenly apart, for the foot of the chart."""
    if len(days) < LABELS:
        return [wording.dated(each) for each in days]
    indexes = (round(part * (len(days) - 1) / (LABELS - 1)) for part in range(LABELS))
    return [date_format(days[index], "N Y" if get_language() == "fr" else "M Y") for index in indexes]


def by_week(days: Sequence[date], values: Sequence[Figure]) -> tuple[list[date], list[Figure]]:
    """Whole weeks that end with the last day, each under its first day; an incomplete first week is left out."""
    offset = len(days) % 7
    starts = range(offset, len(days), 7)
    return [days[start] for start in starts], [sum(values[start : start + 7], Decimal(0)) for start in starts]


def days_between(first: date, last: date) -> list[date]:
    """Every day from the first to the last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
