"""A small shop for tests of sending: purposes, people, mailings and queued messages, made by the rows themselves."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.consent.models import Purpose
from parcours.consent.types import Act, Channel, Evidence, Statement, SuppressionReason
from parcours.contacts.models import Contact
from parcours.content.models import Template, TemplateVersion
from parcours.delivery.dkim import generate_key
from parcours.delivery.models import Mailing, Message, Sending
from parcours.kernel import crypto

PURPOSES: dict[str, dict[str, Any]] = {
    "order_information": {"basis": "contract", "is_marketing": False},
    "advice": {"basis": "legitimate_interest", "is_marketing": True},
    "newsletter": {"basis": "consent", "is_marketing": True},
    "promotions": {"basis": "consent", "is_marketing": True},
    "measure_opens": {"basis": "consent", "is_marketing": False, "is_measuring": True},
    "measure_clicks": {"basis": "consent", "is_marketing": False, "is_measuring": True},
}
BODY = {
    "subject": "Bonjour {{ contact.first_name }}",
    "preheader": "Merci",
    "mjml": (
        "<mjml><mj-body><mj-section><mj-column><mj-text>Bonjour {{ contact.first_name }}, "
        '<a href="https://shop.example/offres">nos offres</a></mj-text></mj-column></mj-section></mj-body></mjml>'
    ),
    "text": "",
}
PEM = generate_key()
"""One key for all tests: making one takes a tenth of a second."""


@dataclass
class Shop:
    """The workspace of a test, with what it needs to send."""

    workspace: Workspace
    now: datetime
    purposes: dict[str, Purpose]
    version: TemplateVersion
    _places: int = 0

    @classmethod
    def open(cls, workspace: Workspace, now: datetime, **sending: Any) -> "Shop":
        """Set the shop up: sending settings (quiet from 21:00 to 8:00, one marketing message a day), purposes, a template."""
        fields: dict[str, Any] = {
            "from_name": "La Boutique",
            "from_email": "bonjour@shop.example",
            "dkim_domain": "shop.example",
            "dkim_selector": "parcours",
            "dkim_key": crypto.seal("dkim", PEM),
            "quiet_from": time(21),
            "quiet_until": time(8),
            **sending,
        }
        Sending.objects.create(workspace=workspace, **fields)
        purposes = {
            code: consent.save_purpose(
                workspace.id, code, {"name_fr": code, "name_en": code, **more}, actor=SYSTEM, now=now
            )
            for code, more in PURPOSES.items()
        }
        template = Template.objects.create(
            workspace=workspace, slug="bonjour", name="Bonjour", created_at=now, updated_at=now
        )
        version = TemplateVersion.objects.create(
            workspace=workspace,
            template=template,
            number=1,
            bodies={"fr": BODY, "en": BODY},
            actor="test",
            created_at=now,
        )
        return cls(workspace, now, purposes, version)

    @property
    def id(self) -> int:
        """The workspace's id."""
        return self.workspace.id

    def person(self, name: str, **fields: Any) -> UUID:
        """Somebody with an address; `email=None` for somebody without one."""
        values = {
            "email": f"{name.lower()}@example.com",
            "language": "fr",
            "attributes": {"first_name": name},
            **fields,
        }
        contact = Contact.objects.create(
            workspace_id=self.id, created_at=self.now, updated_at=self.now, **values
        )
        return contact.pk

    def says(self, who: UUID, purpose: str, act: Act, at: datetime | None = None) -> None:
        """A statement of a person, with its evidence."""
        channel = Channel.ANY if purpose.startswith("measure") else Channel.EMAIL
        said = Statement(who, purpose, channel, act, Evidence("form", "Yes, please."), at)
        consent.record(self.id, [said], now=at or self.now)

    def suppress(self, address: str) -> None:
        """The address bounced."""
        consent.suppress(
            self.id, Channel.EMAIL, address, SuppressionReason.BOUNCE, detail="5.1.1", now=self.now
        )

    def mailing(
        self, purpose: str, *, guard: object = None, valid_for: timedelta = timedelta(days=3)
    ) -> Mailing:
        """A new mailing of the shop's template."""
        self._places += 1
        return Mailing.objects.create(
            workspace=self.workspace,
            origin="campaign",
            origin_id=self._places,
            name=f"{purpose} {self._places}",
            purpose=self.purposes[purpose],
            template_version=self.version,
            guard=guard,
            valid_for=valid_for,
            created_at=self.now,
        )

    def queue(
        self, mailing: Mailing, who: UUID, *, at: datetime | None = None, run: int = 0, event: Any = None
    ) -> UUID:
        """Queue a message as `enqueue` would."""
        at = at or self.now
        message = Message.objects.create(
            workspace_id=self.id,
            mailing=mailing,
            run=run,
            contact_id=who,
            state="queued",
            is_urgent=mailing.purpose.basis == "contract",
            queued_at=at,
            due_at=at,
            expires_at=at + mailing.valid_for,
            event_at=event[0] if event else None,
            event_id=event[1] if event else None,
        )
        return message.pk


def message(message_id: UUID) -> Message:
    """The message as it stands."""
    return Message.objects.get(pk=message_id)


def codes(message_id: UUID) -> list[str]:
    """The codes of its reasons."""
    return [reason["code"] for reason in message(message_id).reasons]
