"""What people and programs do with webhooks: make, change, pause, resume, remove, rotate the secret, test, replay.

All of it is in the trail. Not here: what workers do with deliveries (`queue`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from parcours.accounts.actions import record_audit
from parcours.accounts.types import Actor
from parcours.events import cursor
from parcours.integrations import signing
from parcours.integrations.errors import (
    BadEvents,
    NotActive,
    NotPaused,
    TooManyEndpoints,
    UnderWay,
    UnknownDelivery,
)
from parcours.integrations.models import Delivery, Endpoint
from parcours.integrations.queries import access_endpoint
from parcours.integrations.queue import CONSUMER
from parcours.integrations.types import TEST_NAME, DeliveryState, EndpointState, PauseReason, Wanted
from parcours.kernel import sql, targets

statements = sql.load(__package__)
MOST_ENDPOINTS = 20
MOST_NAMES = 100
OVERLAP = timedelta(hours=24)
"""How long the former secret signs too after a rotation."""


@dataclass(frozen=True)
class NewSecret:
    """An endpoint with the secret that it just got, which is shown this once."""

    endpoint: Endpoint
    secret: str


def create(workspace_id: int, wanted: Wanted, *, actor: Actor, now: datetime) -> NewSecret:
    """Make an endpoint. It is told what is committed from now on.

    Raises RefusedAddress, BadEvents, TooManyEndpoints.
    """
    fields = _checked(wanted)
    cursor.hold(workspace_id, CONSUMER)  # one at a time, so that none skips what another one waits for
    present = (
        Endpoint.objects.filter(workspace_id=workspace_id).exclude(state=EndpointState.REMOVED.value).count()
    )
    if present >= MOST_ENDPOINTS:
        raise TooManyEndpoints(_("A workspace has at most %(most)s webhooks.") % {"most": MOST_ENDPOINTS})
    if not present:
        cursor.skip_to_end(workspace_id, CONSUMER)
    secret = signing.new_secret()
    made = Endpoint.objects.create(
        workspace_id=workspace_id, secret=signing.sealed(secret), created_at=now, changed_at=now, **fields
    )
    _audit(made, "created", actor, now, **_told(fields))
    return NewSecret(made, signing.spelled(secret))


def change(workspace_id: int, endpoint_id: int, wanted: Wanted, *, actor: Actor, now: datetime) -> Endpoint:
    """Change where an endpoint is, what it is called or what it wants, from now on. Raises RefusedAddress and BadEvents."""
    endpoint = access_endpoint(workspace_id, endpoint_id, lock=True)
    fields = _checked(wanted)
    before = {name: getattr(endpoint, name) for name in fields}
    changed = {name: value for name, value in fields.items() if value != before[name]}
    if changed:
        for name, value in changed.items():
            setattr(endpoint, name, value)
        endpoint.changed_at = now
        endpoint.save(update_fields=[*changed, "changed_at"])
        _audit(
            endpoint,
            "changed",
            actor,
            now,
            **{"from": {name: before[name] for name in changed}, "to": changed},
        )
    return endpoint


def _checked(wanted: Wanted) -> dict[str, object]:
    """The columns that are wanted. Raises RefusedAddress and BadEvents."""
    targets.parse(wanted.url, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)
    names = list(dict.fromkeys(name for each in wanted.names if (name := each.strip())))
    if wanted.takes_all:
        names = []
    elif not names:
        raise BadEvents(_("Choose at least one event, or all of them."), field="events")
    if len(names) > MOST_NAMES or any(len(name) > 200 for name in names):
        raise BadEvents(
            _("At most %(most)s events, each with at most 200 characters.") % {"most": MOST_NAMES},
            field="events",
        )
    return {
        "url": wanted.url,
        "description": wanted.description.strip()[:200],
        "takes_all": wanted.takes_all,
        "names": names,
    }


def _told(fields: dict[str, object]) -> dict[str, object]:
    return {"url": fields["url"], "events": fields["names"] or "*"}


def pause(workspace_id: int, endpoint_id: int, *, actor: Actor, now: datetime) -> Endpoint:
    """Write to an endpoint no more; what happens meanwhile waits for it. Raises NotActive."""
    endpoint = access_endpoint(workspace_id, endpoint_id, lock=True)
    _check_active(endpoint)
    endpoint.state, endpoint.pause_reason = EndpointState.PAUSED.value, PauseReason.BY_HAND.value
    endpoint.changed_at = now
    endpoint.save(update_fields=["state", "pause_reason", "changed_at"])
    _audit(endpoint, "paused", actor, now, reason=endpoint.pause_reason)
    return endpoint


def resume(workspace_id: int, endpoint_id: int, *, actor: Actor, now: datetime) -> Endpoint:
    """Write to a paused endpoint again, beginning with what has waited. Raises NotPaused."""
    endpoint = access_endpoint(workspace_id, endpoint_id, lock=True)
    if endpoint.state != EndpointState.PAUSED.value:
        raise NotPaused(_("This webhook is not paused."))
    endpoint.state, endpoint.pause_reason, endpoint.failing_since = EndpointState.ACTIVE.value, "", None
    endpoint.changed_at = now
    endpoint.save(update_fields=["state", "pause_reason", "failing_since", "changed_at"])
    _audit(endpoint, "resumed", actor, now)
    return endpoint


def remove(workspace_id: int, endpoint_id: int, *, actor: Actor, now: datetime) -> None:
    """Forget an endpoint and its secrets; a duty clears its deliveries away."""
    endpoint = access_endpoint(workspace_id, endpoint_id, lock=True)
    endpoint.state, endpoint.pause_reason, endpoint.changed_at = EndpointState.REMOVED.value, "", now
    endpoint.secret, endpoint.former_secret, endpoint.former_until = b"", None, None
    endpoint.save()
    _audit(endpoint, "removed", actor, now, url=endpoint.url)


def rotate(workspace_id: int, endpoint_id: int, *, actor: Actor, now: datetime) -> NewSecret:
    """Give an endpoint a new secret; the one before signs too for a day."""
    endpoint = access_endpoint(workspace_id, endpoint_id, lock=True)
    secret = signing.new_secret()
    endpoint.former_secret, endpoint.former_until = endpoint.secret, now + OVERLAP
    endpoint.secret, endpoint.changed_at = signing.sealed(secret), now
    endpoint.save(update_fields=["secret", "former_secret", "former_until", "changed_at"])
    _audit(endpoint, "renewed", actor, now)
    return NewSecret(endpoint, signing.spelled(secret))


def send_test(workspace_id: int, endpoint_id: int, *, actor: Actor, now: datetime) -> Delivery:
    """Queue a delivery that tells of nothing, tried once. Raises NotActive."""
    endpoint = access_endpoint(workspace_id, endpoint_id)
    _check_active(endpoint)
    made = Delivery.objects.create(
        workspace_id=workspace_id,
        endpoint=endpoint,
        event_at=now,
        name=TEST_NAME,
        state=DeliveryState.PENDING.value,
        created_at=now,
        due_at=now,
    )
    _audit(endpoint, "tested", actor, now)
    return made


def replay(
    workspace_id: int, endpoint_id: int, delivery_id: UUID, *, actor: Actor, now: datetime
) -> Delivery:
    """Deliver something again that was delivered or failed, under the same id. Raises UnknownDelivery, UnderWay."""
    endpoint = access_endpoint(workspace_id, endpoint_id)
    own = Delivery.objects.filter(workspace_id=workspace_id, endpoint=endpoint, pk=delivery_id)
    if not own.exists():
        raise UnknownDelivery(_("There is no such delivery."))
    begun = statements.replay.run(
        workspace_id=workspace_id, endpoint_id=endpoint_id, delivery_id=delivery_id, now=now
    )
    if not begun:
        raise UnderWay(_("This delivery waits already, or is under way."))
    _audit(endpoint, "replayed", actor, now, delivery=str(delivery_id))
    return own.get()


def replay_failed(workspace_id: int, endpoint_id: int, *, actor: Actor, now: datetime) -> int:
    """Deliver everything again that failed; returns how much that is."""
    endpoint = access_endpoint(workspace_id, endpoint_id)
    count = statements.replay_failed.run(workspace_id=workspace_id, endpoint_id=endpoint_id, now=now)
    if count:
        _audit(endpoint, "replayed", actor, now, count=count)
    return count


def _check_active(endpoint: Endpoint) -> None:
    if endpoint.state != EndpointState.ACTIVE.value:
        raise NotActive(_("This webhook is paused."), hint=_("Resume it first."))


def _audit(endpoint: Endpoint, action: str, actor: Actor, now: datetime, **detail: object) -> None:
    record_audit(
        endpoint.workspace_id,
        actor=actor,
        action=action,
        subject="webhook",
        subject_id=endpoint.pk,
        detail=detail,
        now=now,
    )
