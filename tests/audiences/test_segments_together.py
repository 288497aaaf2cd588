"""Several workers at once: every entry and every leaving is told once, and what is left is right."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import connection

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.audiences import actions
from parcours.audiences.models import Member
from parcours.contacts.types import Person
from parcours.events import actions as events
from parcours.events import people
from parcours.events.models import Event
from parcours.events.types import NewEvent
from parcours.kernel import tenancy
from tests.audiences import log

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 4


def at_once(*works: Callable[[], object]) -> None:
    """Run each in a thread with a connection of its own; raise what any of them raises."""

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(run, work) for work in works]:
            done.result()


def test_workers_together_tell_each_change_once(workspace: Workspace, now: datetime) -> None:
    shop = workspace.id
    with tenancy.scope(workspace_id=shop):
        everyone = people.save_people(
            shop, [Person(email=f"person{number}@example.org") for number in range(60)], now=now
        )
        for slug, rule in (
            ("recent", {"event": "Order Completed", "within": "7d"}),
            ("silent", {"not": {"segment": "recent"}}),
        ):
            actions.create_segment(shop, slug, slug.title(), rule, actor=SYSTEM, now=now)
    at_once(*[partial(actions.refresh, shop, now=now)] * WORKERS)

    for day in range(1, 12):
        moment = now + timedelta(days=day)
        buyers = [one.contact_id for number, one in enumerate(everyone) if number % 11 == day % 11]
        with tenancy.scope(workspace_id=shop):
            events.append(
                shop, [NewEvent(each, "Order Completed", {}, at=moment) for each in buyers], now=moment
            )
        at_once(
            partial(actions.refresh, shop, now=moment, limit=3),
            partial(actions.recheck, shop, now=moment, limit=2),
            partial(actions.refresh, shop, now=moment),
            partial(actions.build, shop, "recent", now=moment),
            partial(actions.recheck, shop, now=moment),
        )
        log.read_all(shop, actions.CONSUMER, partial(actions.refresh, shop, now=moment))
        actions.recheck(shop, now=moment)

    with tenancy.scope(workspace_id=shop):
        inside = {
            slug: set(Member.objects.filter(segment__slug=slug).values_list("contact_id", flat=True))
            for slug in ("recent", "silent")
        }
        # Ids are handed out to connections in blocks: they do not tell what came first.
        told = list(Event.objects.filter(name__startswith="Segment ").order_by("at"))
    recent = {one.contact_id for number, one in enumerate(everyone) if 4 < ((number - 1) % 11) + 1 <= 11}
    assert inside["recent"] == recent
    assert inside["silent"] == {one.contact_id for one in everyone} - recent
    for slug, members in inside.items():
        for one in everyone:
            names = [
                each.name
                for each in told
                if each.contact_id == one.contact_id and each.properties["segment"] == slug
            ]
            alternating = ["Segment Entered", "Segment Left"] * len(names)
            assert names == alternating[: len(names)]
            assert (len(names) % 2 == 1) is (one.contact_id in members)
