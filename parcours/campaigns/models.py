"""The table of campaigns. Recipients are the messages of the campaign's mailing: there is no second list of them."""

from django.db import models
from django.db.models import Q

from parcours.accounts.models import Workspace
from parcours.audiences.models import Segment
from parcours.consent.models import Purpose
from parcours.contacts.models import List
from parcours.content.models import Template


class Campaign(models.Model):
    """draft ⇄ scheduled → running ⇄ paused; running → finished; draft, scheduled, running and paused → cancelled.

    When it starts, the audience is frozen into messages, `frozen_after` being the last contact taken, so that a crash goes on
    where it was. `awaits` is a message of it that had no outcome when last looked for one.
    """

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=160)
    template = models.ForeignKey(Template, models.PROTECT, related_name="+")
    purpose = models.ForeignKey(Purpose, models.PROTECT, related_name="+")
    segment = models.ForeignKey(Segment, models.PROTECT, null=True, related_name="+")
    list = models.ForeignKey(List, models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=9, default="draft")
    scheduled_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    mailing_id = models.IntegerField(null=True)
    frozen_after = models.UUIDField(null=True)
    frozen_at = models.DateTimeField(null=True)
    awaits = models.UUIDField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["draft", "scheduled", "running", "paused", "finished", "cancelled"]),
                name="campaign_state",
            ),
            models.CheckConstraint(
                condition=Q(segment__isnull=False, list__isnull=True)
                | Q(segment__isnull=True, list__isnull=False),
                name="campaign_one_audience",
            ),
            models.CheckConstraint(
                condition=~Q(state="scheduled") | Q(scheduled_at__isnull=False),
                name="campaign_scheduled_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["running", "paused", "finished"]) | Q(mailing_id__isnull=False),
                name="campaign_started_has_mailing",
            ),
        ]
        indexes = [models.Index(fields=["workspace", "-created_at"], name="campaign_recent")]
