"""A small shop for journeys: purposes, a template, a list, an attribute, people, and a log that is read as the workers read it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.contacts import actions as contacts
from parcours.contacts.models import Contact
from parcours.contacts.types import AttributeType
from parcours.content.models import Template, TemplateVersion
from parcours.delivery.models import Message
from parcours.events import actions as events
from parcours.events.types import NewEvent
from parcours.journeys import actions
from parcours.journeys.models import Run, Step, Version
from parcours.journeys.types import Texts
from parcours.journeys.versions import read_graph
from parcours.kernel import tenancy
from tests.settling import settle

ENTRY = {"event": "Order Completed", "key": "order_id"}
SEND = {"template": "hello", "purpose": "order_information"}


@dataclass
class Shop:
    """One workspace and what its tests do again and again. Opens a scope for each act, as the product does."""

    workspace_id: int
    now: datetime

    def furnish(self) -> "Shop":
        with self.scope():
            for code, basis, marketing in (
                ("order_information", "contract", False),
                ("promotions", "consent", True),
            ):
                names = {"name_fr": code, "name_en": code, "basis": basis, "is_marketing": marketing}
                consent.save_purpose(self.workspace_id, code, names, actor=SYSTEM, now=self.now)
            mine: dict[str, Any] = {"workspace_id": self.workspace_id, "created_at": self.now}
            template = Template.objects.create(slug="hello", name="Bonjour", updated_at=self.now, **mine)
            TemplateVersion.objects.create(template=template, number=1, bodies={}, actor="test", **mine)
            contacts.create_list(self.workspace_id, "loyal", "Fidèles", actor=SYSTEM, now=self.now)
            contacts.declare_attribute(
                self.workspace_id, "stage", AttributeType.TEXT, actor=SYSTEM, now=self.now
            )
        return self

    def scope(self) -> Any:
        return tenancy.scope(workspace_id=self.workspace_id)

    def person(self, email: str | None = None, **attributes: Any) -> UUID:
        with self.scope():
            made = Contact.objects.create(
                workspace_id=self.workspace_id,
                email=email,
                attributes=attributes,
                created_at=self.now,
                updated_at=self.now,
            )
        return made.pk

    def happens(
        self, who: UUID, name: str = "Order Completed", *, at: datetime | None = None, **properties: Any
    ) -> None:
        """Something happens to a person, by default an order."""
        with self.scope():
            events.append(
                self.workspace_id, [NewEvent(who, name, properties, at=at or self.now)], now=self.now
            )

    def publish(
        self,
        nodes: Mapping[str, Any],
        start: str,
        *,
        entry: Mapping[str, Any] = ENTRY,
        slug: str = "j",
        now: datetime | None = None,
    ) -> Version:
        """Publish a graph as the journey `slug`, making it when there is none."""
        graph = {"entry": dict(entry), "start": start, "nodes": dict(nodes)}
        with self.scope():
            if not Version.objects.filter(journey__slug=slug).exists():
                texts = Texts(name_fr=f"Parcours {slug}", name_en=f"Journey {slug}")
                actions.create(self.workspace_id, slug, texts, actor=SYSTEM, now=now or self.now)
            return actions.publish(self.workspace_id, slug, graph, actor=SYSTEM, now=now or self.now)

    def enter(self, now: datetime | None = None) -> int:
        self.settle()
        return actions.enter(self.workspace_id, now=now or self.now)

    def settle(self) -> None:
        """Wait until the log may be read up to its end."""
        settle(self.workspace_id)

    def tick(self, now: datetime | None = None, limit: int = 2000, patience: float = math.inf) -> int:
        return actions.tick(self.workspace_id, now=now or self.now, limit=limit, patience=patience)

    def paths(self) -> list[list[str]]:
        """What each run went through, `node:outcome`, in the order of the runs."""
        with self.scope():
            graphs = {version.pk: read_graph(version.graph) for version in Version.objects.all()}
            return [
                [
                    f"{graphs[run.version_id].order[step.node]}:{step.outcome}"
                    for step in Step.objects.filter(run_id=run.pk).order_by("id")
                ]
                for run in Run.objects.order_by("id")
            ]

    def runs(self) -> list[Run]:
        with self.scope():
            return list(Run.objects.order_by("id"))

    def messages(self) -> list[Message]:
        with self.scope():
            return list(Message.objects.order_by("queued_at", "id"))

    def happened(self, name: str) -> list[dict[str, Any]]:
        """The properties of all events of a name, in the order of the log."""
        with self.scope(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT properties::text FROM events_event WHERE workspace_id = %s AND name = %s ORDER BY xid, id",
                [self.workspace_id, name],
            )
            return [json.loads(row[0]) for row in cursor.fetchall()]
