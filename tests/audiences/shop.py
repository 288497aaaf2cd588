"""A shop whose segments live: people, events, workers, and a clock that the test moves."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from parcours.accounts.models import Workspace
from parcours.accounts.types import Actor
from parcours.audiences import actions, queries
from parcours.audiences.models import Member, Segment
from parcours.contacts.types import Person
from parcours.events import actions as events
from parcours.events import people
from parcours.events.models import Event
from parcours.events.types import NewEvent
from parcours.kernel import tenancy
from tests.audiences import log

LEA = Actor("Léa")


class Shop:
    """A shop under a clock that the test moves; workers run when it says so."""

    def __init__(self, workspace: Workspace, now: datetime) -> None:
        self.id, self.now = workspace.id, now

    def scope(self) -> Any:
        return tenancy.scope(workspace_id=self.id)

    def person(self, name: str) -> UUID:
        with self.scope():
            saved = people.save_people(self.id, [Person(email=f"{name}@example.org")], now=self.now)
        return saved[0].contact_id

    def segment(self, slug: str, rule: object) -> Segment:
        with self.scope():
            return actions.create_segment(self.id, slug, slug.title(), rule, actor=LEA, now=self.now)

    def happens(self, name: str, *who: UUID, **properties: Any) -> None:
        with self.scope():
            events.append(
                self.id, [NewEvent(each, name, properties, at=self.now) for each in who], now=self.now
            )

    def work(self, **passing: Any) -> None:
        self.now += timedelta(**passing)
        log.read_all(self.id, actions.CONSUMER, lambda: actions.refresh(self.id, now=self.now))
        actions.recheck(self.id, now=self.now)

    def inside(self, slug: str) -> set[UUID]:
        with self.scope():
            return set(Member.objects.filter(segment__slug=slug).values_list("contact_id", flat=True))

    def is_built(self, *slugs: str) -> bool:
        with self.scope():
            return all(queries.segment(self.id, slug).is_built for slug in slugs)

    def told(self) -> list[tuple[str, str, UUID]]:
        with self.scope():
            found = Event.objects.filter(name__startswith="Segment ").order_by("id")
            return [(each.name, each.properties["segment"], each.contact_id) for each in found]
