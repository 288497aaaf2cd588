"""From a mail that came back to what follows from it, once: bounces, complaints, unsubscribing mails, absence notes.

A mail is believed only when it names a message by a token that only we could have written: in the address that it was sent to
(`bounce+TOKEN@…`, `unsub+TOKEN@…`), or, for complaints, in the message that it returns. Nothing else about it is trusted: what
the holder of one message can bring about with it touches that message's own address and purpose, nothing more.

Not here: how mails reach us (`parcours receive`, `mailbox`), reading them (`incoming`, `reports`), what a bounce ends (`returns`).
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from parcours.consent import queries as consent
from parcours.consent.types import Channel, Evidence
from parcours.contacts.actions import hold_people
from parcours.delivery import incoming, leaving, reports, returns
from parcours.delivery.errors import UnknownRecipient
from parcours.delivery.incoming import Entity
from parcours.delivery.reports import Told
from parcours.delivery.types import Moved, ReturnKind
from parcours.events.tokens import InvalidToken, MessageToken, Purpose, signer
from parcours.kernel import sql, tenancy

statements = sql.load(__package__)
SOURCE = "unsubscribe by mail"

_RECIPIENT_FIELDS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")
_ADDRESS = re.compile(r"\b(bounce|unsub)\+([A-Za-z0-9_-]{56})@", re.ASCII)
_LINK = re.compile(r"/u/([A-Za-z0-9_-]{56})(?![A-Za-z0-9_-])", re.ASCII)
_USES = {"bounce": Purpose.BOUNCE, "unsub": Purpose.UNSUBSCRIBE}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a mail was, and what followed. `is_repeated`: it had been received before, and nothing followed."""

    workspace_id: int
    message_id: UUID
    told: Told
    is_repeated: bool
    is_suppressed: bool


def receive(raw: bytes, *, now: datetime, recipient: str = "") -> Receipt:
    """Take one mail (RFC 5322) and carry out what it says; opens its own scope. The same mail again changes nothing.

    `recipient` is the address of the envelope; without it, the addresses in the mail's own headers are looked at. Raises
    UnreadableMail or UnknownRecipient, and then nothing has changed.
    """
    mail = incoming.read(raw)
    use, named, interpret = _recognised(mail, recipient)
    with tenancy.scope(workspace_id=named.workspace_id):
        hold_people(named.workspace_id)
        message = returns.find(named.workspace_id, named.message_id)
        if message is None:
            raise _unknown()
        told = interpret(message)
        is_new = _is_new(named, told, _fingerprint(raw, use), now)
        if is_new and not message.is_test:  # what comes back about a test is noted, and nothing follows
            _act(named.workspace_id, message, told, _proof(message.id, mail, raw), now)
        return Receipt(
            named.workspace_id,
            named.message_id,
            told,
            is_repeated=not is_new,
            is_suppressed=consent.is_suppressed(named.workspace_id, Channel.EMAIL, message.address),
        )


Interpret = Callable[[Moved], Told]


def _recognised(mail: Entity, recipient: str) -> tuple[Purpose, MessageToken, Interpret]:
    """How the mail names one of our messages, and how it is to be read. Raises UnknownRecipient."""
    addresses = (
        [recipient]
        if recipient
        else [each for name in _RECIPIENT_FIELDS for each in mail.fields.get(name, [])]
    )
    for use, token in _tokens(addresses):
        if (named := _verified(token, use)) is not None:
            return use, named, _wish(mail) if use is Purpose.UNSUBSCRIBE else _report(mail)
    complaint = reports.complaint(mail)
    if complaint is not None:
        for use, token in _tokens(reports.traces(mail)):
            if (named := _verified(token, use)) is not None:
                return use, named, lambda message: complaint
    raise _unknown()


def _wish(mail: Entity) -> Interpret:
    """A mail to the unsubscribing address is the wish itself, whatever it says; an answering machine wishes nothing."""
    is_answer = (
        mail.first("auto-submitted").lower().startswith("auto-replied") or mail.kind == "multipart/report"
    )
    told = Told(ReturnKind.ANSWERED if is_answer else ReturnKind.UNSUBSCRIBED)
    return lambda message: told


def _report(mail: Entity) -> Interpret:
    """What arrives at a return path: reports count, the rest is an answering machine or somebody who answers the wrong address."""
    if (recipients := reports.delivery_status(mail)) is not None:
        return lambda message: reports.about(recipients, message.address)
    if (complaint := reports.complaint(mail)) is not None:
        return lambda message: complaint
    told = Told(ReturnKind.ANSWERED if reports.is_automatic(mail) else ReturnKind.IGNORED)
    return lambda message: told


def _tokens(values: Iterable[str]) -> Iterable[tuple[Purpose, str]]:
    for value in values:
        for use, token in _ADDRESS.findall(value):
            yield _USES[use], token
        for token in _LINK.findall(value):
            yield Purpose.UNSUBSCRIBE, token


def _verified(token: str, use: Purpose) -> MessageToken | None:
    try:
        return signer().verify(token, use)
    except InvalidToken:
        return None


def _is_new(named: MessageToken, told: Told, fingerprint: bytes, now: datetime) -> bool:
    noted = statements.note_return.scalar(
        workspace_id=named.workspace_id,
        message_id=named.message_id,
        mail=fingerprint,
        kind=told.kind.value,
        meaning=told.meaning.value,
        reply=told.reply,
        at=now,
    )
    return noted is not None


def _fingerprint(raw: bytes, use: Purpose) -> bytes:
    """The same whether a pipe or a mailbox brought it: line ends do not count."""
    return hashlib.sha256(use.value.encode() + b"\0" + raw.replace(b"\r\n", b"\n")).digest()


def _act(workspace_id: int, message: Moved, told: Told, proof: Evidence, now: datetime) -> None:
    match told.kind:
        case ReturnKind.BOUNCED:
            returns.bounce(workspace_id, message.id, told.meaning, told.reply, now=now)
        case ReturnKind.DEFERRED:
            returns.defer(workspace_id, message, told.meaning, told.reply, now=now)
        case ReturnKind.DELIVERED:
            returns.deliver(workspace_id, message, now=now)
        case ReturnKind.COMPLAINED:
            returns.complain(workspace_id, message.id, now=now)
        case ReturnKind.UNSUBSCRIBED:
            if not leaving.unsubscribe(workspace_id, message.id, proof, now=now):
                raise _unknown()  # a wish that nobody's ledger can keep must not look as if it were kept
        case ReturnKind.ANSWERED | ReturnKind.IGNORED:
            pass


def _proof(message_id: UUID, mail: Entity, raw: bytes) -> Evidence:
    """Which mail it was: its own name and its hash. There was no text to agree to."""
    detail = {
        "message": str(message_id),
        "mail": mail.first("message-id")[:200],
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    return Evidence(source=SOURCE, detail=detail)


def _unknown() -> UnknownRecipient:
    return UnknownRecipient(
        _("This mail names no message of ours."), hint=_("It was not written to an address that we gave out.")
    )
