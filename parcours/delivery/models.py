"""Tables of how a workspace sends, of what it sends (mailings), of every message with its verdict, and of attempts."""

from django.db import models
from django.db.models import Q

from parcours.accounts.models import User, Workspace
from parcours.consent.models import Purpose
from parcours.content.models import TemplateVersion
from parcours.delivery.replies import ReplyClass
from parcours.delivery.types import (
    AttemptOutcome,
    ClickTracking,
    MessageState,
    Origin,
    ReturnKind,
    Verdict,
)
from parcours.kernel.constraints import one_of
from parcours.kernel.ids import NewId


class Sending(models.Model):
    """How a workspace sends: its addresses, its signature, and the limits that its gate keeps. One row a workspace."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="+")
    from_name = models.CharField(max_length=120)
    from_email = models.CharField(max_length=254)
    reply_to = models.CharField(max_length=254, blank=True)
    dkim_domain = models.CharField(max_length=253)
    dkim_selector = models.CharField(max_length=63)
    dkim_key = models.BinaryField()
    quiet_from = models.TimeField()
    quiet_until = models.TimeField()
    marketing_per_day = models.IntegerField(default=1)
    click_tracking = models.CharField(max_length=9, default=ClickTracking.CONSENTED.value)
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(marketing_per_day__gte=1), name="sending_cap"),
            models.CheckConstraint(
                condition=one_of("click_tracking", ClickTracking), name="sending_click_tracking"
            ),
        ]


class Mailing(models.Model):
    """What is sent at one place: a journey's step, a campaign, an API call's template, a confirmation, a test.

    Its words never change.

    `name` is what events and exports say; pages show `name_fr` or `name_en` to their reader where these are given.

    `held_at` makes its messages wait (a paused campaign); `stopped_at` is for good.
    """

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    origin = models.CharField(max_length=8)
    origin_id = models.IntegerField()
    origin_version = models.IntegerField(default=0)
    step = models.CharField(max_length=60, blank=True)
    name = models.CharField(max_length=160)
    name_fr = models.CharField(max_length=160, blank=True, db_default="")
    name_en = models.CharField(max_length=160, blank=True, db_default="")
    channel = models.CharField(max_length=5, default="email")
    purpose = models.ForeignKey(Purpose, models.PROTECT, related_name="+")
    template_version = models.ForeignKey(TemplateVersion, models.PROTECT, related_name="+")
    coupon_id = models.IntegerField(null=True)
    guard = models.JSONField(null=True)
    valid_for = models.DurationField()
    created_at = models.DateTimeField()
    held_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=one_of("origin", Origin), name="mailing_origin"),
            models.UniqueConstraint(
                fields=["workspace", "origin", "origin_id", "origin_version", "step"], name="mailing_once"
            ),
        ]


_UNTOUCHED = {
    f"{what}_at__isnull": True
    for what in (
        *("delivered", "opened", "clicked", "machine_opened", "machine_clicked"),
        *("bounced", "complained", "unsubscribed"),
    )
}


class Message(models.Model):
    """One message to one person: the outbox row and its record for ever after. States are drawn in `types.MessageState`.

    (mailing, run, contact) is unique, so that what asks for a message gets it once. `run` is the run of a journey's step; a
    program's `Request`; a `Trial`; of a double opt-in, the day and the try; 0 for a campaign. A negative run is that of a second
    copy, which two contacts had who proved to be one (`merging`); `merged_run` is the run that such copies, and what an ended
    run has written, count for. `event_at` and `event_id` name the event whose properties the
    template may use. `fence` rises at every claim; a late writer's fence is refused. `is_urgent`
    (the purpose's basis is a contract, or it asks for a confirmation) goes first. `is_held`: it was due, but its mailing is held,
    so that claims do not meet it again before the mailing is released. `is_test`: it goes to a member of the workspace (see
    `Trial`), is made out for the contact, and says nothing about them.
    """

    id = models.UUIDField(primary_key=True, db_default=NewId())
    workspace_id = models.IntegerField()
    mailing = models.ForeignKey(
        Mailing, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    run = models.BigIntegerField(db_default=0)
    merged_run = models.BigIntegerField(null=True)
    contact_id = models.UUIDField()
    event_at = models.DateTimeField(null=True)
    event_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=9)
    is_urgent = models.BooleanField(db_default=False)
    is_held = models.BooleanField(db_default=False)
    is_test = models.BooleanField(db_default=False)
    queued_at = models.DateTimeField()
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    fence = models.IntegerField(db_default=0)
    verdict = models.CharField(max_length=8, blank=True, db_default="")
    reasons = models.JSONField(db_default=[])
    judged_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=254, blank=True, db_default="")
    subject = models.CharField(max_length=400, blank=True, db_default="")
    transport = models.CharField(max_length=20, blank=True, db_default="")
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)
    machine_opened_at = models.DateTimeField(null=True)
    machine_clicked_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)
    complained_at = models.DateTimeField(null=True)
    unsubscribed_at = models.DateTimeField(null=True)
    measured_opens = models.BooleanField(db_default=False)
    measured_clicks = models.BooleanField(db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "mailing", "run", "contact_id"], name="message_once"
            ),
            models.CheckConstraint(condition=one_of("state", MessageState), name="message_state"),
            models.CheckConstraint(
                condition=Q(verdict="") | one_of("verdict", Verdict), name="message_verdict"
            ),
            models.CheckConstraint(
                condition=Q(state=MessageState.SENT.value, sent_at__isnull=False)
                | (~Q(state=MessageState.SENT.value) & Q(sent_at__isnull=True)),
                name="message_sent_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state=MessageState.WITHHELD.value) | Q(verdict=Verdict.WITHHOLD.value),
                name="message_withheld_has_verdict",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[MessageState.SENDING.value, MessageState.SENT.value])
                | Q(verdict=Verdict.SEND.value),
                name="message_never_without_gate",
            ),
            models.CheckConstraint(
                condition=Q(is_held=False) | Q(state=MessageState.QUEUED.value), name="message_held_is_queued"
            ),
            models.CheckConstraint(
                condition=Q(is_test=False) | Q(measured_opens=False, measured_clicks=False, **_UNTOUCHED),
                name="message_test_is_nobodys",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace_id", "is_urgent", "due_at", "queued_at"],
                condition=Q(state="queued", is_held=False),
                name="message_due",
            ),
            models.Index(fields=["workspace_id", "mailing"], condition=Q(is_held=True), name="message_held"),
            models.Index(
                fields=["workspace_id", "lease_until"], condition=Q(state="sending"), name="message_sending"
            ),
            models.Index(
                fields=["workspace_id", "queued_at"], condition=Q(state="in_doubt"), name="message_in_doubt"
            ),
            models.Index(fields=["workspace_id", "contact_id", "queued_at"], name="message_of_contact"),
            models.Index(
                fields=["workspace_id", "contact_id"],
                condition=Q(merged_run__isnull=False),
                name="message_merged",
            ),
            models.Index(fields=["workspace_id", "-queued_at"], name="message_newest"),
            models.Index(
                fields=["workspace_id", "state", "-queued_at", "-id"],
                condition=Q(state__in=["withheld", "failed", "cancelled"]),
                name="message_rare_newest",
            ),
        ]


class Request(models.Model):
    """A message that a program asked for, by the program's own id of it (`key`), which makes it count once.

    `id` is the message's run; `digest` tells a repeated request from another one under the same id. `content` is {subject, mjml,
    text} where the program brought the words along: they are sent instead of the template's.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=100)
    digest = models.BinaryField()
    message_id = models.UUIDField(null=True)
    content = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="request_once")]


