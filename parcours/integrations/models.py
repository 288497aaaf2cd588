"""Tables of endpoints and of what is delivered to each. No delivery holds anything about a person: it names the event."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from parcours.accounts.models import Workspace
from parcours.events.cursor import Snapshot
from parcours.integrations.types import WAITING, DeliveryState, EndpointState, PauseReason, Trouble
from parcours.kernel.constraints import one_of
from parcours.kernel.ids import NewId


class Endpoint(models.Model):
    """Where a workspace's events are told, and which of them. States are drawn in `types.EndpointState`.

    `since` is the database's snapshot when it was made: what was received and committed before is not told. Both secrets are
    sealed; the former one signs too until `former_until`. `failing_since`: nothing was taken since then, although it was tried.
    """

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    url = models.CharField(max_length=2000)
    description = models.CharField(max_length=200, blank=True, db_default="")
    takes_all = models.BooleanField()
    names = ArrayField(models.CharField(max_length=200), default=list)
    secret = models.BinaryField()
    former_secret = models.BinaryField(null=True)
    former_until = models.DateTimeField(null=True)
    state = models.CharField(max_length=7, db_default=EndpointState.ACTIVE.value)
    pause_reason = models.CharField(max_length=7, blank=True, db_default="")
    since = models.TextField(db_default=Snapshot())
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=one_of("state", EndpointState), name="endpoint_state"),
            models.CheckConstraint(
                condition=(Q(state=EndpointState.PAUSED.value) & one_of("pause_reason", PauseReason))
                | (~Q(state=EndpointState.PAUSED.value) & Q(pause_reason="")),
                name="endpoint_pause_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(former_secret=None, former_until=None)
                | Q(former_secret__isnull=False, former_until__isnull=False),
                name="endpoint_former_secret_ends",
            ),
            models.CheckConstraint(
                condition=Q(takes_all=True, names=[]) | (Q(takes_all=False) & ~Q(names=[])),
                name="endpoint_wants_something",
            ),
        ]
        indexes = [models.Index(fields=["workspace", "-id"], name="endpoint_newest")]


class Delivery(models.Model):
    """One event (or a test) for one endpoint. `id` is the webhook-id that it goes by, however often. States: `types.DeliveryState`.

    `fence` rises at every claim; a late worker's fence is refused. `code` and `trouble` are how the last try ended.
    """

    id = models.UUIDField(primary_key=True, db_default=NewId())
    workspace_id = models.IntegerField()
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="+", db_index=False)
    event_xid = models.BigIntegerField(null=True)
    event_id = models.BigIntegerField(null=True)
    event_at = models.DateTimeField()
    name = models.TextField()
    state = models.CharField(max_length=9)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    fence = models.IntegerField(db_default=0)
    tries = models.SmallIntegerField(db_default=0)
    tried_at = models.DateTimeField(null=True)
    code = models.SmallIntegerField(null=True)
    trouble = models.CharField(max_length=13, blank=True, db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event_id"], name="webhook_once"),
            models.CheckConstraint(condition=one_of("state", DeliveryState), name="webhook_state"),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.SENDING.value, lease_until__isnull=False)
                | (~Q(state=DeliveryState.SENDING.value) & Q(lease_until=None)),
                name="webhook_sending_has_lease",
            ),
            models.CheckConstraint(
                condition=~Q(state=DeliveryState.DELIVERED.value)
                | Q(code__isnull=False, code__gte=200, code__lt=300),
                name="webhook_delivered_was_taken",
            ),
            models.CheckConstraint(
                condition=Q(trouble="") | one_of("trouble", Trouble),
                name="webhook_trouble",
            ),
            models.CheckConstraint(
                condition=Q(event_id=None, event_xid=None)
                | Q(event_id__isnull=False, event_xid__isnull=False),
                name="webhook_names_its_event",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace_id", "endpoint", "due_at", "id"],
                condition=Q(state=DeliveryState.PENDING.value),
                name="webhook_due_in_order",
            ),
            models.Index(
                fields=["workspace_id", "endpoint", "lease_until"],
                condition=Q(state=DeliveryState.SENDING.value),
                name="webhook_sending",
            ),
            models.Index(fields=["workspace_id", "endpoint", "-created_at", "-id"], name="webhook_newest"),
            models.Index(
                fields=["workspace_id", "endpoint"],
                condition=Q(state=DeliveryState.FAILED.value),
                name="webhook_failed",
            ),
            models.Index(fields=["workspace_id", "created_at"], name="webhook_age"),
        ]

    @property
    def is_waiting(self) -> bool:
        """True when a try follows, or is under way."""
        return self.state in WAITING
