"""Two writers of the same people at the same moment, on real connections: one contact, no error, nothing lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest
from django.db import connection

from config import wiring
from parcours.accounts.models import Workspace
from parcours.contacts import actions, queries
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
