"""The daily roll-up of the event log, kept current by a consumer; it can be rebuilt from the log at any time."""

from django.db import models


class Daily(models.Model):
    """How many events of one name fell on one day of the workspace's zone, and the sum of their amounts."""

    pk = models.CompositePrimaryKey("workspace_id", "day", "name")
    workspace_id = models.IntegerField()
    day = models.DateField()
    name = models.TextField()
    count = models.BigIntegerField()
    amount = models.DecimalField(max_digits=16, decimal_places=2)
