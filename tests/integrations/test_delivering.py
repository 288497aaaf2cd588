"""Tries, pauses and crashes: a delivery goes on until it is taken, under one id, and nobody's trouble is anybody else's."""

import asyncio
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.db import IntegrityError, OperationalError

from parcours.accounts.models import Workspace
from parcours.integrations import actions, poster, queue
from parcours.integrations.models import Delivery, Endpoint
from parcours.integrations.poster import Limits
from parcours.integrations.queue import next_try
from parcours.integrations.types import PAUSES, Claimed, Outcome, Trouble
from parcours.kernel import sql, tenancy
from tests.integrations.receiver import Heard, Receiver, receiving
from tests.integrations.stories import Story

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


def test_refused_delivery_is_tried_again_under_its_id_until_it_is_taken(
    shop: Story, server: Receiver
) -> None:
    made = shop.listens(server.url)
    shop.happens("Order Completed", shop.person())
    server.answer = lambda heard: 500
    shop.works()
    server.heard.clear()
    for pause in PAUSES[:3]:
        waiting = shop.deliveries()[0]
        assert (waiting.state, waiting.code, waiting.due_at) == ("pending", 500, shop.now + pause)
        shop.now += pause - timedelta(seconds=1)
        shop.posts()
        assert server.heard == []  # not before its time
        shop.passes(seconds=1)
        shop.posts()
        assert server.heard.pop(0).id == str(waiting.pk)
        server.heard.clear()
    assert shop.endpoint(made).failing_since == NOW
    server.answer = lambda heard: 200
    shop.now += PAUSES[3]
    shop.posts()
    assert {one.state for one in shop.deliveries()} == {"delivered"}
    assert shop.endpoint(made).failing_since is None
    assert all(one.is_signed_with(made.secret) for one in server.heard)


def test_after_the_last_try_it_has_failed_and_the_endpoint_is_paused(shop: Story, server: Receiver) -> None:
    made = shop.listens(server.url, "Order Completed")
    server.answer = lambda heard: 503
    shop.happens("Order Completed", shop.person())
    shop.works()
    for pause in PAUSES:
        assert shop.delivery().state == "pending"
        shop.now += pause
        shop.posts()
    failed = shop.delivery()
    assert (failed.state, failed.code, failed.tries) == ("failed", 503, 9)
    assert len({one.id for one in server.heard}) == 1
    assert len(server.heard) == 9
    endpoint = shop.endpoint(made)
    assert (endpoint.state, endpoint.pause_reason) == ("paused", "failing")
    assert shop.trail()[-1] == ("paused", {"reason": "failing"})


def test_endpoint_that_takes_other_things_is_not_paused(shop: Story, server: Receiver) -> None:
    """It chokes on one event, and is well otherwise."""
    ada = shop.person()
    made = shop.listens(server.url, "Order Completed", "Order Refunded")
    server.answer = lambda heard: 400 if heard.says["type"] == "Order Completed" else 204
    shop.happens("Order Completed", ada)
    shop.works()
    for pause in PAUSES:
        shop.now += pause
        shop.happens("Order Refunded", ada)
        shop.works()
    assert Counter(one.state for one in shop.deliveries()) == {"delivered": 8, "failed": 1}
    assert shop.endpoint(made).state == "active"


@pytest.mark.parametrize(
    ("tries", "asked", "pause"),
    [
        (1, "", timedelta(seconds=5)),
        (2, "", timedelta(minutes=5)),
        (8, "", timedelta(hours=20)),
        (1, "120", timedelta(seconds=120)),
        (1, "3", timedelta(seconds=5)),  # never earlier than planned
        (1, "9" * 30, timedelta(hours=24)),  # and not next year
        (1, format_datetime(NOW + timedelta(hours=1), usegmt=True), timedelta(hours=1)),
        (1, format_datetime(NOW - timedelta(hours=1), usegmt=True), timedelta(seconds=5)),
        (1, format_datetime(NOW + timedelta(days=400), usegmt=True), timedelta(hours=24)),
        (1, "-5", timedelta(seconds=5)),
        (1, "soon", timedelta(seconds=5)),
        (1, "²", timedelta(seconds=5)),
        (1, "Tue, 10 Mar 2026 11:00:00", timedelta(seconds=5)),
        (1, "Tue, 10 Mar 99999999999 11:00:00 GMT", timedelta(seconds=5)),
    ],
)
def test_pauses_grow_and_the_wish_to_wait_is_kept_within_bounds(
    tries: int, asked: str, pause: timedelta
) -> None:
    assert next_try(tries, asked, now=NOW) == NOW + pause


