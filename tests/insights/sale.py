"""A mailing of a sale for tests of reports: who received it, and what they do with it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from parcours.accounts.models import Workspace
from parcours.content.models import TemplateVersion
from parcours.delivery.models import AnonymousClick, Mailing, Message
from parcours.events import actions as events
from parcours.events.types import EMAIL_LINK_CLICKED, NewEvent
from parcours.insights import actions
from parcours.insights.models import Basis
from parcours.kernel import tenancy
from tests.delivery.stories import Shop
from tests.settling import settle

FRAME = "<mjml><mj-body><mj-section><mj-column>%s</mj-column></mj-section></mj-body></mjml>"
BODIES = {
    "fr": {
        "subject": "Soldes",
        "mjml": FRAME
        % (
            '<mj-button href="https://shop.example/soldes?utm_source=mail">Voir les soldes</mj-button>'
            '<mj-text><a href="https://shop.example/blog">notre <b>blog</b></a></mj-text>'
            '<mj-text><a href="{{ contact.shop_url }}">votre magasin</a></mj-text>'
        ),
    },
    "en": {
        "subject": "Sale",
        "mjml": FRAME % '<mj-button href="https://shop.example/en/sale">See the sale</mj-button>',
    },
}


@dataclass
class Sale:
    """A mailing of a sale to people, and what they do."""

    shop: Shop
    mailing: Mailing
    messages: dict[str, UUID] = field(default_factory=dict)

    @classmethod
    def open(cls, workspace: Workspace, now: datetime) -> "Sale":
        shop = Shop.open(workspace, now)
        shop.version = TemplateVersion.objects.create(
            workspace=workspace,
            template=shop.version.template,
            number=2,
            bodies=BODIES,
            actor="test",
            created_at=now,
        )
        return cls(shop, shop.mailing("promotions"))

    def to(self, name: str, address: str = "", **fields: Any) -> None:
        """One more message that has left."""
        address = address or f"{name.lower()}@mail.example"
        who = self.shop.person(name, email=address)
        self.messages[name] = self.shop.queue(self.mailing, who)
        sent = {"state": "sent", "verdict": "send", "sent_at": self.shop.now, "address": address}
        Message.objects.filter(pk=self.messages[name]).update(**{**sent, **fields})

    def did(self, name: str, what: str, *, device: str = "phone", machine: bool = False, **more: Any) -> None:
        """What the hot path writes when somebody who may be measured opens or clicks."""
        message = Message.objects.get(pk=self.messages[name])
        about = {"message": str(message.pk), "mailing": self.mailing.pk, "device": device, "machine": machine}
        at = self.shop.now + timedelta(minutes=5)
        events.append(self.shop.id, [NewEvent(message.contact_id, what, {**about, **more}, at)], now=at)

    def clicks(self, name: str, link: int, **more: Any) -> None:
        self.did(name, EMAIL_LINK_CLICKED, link=link, url="https://shop.example/for-you", **more)

    def unnamed(self, link: int, *, is_machine: bool = False) -> None:
        """A click of somebody who may not be measured."""
        day = self.shop.now.date()
        AnonymousClick.objects.create(
            workspace_id=self.shop.id, mailing_id=self.mailing.pk, link=link, day=day, is_machine=is_machine
        )


def begin_anew(workspace: Workspace) -> None:
    """The roll-ups are of a former release, which counted otherwise."""
    with tenancy.scope(workspace_id=workspace.pk):
        Basis.objects.update(revision=0)


def follow(workspace: Workspace, now: datetime) -> None:
    settle(workspace.pk)
    while actions.roll_up(workspace.pk, now=now):
        pass
