"""Messages: asking for one to one person; what went, what waits, what was withheld, and why, with the gate's verdicts."""

from uuid import UUID

from django.utils.translation import get_language
from ninja import Router, Status

from parcours.api import cursors
from parcours.api.envelope import ApiRequest
from parcours.api.problems import FieldError, Unacceptable
from parcours.api.routes.paging import before, cut, page_size, uuid_in
from parcours.api.schemas import MessageAccepted, MessageIn, MessageOut, Page, ReasonOut
from parcours.contacts import queries as contacts
from parcours.content.errors import UnknownTemplate
from parcours.delivery import queries as delivery
from parcours.delivery import transactional
from parcours.delivery.queries import MessageRow
from parcours.delivery.transactional import Wanted
from parcours.delivery.types import MessageState, Verdict

router = Router()
_SAME = (
    *(
        "id",
        "purpose",
        "origin",
        "origin_id",
        "step",
        "name",
        "state",
        "subject",
        "queued_at",
        "due_at",
        "judged_at",
    ),
    *("sent_at", "delivered_at", "opened_at", "clicked_at", "machine_opened_at", "machine_clicked_at"),
    *("bounced_at", "complained_at", "unsubscribed_at"),
)


@router.post("", response={202: MessageAccepted}, summary="Send a message to one person")
def send_message(request: ApiRequest, wanted: MessageIn) -> Status[MessageAccepted]:
    """Queue one message with the newest version of a template: an order's confirmation, a receipt.

    Somebody unknown becomes a contact. The message passes the gate like every other: for a purpose with the basis *contract* it
    goes at once; for the others the person's consent, objections, quiet hours and caps hold. Repeating the request with the same
    `message_id` sends nothing twice and answers where that message stands. It goes to the main address of the person who has
    this one.
    """
    call = request.call
    asked = Wanted(wanted.template, wanted.purpose, wanted.email, wanted.data, wanted.message_id)
    try:
        row = transactional.ask(call.workspace_id, asked, actor=call.actor, now=call.now)
    except UnknownTemplate as error:  # a value of the body, not the address that was called
        raise Unacceptable([FieldError("template", error.message)]) from error
    verdict = Verdict(row.verdict) if row.verdict else None
    return Status(
        202,
        MessageAccepted(id=row.id, contact=row.contact_id, state=MessageState(row.state), verdict=verdict),
    )


@router.get("", response=Page[MessageOut], summary="List messages")
def list_messages(
    request: ApiRequest,
    contact: UUID | None = None,
    state: MessageState | None = None,
    after: str = "",
    limit: int = 50,
) -> Page[MessageOut]:
    """Messages, newest first: of one contact or of everybody, in one state or any."""
    workspace_id = request.call.workspace_id
    size, wanted = page_size(limit), state.value if state else ""
    if contact is not None:
        contacts.contact(workspace_id, contact)
        found = delivery.messages_of_contact(
            workspace_id, contact, state=wanted, before=before(after, uuid_in), limit=size + 1
        )
    else:
        found = delivery.list_messages(
            workspace_id, state=wanted, before=before(after, uuid_in), limit=size + 1
        )
    rows, following = cut(found, size, lambda last: cursors.spell(last.queued_at, last.id))
    return Page[MessageOut](items=[_out(row) for row in rows], next=following)


@router.get("/{message_id}", response=MessageOut, summary="Read a message")
def read_message(request: ApiRequest, message_id: UUID) -> MessageOut:
    """One message with its verdict and all its reasons."""
    return _out(delivery.message(request.call.workspace_id, message_id))


def _out(row: MessageRow) -> MessageOut:
    return MessageOut(
        **{name: getattr(row, name) for name in _SAME},
        contact=row.contact_id,
        channel="email",
        verdict=Verdict(row.verdict) if row.verdict else None,
        reasons=[
            ReasonOut(
                code=reason["code"],
                evidence=reason.get("evidence") or {},
                sentence=delivery.explain_reason(reason, get_language() or "en"),
            )
            for reason in row.reasons
        ],
    )
