"""A shop that lives: the workers' duties in their order, on a virtual clock, delivering nowhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from parcours.accounts.types import SYSTEM
from parcours.audiences import actions as audiences
from parcours.consent.types import Act, Channel, Evidence, Statement
from parcours.contacts.models import Contact
from parcours.contacts.types import Person
from parcours.delivery import actions as delivery
from parcours.delivery.models import Message
from parcours.delivery.settings import set_up_sending
from parcours.events import people
from parcours.journeys import recipes
from tests.journeys.shop import Shop


@dataclass
class LivingShop(Shop):
    """`now` is the present; `pass_time` moves it, an hour at a step, and lets the workers do their work at each."""

    def open(self, *slugs: str) -> "LivingShop":
        with self.scope():
            set_up_sending(
                self.workspace_id,
                from_name="La Boutique",
                from_email="bonjour@boutique.example",
                actor=SYSTEM,
                now=self.now,
            )
            for slug in slugs:
                recipes.install(self.workspace_id, slug, actor=SYSTEM, now=self.now)
        return self

    def client(self, name: str, *, agrees: bool = True) -> UUID:
        with self.scope():
            email = f"{name.lower()}@example.com"
            [saved] = people.save_people(
                self.workspace_id,
                [Person(email=email, language="fr", attributes={"first_name": name})],
                now=self.now,
                declare=True,
            )
        if agrees:
            self.says(saved.contact_id, "promotions", Act.GRANTED)
        return saved.contact_id

    def says(self, who: UUID, purpose: str, act: Act) -> None:
        statement = Statement(who, purpose, Channel.EMAIL, act, Evidence(source="test"))
        with self.scope():
            people.record_statements(self.workspace_id, [statement], now=self.now)

    def work(self) -> None:
        """One pass of all duties."""
        self.settle()
        audiences.refresh(self.workspace_id, now=self.now)
        audiences.recheck(self.workspace_id, now=self.now)
        self.enter()
        self.tick()
        with self.scope():
            while delivery.deliver_nowhere(self.workspace_id, now=self.now):
                pass

    def pass_time(self, hours: int = 0, *, days: int = 0, step: timedelta = timedelta(hours=6)) -> None:
        until = self.now + timedelta(hours=hours, days=days)
        while self.now < until:
            self.now = min(self.now + step, until)
            self.work()

    def letters(self, who: UUID) -> list[tuple[str, str, list[str]]]:
        """A person's messages, oldest first: subject, state, and the codes of the gate's reasons."""
        with self.scope():
            found = Message.objects.filter(contact_id=who).order_by("queued_at", "id")
            return [(one.subject, one.state, [reason["code"] for reason in one.reasons]) for one in found]

    def contact(self, who: UUID) -> Any:
        with self.scope():
            return Contact.objects.get(pk=who)


def start(workspace_id: int, now: datetime, *slugs: str) -> LivingShop:
    """A shop with these recipes, open for business."""
    return LivingShop(workspace_id, now).open(*slugs)
