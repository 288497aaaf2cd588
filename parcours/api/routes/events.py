"""Single events, through the same pipeline as Segment's calls. Many at once belong to `/v1/batch`, which is made for them."""

from uuid import uuid4

import msgspec
from ninja import Router, Status

from parcours.api.envelope import ApiRequest
from parcours.api.schemas import Accepted, EventIn
from parcours.events import intake, pipeline

router = Router()


@router.post("", response={202: Accepted}, summary="Send an event")
def take_event(request: ApiRequest, event: EventIn) -> Status[Accepted]:
    """Store what a person did, once per `message_id`. Somebody unknown becomes a contact; nothing they consented to changes."""
    call = request.call
    message_id = event.message_id or str(uuid4())
    incoming = pipeline.read(_as_track(event, message_id), "track", call.now, is_trusted=True)
    intake.store(call.workspace_id, [incoming], now=call.now)
    return Status(202, Accepted(message_id=message_id))


def _as_track(event: EventIn, message_id: str) -> bytes:
    """The event as Segment's `track` call: one way in, with all its checks."""
    return msgspec.json.encode(
        {
            "type": "track",
            "event": event.event,
            "userId": event.user_id or None,
            "anonymousId": event.anonymous_id or None,
            "context": {"traits": {"email": event.email}} if event.email else None,
            "properties": event.properties,
            "timestamp": event.timestamp,
            "messageId": message_id,
        }
    )
