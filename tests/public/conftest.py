"""A message to Marc, and the links that it carries."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.consent.models import Record, State
from parcours.consent.types import Act, Channel, Evidence, Statement
from parcours.contacts import actions as contacts
from parcours.contacts.types import AttributeType, IdentityKind, Person
from parcours.content.models import Template, TemplateVersion
from parcours.delivery import actions as delivery
from parcours.delivery.models import Message
from parcours.delivery.types import Origin
from parcours.events import actions as events
from parcours.events import people, tokens
from parcours.events.types import NewEvent
from parcours.kernel import tenancy

PURPOSES = (
    ("order_information", "contract", False, False),
    ("advice", "legitimate_interest", True, False),
    ("promotions", "consent", True, False),
    ("measure_opens", "consent", False, True),
)
BODY = {
    "subject": "Bonjour {{ contact.first_name }}",
    "preheader": "",
    "mjml": "<mjml><mj-body><mj-section><mj-column><mj-text>{{ contact.first_name }}</mj-text></mj-column></mj-section>"
    "</mj-body></mjml>",
    "text": "",
}


@dataclass
class Marc:
    """A person with one message of each purpose, and readers of what the ledger says of him."""

    workspace: Workspace
    contact_id: UUID
    messages: dict[str, UUID]

    def link(self, use: tokens.Purpose, purpose: str = "promotions") -> str:
        """The address of a page under a token for his message of that purpose."""
        token = tokens.signer().sign(tokens.MessageToken(self.workspace.pk, self.messages[purpose]), use)
        prefix = {"unsubscribe": "u", "preferences": "p", "why": "why", "confirm": "confirm"}[use.value]
        return f"/{prefix}/{token}"

    def states(self) -> dict[str, str]:
        with tenancy.scope(workspace_id=self.workspace.pk):
            found = State.objects.filter(contact_id=self.contact_id).values_list(
                "purpose__code", "channel", "act"
            )
            return {f"{code}.{channel}": act for code, channel, act in found}

    def records(self) -> list[Record]:
        with tenancy.scope(workspace_id=self.workspace.pk):
            return list(Record.objects.filter(contact_id=self.contact_id).order_by("id"))

    def says(self, act: Act, purpose: str, channel: Channel, now: datetime) -> None:
        evidence = Evidence("sign-up form", "Oui, je veux bien.")
        with tenancy.scope(workspace_id=self.workspace.pk):
            said = Statement(self.contact_id, purpose, channel, act, evidence, now)
            people.record_statements(self.workspace.pk, [said], now=now)


@pytest.fixture
def marc(workspace: Workspace, now: datetime) -> Marc:
    with tenancy.scope(workspace_id=workspace.pk):
        for position, (code, basis, marketing, measuring) in enumerate(PURPOSES):
            fields = {
                "name_fr": f"Finalité {code}",
                "name_en": f"Purpose {code}",
                "description_fr": "Une phrase.",
                "description_en": "A sentence.",
                "basis": basis,
                "is_marketing": marketing,
                "is_measuring": measuring,
                "position": position,
            }
            consent.save_purpose(workspace.pk, code, fields, actor=SYSTEM, now=now)
        contacts.declare_attribute(
            workspace.pk, "first_name", AttributeType.TEXT, label_fr="Prénom", label_en="First name",
            actor=SYSTEM, now=now,
        )  # fmt: skip
        person = Person(
            email="marc@example.com",
            identities=((IdentityKind.PHONE, "+33612345678"),),
            language="fr",
            attributes={"first_name": "Marc <b>"},
        )
        [saved] = people.save_people(workspace.pk, [person], now=now)
        event = NewEvent(saved.contact_id, "Order Completed", {"order_id": "A-17", "total": 42}, at=now)
        events.append(workspace.pk, [event], now=now)
        messages = _messages(workspace, saved.contact_id, now)
    return Marc(workspace, saved.contact_id, messages)


def _messages(workspace: Workspace, contact_id: UUID, now: datetime) -> dict[str, UUID]:
    template = Template.objects.create(
        workspace=workspace, slug="hello", name="Hello", created_at=now, updated_at=now
    )
    version = TemplateVersion.objects.create(
        workspace=workspace, template=template, number=1, bodies={"fr": BODY}, actor="x", created_at=now
    )
    ids = {}
    for number, (code, basis, _marketing, measuring) in enumerate(PURPOSES):
        if measuring:
            continue
        purpose = next(one for one in consent.queries.purposes(workspace.pk) if one.code == code)
        mailing_id = delivery.add_mailing(
            workspace.pk,
            origin=Origin.API,
            origin_id=number + 1,
            purpose_id=purpose.pk,
            template_version_id=version.pk,
            name="Bienvenue",
            valid_for=timedelta(days=3),
            now=now,
        )
        ids[code] = Message.objects.create(
            workspace_id=workspace.pk,
            mailing_id=mailing_id,
            contact_id=contact_id,
            state="sent",
            verdict="send",
            reasons=[{"code": f"basis_{basis}", "evidence": {"purpose": code, "since": now.isoformat()}}],
            queued_at=now,
            due_at=now,
            expires_at=now + timedelta(days=3),
            sent_at=now,
            subject="Bonjour Marc",
            address="marc@example.com",
        ).pk
    return ids


@pytest.fixture
def hash_of_everything() -> Callable[[], str]:
    """A digest of all rows of all tables (see `tests.tables`)."""
    from tests.tables import digest

    return digest
