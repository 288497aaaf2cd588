"""Tables of purposes, the append-only ledger with its current state, and suppressed addresses."""

from django.db import models

from parcours.accounts.models import Workspace
from parcours.consent.types import FREQUENCIES, Act, Basis, Channel, SuppressionReason
from parcours.contacts.models import Contact
from parcours.kernel.constraints import one_of


class Purpose(models.Model):
    """What a message is for. `audience` is a rule (see `audiences.language`) that says whom a legitimate interest covers.

    With `double_opt_in` a yes counts once it has been confirmed by the message that asks for it. An archived purpose sends nothing
    and is offered nowhere; what was said about it is kept.
    """

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    code = models.SlugField(max_length=60)
    name_fr = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)
    description_fr = models.CharField(max_length=400, blank=True, db_default="")
    description_en = models.CharField(max_length=400, blank=True, db_default="")
    basis = models.CharField(max_length=20)
    is_marketing = models.BooleanField()
    is_measuring = models.BooleanField(db_default=False)
    audience = models.JSONField(null=True)
    double_opt_in = models.BooleanField(db_default=False)
    position = models.IntegerField(db_default=0)
    archived_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "code"], name="purpose_once"),
            models.CheckConstraint(condition=one_of("basis", Basis), name="purpose_basis"),
            models.CheckConstraint(
                condition=~models.Q(basis=Basis.CONTRACT.value, is_marketing=True),
                name="purpose_no_marketing_by_contract",
            ),
            models.CheckConstraint(
                condition=models.Q(double_opt_in=False) | models.Q(basis=Basis.CONSENT.value),
                name="purpose_double_opt_in_is_consent",
            ),
        ]


class Record(models.Model):
    """One thing that a person said (or that was imported with its proof). Never changed, never deleted."""

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.IntegerField()
    contact = models.ForeignKey(
        Contact, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    purpose = models.ForeignKey(Purpose, models.PROTECT, related_name="+")
    channel = models.CharField(max_length=5)
    act = models.CharField(max_length=9)
    at = models.DateTimeField()
    source = models.CharField(max_length=120)
    wording = models.TextField(blank=True, db_default="")
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True, db_default="")
    detail = models.JSONField(db_default={})

    class Meta:
        constraints = [
            models.CheckConstraint(condition=one_of("act", Act), name="record_act"),
            models.CheckConstraint(condition=one_of("channel", Channel), name="record_channel"),
        ]
        indexes = [
            models.Index(fields=["workspace_id", "contact", "at"], name="record_of_contact"),
            models.Index(fields=["workspace_id", "purpose", "-at", "-id"], name="record_newest"),
        ]


class State(models.Model):
    """The latest act per contact, purpose and channel: derived from `Record` in the same transaction."""

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.IntegerField()
    contact = models.ForeignKey(
        Contact, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    purpose = models.ForeignKey(Purpose, models.PROTECT, related_name="+")
    channel = models.CharField(max_length=5)
    act = models.CharField(max_length=9)
    since = models.DateTimeField()
    record = models.ForeignKey(Record, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "contact", "purpose", "channel"], name="state_once"
            ),
            models.CheckConstraint(condition=one_of("act", Act), name="state_act"),
        ]


class Pace(models.Model):
    """How much marketing a person wants to have, whatever they agreed to: none until an instant, or one message in so many days.

    The history of what they chose is in the log of events.
    """

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.IntegerField()
    contact = models.ForeignKey(
        Contact, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    paused_until = models.DateTimeField(null=True)
    every_days = models.SmallIntegerField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "contact"], name="pace_once"),
            models.CheckConstraint(condition=models.Q(every_days__in=FREQUENCIES), name="pace_frequency"),
        ]


class Suppression(models.Model):
    """An address that is never written to. Only a keyed hash is kept, so that it survives erasure (compliance C8).

    `contact` is whose address it was when it was suppressed, as far as that was known; an erased person leaves it empty.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    channel = models.CharField(max_length=5)
    address_hash = models.BinaryField()
    contact = models.ForeignKey(
        Contact, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    reason = models.CharField(max_length=9)
    detail = models.CharField(max_length=400, blank=True, db_default="")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "channel", "address_hash"], name="suppression_once"),
            models.CheckConstraint(condition=one_of("reason", SuppressionReason), name="suppression_reason"),
        ]
        indexes = [
            models.Index(fields=["workspace", "-at", "-id"], name="suppression_newest"),
            models.Index(
                fields=["workspace", "contact"],
                condition=models.Q(contact__isnull=False),
                name="suppression_of_contact",
            ),
        ]
