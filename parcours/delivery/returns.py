"""What mail systems say about an address: bounces and complaints, and when they end all mail to it (compliance §4).

A refusal that is our own fault, or about content or reputation, never counts against a person. Not here: what people do
with a message (`feedback`), reading the mails that carry bounces (`reports`, `receiving`).
"""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from parcours.consent import actions as consent
from parcours.consent.types import Channel, SuppressionReason
from parcours.contacts.actions import hold_people
from parcours.delivery import queries
from parcours.delivery.replies import ReplyClass, without_addresses
from parcours.delivery.types import Moved
from parcours.events import actions as events
from parcours.events.types import (
    EMAIL_BOUNCED,
    EMAIL_DEFERRED,
    EMAIL_DELIVERED,
    EMAIL_MARKED_AS_SPAM,
    NewEvent,
)
from parcours.kernel import sql

statements = sql.load(__package__)
_DISABLED_DAYS = 2
_SOFT_BOUNCES = 5
_SOFT_SPAN = timedelta(days=14)
_SILENCE_IS_DELIVERY = timedelta(days=5)
"""Mail servers give up after five days at most (RFC 5321 4.5.4.1): what has not come back by then has arrived."""
_OF_ADDRESS = frozenset({ReplyClass.NO_SUCH_ADDRESS, ReplyClass.ADDRESS_DISABLED, ReplyClass.SOFT})


def refuse_address(
    workspace_id: int, message: Moved, meaning: ReplyClass, reply: str, *, now: datetime
) -> None:
    """Record a bounce when a refusal is about the address, and suppress the address when that is final (see `_is_final`).
    Other refusals change nothing.
    """
    if meaning in _OF_ADDRESS:
        _bounced(workspace_id, message, meaning, reply, now)


def bounce(workspace_id: int, message_id: UUID, meaning: ReplyClass, reply: str, *, now: datetime) -> bool:
    """A message that was accepted came back (a DSN whose return path was verified). False when there is none, or only a test."""
    hold_people(workspace_id)
    message = find(workspace_id, message_id)
    if message is None or message.is_test:
        return False
    _bounced(workspace_id, message, meaning, reply, now)
    return True


def defer(workspace_id: int, message: Moved, meaning: ReplyClass, reply: str, *, now: datetime) -> None:
    """The recipient's mail system goes on trying: told on the timeline, and nothing follows."""
    _record(workspace_id, message, EMAIL_DEFERRED, {"class": meaning.value, "reply": reply[:200]}, now)


def deliver(workspace_id: int, message: Moved, *, now: datetime) -> None:
    """A mail system reports that a message arrived."""
    _record(workspace_id, message, EMAIL_DELIVERED, {}, now)


def complain(workspace_id: int, message_id: UUID, *, now: datetime) -> bool:
    """Somebody marked a message as spam: never write to this address again. False when there is no such message, or only a test."""
    hold_people(workspace_id)
    message = find(workspace_id, message_id)
    if message is None or message.is_test:
        return False
    _record(workspace_id, message, EMAIL_MARKED_AS_SPAM, {}, now)
    consent.suppress(
        workspace_id,
        Channel.EMAIL,
        message.address,
        SuppressionReason.COMPLAINT,
        contact_id=message.contact_id,
        now=now,
    )
    return True


def find(workspace_id: int, message_id: UUID) -> Moved | None:
    """The message that a report names, if it may have left."""
    return statements.find_message.row(Moved, workspace_id=workspace_id, id=message_id)


def _bounced(workspace_id: int, message: Moved, meaning: ReplyClass, reply: str, now: datetime) -> None:
    _record(workspace_id, message, EMAIL_BOUNCED, {"class": meaning.value, "reply": reply[:200]}, now)
    if _is_final(workspace_id, message, meaning, now):
        consent.suppress(
            workspace_id,
            Channel.EMAIL,
            message.address,
            SuppressionReason.BOUNCE,
            detail=f"{meaning.value}: {without_addresses(reply)}",  # it outlives the person
            contact_id=message.contact_id,
            now=now,
        )


def _is_final(workspace_id: int, message: Moved, meaning: ReplyClass, now: datetime) -> bool:
    """No such mailbox: at once. Disabled: on two distinct days. Soft: at least 5 messages over at least 14 days, and nothing
    has arrived in between. Only bounces of the address that the message went to count.
    """
    if meaning is ReplyClass.NO_SUCH_ADDRESS:
        return True
    if meaning is ReplyClass.ADDRESS_DISABLED:
        days = statements.disabled_days.scalar(
            workspace_id=workspace_id, contact_id=message.contact_id, address=message.address
        )
        return int(days) >= _DISABLED_DAYS
    if meaning is ReplyClass.SOFT:
        return bool(
            statements.is_soft_series.scalar(
                workspace_id=workspace_id,
                contact_id=message.contact_id,
                address=message.address,
                arrived_by=now - _SILENCE_IS_DELIVERY,
                least=_SOFT_BOUNCES,
                span=_SOFT_SPAN,
            )
        )
    return False


def _record(workspace_id: int, message: Moved, name: str, detail: dict[str, str], now: datetime) -> None:
    """Tell it once for each message and class, however many reports say it."""
    about = queries.about_mailings(workspace_id, {message.mailing_id})[message.mailing_id]
    told = NewEvent(
        message.contact_id,
        name,
        {"message": str(message.id), **about, **detail},
        at=now,
        message_key=uuid5(message.id, f"{name}:{detail.get('class', '')}"),
    )
    events.append(workspace_id, [told], now=now)
