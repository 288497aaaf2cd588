"""Tables of journeys, their immutable versions, the people inside (runs) and the log of their steps."""

from django.db import models
from django.db.models import Q

from parcours.accounts.models import Workspace


class Journey(models.Model):
    """A scenario: see `types.JourneyState` for its life. `live` is the version that new people enter.

    Only events at or after `entries_from` let people in: it is set when the journey is published first and when it is resumed, so
    that neither the past nor a pause floods it. `trouble` is why the engine itself paused the journey.
    """

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    slug = models.SlugField(max_length=60)
    name_fr = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)
    description_fr = models.CharField(max_length=400, blank=True)
    description_en = models.CharField(max_length=400, blank=True)
    state = models.CharField(max_length=9, default="draft")
    trouble = models.CharField(max_length=400, blank=True, db_default="")
    live = models.ForeignKey("Version", models.PROTECT, null=True, related_name="+")
    entries_from = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="journey_once"),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "published", "paused", "archived"]), name="journey_state"
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(live__isnull=False, entries_from__isnull=False),
                name="journey_live_version",
            ),
        ]


class Version(models.Model):
    """One published graph, never changed: runs stay on the version that they entered. Its shape is in `journeys.versions`.

    `entered` counts its runs from the first day, so that no page has to.
    """

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    journey = models.ForeignKey(Journey, models.CASCADE, related_name="versions")
    number = models.IntegerField()
    graph = models.JSONField()
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    entered = models.BigIntegerField(db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["journey", "number"], name="version_once")]


class Run(models.Model):
    """One passage of one person through a version. Active exactly when `due_at` is set: then `node` is where it goes on.

    `entry_key` makes re-entry explicit: '' for once in a life, the event's id or a property (an order's number) for once per event.
    Kept narrow: every walk rewrites it. At a wait, `node` is the wait itself and `due_at` its end.
    """

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.IntegerField()
    journey_id = models.IntegerField()
    version_id = models.IntegerField()
    contact_id = models.UUIDField()
    entry_key = models.CharField(max_length=120, blank=True, db_default="")
    event_at = models.DateTimeField()
    event_id = models.BigIntegerField()
    entered_at = models.DateTimeField()
    node = models.SmallIntegerField()
    due_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "contact_id", "journey_id", "entry_key"], name="run_once"
            ),
            models.CheckConstraint(
                condition=Q(due_at__isnull=True, finished_at__isnull=False)
                | Q(due_at__isnull=False, finished_at__isnull=True),
                name="run_active_or_finished",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace_id", "version_id", "due_at"],
                condition=Q(due_at__isnull=False),
                name="run_due",
            ),
        ]


class Step(models.Model):
    """One node that a run passed: append-only. `outcome` is the way taken (`yes`, `queued`, …), or `gone` like the contact."""

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.IntegerField()
    run_id = models.BigIntegerField()
    version_id = models.IntegerField()
    node = models.SmallIntegerField()
    outcome = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "run_id"], name="step_of_run"),
            models.Index(fields=["workspace_id", "version_id", "node", "outcome"], name="step_of_node"),
        ]
