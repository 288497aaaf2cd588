"""Changes of people while they are merged, on real connections: what somebody said or joined belongs to the one who is kept."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from uuid import UUID

import pytest
from django.db import connection

from config import wiring
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.consent.models import Record, State
from parcours.consent.types import Act, Channel, Evidence, Statement
from parcours.contacts import actions as contacts
from parcours.contacts.errors import UnknownContact
from parcours.contacts.models import Contact, ListMember
from parcours.contacts.types import AttributeType, Person
from parcours.events import models, people
from parcours.kernel import tenancy

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 0.3


@dataclass(frozen=True)
class Two:
    """Two contacts that will prove to be one."""

    shop: Workspace
    kept: UUID
    dropped: UUID
    now: datetime

    def refusal(self) -> Statement:
        return Statement(self.dropped, "promotions", Channel.EMAIL, Act.WITHDRAWN, Evidence("page", "No."))

    def merge(self) -> None:
        try:
            with tenancy.scope(workspace_id=self.shop.id):
                people.merge(self.shop.id, self.kept, self.dropped, now=self.now)
        finally:
            connection.close()

    def merging_during(self, change: Callable[[], object]) -> None:
        """Let somebody merge the two after `change` and before it commits."""
        with ThreadPoolExecutor(1) as pool:
            with tenancy.scope(workspace_id=self.shop.id):
                change()
                merged = pool.submit(self.merge)
                with pytest.raises(TimeoutError):
                    merged.result(PATIENCE)  # it waits for us
            merged.result(10)


@pytest.fixture
def two(transactional_db: None, workspace: Workspace, now: datetime) -> Two:
    wiring.connect()
    with tenancy.scope(workspace_id=workspace.id):
        names = {"name_fr": "Offres", "name_en": "Offers", "basis": "consent", "is_marketing": True}
        consent.save_purpose(workspace.id, "promotions", names, actor=SYSTEM, now=now)
        contacts.create_list(workspace.id, "vip", "VIP", actor=SYSTEM, now=now)
        kept, dropped = people.save_people(
            workspace.id, [Person(email="a@example.org"), Person(email="b@example.org")], now=now
        )
    return Two(workspace, kept.contact_id, dropped.contact_id, now)


def test_withdrawal_is_of_the_one_who_is_kept(two: Two) -> None:
    two.merging_during(lambda: people.record_statements(two.shop.id, [two.refusal()], now=two.now))
    with tenancy.scope(workspace_id=two.shop.id):
        assert list(State.objects.values_list("contact_id", "act")) == [(two.kept, "withdrawn")]
        told = models.Event.objects.filter(name="Consent Withdrawn")
        assert list(told.values_list("contact_id", flat=True)) == [two.kept]


def test_place_on_a_list_is_of_the_one_who_is_kept(two: Two) -> None:
    two.merging_during(lambda: people.add_to_list(two.shop.id, "vip", [two.dropped], now=two.now))
    with tenancy.scope(workspace_id=two.shop.id):
        assert list(ListMember.objects.values_list("contact_id", flat=True)) == [two.kept]


def test_leaving_a_list_waits_for_nobody_and_is_waited_for(two: Two) -> None:
    with tenancy.scope(workspace_id=two.shop.id):
        people.add_to_list(two.shop.id, "vip", [two.dropped], now=two.now)
    two.merging_during(lambda: people.remove_from_list(two.shop.id, "vip", [two.dropped], now=two.now))
    with tenancy.scope(workspace_id=two.shop.id):
        assert not ListMember.objects.exists()


def test_withdrawal_of_somebody_merged_away_meanwhile_is_refused_not_lost(two: Two) -> None:
    looked_up, merged = Event(), Event()

    def page() -> None:
        try:
            with tenancy.scope(workspace_id=two.shop.id):
                looked_up.set()
                merged.wait(10)
                people.record_statements(two.shop.id, [two.refusal()], now=two.now)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(page)
        looked_up.wait(10)
        two.merge()
        merged.set()
        with pytest.raises(UnknownContact):
            answer.result(10)


def test_changed_attribute_is_told_as_it_is_kept(two: Two) -> None:
    with tenancy.scope(workspace_id=two.shop.id):
        contacts.declare_attribute(two.shop.id, "age", AttributeType.NUMBER, actor=SYSTEM, now=two.now)
        assert people.change_attribute(two.shop.id, [two.kept], "age", "12", now=two.now) == [two.kept]
        kept = Contact.objects.get(pk=two.kept).attributes["age"]
        told = models.Event.objects.get(name="Attributes Changed").properties["changes"]["age"]
    assert kept == 12
    assert told == {"from": None, "to": kept}


@dataclass(frozen=True)
class Said:
    """What two windows of one person said at the same moment: who came first, and who waited for that."""

    two: Two

    def one(self, act: Act) -> int:
        """How many statements changed something."""
        said = Statement(self.two.kept, "promotions", Channel.EMAIL, act, Evidence("page", "My choice."))
        return len(people.record_statements(self.two.shop.id, [said], now=self.two.now))

    def apart(self, act: Act) -> int:
        try:
            with tenancy.scope(workspace_id=self.two.shop.id):
                return self.one(act)
        finally:
            connection.close()

    def at_once(self, first: Act, second: Act) -> tuple[int, int]:
        with ThreadPoolExecutor(1) as pool:
            with tenancy.scope(workspace_id=self.two.shop.id):
                changed = self.one(first)
                other = pool.submit(self.apart, second)
                with pytest.raises(TimeoutError):
                    other.result(PATIENCE)  # it waits for us
            return changed, other.result(10)

    def told(self) -> list[str]:
        with tenancy.scope(workspace_id=self.two.shop.id):
            events = models.Event.objects.filter(name__startswith="Consent ")
            return sorted(events.values_list("name", flat=True))


def test_what_is_said_twice_at_once_is_told_once(two: Two) -> None:
    said = Said(two)
    assert said.at_once(Act.GRANTED, Act.GRANTED) == (1, 0)  # of which neither had said anything before
    assert said.at_once(Act.WITHDRAWN, Act.WITHDRAWN) == (1, 0)
    assert said.told() == ["Consent Granted", "Consent Withdrawn"]
    with tenancy.scope(workspace_id=two.shop.id):
        assert Record.objects.count() == 4  # the ledger keeps every word


def test_what_is_taken_back_at_once_is_told_too(two: Two) -> None:
    said = Said(two)
    assert said.at_once(Act.GRANTED, Act.WITHDRAWN) == (1, 1)
    assert said.at_once(Act.GRANTED, Act.WITHDRAWN) == (1, 1)
    assert said.told() == ["Consent Granted"] * 2 + ["Consent Withdrawn"] * 2
