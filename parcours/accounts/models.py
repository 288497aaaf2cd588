"""Tables of workspaces, users, memberships, keys and the audit trail."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from parcours.accounts.types import KeyKind, Role
from parcours.kernel.ids import uuid7


def choices(kinds: type[Role] | type[KeyKind]) -> list[tuple[str, str]]:
    """An enumeration as Django's choices."""
    return [(kind.value, kind.value) for kind in kinds]


class Workspace(models.Model):
    """One sender: a shop, a firm, or a client of an agency. Its rows are visible to nobody else.

    `tracking_consent` is the category in which visitors of the site consent to be tracked; empty: they need not
    (see `events.pipeline`).
    """

    id = models.AutoField(primary_key=True)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=2, default="fr")
    time_zone = models.CharField(max_length=64, default="Europe/Paris")
    currency = models.CharField(max_length=3, default="EUR")
    legal_name = models.CharField(max_length=200, blank=True)
    legal_address = models.CharField(max_length=400, blank=True)
    tracking_consent = models.CharField(max_length=60, blank=True, default="", db_default="")
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(language__in=["fr", "en"]), name="workspace_language"),
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """How users are made: the address is the name."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person who signs in. Rights come from memberships only; there is no superuser.

    A first password was chosen, and seen, by somebody else: until changed, it opens nothing (see `web.middleware`).
    """

    id = models.AutoField(primary_key=True)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=2, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    has_first_password = models.BooleanField(default=False, db_default=False)
    date_joined = models.DateTimeField(null=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    is_staff = False
    is_superuser = False

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.name or self.email


class Membership(models.Model):
    """A user's role in a workspace. With an invitation (the digest of its code) it waits for the user, and gives no rights."""

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=choices(Role))
    invitation = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]), name="membership_role"
            ),
        ]


class Key(models.Model):
    """A secret for machines. Only its hash is stored; `hint` is its first characters, to recognise it by."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=5, choices=choices(KeyKind))
    name = models.CharField(max_length=120)
    hint = models.CharField(max_length=12)
    digest = models.BinaryField(unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=[kind.value for kind in KeyKind]), name="key_kind"
            ),
        ]


class AuditEntry(models.Model):
    """One change made by somebody: append-only."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    key_id = models.UUIDField(null=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60, blank=True, db_default="")
    detail = models.JSONField(db_default={})

    class Meta:
        indexes = [models.Index(fields=["workspace", "-at"], name="audit_recent")]
