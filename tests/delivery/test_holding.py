"""Held mailings and paused sending: what waits costs nothing while it waits, and loses nothing by it."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.delivery import actions, gate
from parcours.delivery.models import Message
from parcours.delivery.settings import pause_sending, resume_sending
from parcours.delivery.types import AttemptOutcome, Outcome, ToStart
from tests.delivery.stories import Shop, codes, message


@pytest.fixture
def shop(in_workspace: Workspace, now: datetime) -> Shop:
    return Shop.open(in_workspace, now)


def test_due_messages_of_a_held_mailing_are_set_aside_and_come_back(shop: Shop, now: datetime) -> None:
    held, other = shop.mailing("order_information"), shop.mailing("order_information")
    waiting = {shop.queue(held, shop.person(f"P{n}")) for n in range(3)}
    later = shop.queue(held, shop.person("Late"), at=now + timedelta(hours=1))
    going = shop.queue(other, shop.person("Julie"))
    actions.hold(shop.id, [held.pk], now=now)

    assert actions.set_aside(shop.id, now=now) == 3
    assert actions.set_aside(shop.id, now=now) == 0
    assert set(Message.objects.filter(is_held=True).values_list("pk", flat=True)) == waiting
    assert [one.id for one in gate.judge(shop.id, now=now, limit=10)[0].to_send] == [going]

    actions.release(shop.id, [held.pk], now=now + timedelta(hours=2))
    judged = gate.judge(shop.id, now=now + timedelta(hours=2), limit=10)[0]
    assert {one.id for one in judged.to_send} == waiting | {later}


def test_front_of_the_queue_is_looked_at_not_all_of_it(
    shop: Shop, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "_FRONT", 2)
    held, other = shop.mailing("order_information"), shop.mailing("order_information")
    for n in range(2):
        shop.queue(other, shop.person(f"P{n}"), at=now - timedelta(hours=1))
    shop.queue(held, shop.person("Julie"))
    actions.hold(shop.id, [held.pk], now=now)
    assert actions.set_aside(shop.id, now=now) == 0
    assert gate.judge(shop.id, now=now, limit=10)[0].count == 2
    assert actions.set_aside(shop.id, now=now) == 1


def test_held_mailing_that_is_stopped_cancels_what_was_set_aside(shop: Shop, now: datetime) -> None:
    held = shop.mailing("promotions")
    sent = shop.queue(held, shop.person("Julie"))
    actions.hold(shop.id, [held.pk], now=now)
    actions.set_aside(shop.id, now=now)
    assert actions.stop(shop.id, [held.pk], now=now) == 1
    assert (message(sent).state, message(sent).is_held) == ("cancelled", False)


def test_only_what_is_queued_can_be_held(shop: Shop, now: datetime) -> None:
    sent = shop.queue(shop.mailing("promotions"), shop.person("Julie"))
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.filter(pk=sent).update(state="cancelled", is_held=True)


def test_hold_of_a_week_does_not_count_towards_the_expiry(shop: Shop, now: datetime) -> None:
    mailing = shop.mailing("order_information")
    first = shop.queue(mailing, shop.person("Julie"))
    day = timedelta(days=1)
    actions.hold(shop.id, [mailing.pk], now=now + day)
    second = shop.queue(mailing, shop.person("Marc"), at=now + 2 * day)
    actions.release(shop.id, [mailing.pk], now=now + 8 * day)
    assert message(first).expires_at == now + (3 + 7) * day
    assert message(second).expires_at == now + (2 + 3 + 6) * day
    assert len(gate.judge(shop.id, now=now + 9 * day, limit=10)[0].to_send) == 2


def test_paused_sending_does_not_let_messages_expire(shop: Shop, now: datetime) -> None:
    going, held = shop.mailing("order_information"), shop.mailing("order_information")
    sent, waiting = shop.queue(going, shop.person("Julie")), shop.queue(held, shop.person("Marc"))
    actions.hold(shop.id, [held.pk], now=now)
    actions.set_aside(shop.id, now=now)
    pause_sending(shop.id, "maintenance", now=now)
    week = timedelta(days=7)
    resume_sending(shop.id, actor=SYSTEM, now=now + week)
    actions.release(shop.id, [held.pk], now=now + week)
    assert message(sent).expires_at == message(waiting).expires_at == now + week + timedelta(days=3)
    assert {one.id for one in gate.judge(shop.id, now=now + week, limit=10)[0].to_send} == {sent, waiting}


@pytest.mark.parametrize(
    ("held", "paused"),
    [((1, 3), (2, 5)), ((2, 5), (1, 3)), ((1, 5), (2, 3)), ((2, 3), (1, 5)), ((1, 2), (3, 5))],
)
@pytest.mark.parametrize("is_set_aside", [False, True])
def test_days_that_are_held_and_paused_at_once_count_once(
    shop: Shop, now: datetime, held: tuple[int, int], paused: tuple[int, int], is_set_aside: bool
) -> None:
    """In whatever order the two begin and end."""
    mailing = shop.mailing("order_information")
    sent = shop.queue(mailing, shop.person("Julie"))
    days = [now + timedelta(days=day) for day in range(6)]
    for day, at in enumerate(days):
        if day == held[0]:
            actions.hold(shop.id, [mailing.pk], now=at)
            if is_set_aside:
                actions.set_aside(shop.id, now=at)
        if day == paused[0]:
            pause_sending(shop.id, "maintenance", now=at)
        if day == held[1]:
            actions.release(shop.id, [mailing.pk], now=at)
        if day == paused[1]:
            resume_sending(shop.id, actor=SYSTEM, now=at)
    waited = {day for span in (held, paused) for day in range(*span)}
    assert message(sent).expires_at == now + timedelta(days=3 + len(waited))


def in_doubt(shop: Shop, at: datetime) -> UUID:
    """A message whose sender was lost after the text had gone."""
    sent = shop.queue(shop.mailing("order_information"), shop.person("Julie"), at=at)
    [claim] = gate.judge(shop.id, now=at, limit=10)[0].to_send
    actions.start(shop.id, [ToStart(sent, claim.fence, "test", claim.address_hash)], now=at)
    doubt = Outcome(sent, claim.fence, AttemptOutcome.IN_DOUBT)
    actions.finish(shop.id, [doubt], transport="test", now=at)
    return sent


def test_message_in_doubt_that_somebody_sends_again_is_still_worth_it(shop: Shop, now: datetime) -> None:
    sent, later = in_doubt(shop, now), now + timedelta(days=4)
    actions.settle(shop.id, sent, was_sent=False, actor=SYSTEM, now=later)
    assert message(sent).expires_at == later + timedelta(days=3)
    assert [one.id for one in gate.judge(shop.id, now=later, limit=10)[0].to_send] == [sent]


def test_doubt_that_is_settled_while_sending_is_paused_counts_once(shop: Shop, now: datetime) -> None:
    sent, day = in_doubt(shop, now), timedelta(days=1)
    pause_sending(shop.id, "maintenance", now=now + day)
    actions.settle(shop.id, sent, was_sent=False, actor=SYSTEM, now=now + 3 * day)
    resume_sending(shop.id, actor=SYSTEM, now=now + 5 * day)
    assert message(sent).expires_at == now + (3 + 5) * day


def test_what_is_not_held_expires(shop: Shop, now: datetime) -> None:
    sent = shop.queue(shop.mailing("order_information"), shop.person("Julie"))
    gate.judge(shop.id, now=now + timedelta(days=4), limit=10)
    assert codes(sent) == ["expired"]
