"""Tables of contacts, identities, attributes, lists and imports.

`Contact.email` is the address that is written to; every address (that one included) is also an `Identity`, which is
what makes a person findable and unique in a workspace.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from parcours.accounts.models import Workspace
from parcours.contacts.types import AttributeType, IdentityKind, ImportState
from parcours.kernel.constraints import one_of
from parcours.kernel.ids import NewId, NextNumber, uuid7
from parcours.kernel.searching import kept_key


def _of_known(key: str, name: str) -> models.Index:
    """An index of those who have the key: visitors without a name cost nothing."""
    return models.Index(
        fields=["workspace_id", key], condition=models.Q(**{f"{key}__isnull": False}), name=name
    )


class Contact(models.Model):
    """One person. Declared attributes are JSON values whose types `Attribute` fixes.

    `number` is a second name, for programs that know people by whole numbers only (`api.brevo`); nothing else uses it.
    `searching` looks in the keys: the name as pages show it, the same with the last name first (where that differs), the domain of
    the address.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=NewId())
    workspace_id = models.IntegerField()
    email = models.CharField(max_length=254, null=True, db_collation="C")
    language = models.CharField(max_length=2, blank=True, db_default="")
    time_zone = models.CharField(max_length=64, blank=True, db_default="")
    attributes = models.JSONField(db_default={})
    source = models.CharField(max_length=60, blank=True, db_default="")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    number = models.BigIntegerField(db_default=NextNumber("contacts_contact_number_seq"), editable=False)
    name_key = kept_key(models.Func("attributes", function="contacts_name_key"))
    surname_key = kept_key(models.Func("attributes", function="contacts_surname_key"))
    domain_key = kept_key(models.Func("email", models.Value("@"), models.Value(2), function="split_part"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "id"], name="contact_in_workspace"),
            models.UniqueConstraint(fields=["workspace_id", "number"], name="contact_number_once"),
            models.UniqueConstraint(fields=["workspace_id", "email"], name="contact_email_once"),
        ]
        indexes = [
            models.Index(fields=["workspace_id", "-created_at"], name="contact_newest"),
            _of_known("name_key", "contact_by_name"),
            _of_known("surname_key", "contact_by_surname"),
            _of_known("domain_key", "contact_by_domain"),
        ]


class Identity(models.Model):
    """One way to recognise a contact; (workspace, kind, value) belongs to one person only."""

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.IntegerField()
    contact = models.ForeignKey(
        Contact, models.CASCADE, related_name="identities", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=9)
    value = models.CharField(max_length=254)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "kind", "value"], name="identity_once"),
            models.CheckConstraint(condition=one_of("kind", IdentityKind), name="identity_kind"),
        ]
        indexes = [models.Index(fields=["workspace_id", "contact"], name="identity_of_contact")]


class Attribute(models.Model):
    """A declared attribute: its name in templates and rules, its type, and how people read it."""

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    name = models.SlugField(max_length=60)
    label_fr = models.CharField(max_length=120)
    label_en = models.CharField(max_length=120)
    type = models.CharField(max_length=8)
    options = ArrayField(models.CharField(max_length=120), default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="attribute_once"),
            models.CheckConstraint(condition=one_of("type", AttributeType), name="attribute_type"),
        ]


class List(models.Model):
    """A static list: people are added and removed by somebody or by a journey."""

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="list_once")]


class ListMember(models.Model):
    """A contact on a list."""

    id = models.BigAutoField(primary_key=True)
    workspace_id = models.IntegerField()
    list = models.ForeignKey(List, models.CASCADE, related_name="members")
    contact = models.ForeignKey(
        Contact, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "list", "contact"], name="list_member_once")
        ]
        indexes = [models.Index(fields=["workspace_id", "contact"], name="list_member_of_contact")]


class Import(models.Model):
    """One uploaded file and how far it has been taken in. `position` counts the rows that are committed.

    `content` is UTF-8, emptied at the end; `offset` (bytes) and `line` say where the next portion begins. Of the people met,
    `skipped_count` were left as they were by the update rule, `suppressed_count` have a suppressed address, and
    `refusing_count` had said no before to what the file claims: their no stands.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=NewId())
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    file_name = models.CharField(max_length=255)
    content = models.BinaryField()
    state = models.CharField(max_length=9, default=ImportState.UPLOADED.value)
    options = models.JSONField(db_default={})
    total = models.IntegerField(db_default=0)
    position = models.IntegerField(db_default=0)
    offset = models.IntegerField(db_default=0)
    line = models.IntegerField(db_default=1)
    created_count = models.IntegerField(db_default=0)
    updated_count = models.IntegerField(db_default=0)
    refused_count = models.IntegerField(db_default=0)
    skipped_count = models.IntegerField(db_default=0)
    suppressed_count = models.IntegerField(db_default=0)
    refusing_count = models.IntegerField(db_default=0)
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    failure = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = [models.CheckConstraint(condition=one_of("state", ImportState), name="import_state")]
        indexes = [models.Index(fields=["workspace", "-created_at"], name="import_recent")]


class ImportRefusal(models.Model):
    """A row that was not taken in, and why."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    run = models.ForeignKey(Import, models.CASCADE, related_name="refusals")
    line = models.IntegerField()
    code = models.CharField(max_length=40)
    value = models.TextField(blank=True, db_default="")

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "run", "line"], name="import_refusal_lines"),
            models.Index(
                fields=["run", "value"],
                name="import_refusal_noes",
                condition=models.Q(code="duplicate_opted_out"),
            ),
        ]
