"""Messages that a program asks for, one at a time, with the data that their template speaks of: an order's confirmation, a receipt.

They go the way of every message: outbox, gate, sender. What the program sends along becomes an event of the person, which the
template reads, and which a segment or a journey may too. Not here: HTTP (`api`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.utils.translation import gettext as _

from parcours.accounts.models import Workspace
from parcours.accounts.types import Actor
from parcours.consent import queries as consent
from parcours.consent.errors import UnknownPurpose
from parcours.consent.models import Purpose
from parcours.contacts import actions as contact_actions
from parcours.contacts import identities
from parcours.contacts import queries as contacts
from parcours.contacts.types import IdentityKind, Person
from parcours.content import queries as content
from parcours.content import shipping
from parcours.content.models import TemplateVersion
from parcours.delivery import queries
from parcours.delivery.actions import add_mailing, enqueue
from parcours.delivery.composing import message_id_of
from parcours.delivery.errors import NotSetUp, OtherAddress, RequestReused
from parcours.delivery.models import Message, Request, Sending
from parcours.delivery.queries import MessageRow
from parcours.delivery.types import Origin, ToQueue
from parcours.events import actions as events
from parcours.events import audited
from parcours.events.types import MESSAGE_REQUESTED, NewEvent

FOREIGN = "program-message"
"""The template that stands for messages whose words a program brings along. It comes with the product."""

VALID_FOR = timedelta(days=3)
"""How long such a message is worth sending: as long as a mail server that refuses for now is tried again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One message to one person. `key` is the program's own id of it: however often it is asked for, it is queued once.

    With `content` ({subject, mjml, text}) the program's own words are sent; `template` is then `FOREIGN`.
    """

    template: str
    purpose: str
    email: str
    data: Mapping[str, Any]
    key: str = ""
    content: Mapping[str, str] | None = None


def ask(workspace_id: int, wanted: Wanted, *, actor: Actor, now: datetime) -> MessageRow:
    """Queue a message, and return it as it stands. Somebody unknown becomes a contact.

    Raises UnknownTemplate, UnknownPurpose, UnfitPurpose, InvalidEmail, OtherAddress, NotSetUp; RequestReused when the key was used
    for another message. Runs in the caller's transaction, so that nothing is kept of a request that is refused.
    """
    request, is_new = _request(workspace_id, wanted, now)
    if not is_new:
        return _known(request, wanted)
    purpose = consent.sendable_purpose(workspace_id, wanted.purpose)
    version = _version(workspace_id, wanted, now)
    usable_sending(workspace_id)
    mailing_id = _mailing(workspace_id, purpose, version, now)
    contact_actions.hold_people(workspace_id)
    contact_id = _contact(workspace_id, wanted.email, actor, now)
    told = NewEvent(contact_id, MESSAGE_REQUESTED, wanted.data, at=now)
    event_id = events.append_one(workspace_id, told, now=now)
    row = ToQueue(mailing_id, request.pk, contact_id, now, event_id, now)  # every request is a run of its own
    enqueue(workspace_id, [row], now=now)
    request.message_id = Message.objects.get(
        workspace_id=workspace_id, mailing_id=mailing_id, run=request.pk
    ).pk
    request.content = dict(wanted.content) if wanted.content else None
    request.save(update_fields=["message_id", "content"])
    return queries.message(workspace_id, request.message_id)


def message_id(workspace_id: int, row: MessageRow) -> str:
    """The Message-ID that a message will have, or has, in its recipient's mailbox. Raises NotSetUp."""
    return message_id_of(usable_sending(workspace_id), row.id)


def usable_sending(workspace_id: int) -> Sending:
    """How the workspace sends. Raises NotSetUp."""
    found = queries.sending(workspace_id)
    if found is None:
        raise NotSetUp(_("This workspace cannot send yet."), hint=_("Fill in Settings, Sending."))
    return found


def _request(workspace_id: int, wanted: Wanted, now: datetime) -> tuple[Request, bool]:
    """Note the key; waits for a simultaneous request with the same one."""
    return Request.objects.get_or_create(
        workspace_id=workspace_id,
        key=wanted.key or str(uuid4()),
        defaults={"digest": _digest(wanted), "created_at": now},
    )


def _version(workspace_id: int, wanted: Wanted, now: datetime) -> TemplateVersion:
    """What is sent, or what stands for it. The program's words are made ready once, so that it is told what is wrong with them."""
    if wanted.content is None:
        return content.latest_version(workspace_id, wanted.template)
    language = Workspace.objects.values_list("language", flat=True).get(pk=workspace_id)
    content.made_ready(wanted.content, language)
    return shipping.bring(workspace_id, FOREIGN, now=now)


def _digest(wanted: Wanted) -> bytes:
    said = [wanted.template, wanted.purpose, identities.email(wanted.email), dict(wanted.data)]
    if wanted.content:
        said.append(dict(wanted.content))
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).digest()


def _known(request: Request, wanted: Wanted) -> MessageRow:
    if bytes(request.digest) != _digest(wanted) or request.message_id is None:
        raise RequestReused(
            _("“%(key)s” was the id of another message.") % {"key": wanted.key},
            field="message_id",
            hint=_("Use a new id for each message, and the same one only to repeat the same request."),
        )
    return queries.message(request.workspace_id, request.message_id)


def usual_purpose(workspace_id: int) -> Purpose:
    """What messages are sent for where nobody says: the first purpose of the workspace. Raises UnknownPurpose."""
    found = next(iter(consent.sendable_purposes(workspace_id)), None)
    if found is None:
        raise UnknownPurpose(_("This workspace has no purpose yet."), field="purpose")
    return found


def _contact(workspace_id: int, email: str, actor: Actor, now: datetime) -> UUID:
    """Who is written to at this address. A person who is known stays as they are.

    One address of several is refused: the message would go to the main one, which may be what its reader has lost.
    """
    known = contacts.contact_of(workspace_id, IdentityKind.EMAIL, email)
    if known is not None:
        if known.email and known.email != identities.email(email):
            raise OtherAddress(
                _("“%(email)s” belongs to a contact who is written to at another address.")
                % {"email": identities.shown(email)},
                field="email",
                hint=_("Name their main address, or make this one their main address first."),
            )
        return known.id
    return audited.save_person(
        workspace_id, Person(email=email, source="api"), actor=actor, now=now
    ).contact_id


def _mailing(workspace_id: int, purpose: Purpose, version: TemplateVersion, now: datetime) -> int:
    """The mailing of this version of a template for this purpose: figures and pages show its messages together."""
    return add_mailing(
        workspace_id,
        origin=Origin.API,
        origin_id=version.template_id,
        origin_version=version.number,
        step=purpose.code,
        purpose_id=purpose.pk,
        template_version_id=version.pk,
        name=version.template.name,
        valid_for=VALID_FOR,
        now=now,
    )
