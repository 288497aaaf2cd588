"""Roll-ups of the event log, by day and by message, kept current by a consumer; they can be rebuilt from the log at any time."""

from django.db import models

from parcours.accounts.models import Workspace


class Basis(models.Model):
    """What a workspace's roll-up was made with: another zone or currency, or a newer way of counting, makes it anew."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="+")
    time_zone = models.TextField()
    currency = models.TextField()
    revision = models.IntegerField()


class Daily(models.Model):
    """How many events of one name fell on one day of the workspace's zone, and the sum of their amounts."""

    pk = models.CompositePrimaryKey("workspace_id", "day", "name")
    workspace_id = models.IntegerField()
    day = models.DateField()
    name = models.TextField()
    count = models.BigIntegerField()
    amount = models.DecimalField(max_digits=30, decimal_places=2)


class Reaction(models.Model):
    """How often one message of a person who may be measured was opened (`link` is -1) or one of its links followed, on one kind
    of device, by them or by a machine. What reports of a mailing count: the log itself cannot be read by mailing.
    """

    pk = models.CompositePrimaryKey(
        "workspace_id", "mailing_id", "link", "message_id", "is_machine", "device"
    )
    workspace_id = models.IntegerField()
    mailing_id = models.IntegerField()
    link = models.SmallIntegerField()
    message_id = models.UUIDField()
    is_machine = models.BooleanField()
    device = models.TextField()
    count = models.IntegerField()
