"""Unsubscribing from what a message was sent for: by one click, on a page, or by a mail to the address that it names.

Not here: how the wish reached us (`public.pages.unsubscribe`, `receiving`), choosing by purpose and channel (the preference page).
"""

from datetime import datetime
from uuid import UUID, uuid5

from parcours.consent import actions as consent
from parcours.consent.models import Purpose
from parcours.consent.queries import purposes
from parcours.consent.types import Basis, Channel, Evidence, Statement
from parcours.contacts.models import Contact
from parcours.delivery import queries
from parcours.delivery.models import Message
from parcours.events import actions as events
from parcours.events import people
from parcours.events import queries as log
from parcours.events.types import UNSUBSCRIBED, NewEvent


def unsubscribe(workspace_id: int, message_id: UUID, evidence: Evidence, *, now: datetime) -> bool:
    """Refuse the message's purpose on its channel. False when the message or the person is not there, or it is a test.

    The ledger keeps every statement; that the person unsubscribed through this message is told once.
    """
    found = Message.objects.filter(workspace_id=workspace_id, pk=message_id, is_test=False)
    message = found.select_related("mailing__purpose").first()
    if (
        message is None
        or not Contact.objects.filter(workspace_id=workspace_id, pk=message.contact_id).exists()
    ):
        return False
    channel = Channel(message.mailing.channel)
    said = [
        Statement(message.contact_id, purpose.code, channel, consent.refusal(purpose), evidence)
        for purpose in refused(workspace_id, message.mailing.purpose)
    ]
    people.record_statements(workspace_id, said, now=now)
    tell(workspace_id, message, now=now)
    return True


def tell(workspace_id: int, message: Message, *, now: datetime) -> None:
    """Write down, once, that the person unsubscribed through this message, by one click or on the preference page.

    The log knows whether that was long ago, when its receipt is forgotten; the receipt, whether it is at this moment.
    """
    which = {"message": str(message.pk)}
    if log.is_in_log(workspace_id, message.contact_id, UNSUBSCRIBED, which):
        return
    about = queries.about_mailings(workspace_id, {message.mailing.pk})[message.mailing.pk]
    told = NewEvent(
        message.contact_id,
        UNSUBSCRIBED,
        {**which, **about},
        at=now,
        message_key=uuid5(message.pk, UNSUBSCRIBED),
    )
    events.append(workspace_id, [told], now=now)


def refused(workspace_id: int, purpose: Purpose) -> list[Purpose]:
    """What unsubscribing from this purpose stops. A contract cannot be refused, so that means all marketing."""
    if purpose.basis != Basis.CONTRACT.value:
        return [purpose]
    return [each for each in purposes(workspace_id) if each.is_marketing]
