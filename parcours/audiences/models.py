"""Tables of segments, who is in them, and when time alone may change that."""

from django.db import models

from parcours.accounts.models import Workspace


class Segment(models.Model):
    """A dynamic list: the people for whom `rule` is true now. `revision` rises when the rule changes; `built` follows it.

    While it is built, range by range, everybody up to `building_after` follows the rule as of `building_revision`.
    """

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=400, blank=True, db_default="")
    rule = models.JSONField()
    revision = models.IntegerField(db_default=1)
    built_revision = models.IntegerField(db_default=0)
    built_at = models.DateTimeField(null=True)
    building_revision = models.IntegerField(db_default=0)
    building_after = models.UUIDField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="segment_once")]


class Member(models.Model):
    """A contact who is in a segment now."""

    pk = models.CompositePrimaryKey("segment_id", "contact_id")
    workspace_id = models.IntegerField()
    segment = models.ForeignKey(
        Segment, models.CASCADE, related_name="members", db_constraint=False, db_index=False
    )
    contact_id = models.UUIDField()
    since = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "contact_id"], name="segment_of_contact")]


class Recheck(models.Model):
    """The next instant at which time alone may change whether a contact is in a segment."""

    pk = models.CompositePrimaryKey("segment_id", "contact_id")
    workspace_id = models.IntegerField()
    segment = models.ForeignKey(
        Segment, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    contact_id = models.UUIDField()
    due_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "segment", "due_at"], name="recheck_due")]