def test_there_is_an_end_to_it() -> None:
    assert next_try(9, "10", now=NOW) is None


def test_wish_to_wait_is_read_from_the_answer(shop: Story, server: Receiver) -> None:
    shop.listens(server.url, "Order Completed")
    server.answer = lambda heard: (429, {"Retry-After": "90"})
    shop.happens("Order Completed", shop.person())
    shop.works()
    assert shop.delivery().due_at == shop.now + timedelta(seconds=90)


def test_wish_that_no_calendar_holds_is_passed_over(shop: Story, server: Receiver) -> None:
    """Else the try would have no end, and be taken up again every minute for ever."""
    shop.listens(server.url, "Order Completed")
    server.answer = lambda heard: (503, {"Retry-After": "Tue, 10 Mar 99999999999 11:00:00 GMT"})
    shop.happens("Order Completed", shop.person())
    shop.works()
    waiting = shop.delivery()
    assert (waiting.state, waiting.code, waiting.due_at) == ("pending", 503, shop.now + PAUSES[0])


def test_gone_pauses_and_what_happens_meanwhile_waits(shop: Story, server: Receiver) -> None:
    ada = shop.person()
    made = shop.listens(server.url, "Order Completed", "Order Refunded")
    server.answer = lambda heard: 410
    shop.happens("Order Completed", ada)
    shop.works()
    endpoint = shop.endpoint(made)
    assert (endpoint.state, endpoint.pause_reason) == ("paused", "gone")
    server.answer = lambda heard: 204
    shop.passes(days=1)
    shop.happens("Order Refunded", ada)
    shop.works()
    assert len(server.heard) == 1
    shop.does(actions.resume, made.endpoint.pk)
    shop.works()
    assert Counter(server.names) == {"Order Completed": 2, "Order Refunded": 1}
    assert shop.endpoint(made).failing_since is None


def test_address_that_leads_inside_is_not_written_to(shop: Story, server: Receiver) -> None:
    """It was saved while the operator allowed it; now it is refused at the moment of sending."""
    shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", shop.person())
    shop.notices()
    strict = shop.poster()
    strict._allow_private = False
    asyncio.run(strict.drain())
    assert server.heard == []
    assert (shop.delivery().state, shop.delivery().trouble) == ("pending", "refused")


def test_answer_that_does_not_come_is_a_timeout(shop: Story, server: Receiver) -> None:
    released = threading.Event()
    shop.listens(server.url, "Order Completed")
    server.answer = lambda heard: 204 if released.wait(10) else 500
    shop.happens("Order Completed", shop.person())
    shop.notices()
    shop.posts(Limits(within=0.2))
    released.set()
    assert (shop.delivery().trouble, shop.delivery().code) == ("timeout", None)


def test_secret_that_cannot_be_opened_is_said(shop: Story, server: Receiver) -> None:
    made = shop.listens(server.url, "Order Completed")
    with tenancy.scope(workspace_id=shop.id):
        Endpoint.objects.filter(pk=made.endpoint.pk).update(secret=b"sealed elsewhere, with another key")
    shop.happens("Order Completed", shop.person())
    shop.works()
    assert (shop.delivery().state, shop.delivery().trouble) == ("pending", "unreadable")
    assert shop.endpoint(made).failing_since is None  # not the endpoint's fault


def test_event_that_is_no_more_is_given_up(shop: Story, server: Receiver) -> None:
    shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", shop.person())
    shop.notices()
    with tenancy.scope(workspace_id=shop.id):
        Delivery.objects.update(event_xid=1)
    shop.posts()
    assert (shop.delivery().state, shop.delivery().trouble) == ("failed", "event_gone")


