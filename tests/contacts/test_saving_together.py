"""Two writers of the same people at the same moment, on real connections: one contact, no error, nothing lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier, Event
from time import monotonic, sleep

import pytest
from django.db import OperationalError, connection

from config import wiring
from parcours.accounts.models import Workspace
from parcours.contacts import actions, holding, queries
from parcours.contacts.types import IdentityKind, Person, SavedPerson
from parcours.kernel import tenancy

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 4


@pytest.fixture
def shop(transactional_db: None, workspace: Workspace) -> Workspace:
    wiring.connect()
    return workspace


def at_once(work: Callable[[int], list[SavedPerson]]) -> list[list[SavedPerson]]:
    """Run the work in several threads that start together, each with a connection of its own."""
    barrier = Barrier(WRITERS)

    def one(number: int) -> list[SavedPerson]:
        try:
            barrier.wait()
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(one, range(WRITERS)))


def test_same_new_people_from_several_writers_are_made_once(shop: Workspace, now: datetime) -> None:
    people = [
        Person(email=f"{n}@example.org", identities=((IdentityKind.EXTERNAL, f"u{n}"),)) for n in range(40)
    ]

    def work(number: int) -> list[SavedPerson]:
        order = people if number % 2 else people[::-1]
        with tenancy.scope(workspace_id=shop.id):
            saved = actions.save_people(shop.id, order, now=now)
        return saved if number % 2 else saved[::-1]

    answers = at_once(work)

    ids = [[each.contact_id for each in answer] for answer in answers]
    assert all(each == ids[0] for each in ids)
    assert sum(each.created for answer in answers for each in answer) == 40
    with tenancy.scope(workspace_id=shop.id):
        assert queries.count_contacts(shop.id) == 40


def test_several_writers_proving_the_same_merge_leave_one_contact(shop: Workspace, now: datetime) -> None:
    with tenancy.scope(workspace_id=shop.id):
        for n in range(5):
            actions.save_people(
                shop.id,
                [Person(email=f"{n}@example.org"), Person(identities=((IdentityKind.EXTERNAL, f"u{n}"),))],
                now=now,
            )

    def work(number: int) -> list[SavedPerson]:
        saved = []
        for n in range(5):
            with tenancy.scope(workspace_id=shop.id):
                one = Person(email=f"{n}@example.org", identities=((IdentityKind.EXTERNAL, f"u{n}"),))
                saved += actions.save_people(shop.id, [one], now=now)
        return saved

    answers = at_once(work)

    assert sum(len(each.merged) for answer in answers for each in answer) == 5
    with tenancy.scope(workspace_id=shop.id):
        assert queries.count_contacts(shop.id) == 5


def test_waiting_merge_lets_others_pass(shop: Workspace, now: datetime) -> None:
    """Somebody holds people for long: a merge waits for them, and those who come after it do not wait for the merge."""
    with tenancy.scope(workspace_id=shop.id):
        saved = actions.save_people(
            shop.id, [Person(email="a@example.org"), Person(email="b@example.org")], now=now
        )
    kept, dropped = (one.contact_id for one in saved)
    started, may_end = Event(), Event()

    def hold() -> None:
        with tenancy.scope(workspace_id=shop.id):
            actions.hold_people(shop.id)
            started.set()
            may_end.wait(20)

    def merge() -> None:
        with tenancy.scope(workspace_id=shop.id):
            actions.merge(shop.id, kept, dropped, now=now)

    def closing(work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        try:
            holding = pool.submit(closing, hold)
            started.wait(20)
            merging = pool.submit(closing, merge)
            for _ in range(5):
                before = monotonic()
                with tenancy.scope(workspace_id=shop.id):
                    actions.hold_people(shop.id)
                assert (
                    monotonic() - before < 2
                )  # a try lasts a tenth of a second; without tries it would wait for the holder
                sleep(0.05)
            assert not merging.done()
        finally:
            may_end.set()
        holding.result(20)
        merging.result(20)
    with tenancy.scope(workspace_id=shop.id):
        assert queries.count_contacts(shop.id) == 1


def test_merge_gives_up_when_somebody_holds_people_for_too_long(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "PAUSES", (0.01, 0.01))
    held, may_end = Event(), Event()

    def hold() -> None:
        try:
            with tenancy.scope(workspace_id=shop.id):
                actions.hold_people(shop.id)
                held.set()
                may_end.wait(20)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        held.wait(20)
        try:
            with pytest.raises(OperationalError), tenancy.scope(workspace_id=shop.id):
                holding.hold_for_merging(shop.id)
            with tenancy.scope(workspace_id=shop.id), connection.cursor() as cursor:
                cursor.execute("SHOW lock_timeout")
                assert cursor.fetchone() == ("0",)
        finally:
            may_end.set()
