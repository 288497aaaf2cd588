"""A shop with webhooks: events happen, time passes, workers work, and a real server hears of it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM
from parcours.contacts.types import IdentityKind, Person
from parcours.events import actions as events
from parcours.events import people
from parcours.events.types import NewEvent
from parcours.integrations import actions, queue
from parcours.integrations.models import Delivery, Endpoint
from parcours.integrations.poster import Limits, Poster
from parcours.integrations.types import Wanted
from parcours.kernel import tenancy
from tests.settling import settle


class Story:
    """One workspace and its clock."""

    def __init__(self, workspace: Workspace, now: datetime) -> None:
        self.id, self.now = workspace.pk, now

    def clock(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)

    def person(self, email: str = "ada@example.com", external: str = "C-1") -> UUID:
        who = Person(email=email, identities=((IdentityKind.EXTERNAL, external),))
        with tenancy.scope(workspace_id=self.id):
            [saved] = people.save_people(self.id, [who], now=self.now)
        return saved.contact_id

    def happens(self, name: str, who: UUID, times: int = 1, **properties: Any) -> None:
        with tenancy.scope(workspace_id=self.id):
            events.append(self.id, [NewEvent(who, name, properties, self.now)] * times, now=self.now)

    def listens(self, url: str, *names: str) -> actions.NewSecret:
        """An endpoint for these events; for all of them when none is named."""
        wanted = Wanted(url, takes_all=not names, names=names)
        with tenancy.scope(workspace_id=self.id):
            return actions.create(self.id, wanted, actor=SYSTEM, now=self.now)

    def does(self, action: Any, *arguments: Any) -> Any:
        """One of `integrations.actions`, by the product itself."""
        with tenancy.scope(workspace_id=self.id):
            return action(self.id, *arguments, actor=SYSTEM, now=self.now)

    def notices(self) -> int:
        settle(self.id)
        total = 0
        while count := queue.notice(self.id, now=self.now):
            total += count
        return total

    def posts(self, limits: Limits | None = None) -> None:
        asyncio.run(self.poster(limits).drain())

    def poster(self, limits: Limits | None = None) -> Poster:
        return Poster(self.clock, allow_private=True, limits=limits)

    def works(self) -> None:
        self.notices()
        self.posts()

    def endpoint(self, made: actions.NewSecret) -> Endpoint:
        with tenancy.scope(workspace_id=self.id):
            return Endpoint.objects.get(pk=made.endpoint.pk)

    def deliveries(self) -> list[Delivery]:
        with tenancy.scope(workspace_id=self.id):
            return list(Delivery.objects.order_by("created_at", "id"))

    def delivery(self) -> Delivery:
        [one] = self.deliveries()
        return one

    def trail(self) -> list[tuple[str, dict[str, Any]]]:
        with tenancy.scope(workspace_id=self.id):
            found = AuditEntry.objects.filter(subject="webhook").order_by("id")
            return [(one.action, one.detail) for one in found]
