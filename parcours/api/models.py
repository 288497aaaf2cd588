"""The answers that were given to requests with an `Idempotency-Key`, so that a repeated one is answered and not carried out."""

from django.db import models

from parcours.accounts.models import Workspace


class Replay(models.Model):
    """One keyed request and its answer. The row is written in the request's own transaction: no answer without its effect.

    `body` is sealed.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=200)
    request_digest = models.BinaryField()
    status = models.SmallIntegerField(default=0)
    body = models.TextField(default="")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="replay_once")]
        indexes = [models.Index(fields=["workspace", "at"], name="replay_age")]
