"""Webhooks: make, change, pause, resume, remove, a new secret, a test, what was delivered, and delivering it again."""

from collections.abc import Mapping
from uuid import UUID

from ninja import Router, Status

from parcours.api.envelope import ApiRequest
from parcours.api.routes.paging import newest_first, page_size, uuid_in
from parcours.api.schemas import (
    Page,
    Replayed,
    WebhookChange,
    WebhookDeliveryOut,
    WebhookIn,
    WebhookMade,
    WebhookOut,
)
from parcours.integrations import actions, queries
from parcours.integrations.models import Delivery, Endpoint
from parcours.integrations.types import DeliveryState, EndpointState, Figures, PauseReason, Trouble, Wanted

router = Router()
ALL = "*"


@router.get("", response=Page[WebhookOut], summary="List webhooks")
def list_webhooks(request: ApiRequest) -> Page[WebhookOut]:
    """The workspace's webhooks, the newest first. No secrets."""
    workspace_id = request.call.workspace_id
    figures = queries.figures(workspace_id)
    return Page[WebhookOut](items=[_out(one, figures) for one in queries.endpoints(workspace_id)])


@router.post("", response={201: WebhookMade}, summary="Make a webhook")
def create_webhook(request: ApiRequest, wanted: WebhookIn) -> Status[WebhookMade]:
    """It is told what happens from now on. The secret is in this answer, and in no other."""
    call = request.call
    made = actions.create(
        call.workspace_id,
        _wanted(wanted.url, wanted.description, wanted.events),
        actor=call.actor,
        now=call.now,
    )
    return Status(201, _made(made))


@router.get("/{endpoint_id}", response=WebhookOut, summary="Read a webhook")
def read_webhook(request: ApiRequest, endpoint_id: int) -> WebhookOut:
    """One webhook with how its deliveries stand."""
    return _read(request.call.workspace_id, endpoint_id)


@router.patch("/{endpoint_id}", response=WebhookOut, summary="Change a webhook")
def change_webhook(request: ApiRequest, endpoint_id: int, change: WebhookChange) -> WebhookOut:
    """Where it is, what it is called, what it wants: from now on."""
    call = request.call
    present = queries.access_endpoint(call.workspace_id, endpoint_id, lock=True)
    wanted = _wanted(
        present.url if change.url is None else change.url,
        present.description if change.description is None else change.description,
        _events(present) if change.events is None else change.events,
    )
    actions.change(call.workspace_id, endpoint_id, wanted, actor=call.actor, now=call.now)
    return _read(call.workspace_id, endpoint_id)


@router.delete("/{endpoint_id}", response={204: None}, summary="Remove a webhook")
def remove_webhook(request: ApiRequest, endpoint_id: int) -> Status[None]:
    """Its secret and what waits for it are forgotten."""
    call = request.call
    actions.remove(call.workspace_id, endpoint_id, actor=call.actor, now=call.now)
    return Status(204, None)


@router.post("/{endpoint_id}/pause", response=WebhookOut, summary="Pause a webhook")
def pause_webhook(request: ApiRequest, endpoint_id: int) -> WebhookOut:
    """What happens meanwhile waits."""
    call = request.call
    actions.pause(call.workspace_id, endpoint_id, actor=call.actor, now=call.now)
    return _read(call.workspace_id, endpoint_id)


@router.post("/{endpoint_id}/resume", response=WebhookOut, summary="Resume a webhook")
def resume_webhook(request: ApiRequest, endpoint_id: int) -> WebhookOut:
    """Go on with what has waited."""
    call = request.call
    actions.resume(call.workspace_id, endpoint_id, actor=call.actor, now=call.now)
    return _read(call.workspace_id, endpoint_id)


@router.post("/{endpoint_id}/rotate", response=WebhookMade, summary="Give a webhook a new secret")
def rotate_secret(request: ApiRequest, endpoint_id: int) -> WebhookMade:
    """The one before signs too for 24 hours."""
    call = request.call
    return _made(actions.rotate(call.workspace_id, endpoint_id, actor=call.actor, now=call.now))


