"""What mail systems report about a message: delivery (RFC 3464, 6533) and complaints (RFC 5965), read from a received mail.

Only what a report says. Whether it may be believed (a token that only we could have written) and what follows is in `receiving`
and `returns`; what a refusal means is in `replies`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from parcours.delivery import incoming
from parcours.delivery.errors import UnreadableMail
from parcours.delivery.incoming import Entity, Fields
from parcours.delivery.replies import ReplyClass, classify
from parcours.delivery.types import ReturnKind

_STATUS_KINDS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED_KINDS = frozenset(
    {"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"}
)
_NO_COMPLAINT = frozenset({"not-spam", "auth-failure", "virus"})
_ACTIONS = {
    "failed": ReturnKind.BOUNCED,
    "delayed": ReturnKind.DEFERRED,
    "delivered": ReturnKind.DELIVERED,
    "relayed": ReturnKind.IGNORED,  # handed to a system that reports no further: nothing is known
    "expanded": ReturnKind.IGNORED,
}
_HARDEST_LAST = (ReplyClass.ADDRESS_DISABLED, ReplyClass.NO_SUCH_ADDRESS)

_CODE = re.compile(r"(?:^|[\s;:(])([45]\d\d)[ -]")
_ENHANCED = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")


@dataclass(frozen=True, slots=True)
class Told:
    """What one report says about a message. `meaning` is ACCEPTED where it is about no refusal."""

    kind: ReturnKind
    meaning: ReplyClass = ReplyClass.ACCEPTED
    reply: str = ""


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """One group of a delivery report: what became of one recipient. `addresses`: the final and the original one."""

    told: Told
    addresses: frozenset[str]


def delivery_status(mail: Entity) -> list[RecipientStatus] | None:
    """The recipients of a delivery report; None when the mail is none. Raises UnreadableMail when the report is broken."""
    found = next((part for part in _parts_of_report(mail) if part.kind in _STATUS_KINDS), None)
    if found is None:
        return None
    recipients = [_recipient(group) for group in incoming.groups(found.content()) if "action" in group]
    if not recipients:
        raise UnreadableMail(_("This delivery report names no recipient."))
    return recipients


def about(recipients: Sequence[RecipientStatus], address: str) -> Told:
    """What a report says about the message to `address`.

    If it names that address, only that counts. Else the message was passed on (an alias, a list), and a failure counts only
    when it reached nobody; of several failures the mildest.
    """
    own = [one.told for one in recipients if address.lower() in one.addresses]
    told = own or [one.told for one in recipients]
    for kind in (ReturnKind.DELIVERED, ReturnKind.IGNORED, ReturnKind.DEFERRED):
        if found := next((one for one in told if one.kind is kind), None):
            return found
    return min(told, key=lambda one: _HARDEST_LAST.index(one.meaning) if one.meaning in _HARDEST_LAST else -1)


def complaint(mail: Entity) -> Told | None:
    """What a complaint report says; None when the mail is none."""
    for part in _parts_of_report(mail):
        if part.kind == "message/feedback-report":
            group = next(iter(incoming.groups(part.content())), {})
            kind = _first(group, "feedback-type").lower()
            if not kind:
                raise UnreadableMail(_("This complaint does not say what it is."))
            return Told(
                ReturnKind.IGNORED if kind in _NO_COMPLAINT else ReturnKind.COMPLAINED, reply=kind[:60]
            )
    return None


def traces(mail: Entity) -> list[str]:
    """Values of a report in which our own addresses and links stand: envelope and headers of the message that it is about."""
    found: list[str] = []
    for part in _parts_of_report(mail):
        if part.kind == "message/feedback-report":
            for group in incoming.groups(part.content()):
                found += group.get("original-mail-from", [])
        elif part.kind in _RETURNED_KINDS:
            head = incoming.fields(part.content().partition(b"\n\n")[0])
            found += [*head.get("return-path", []), *head.get("list-unsubscribe", [])]
    return found


def is_automatic(mail: Entity) -> bool:
    """Whether nobody wrote this: an absence note and the like (RFC 3834 and older habits)."""
    return (
        mail.first("auto-submitted").lower() not in ("", "no")
        or mail.first("precedence").lower() == "auto_reply"
        or "x-autoreply" in mail.fields
        or "x-autorespond" in mail.fields
    )


def _parts_of_report(mail: Entity) -> Iterable[Entity]:
    """Reports are multiparts; looking for them opens no other mail."""
    return incoming.walk(mail) if mail.kind.startswith("multipart/") else ()


def _recipient(group: Fields) -> RecipientStatus:
    action = _first(group, "action").partition(" ")[0].lower()
    kind = _ACTIONS.get(action, ReturnKind.IGNORED)
    addresses = {
        _first(group, name).partition(";")[2].strip().strip("<>").lower()
        for name in ("final-recipient", "original-recipient")
    }
    told = Told(kind)
    if kind in (ReturnKind.BOUNCED, ReturnKind.DEFERRED):
        told = _refusal(kind, _first(group, "status"), _first(group, "diagnostic-code"))
    return RecipientStatus(told, frozenset(addresses - {""}))


def _refusal(kind: ReturnKind, status: str, diagnostic: str) -> Told:
    """The server's own words tell more than the status, which is often general (5.0.0)."""
    text = diagnostic.partition(";")[2].strip() or diagnostic
    general = _ENHANCED.match(status)
    precise = _ENHANCED.search(text[:300])
    enhanced = next((found[1] for found in (precise, general) if found and not found[1].endswith("0.0")), "")
    code = _CODE.search(text[:300])
    digit = "4" if (status or enhanced).startswith("4") else "5"
    meaning = classify(int(code[1]) if code else int(f"{digit}50"), enhanced, text)
    return Told(kind, meaning, " ".join(text.split())[:300] or status[:20])


def _first(group: Fields, name: str) -> str:
    return next(iter(group.get(name, ())), "")
