"""The local clock of a person: which day it is, whether quiet hours hold, when they end. Pure.

A local time that a change to summer time removes moves forward; one that the change back doubles is taken once, the first time.
Not here: who has quiet hours (marketing only: see `gate`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours of every day, in local time; past midnight when `until` is not after `since`; none when they are equal."""

    since: time
    until: time


@dataclass(frozen=True, slots=True)
class LocalClock:
    """What a gate needs to know about an instant in a zone. All instants are UTC.

    `quiet_until`: when the quiet hours that hold now end, or None. `next_morning`: the first instant of the next local day
    that is not quiet. `closes_at`: when quiet hours or the next local day begin, whichever is first.
    """

    day: date
    quiet_until: datetime | None
    next_morning: datetime
    closes_at: datetime


@lru_cache(maxsize=2048)
def zone_named(name: str, otherwise: str) -> ZoneInfo:
    """The zone of this name, or the other one when there is none: a person's zone comes from outside."""
    for wanted in (name, otherwise):
        if wanted:
            try:
                return ZoneInfo(wanted)
            except (KeyError, ValueError, OSError):
                continue
    return ZoneInfo("UTC")


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a local date and time."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def local_clock(now: datetime, zone: ZoneInfo, quiet: Quiet) -> LocalClock:
    """What `now` is for somebody who lives in `zone`."""
    day = now.astimezone(zone).date()
    midnight = instant(day + _DAY, time(0), zone)
    windows = list(_windows(day, zone, quiet))
    return LocalClock(
        day=day,
        quiet_until=next((end for start, end in windows if start <= now < end), None),
        next_morning=morning(day + _DAY, zone, quiet),
        closes_at=min([midnight, *(start for start, _ in windows if start > now)]),
    )


def morning(day: date, zone: ZoneInfo, quiet: Quiet) -> datetime:
    """The first instant of a local day that is not quiet."""
    midnight = instant(day, time(0), zone)
    return next(
        (end for start, end in _windows(day - _DAY, zone, quiet) if start <= midnight < end), midnight
    )


def _windows(day: date, zone: ZoneInfo, quiet: Quiet) -> Iterator[tuple[datetime, datetime]]:
    """The quiet hours that begin the day before, on the day, and the day after."""
    if quiet.since == quiet.until:
        return
    over_midnight = _DAY if quiet.until < quiet.since else timedelta()
    for first in (day - _DAY, day, day + _DAY):
        yield instant(first, quiet.since, zone), instant(first + over_midnight, quiet.until, zone)