@router.post("/{endpoint_id}/test", response={202: WebhookDeliveryOut}, summary="Send a test")
def send_test(request: ApiRequest, endpoint_id: int) -> Status[WebhookDeliveryOut]:
    """A delivery that tells of nobody, tried once."""
    call = request.call
    made = actions.send_test(call.workspace_id, endpoint_id, actor=call.actor, now=call.now)
    return Status(202, _delivery(made))


@router.get("/{endpoint_id}/deliveries", response=Page[WebhookDeliveryOut], summary="List deliveries")
def list_deliveries(
    request: ApiRequest,
    endpoint_id: int,
    state: DeliveryState | None = None,
    after: str = "",
    limit: int = 50,
) -> Page[WebhookDeliveryOut]:
    """What was delivered, waits or failed in the last thirty days, newest first."""
    workspace_id = request.call.workspace_id
    endpoint = queries.access_endpoint(workspace_id, endpoint_id)
    found = queries.deliveries(workspace_id, endpoint.pk, state)
    rows, following = newest_first(found, "created_at", uuid_in, after, page_size(limit))
    return Page[WebhookDeliveryOut](items=[_delivery(row) for row in rows], next=following)


@router.post("/{endpoint_id}/replay", response=Replayed, summary="Deliver again what failed")
def replay_failed(request: ApiRequest, endpoint_id: int) -> Replayed:
    """Everything that failed begins again, under the same ids."""
    call = request.call
    return Replayed(
        count=actions.replay_failed(call.workspace_id, endpoint_id, actor=call.actor, now=call.now)
    )


@router.post(
    "/{endpoint_id}/deliveries/{delivery_id}/replay",
    response=WebhookDeliveryOut,
    summary="Deliver something again",
)
def replay_delivery(request: ApiRequest, endpoint_id: int, delivery_id: UUID) -> WebhookDeliveryOut:
    """What was delivered, or failed, begins again, under the same id."""
    call = request.call
    return _delivery(
        actions.replay(call.workspace_id, endpoint_id, delivery_id, actor=call.actor, now=call.now)
    )


def _wanted(url: str, description: str, events: list[str]) -> Wanted:
    return Wanted(url, description, takes_all=ALL in events, names=tuple(events))


def _events(endpoint: Endpoint) -> list[str]:
    return [ALL] if endpoint.takes_all else endpoint.names


def _read(workspace_id: int, endpoint_id: int) -> WebhookOut:
    endpoint = queries.access_endpoint(workspace_id, endpoint_id)
    return _out(endpoint, queries.figures(workspace_id))


def _made(made: actions.NewSecret) -> WebhookMade:
    told = _out(made.endpoint, queries.figures(made.endpoint.workspace_id))
    return WebhookMade(**told.model_dump(), secret=made.secret)


def _out(endpoint: Endpoint, figures: Mapping[int, Figures]) -> WebhookOut:
    counted = figures.get(endpoint.pk, Figures())
    return WebhookOut(
        id=endpoint.pk,
        url=endpoint.url,
        description=endpoint.description,
        events=_events(endpoint),
        state=EndpointState(endpoint.state),
        pause_reason=PauseReason(endpoint.pause_reason) if endpoint.pause_reason else None,
        created_at=endpoint.created_at,
        failing_since=endpoint.failing_since,
        waiting=counted.waiting,
        failed=counted.failed,
    )


def _delivery(row: Delivery) -> WebhookDeliveryOut:
    return WebhookDeliveryOut(
        id=row.pk,
        event=row.name,
        event_id=None if row.event_id is None else str(row.event_id),
        at=row.event_at,
        state=DeliveryState(row.state),
        tries=row.tries,
        code=row.code,
        trouble=Trouble(row.trouble) if row.trouble else None,
        tried_at=row.tried_at,
        due_at=row.due_at if row.is_waiting else None,
        created_at=row.created_at,
    )