class Trial(models.Model):
    """A test of a template: to which member it goes, and in which language ('': the contact's). `id` is its message's run.

    `place` names the page on which it was asked for, `asked_by` the person or the key who asked: limits count by it.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    language = models.CharField(max_length=2, blank=True)
    place = models.CharField(max_length=80)
    asked_by = models.CharField(max_length=60)
    message_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["workspace", "asked_by", "-created_at"], name="trial_of_asker")]


class Attempt(models.Model):
    """One try at handing a message over: committed before DATA; the outcome right after the reply."""

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.IntegerField()
    message_id = models.UUIDField()
    fence = models.IntegerField()
    connection = models.CharField(max_length=60)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, blank=True, db_default="")
    code = models.IntegerField(null=True)
    reply = models.CharField(max_length=500, blank=True, db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="") | one_of("outcome", AttemptOutcome), name="attempt_outcome"
            ),
            models.UniqueConstraint(
                fields=["workspace_id", "message_id", "fence"], name="attempt_once_per_claim"
            ),
        ]


class Return(models.Model):
    """One mail that came back about a message, and what it said. `mail` is its SHA-256: the same mail counts once."""

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.IntegerField()
    message_id = models.UUIDField()
    mail = models.BinaryField()
    kind = models.CharField(max_length=12)
    meaning = models.CharField(max_length=20)
    reply = models.CharField(max_length=300, blank=True, db_default="")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=one_of("kind", ReturnKind), name="return_kind"),
            models.CheckConstraint(condition=one_of("meaning", ReplyClass), name="return_meaning"),
            models.UniqueConstraint(fields=["workspace_id", "mail"], name="return_once"),
        ]
        indexes = [models.Index(fields=["workspace_id", "message_id"], name="return_of_message")]


class Allowance(models.Model):
    """A person's places for marketing on one local day; the primary key is what refuses a second message (requirement C5)."""

    pk = models.CompositePrimaryKey("workspace_id", "contact_id", "day", "place")
    workspace_id = models.IntegerField()
    contact_id = models.UUIDField()
    day = models.DateField()
    place = models.SmallIntegerField()
    message_id = models.UUIDField()

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "message_id"], name="allowance_of_message")]


class AnonymousClick(models.Model):
    """A click of somebody who is not measured: which link, which day; never who (compliance C12)."""

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.IntegerField()
    mailing_id = models.IntegerField()
    link = models.SmallIntegerField()
    day = models.DateField()
    is_machine = models.BooleanField(db_default=False)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "mailing_id"], name="anonymous_click_of_mailing")]
