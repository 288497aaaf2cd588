"""The local clock: quiet hours across midnight and across changes of summer time, in the person's zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcours.delivery.hours import Quiet, instant, local_clock, zone_named

PARIS = ZoneInfo("Europe/Paris")
NIGHT = Quiet(time(21), time(8))
ZONES = [
    "Europe/Paris",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "America/Havana",
    "UTC",
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "quiet_until"),
    [
        ("2026-03-10T10:00", None),
        ("2026-03-10T19:59", None),
        ("2026-03-10T20:00", "2026-03-11T07:00"),
        ("2026-03-11T06:59", "2026-03-11T07:00"),
        ("2026-03-11T07:00", None),
        ("2026-03-28T22:00", "2026-03-29T06:00"),  # the night that loses an hour
        ("2026-10-24T22:00", "2026-10-25T07:00"),  # the night that has one more
    ],
)
def test_night_in_paris_ends_at_eight_local(now: str, quiet_until: str | None) -> None:
    found = local_clock(at(now), PARIS, NIGHT).quiet_until
    assert found == (at(quiet_until) if quiet_until else None)


def test_removed_local_time_moves_forward() -> None:
    assert instant(date(2027, 3, 28), time(2, 30), PARIS) == at("2027-03-28T01:30")  # 03:30 in summer time
    assert local_clock(at("2027-03-28T00:30"), PARIS, Quiet(time(0), time(2, 30))).quiet_until == at(
        "2027-03-28T01:30"
    )


def test_doubled_local_time_is_taken_once() -> None:
    quiet = Quiet(time(0), time(2, 30))
    assert local_clock(at("2027-10-31T00:15"), PARIS, quiet).quiet_until == at("2027-10-31T00:30")
    assert local_clock(at("2027-10-31T01:15"), PARIS, quiet).quiet_until is None  # 02:15 again: it had ended


def test_equal_bounds_mean_no_quiet_hours() -> None:
    clock = local_clock(at("2026-03-10T23:30"), PARIS, Quiet(time(8), time(8)))
    assert clock.quiet_until is None
    assert clock.next_morning == clock.closes_at == at("2026-03-11T23:00")


def test_next_morning_is_after_midnight_and_quiet_hours() -> None:
    assert local_clock(at("2026-03-10T10:00"), PARIS, NIGHT).next_morning == at("2026-03-11T07:00")
    assert local_clock(at("2026-03-10T23:30"), PARIS, NIGHT).next_morning == at("2026-03-12T07:00")


def test_a_day_closes_when_quiet_hours_begin() -> None:
    assert local_clock(at("2026-03-10T10:00"), PARIS, NIGHT).closes_at == at("2026-03-10T20:00")


@pytest.mark.parametrize("name", ["", "Nowhere/Town", "../etc/passwd", "\0"])
def test_bad_zone_is_the_workspaces(name: str) -> None:
    assert zone_named(name, "Europe/Paris") == PARIS
    assert zone_named(name, name) == ZoneInfo("UTC")


@given(
    zone=st.sampled_from(ZONES),
    minutes=st.integers(0, 60 * 24 * 365 * 2),
    since=st.times().map(lambda found: found.replace(second=0, microsecond=0)),
    until=st.times().map(lambda found: found.replace(second=0, microsecond=0)),
)
def test_waiting_until_quiet_hours_end_ends_them(zone: str, minutes: int, since: time, until: time) -> None:
    now = at("2026-01-01T00:00") + timedelta(minutes=minutes)
    clock = local_clock(now, ZoneInfo(zone), Quiet(since, until))
    assert clock.closes_at > now
    assert clock.next_morning > now
    assert clock.next_morning.astimezone(ZoneInfo(zone)).date() > clock.day
    if clock.quiet_until is not None:
        assert clock.quiet_until > now
        assert local_clock(clock.quiet_until, ZoneInfo(zone), Quiet(since, until)).quiet_until is None
