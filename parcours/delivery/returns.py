"""What mail systems say about an address: bounces and complaints, and when they end all mail to it (compliance §4).

A refusal that is our own fault, or about content or reputation, never counts against a person. Not here: what people do
with a message (`feedback`), reading the mails that carry bounces.
"""

from datetime import datetime
from uuid import UUID

from parcours.consent import actions as consent
from parcours.consent.types import Channel, SuppressionReason
from parcours.delivery import queries
from parcours.delivery.replies import ReplyClass
from parcours.delivery.types import Moved
from parcours.events import actions as events
from parcours.events.types import NewEvent
from parcours.kernel import sql

statements = sql.load(__package__)
_DISABLED_DAYS = 2
_OF_ADDRESS = frozenset({ReplyClass.NO_SUCH_ADDRESS, ReplyClass.ADDRESS_DISABLED})


def refuse_address(
    workspace_id: int, message: Moved, meaning: ReplyClass, reply: str, *, now: datetime
) -> None:
    """Record a bounce when a refusal is about the address, and suppress the address: at once when there is no such mailbox,
    after two distinct days when it is disabled. Other refusals change nothing.
    """
    if meaning not in _OF_ADDRESS:
        return
    _record(workspace_id, message, "Email Bounced", {"class": meaning.value, "reply": reply[:200]}, now)
    is_final = meaning is ReplyClass.NO_SUCH_ADDRESS or (
        statements.disabled_days.scalar(workspace_id=workspace_id, contact_id=message.contact_id)
        >= _DISABLED_DAYS
    )
    if is_final:
        consent.suppress(
            workspace_id,
            Channel.EMAIL,
            message.address,
            SuppressionReason.BOUNCE,
            detail=f"{meaning.value}: {reply}",
            now=now,
        )


def bounce(workspace_id: int, message_id: UUID, meaning: ReplyClass, reply: str, *, now: datetime) -> bool:
    """A message that was accepted came back (a DSN whose return path was verified). False when there is no such message."""
    message = _sent(workspace_id, message_id)
    if message is None:
        return False
    if meaning in _OF_ADDRESS:
        refuse_address(workspace_id, message, meaning, reply, now=now)
    else:
        _record(workspace_id, message, "Email Bounced", {"class": meaning.value, "reply": reply[:200]}, now)
    return True


def complain(workspace_id: int, message_id: UUID, *, now: datetime) -> bool:
    """Somebody marked a message as spam: never write to this address again. False when there is no such message."""
    message = _sent(workspace_id, message_id)
    if message is None:
        return False
    is_new = consent.suppress(
        workspace_id, Channel.EMAIL, message.address, SuppressionReason.COMPLAINT, detail="", now=now
    )
    if is_new:
        _record(workspace_id, message, "Email Marked as Spam", {}, now)
    return True


def _sent(workspace_id: int, message_id: UUID) -> Moved | None:
    return statements.find_message.row(Moved, workspace_id=workspace_id, id=message_id)


def _record(workspace_id: int, message: Moved, name: str, detail: dict[str, str], now: datetime) -> None:
    about = queries.about_mailings(workspace_id, {message.mailing_id})[message.mailing_id]
    properties = {"message": str(message.id), **about, **detail}
    events.append(workspace_id, [NewEvent(message.contact_id, name, properties, at=now)], now=now)
