"""The gate against a plain model of the policy, on random people and messages; and two judges at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcours.accounts.models import Workspace
from parcours.consent import actions as consent
from parcours.consent.types import Act, Wish
from parcours.delivery import gate
from parcours.delivery.models import Allowance, Mailing, Message
from parcours.delivery.types import Verdict
from parcours.kernel import tenancy
from tests.delivery.stories import PURPOSES, Shop

ZONES = ["Europe/Paris", "America/New_York", "Asia/Tokyo", ""]
MARKETING = {"advice", "newsletter", "promotions"}
SAYABLE = {"advice": [Act.OBJECTED, Act.GRANTED], "newsletter": list(Act)[:3], "promotions": list(Act)[:3]}


@dataclass(frozen=True)
class Somebody:
    has_address: bool
    is_suppressed: bool
    zone: str
    city: str
    acts: dict[str, Act | None]
    paused_days: int | None
    every_days: int | None
    days_since: int | None


@dataclass(frozen=True)
class Sent:
    person: int
    purpose: str
    is_guarded: bool
    minutes_old: int


people = st.builds(
    Somebody,
    has_address=st.sampled_from([True, True, True, False]),
    is_suppressed=st.sampled_from([False, False, False, True]),
    zone=st.sampled_from(ZONES),
    city=st.sampled_from(["Lyon", "Lille"]),
    acts=st.fixed_dictionaries(
        {purpose: st.sampled_from([None, *acts, Act.GRANTED]) for purpose, acts in SAYABLE.items()}
    ),
    paused_days=st.sampled_from([None, None, None, -2, 5]),
    every_days=st.sampled_from([None, None, 7, 30]),
    days_since=st.sampled_from([None, 3, 7, 29, 40]),
)
messages = st.builds(
    Sent,
    person=st.integers(0, 3),
    purpose=st.sampled_from(["order_information", *sorted(MARKETING)]),
    is_guarded=st.booleans(),
    minutes_old=st.integers(0, 60 * 24 * 4),
)


def local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone or "Europe/Paris"))


def against(who: Somebody, sent: Sent) -> list[str]:
    """The policy, said plainly."""
    found: list[str] = []
    act = who.acts.get(sent.purpose)
    if not who.has_address:
        found.append("no_address")
    if who.has_address and who.is_suppressed:
        found.append("suppressed")
    if PURPOSES[sent.purpose]["basis"] == "consent":
        if act is None:
            found.append("no_consent")
        elif act is Act.REQUESTED:
            found.append("consent_pending")
        elif act is Act.WITHDRAWN:
            found.append("consent_withdrawn")
    if sent.purpose == "advice":
        if act is Act.OBJECTED:
            found.append("objected")
        if who.city != "Lyon":
            found.append("outside_purpose_audience")
    if sent.is_guarded and who.city != "Lyon":
        found.append("guard")
    if sent.minutes_old >= 60 * 24 * 3:
        found.append("expired")
    return found


def wishes(who: Somebody) -> list[str]:
    """What the person chose for all marketing."""
    found = ["paused"] if who.paused_days is not None and who.paused_days > 0 else []
    if who.every_days is not None and who.days_since is not None and who.days_since < who.every_days:
        found.append("chosen_frequency")
    return found


def expected(crowd: list[Somebody], queue: list[Sent], now: datetime) -> list[tuple[str, list[str]]]:
    """What a careful clerk would do with the messages, one after the other: the oldest first."""
    verdicts: dict[int, tuple[str, list[str]]] = {}
    has_had: set[int] = set()
    for number in sorted(range(len(queue)), key=lambda n: (-queue[n].minutes_old, n)):
        sent = queue[number]
        who = crowd[sent.person]
        reasons = against(who, sent)
        verdict = "withhold" if reasons else "send"
        if sent.purpose in MARKETING:
            hour = local(now, who.zone).hour
            if hour >= 21 or hour < 8:
                reasons.append("quiet_hours")
                verdict = "delay" if verdict == "send" else verdict
            for reason in wishes(who):
                reasons.append(reason)
                verdict = "delay" if verdict == "send" else verdict
            if verdict == "send" and sent.person in has_had:
                cap = "frequency_cap" if who.every_days is None else "chosen_frequency"
                reasons, verdict = [*reasons, cap], "delay"
            if verdict == "send":
                has_had.add(sent.person)
        verdicts[number] = verdict, reasons
    return [verdicts[number] for number in range(len(queue))]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    crowd=st.lists(people, min_size=4, max_size=4),
    queue=st.lists(messages, min_size=1, max_size=10),
    hour=st.integers(0, 23),
)
def test_gate_decides_as_the_model(
    in_workspace: Workspace, now: datetime, crowd: list[Somebody], queue: list[Sent], hour: int
) -> None:
    at = now.replace(hour=hour)
    with transaction.atomic():
        shop = Shop.open(in_workspace, at)
        shop.purposes["advice"].audience = {"attribute": "city", "is": "Lyon"}
        shop.purposes["advice"].save()
        ids = [_settle_in(shop, number, who, at) for number, who in enumerate(crowd)]
        sent = [
            shop.queue(_mailing(shop, one), ids[one.person], at=at - timedelta(minutes=one.minutes_old))
            for one in queue
        ]
        gate.judge(shop.id, now=at, limit=100)
        rows = {row.pk: row for row in Message.objects.filter(pk__in=sent)}
        found = [_without_grounds(rows[one]) for one in sent]
        transaction.set_rollback(True)
    assert found == expected(crowd, queue, at)


def _settle_in(shop: Shop, number: int, who: Somebody, at: datetime) -> UUID:
    fields: dict[str, Any] = {"time_zone": who.zone, "attributes": {"city": who.city}}
    if not who.has_address:
        fields["email"] = None
    contact = shop.person(f"p{number}", **fields)
    for purpose, act in who.acts.items():
        if act is not None:
            shop.says(contact, purpose, act)
    if who.is_suppressed:
        shop.suppress(f"p{number}@example.com")
    paused_until = None if who.paused_days is None else at + timedelta(days=who.paused_days)
    consent.choose_pace(shop.id, contact, Wish(paused_until, who.every_days), now=at)
    if who.days_since is not None:
        day = local(at, who.zone).date() - timedelta(days=who.days_since)
        Allowance.objects.create(
            workspace_id=shop.id, contact_id=contact, day=day, place=1, message_id=uuid4()
        )
    return contact


def _mailing(shop: Shop, sent: Sent) -> Mailing:
    return shop.mailing(sent.purpose, guard={"attribute": "city", "is": "Lyon"} if sent.is_guarded else None)


def _without_grounds(row: Message) -> tuple[str, list[str]]:
    """The cap that a withheld message would also have met depends on who came first in the batch: not compared."""
    codes = [reason["code"] for reason in row.reasons if not reason["code"].startswith("basis_")]
    return row.verdict, codes


@pytest.mark.django_db(transaction=True)
def test_two_judges_give_a_person_one_marketing_message_a_day(workspace: Workspace) -> None:
    at = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
    with tenancy.scope(workspace_id=workspace.id):
        shop = Shop.open(workspace, at)
        crowd = [shop.person(f"p{number}") for number in range(40)]
        mailings = [shop.mailing("promotions") for _ in range(4)]
        for who in crowd:
            shop.says(who, "promotions", Act.GRANTED)
            for mailing in mailings:
                shop.queue(mailing, who)
    barrier = Barrier(2)

    def judge(_: int) -> int:
        try:
            barrier.wait()
            sent = 0
            for _ in range(10):
                with tenancy.scope(workspace_id=workspace.id):
                    judgement = gate.judge(workspace.id, now=at, limit=16)[0]
                sent += len(judgement.to_send)
            return sent
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(judge, range(2))) == 40
    with tenancy.scope(workspace_id=workspace.id):
        assert Allowance.objects.count() == 40
        assert Message.objects.filter(verdict=Verdict.DELAY.value).count() == 120
        assert Message.objects.filter(state="sending").values("contact_id").distinct().count() == 40
