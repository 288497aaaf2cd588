"""What people did, told by programs that know Brevo's way."""

from uuid import uuid4

import msgspec
from django.utils.translation import gettext as _
from ninja import Router, Status

from parcours.api.brevo import attributes
from parcours.api.brevo.contacts import SOURCE
from parcours.api.brevo.problems import MissingParameter
from parcours.api.brevo.shapes import EventIn
from parcours.api.envelope import ApiRequest
from parcours.api.problems import FieldError
from parcours.contacts.types import IdentityKind, Person
from parcours.events import audited, intake, pipeline

router = Router()


@router.post("", response={204: None}, summary="Record an event")
def record_event(request: ApiRequest, event: EventIn) -> Status[None]:
    """Store one event, and what it says about the person. Somebody unknown becomes a contact; nothing they consented to changes."""
    call, who = request.call, event.identifiers
    if not who.email_id and not who.ext_id:
        raise MissingParameter([FieldError("identifiers", _("Say whose event it is by email_id or ext_id."))])
    if event.contact_properties:
        told = attributes.read(event.contact_properties)
        person = Person(
            email=who.email_id or None,
            identities=((IdentityKind.EXTERNAL, who.ext_id),) if who.ext_id else (),
            language=told.language or "",
            attributes=told.others,
            source=SOURCE,
        )
        audited.save_person(call.workspace_id, person, declare=True, actor=call.actor, now=call.now)
    incoming = pipeline.read(_as_track(event), "track", call.now, is_trusted=True)
    intake.store(call.workspace_id, [incoming], now=call.now)
    return Status(204, None)


def _as_track(event: EventIn) -> bytes:
    """The event as Segment's `track` call: one way in, with all its checks."""
    who = event.identifiers
    return msgspec.json.encode(
        {
            "type": "track",
            "event": event.event_name,
            "userId": who.ext_id or None,
            "context": {"traits": {"email": who.email_id}} if who.email_id else None,
            "properties": event.event_properties,
            "timestamp": event.event_date,
            "messageId": str(uuid4()),
        }
    )
