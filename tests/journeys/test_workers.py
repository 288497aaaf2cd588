"""Ten workers at the same runs: nobody is lost, nobody is handled twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

from parcours.accounts.types import SYSTEM
from parcours.contacts.models import Contact, ListMember
from parcours.events import actions as events
from parcours.events.types import NewEvent
from parcours.journeys import actions
from parcours.journeys.models import Run, Step
from parcours.kernel.ids import uuid7
from tests.journeys.shop import SEND, Shop

WORKERS, PEOPLE = 10, 300
NODES = {
    "write": {"send": SEND, "next": "vip?"},
    "vip?": {"if": {"attribute": "stage", "is": "vip"}, "then": "join", "else": "bye"},
    "join": {"add_to_list": "loyal", "next": "bye"},
    "bye": {"exit": "done"},
}


def together(work: Callable[[], Any]) -> list[Any]:
    """Run `work` in ten threads at once, each with a connection of its own."""
    barrier = Barrier(WORKERS)

    def one(_number: int) -> Any:
        barrier.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, range(WORKERS)))


def crowd(shop: Shop) -> None:
    """Many people, every other a VIP, each with an order."""
    with shop.scope():
        people = [
            Contact(
                id=uuid7(),
                workspace_id=shop.workspace_id,
                attributes={"stage": "vip"} if number % 2 else {},
                created_at=shop.now,
                updated_at=shop.now,
            )
            for number in range(PEOPLE)
        ]
        Contact.objects.bulk_create(people)
        orders = [NewEvent(one.pk, "Order Completed", {"order_id": "1"}, at=shop.now) for one in people]
        events.append(shop.workspace_id, orders, now=shop.now)


def test_ten_workers_let_everybody_in_once(shop: Shop) -> None:
    shop.publish(NODES, "write")
    crowd(shop)
    shop.settle()
    entered = together(lambda: actions.enter(shop.workspace_id, now=shop.now))
    assert sum(entered) + shop.enter() == PEOPLE


def test_ten_workers_move_everybody_once(shop: Shop) -> None:
    shop.publish(NODES, "write")
    crowd(shop)
    shop.enter()
    passed = together(lambda: actions.tick(shop.workspace_id, now=shop.now, limit=7))
    assert sum(passed) + shop.tick() == 3 * PEOPLE + PEOPLE // 2
    with shop.scope():
        assert Run.objects.filter(due_at=None).count() == PEOPLE
        assert Step.objects.count() == 3 * PEOPLE + PEOPLE // 2
        assert Step.objects.values("run_id", "node").distinct().count() == Step.objects.count()
        assert ListMember.objects.count() == PEOPLE // 2
    assert len(shop.messages()) == PEOPLE
    assert len(shop.happened("Journey Finished")) == PEOPLE
    assert len(shop.happened("List Joined")) == PEOPLE // 2


def test_nothing_moves_once_a_pause_has_returned(shop: Shop) -> None:
    shop.publish(NODES, "write")
    crowd(shop)
    shop.enter()
    barrier = Barrier(2)

    def ticking() -> int:
        barrier.wait()
        try:
            return actions.tick(shop.workspace_id, now=shop.now, limit=3)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ticking)
        barrier.wait()
        with shop.scope():
            actions.pause(shop.workspace_id, "j", actor=SYSTEM, now=shop.now)
        with shop.scope():
            steps = Step.objects.count()
        running.result()
    with shop.scope():
        assert Step.objects.count() == steps
        actions.resume(shop.workspace_id, "j", actor=SYSTEM, now=shop.now)
    shop.tick()
    assert len(shop.messages()) == PEOPLE