def test_fault_of_ours_ends_like_every_other_try(
    shop: Story, server: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(claimed: Claimed) -> bytes:
        raise RuntimeError("a fault")

    made = shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", shop.person())
    monkeypatch.setattr(poster, "written", broken)
    shop.works()
    assert (shop.delivery().state, shop.delivery().trouble) == ("pending", "fault")
    assert shop.delivery().due_at == shop.now + PAUSES[0]
    assert shop.endpoint(made).failing_since is None
    assert "a fault" in caplog.text


def test_claim_walks_along_what_is_due(shop: Story, server: Receiver) -> None:
    """However much is due at the same instant: the first ones are read in their order, and nothing is sorted to find them."""
    shop.listens(server.url)
    shop.happens("Order Completed", shop.person(), times=3000)
    shop.notices()
    with tenancy.scope(workspace_id=shop.id):
        sql.scalar("SELECT kernel_refresh_statistics()", {})
        explained = sql.records(
            "EXPLAIN " + queue.statements.claim.text,
            {"workspace_id": shop.id, "now": shop.now, "lease_until": shop.now, "places": 4, "limit": 16},
        )
    plan = "\n".join(row["QUERY PLAN"] for row in explained)
    [before, _] = plan.split("webhook_due_in_order")
    assert before.rstrip().endswith("Index Scan using")
    assert "Sort" not in before.rsplit("LockRows", 1)[1]


# Several workers, and workers that die


def claims(shop: Story, limit: int = 100) -> list[Claimed]:
    with tenancy.scope(workspace_id=shop.id):
        return queue.claim(shop.id, limit=limit, now=shop.now)


def tells(shop: Story, claimed: Claimed, code: int | None, *, due_at: datetime | None = None) -> None:
    with tenancy.scope(workspace_id=shop.id):
        outcome = Outcome(
            claimed.id, claimed.fence, claimed.endpoint_id, code, "" if code else "timeout", due_at
        )
        queue.tell(shop.id, [outcome], now=shop.now)


def test_two_workers_never_deliver_the_same_thing_at_once(shop: Story, server: Receiver) -> None:
    ada = shop.person()
    for number in range(5):
        shop.listens(f"{server.url}/{number}")
    shop.happens("Order Completed", ada, times=40)
    shop.notices()

    async def both() -> None:
        await asyncio.gather(shop.poster().drain(), shop.poster().drain())

    asyncio.run(both())
    assert len(server.heard) == 200
    assert len({one.id for one in server.heard}) == 200
    assert {(one.state, one.tries) for one in shop.deliveries()} == {("delivered", 1)}


def test_worker_that_is_killed_loses_nothing(shop: Story, server: Receiver) -> None:
    """It dies while the endpoint is thinking. When the lease has run out the next one asks again, under the same id."""
    arrived, released = threading.Event(), threading.Event()

    def think(heard: Heard) -> int:
        arrived.set()
        released.wait(10)
        return 204

    shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", shop.person())
    shop.notices()
    server.answer = think

    async def die() -> None:
        running = asyncio.create_task(shop.poster().run())
        while not arrived.is_set():
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(die())
    released.set()
    server.answer = lambda heard: 204
    assert shop.delivery().state == "sending"
    shop.posts()
    assert len(server.heard) == 1  # somebody may still be at it
    shop.passes(seconds=queue.LEASE.total_seconds())
    shop.posts()
    assert [one.id for one in server.heard] == [str(shop.delivery().pk)] * 2
    assert (shop.delivery().state, shop.delivery().tries) == ("delivered", 2)


def test_late_worker_is_refused_when_another_one_has_taken_over(shop: Story, server: Receiver) -> None:
    shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", shop.person())
    shop.notices()
    [late] = claims(shop)
    assert claims(shop) == []
    shop.now += queue.LEASE
    [second] = claims(shop)
    assert (second.id, second.fence) == (late.id, late.fence + 1)
    tells(shop, late, 500, due_at=shop.now)
    assert shop.delivery().state == "sending"
    tells(shop, second, 200)
    assert shop.delivery().state == "delivered"
    tells(shop, second, 500, due_at=shop.now)
    assert shop.delivery().state == "delivered"


def test_worker_told_to_stop_ends_with_what_is_under_way(shop: Story, server: Receiver) -> None:
    arrived = threading.Event()

    def slowly(heard: Heard) -> int:
        arrived.set()
        time.sleep(0.3)
        return 204

    shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", shop.person())
    shop.notices()
    server.answer = slowly

    async def stop() -> None:
        working = shop.poster()
        running = asyncio.create_task(working.run())
        while not arrived.is_set():
            await asyncio.sleep(0.01)
        working.stop()
        await running

    asyncio.run(stop())
    assert shop.delivery().state == "delivered"


def test_worker_told_to_stop_while_the_database_is_away_leaves_it_to_the_lease(
    shop: Story, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = threading.Event()

    def taken(heard: Heard) -> int:
        away.set()
        return 204

    def gone(*_anything: object, **_named: object) -> None:
        raise OperationalError("the database system is shutting down")

    shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", shop.person())
    shop.notices()
    server.answer = taken
    monkeypatch.setattr(poster, "_LAST_WORDS", 0.1)

    async def stop() -> None:
        working = shop.poster()
        running = asyncio.create_task(working.run())
        async with asyncio.timeout(20):
            while not away.is_set():
                await asyncio.sleep(0.01)
            working.stop()
            await running

    with monkeypatch.context() as outage:
        outage.setattr(queue, "tell", gone)
        asyncio.run(stop())
    assert shop.delivery().state == "sending"
    shop.now += queue.LEASE
    shop.works()
    assert shop.delivery().state == "delivered"
    assert len(server.heard) == 2, "it is heard twice, under one id"
    assert len({heard.id for heard in server.heard}) == 1


# Fairness


def test_endpoint_that_hangs_holds_nobody_else_up(
    shop: Story, other_workspace: Workspace, server: Receiver
) -> None:
    ada, released = shop.person(), threading.Event()
    with receiving() as hanging:
        hanging.answer = lambda heard: 204 if released.wait(20) else 500
        for number in range(3):
            shop.listens(f"{hanging.url}/{number}")
        shop.listens(f"{server.url}/ours")
        other = Story(other_workspace, shop.now)
        bob = other.person("bob@example.com")
        other.listens(f"{server.url}/theirs")
        shop.happens("Order Completed", ada, times=60)
        other.happens("Order Completed", bob, times=60)
        shop.notices()
        other.notices()

        async def until_the_others_have_all() -> None:
            working = shop.poster()
            running = asyncio.create_task(working.run())
            give_up = time.monotonic() + 20
            while len(server.heard) < 120 and time.monotonic() < give_up:
                await asyncio.sleep(0.02)
            assert not released.is_set()
            released.set()
            working.stop()
            await running

        asyncio.run(until_the_others_have_all())
        assert Counter(one.path for one in server.heard) == {"/hook/ours": 60, "/hook/theirs": 60}
        assert len(hanging.heard) <= 3 * queue.PER_ENDPOINT


def test_endpoint_that_fails_gets_one_at_a_time(shop: Story, server: Receiver) -> None:
    made = shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", shop.person(), times=10)
    shop.notices()
    assert len(claims(shop)) == queue.PER_ENDPOINT
    with tenancy.scope(workspace_id=shop.id):
        Endpoint.objects.filter(pk=made.endpoint.pk).update(failing_since=shop.now)
    shop.now += queue.LEASE
    assert len(claims(shop)) == 1
    assert claims(shop) == []


def test_every_endpoint_has_its_first_before_anybody_has_a_second(shop: Story, server: Receiver) -> None:
    ada = shop.person()
    made = [shop.listens(f"{server.url}/{number}") for number in range(3)]
    shop.happens("Order Completed", ada, times=10)
    shop.notices()
    claimed = [one.endpoint_id for one in claims(shop, limit=3)]
    assert sorted(claimed) == [one.endpoint.pk for one in made]
    assert Counter(one.endpoint_id for one in claims(shop, limit=6)) == {one.endpoint.pk: 2 for one in made}


# What the database refuses


@pytest.mark.parametrize(
    "change",
    [
        {"state": "lost"},
        {"state": "sending"},
        {"lease_until": NOW},
        {"state": "delivered"},
        {"state": "delivered", "code": 500},
        {"trouble": "weather"},
        {"event_id": None},
    ],
    ids=str,
)
def test_illegal_state_of_a_delivery_cannot_be_stored(
    shop: Story, server: Receiver, change: dict[str, object]
) -> None:
    shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", shop.person())
    shop.notices()
    with pytest.raises(IntegrityError), tenancy.scope(workspace_id=shop.id):
        Delivery.objects.update(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "asleep"},
        {"state": "paused"},
        {"pause_reason": "gone"},
        {"former_secret": b"x"},
        {"takes_all": True, "names": ["x"]},
        {"takes_all": False, "names": []},
    ],
    ids=str,
)
def test_illegal_state_of_an_endpoint_cannot_be_stored(
    shop: Story, server: Receiver, change: dict[str, object]
) -> None:
    shop.listens(server.url, "Order Completed")
    with pytest.raises(IntegrityError), tenancy.scope(workspace_id=shop.id):
        Endpoint.objects.update(**change)


def test_every_trouble_can_be_stored(shop: Story, server: Receiver) -> None:
    shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", shop.person())
    shop.notices()
    for trouble in Trouble:
        with tenancy.scope(workspace_id=shop.id):
            Delivery.objects.update(trouble=trouble.value)
