"""The sender dies at every point, the mail server does its worst: nothing is lost or doubled, doubts are few and listed."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection

from develop.smtp import AnswerThenDrop, Decide, Drop, Fault, Refuse, StoreThenDrop
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import queries as consent
from parcours.consent.types import Act, Channel
from parcours.delivery import actions, queries
from parcours.delivery.gate import LEASE
from parcours.delivery.models import Attempt, Message, Sending
from parcours.events.models import Event
from parcours.kernel import tenancy
from tests.delivery.post import Crash, Post, post_of
from tests.delivery.stories import message

CONNECTIONS = 3
POINTS = ["claimed", "made", "taken", "started", "answered", "told"]
Opened = Callable[[Decide | None], AbstractContextManager[Post]]


@pytest.fixture
def opened(transactional_db: None, workspace: Workspace, tmp_path: Path, now: datetime) -> Opened:
    return lambda decide: post_of(workspace, tmp_path, now, decide)


def queue(post: Post, count: int, purpose: str = "order_information") -> list[UUID]:
    """Messages for that many people, who agreed to everything."""
    with tenancy.scope(workspace_id=post.shop.id):
        mailing = post.shop.mailing(purpose)
        people = [post.shop.person(f"P{n}") for n in range(count)]
        if purpose == "promotions":
            for who in people:
                post.shop.says(who, purpose, Act.GRANTED)
        return [post.shop.queue(mailing, who) for who in people]


def dies_at(point: str, hit: int) -> Callable[[str], None]:
    """A hook that crashes the sender at the n-th hit of a point."""
    hits = iter(range(1, 1_000_000))

    def hook(reached: str) -> None:
        if reached == point and next(hits) == hit:
            raise Crash(point)

    return hook


def sweep(post: Post) -> actions.Swept:
    """What the next sender does when the lease of the lost one has run out."""
    post.later(seconds=LEASE.total_seconds() + 1)
    return actions.sweep(post.shop.id, now=post.now)


@pytest.mark.parametrize("hit", [1, 2, 7])
@pytest.mark.parametrize("point", POINTS)
def test_crash_loses_nothing_and_repeats_nothing(opened: Opened, point: str, hit: int) -> None:
    with opened(None) as post:
        queue(post, 20)
        post.crash(hook=dies_at(point, 1 if point in ("claimed", "made") else hit), connections=CONNECTIONS)
        swept = sweep(post)
        assert swept.in_doubt <= CONNECTIONS
        post.send(connections=CONNECTIONS)
        assert post.states() == {
            name: count
            for name, count in {"sent": 20 - swept.in_doubt, "in_doubt": swept.in_doubt}.items()
            if count
        }
        assert post.twice == []
        with tenancy.scope(workspace_id=post.shop.id):
            assert len(queries.list_messages(post.shop.id, state="in_doubt")) == swept.in_doubt
            sent = set(Message.objects.filter(state="sent").values_list("id", flat=True))
            told = [
                UUID(one["message"])
                for one in Event.objects.filter(name="Email Sent").values_list("properties", flat=True)
            ]
        assert sorted(told) == sorted(sent)
        arrived = len(post.arrived)
        assert 20 - swept.in_doubt <= arrived <= 20


def test_message_never_started_is_not_in_doubt(opened: Opened) -> None:
    with opened(None) as post:
        queue(post, 5)
        post.crash(hook=dies_at("claimed", 1))
        assert sweep(post) == actions.Swept(requeued=5, in_doubt=0)


def test_doubt_is_settled_by_a_person(opened: Opened) -> None:
    with opened(None) as post:
        queue(post, 2)
        post.crash(hook=dies_at("answered", 1), connections=1)
        assert sweep(post).in_doubt == 1
        with tenancy.scope(workspace_id=post.shop.id):
            [doubtful] = queries.list_messages(post.shop.id, state="in_doubt")
            actions.settle(post.shop.id, doubtful.id, was_sent=True, actor=SYSTEM, now=post.now)
            assert message(doubtful.id).state == "sent"
            assert Event.objects.filter(name="Email Sent", properties__message=str(doubtful.id)).count() == 1
        post.send()
        assert post.twice == []


def test_withdrawal_after_the_verdict_stops_the_message(opened: Opened) -> None:
    with opened(None) as post:
        [sent] = queue(post, 1, "promotions")

        def withdraws(point: str) -> None:
            if point == "taken":
                with tenancy.scope(workspace_id=post.shop.id):
                    post.shop.says(message(sent).contact_id, "promotions", Act.WITHDRAWN, post.now)
                connection.close()

        post.send(hook=withdraws)
        assert post.arrived == []
        with tenancy.scope(workspace_id=post.shop.id):
            assert message(sent).state == "withheld"
            assert [reason["code"] for reason in message(sent).reasons] == ["consent_withdrawn"]


def test_campaign_paused_after_the_verdict_waits(opened: Opened) -> None:
    with opened(None) as post:
        [sent] = queue(post, 1)

        def pauses(point: str) -> None:
            if point == "taken":
                with tenancy.scope(workspace_id=post.shop.id):
                    actions.hold(post.shop.id, [message(sent).mailing_id], now=post.now)
                connection.close()

        post.send(hook=pauses)
        assert post.arrived == []
        with tenancy.scope(workspace_id=post.shop.id):
            assert message(sent).state == "queued"
            actions.release(post.shop.id, [message(sent).mailing_id], now=post.now)
        post.send()
        assert len(post.arrived) == 1


def test_sender_stopped_past_its_lease_is_refused(opened: Opened) -> None:
    """It sleeps after the claim, another sender takes over, and it wakes up: one message arrives."""
    with opened(None) as post:
        queue(post, 1)

        def sleeps(point: str) -> None:
            if point == "taken":
                sweep(post)
                connection.close()
                with ThreadPoolExecutor(1) as pool:  # this loop is blocked meanwhile, as a stopped process is
                    pool.submit(lambda: asyncio.run(post.sender().drain())).result(20)

        post.send(hook=sleeps, connections=1)
        assert post.states() == {"sent": 1}
        assert len(post.arrived) == 1


def test_two_senders_at_once_send_each_message_once(opened: Opened) -> None:
    with opened(None) as post:
        queue(post, 60)

        async def both() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(2):
                    group.create_task(post.sender(batch=7).drain())

        asyncio.run(both())
        assert post.states() == {"sent": 60}
        assert (len(post.arrived), post.twice) == (60, [])


def once(name: str, fault: Fault) -> Decide:
    """The server does this the first time that it comes to this stage."""
    left = iter([fault])
    return lambda stage: next(left, None) if stage.name == name else None


@pytest.mark.parametrize(
    ("name", "fault", "states"),
    [
        ("rcpt", Refuse(451, "4.7.1 Greylisted"), {"queued": 1}),
        ("message", Refuse(452, "4.2.2 Mailbox full"), {"queued": 1}),
        ("message", Refuse(421, "4.3.2 Going down"), {"queued": 1}),
        ("message", Refuse(554, "5.6.0 Looks like spam"), {"failed": 1}),
        ("rcpt", Refuse(550, "5.1.1 No such user"), {"failed": 1}),
        ("data", Drop(), {"queued": 1}),
        ("message", Drop(), {"in_doubt": 1}),
        ("message", StoreThenDrop(), {"in_doubt": 1}),
        ("message", AnswerThenDrop(), {"sent": 1}),
        ("mail", Refuse(550, "5.7.27 SPF failed"), {"queued": 1}),
    ],
)
def test_what_the_server_does_decides_the_state(
    opened: Opened, name: str, fault: Fault, states: dict[str, int]
) -> None:
    with opened(once(name, fault)) as post:
        [sent] = queue(post, 1)
        post.send(connections=1)
        assert post.states() == states
        with tenancy.scope(workspace_id=post.shop.id):
            assert Attempt.objects.filter(message_id=sent).count() == 1
            is_suppressed = consent.is_suppressed(post.shop.id, Channel.EMAIL, "p0@example.com")
            paused = Sending.objects.get().paused_at
        assert is_suppressed == (isinstance(fault, Refuse) and fault.text.startswith("5.1.1"))
        assert (paused is not None) == (isinstance(fault, Refuse) and fault.text.startswith("5.7.27"))


def test_refused_for_now_is_tried_again_less_and_less_often(opened: Opened) -> None:
    with opened(lambda stage: Refuse(451, "4.3.0 Later") if stage.name == "rcpt" else None) as post:
        [sent] = queue(post, 1)
        pauses: list[timedelta] = []
        for _ in range(20):
            post.send(connections=1)
            with tenancy.scope(workspace_id=post.shop.id):
                row = message(sent)
            if row.state != "queued":
                break
            pauses.append(row.due_at - post.now)
            post.now = row.due_at
        assert pauses[:3] == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
        assert max(pauses) == timedelta(hours=6)
        assert row.state in ("failed", "withheld")  # after 72 hours, or out of date


def test_server_that_cannot_be_reached_costs_no_attempt(opened: Opened) -> None:
    refusals: Iterator[Fault | None] = iter([Refuse(421, "Busy")] * 3)
    with opened(lambda stage: next(refusals, None) if stage.name == "connect" else None) as post:
        queue(post, 1)
        post.send(connections=1)
        assert post.states() == {"sent": 1}


def test_answer_read_before_the_reset_counts(opened: Opened) -> None:
    with opened(lambda stage: AnswerThenDrop() if stage.name == "message" else None) as post:
        queue(post, 6)
        post.send(connections=2)
        assert post.states() == {"sent": 6}
        assert post.twice == []


def test_database_connections_that_are_cut_lose_nothing(opened: Opened) -> None:
    with opened(None) as post:
        queue(post, 120)
        cuts = iter([10, 40, 80])
        next_cut = [next(cuts)]
        told = [0]

        def cut(point: str) -> None:
            told[0] += point == "answered"
            if told[0] == next_cut[0]:
                next_cut[0] = next(cuts, -1)
                cut_all_others()

        post.send(hook=cut, connections=4)
        connection.close()  # the test's own was cut too
        sweep(post)
        post.send()
        assert sum(post.states().values()) == 120
        assert post.states().get("in_doubt", 0) == 0
        assert (len(post.arrived), post.twice) == (120, [])


def cut_all_others() -> None:
    """What a restarting PostgreSQL does to its clients."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    connection.close()
