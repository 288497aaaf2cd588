"""The roll-up and the figures: what pages count is what happened."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.contacts.types import Person
from parcours.delivery.models import AnonymousClick, Message
from parcours.events import actions as events
from parcours.events import people
from parcours.events.types import NewEvent
from parcours.insights import actions, queries
from parcours.insights.types import Comparison, MailingFigures
from parcours.kernel import tenancy
from tests.delivery.stories import Shop
from tests.insights.sale import begin_anew
from tests.settling import settle


def order(who: UUID, at: datetime, total: object = 10.5) -> NewEvent:
    return NewEvent(who, "Order Completed", {"total": total}, at)


def buy(workspace: Workspace, *orders: tuple[datetime, object], now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        (marc,) = people.save_people(workspace.pk, [Person(email="marc@example.com")], now=now)
        events.append(workspace.pk, [order(marc.contact_id, at, total) for at, total in orders], now=now)


def roll_up(workspace: Workspace, now: datetime) -> None:
    settle(workspace.pk)
    while actions.roll_up(workspace.pk, now=now):
        pass


@pytest.mark.django_db(transaction=True)
def test_late_evening_counts_for_the_day_of_the_shop(workspace: Workspace, now: datetime) -> None:
    # 23:30 UTC on 9 March is 00:30 on 10 March in Paris.
    buy(workspace, (datetime(2026, 3, 9, 23, 30, tzinfo=UTC), 10.5), now=now)
    roll_up(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        (day,) = queries.daily(workspace.pk, ["Order Completed"], date(2026, 3, 1), date(2026, 3, 31))
    assert (day.day, day.count, day.amount) == (date(2026, 3, 10), 1, Decimal("10.50"))


@pytest.mark.django_db(transaction=True)
def test_event_is_counted_once_and_rebuilding_changes_nothing(workspace: Workspace, now: datetime) -> None:
    buy(workspace, (now, 10), (now - timedelta(days=1), "a lot"), now=now)
    roll_up(workspace, now)
    roll_up(workspace, now)
    month = (["Order Completed"], date(2026, 3, 1), date(2026, 3, 31))
    with tenancy.scope(workspace_id=workspace.pk):
        before = queries.daily(workspace.pk, *month)
    begin_anew(workspace)
    roll_up(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        assert queries.daily(workspace.pk, *month) == before
    assert [(one.count, one.amount) for one in before] == [(1, Decimal(0)), (1, Decimal(10))]


@pytest.mark.django_db(transaction=True)
def test_amounts_are_those_of_the_workspaces_currency(workspace: Workspace, now: datetime) -> None:
    totals: list[dict[str, object]] = [
        {"total": 10, "currency": "EUR"},
        {"total": "49.90", "currency": "eur"},
        {"total": 1},
        {"total": 1000, "currency": "JPY"},
        {"total": "many", "currency": "EUR"},
        {"total": 1e300, "currency": "EUR"},
        {"total": {"sum": 5}},
        {"total": None, "currency": ["EUR"]},
    ]
    with tenancy.scope(workspace_id=workspace.pk):
        (marc,) = people.save_people(workspace.pk, [Person(email="marc@example.com")], now=now)
        orders = [NewEvent(marc.contact_id, "Order Completed", properties, now) for properties in totals]
        events.append(workspace.pk, orders, now=now)
    roll_up(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        (day,) = queries.daily(workspace.pk, ["Order Completed"], date(2026, 3, 1), date(2026, 3, 31))
    assert (day.count, day.amount) == (8, Decimal("60.90"))


@pytest.mark.django_db(transaction=True)
def test_largest_amounts_do_not_stop_the_roll_up(workspace: Workspace, now: datetime) -> None:
    buy(workspace, *((now, 999_999_999_999) for _ in range(101)), (now - timedelta(days=1), 20), now=now)
    roll_up(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        before, huge = queries.daily(workspace.pk, ["Order Completed"], date(2026, 3, 1), date(2026, 3, 31))
    assert (before.count, before.amount) == (1, Decimal(20))
    assert (huge.count, huge.amount) == (101, 101 * Decimal(999_999_999_999))


@pytest.mark.django_db(transaction=True)
def test_another_zone_or_currency_makes_the_roll_up_anew(workspace: Workspace, now: datetime) -> None:
    late = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)  # 00:30 of the next day in Paris, 18:30 in New York
    buy(workspace, (late, 10), now=now)
    roll_up(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.change_workspace(workspace, {"time_zone": "America/New_York"}, actor=SYSTEM, now=now)
    buy(workspace, (late, 5), now=now)
    roll_up(workspace, now)
    month = (["Order Completed"], date(2026, 3, 1), date(2026, 3, 31))
    with tenancy.scope(workspace_id=workspace.pk):
        (day,) = queries.daily(workspace.pk, *month)
        assert (day.day, day.count, day.amount) == (date(2026, 3, 9), 2, Decimal(15))
        accounts.change_workspace(workspace, {"currency": "USD"}, actor=SYSTEM, now=now)
    roll_up(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        (day,) = queries.daily(workspace.pk, *month)
    assert (day.count, day.amount) == (
        2,
        Decimal(15),
    )  # orders that name no currency count in the workspace's


@pytest.mark.django_db(transaction=True)
def test_machines_do_not_count_on_the_dashboard(workspace: Workspace, now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        (marc,) = people.save_people(workspace.pk, [Person(email="marc@example.com")], now=now)
        clicks = [
            NewEvent(marc.contact_id, "Email Link Clicked", {"machine": machine}, now)
            for machine in (True, True, False)
        ]
        events.append(workspace.pk, clicks, now=now)
    roll_up(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        (day,) = queries.daily(workspace.pk, ["Email Link Clicked"], date(2026, 3, 1), date(2026, 3, 31))
    assert day.count == 1


@pytest.mark.django_db
def test_mailing_shows_people_machines_and_clicks_without_a_name(
    in_workspace: Workspace, now: datetime
) -> None:
    shop = Shop.open(in_workspace, now)
    mailing = shop.mailing("promotions")
    scanned, reader, quiet = (shop.queue(mailing, shop.person(n)) for n in "abc")
    hits: dict[Any, dict[str, Any]] = {
        scanned: {
            "machine_opened_at": now,
            "machine_clicked_at": now,
            "measured_opens": True,
            "measured_clicks": True,
        },
        reader: {"machine_clicked_at": now, "clicked_at": now, "measured_clicks": True},
        quiet: {},
    }
    for message_id, fields in hits.items():
        sent = {"state": "sent", "verdict": "send", "sent_at": now}
        Message.objects.filter(pk=message_id).update(**sent, **fields)
    for is_machine in (True, False, False):
        AnonymousClick.objects.create(
            workspace_id=in_workspace.pk, mailing_id=mailing.pk, link=0, day=now.date(), is_machine=is_machine
        )
    figures = queries.mailing_figures(in_workspace.pk, [mailing.pk])[mailing.pk]
    assert (figures.sent, figures.clicked, figures.clicked_by_machines, figures.click_measured) == (
        3,
        1,
        2,
        2,
    )
    assert (figures.opened, figures.opened_by_machines) == (0, 1)
    assert (figures.unnamed_clicks, figures.unnamed_clicks_by_machines) == (2, 1)


@pytest.mark.django_db(transaction=True)
def test_series_has_every_day_and_week_is_compared_with_the_one_before(
    workspace: Workspace, now: datetime
) -> None:
    buy(
        workspace,
        (now - timedelta(days=1), 30),
        (now - timedelta(days=2), 10),
        (now - timedelta(days=9), 20),
        now=now,
    )
    roll_up(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        series = queries.series(workspace.pk, ["Order Completed"], date(2026, 3, 1), date(2026, 3, 9))
        counts, amounts = queries.week_against_last(workspace.pk, ["Order Completed"], date(2026, 3, 10))[
            "Order Completed"
        ]
    assert [one.count for one in series["Order Completed"]] == [1, 0, 0, 0, 0, 0, 0, 1, 1]
    assert counts == Comparison(Decimal(2), Decimal(1))
    assert (amounts.now, amounts.before, amounts.change) == (Decimal(40), Decimal(20), Decimal(1))


def test_what_is_done_is_what_will_not_leave_any_more() -> None:
    figures = MailingFigures(1, targeted=10, queued=2, delayed=1, sending=1, sent=4, withheld=1, in_doubt=1)
    assert (figures.waiting, figures.done) == (3, 6)


@pytest.mark.django_db
def test_no_rate_passes_the_whole(in_workspace: Workspace, now: datetime) -> None:
    """What is counted above the line is counted below it: a message in doubt that was answered is in neither."""
    shop = Shop.open(in_workspace, now)
    mailing = shop.mailing("promotions")
    answered = {"measured_opens": True, "measured_clicks": True, "opened_at": now, "clicked_at": now}
    for name, state in (("Julie", "sent"), ("Marc", "in_doubt")):
        fields = {"state": state, "verdict": "send", "sent_at": now if state == "sent" else None}
        Message.objects.filter(pk=shop.queue(mailing, shop.person(name))).update(**fields, **answered)
    figures = queries.mailing_figures(in_workspace.pk, [mailing.pk])[mailing.pk]
    assert (figures.open_measured, figures.opened, figures.click_measured, figures.clicked) == (1, 1, 1, 1)
