"""Addresses that are never written to: since when and why, excluding one, lifting one.

Only a keyed hash of an address is kept: whoever can name it finds its entry.
"""

from typing import Literal

from ninja import Router, Status

from parcours.api.envelope import ApiRequest
from parcours.api.problems import FieldError, Unacceptable
from parcours.api.routes.paging import int_in, newest_first, page_size
from parcours.api.schemas import Page, SuppressionIn, SuppressionOut
from parcours.consent import actions, queries
from parcours.consent.models import Suppression
from parcours.consent.types import Channel, SuppressionReason
from parcours.contacts import identities
from parcours.contacts import queries as contacts
from parcours.contacts.errors import InvalidIdentity
from parcours.contacts.types import IdentityKind

router = Router()
KINDS = {Channel.EMAIL: IdentityKind.EMAIL, Channel.SMS: IdentityKind.PHONE}


@router.get("", response=Page[SuppressionOut], summary="List suppressed addresses")
def list_suppressions(
    request: ApiRequest,
    address: str = "",
    channel: Literal["email", "sms"] = "email",
    after: str = "",
    limit: int = 50,
) -> Page[SuppressionOut]:
    """All of them, the newest first; with an `address`, its own entry in the `channel`, or none."""
    workspace_id = request.call.workspace_id
    if address:
        found = queries.suppression(workspace_id, Channel(channel), address)
        return Page[SuppressionOut](items=[_out(found)] if found else [])
    rows, following = newest_first(queries.suppressions(workspace_id), "at", int_in, after, page_size(limit))
    return Page[SuppressionOut](items=[_out(row) for row in rows], next=following)


@router.post("", response={200: SuppressionOut, 201: SuppressionOut}, summary="Suppress an address")
def add_suppression(request: ApiRequest, wanted: SuppressionIn) -> Status[SuppressionOut]:
    """Nothing is sent to it any more, whoever has it. One that is suppressed already keeps its reason."""
    call, channel = request.call, Channel(wanted.channel)
    try:
        kind, address = identities.identity(KINDS[channel], wanted.address)
    except InvalidIdentity as error:
        raise Unacceptable([FieldError("address", error.message)]) from error
    person = contacts.contact_of(call.workspace_id, kind, address)
    is_new = actions.suppress(
        call.workspace_id,
        channel,
        address,
        SuppressionReason.MANUAL,
        detail=wanted.detail,
        contact_id=person.id if person else None,
        actor=call.actor,
        now=call.now,
    )
    entry = queries.suppression(call.workspace_id, channel, address)
    assert entry is not None
    return Status(201 if is_new else 200, _out(entry))


@router.delete("/{suppression_id}", response={204: None}, summary="Lift a suppression")
def lift_suppression(request: ApiRequest, suppression_id: int) -> Status[None]:
    """The address may be written to again, as far as its person's consents allow. The trail says which key lifted it."""
    call = request.call
    actions.lift_suppression_by_id(call.workspace_id, suppression_id, actor=call.actor, now=call.now)
    return Status(204, None)


def _out(row: Suppression) -> SuppressionOut:
    return SuppressionOut(
        id=row.pk,
        channel="sms" if row.channel == Channel.SMS.value else "email",
        reason=SuppressionReason(row.reason),
        detail=row.detail,
        contact=row.contact_id,
        at=row.at,
    )
