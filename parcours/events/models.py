"""The event log (partitioned by month, made by SQL), the receipts that make a message id count once, consumers' cursors, and
how far old receipts are forgotten."""

from django.db import models


class Event(models.Model):
    """Something that happened to a contact at `at`. Rows are never changed, except that a merge moves them to the kept person.

    `xid` is the transaction that wrote the row: see `events.cursor` for how consumers read without gaps.
    """

    pk = models.CompositePrimaryKey("workspace_id", "xid", "id", "at")
    workspace_id = models.IntegerField()
    xid = models.BigIntegerField()
    id = models.BigIntegerField()
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    contact_id = models.UUIDField()
    name = models.TextField()
    properties = models.JSONField()

    class Meta:
        managed = False
        db_table = "events_event"


class Receipt(models.Model):
    """The message ids that were accepted, so that a repeated one is not stored twice."""

    pk = models.CompositePrimaryKey("workspace_id", "message_key")
    workspace_id = models.IntegerField()
    message_key = models.UUIDField()
    received_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "events_receipt"


class Cursor(models.Model):
    """How far one consumer has read the log of a workspace. The row is locked while the consumer works."""

    pk = models.CompositePrimaryKey("workspace_id", "consumer")
    workspace_id = models.IntegerField()
    consumer = models.TextField()
    xid = models.BigIntegerField()
    event_id = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "events_cursor"


class Forgetting(models.Model):
    """How far the daily pass over the receipts of a workspace has come: the block of the table at which it goes on, and when."""

    workspace_id = models.IntegerField(primary_key=True)
    block = models.BigIntegerField(db_default=0)
    next_at = models.DateTimeField()
