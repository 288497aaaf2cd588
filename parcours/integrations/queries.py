"""Reads of webhooks: the endpoints of a workspace with how they stand, and the deliveries of one."""

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from parcours.integrations.errors import UnknownEndpoint
from parcours.integrations.models import Delivery, Endpoint
from parcours.integrations.types import WAITING, DeliveryState, EndpointState, Figures


def endpoints(workspace_id: int) -> QuerySet[Endpoint]:
    """The endpoints of a workspace, the newest first."""
    return (
        Endpoint.objects.filter(workspace_id=workspace_id)
        .exclude(state=EndpointState.REMOVED.value)
        .order_by("-id")
    )


def access_endpoint(workspace_id: int, endpoint_id: int, *, lock: bool = False) -> Endpoint:
    """An endpoint of the workspace. Raises UnknownEndpoint."""
    found = endpoints(workspace_id).filter(pk=endpoint_id)
    endpoint = (found.select_for_update(no_key=True) if lock else found).first()
    if endpoint is None:
        raise UnknownEndpoint(_("There is no such webhook."))
    return endpoint


def deliveries(workspace_id: int, endpoint_id: int, state: DeliveryState | None = None) -> QuerySet[Delivery]:
    """The deliveries of an endpoint of the last thirty days, of one state or all."""
    found = Delivery.objects.filter(workspace_id=workspace_id, endpoint_id=endpoint_id)
    return found if state is None else found.filter(state=state.value)


def figures(workspace_id: int) -> dict[int, Figures]:
    """For each endpoint how many deliveries wait and how many failed."""
    waiting, failed = Q(state__in=WAITING), Q(state=DeliveryState.FAILED.value)
    counted = (
        Delivery.objects.filter(waiting | failed, workspace_id=workspace_id)
        .values("endpoint_id")
        .annotate(waiting=Count("pk", filter=waiting), failed=Count("pk", filter=failed))
        .order_by()
    )
    return {row["endpoint_id"]: Figures(row["waiting"], row["failed"]) for row in counted}
