"""Reads about workspaces, members, keys and the audit trail."""

from django.db.models import Case, QuerySet, When
from django.utils.translation import gettext as _

from parcours.accounts.errors import BadKey
from parcours.accounts.models import AuditEntry, Key, Membership, User, Workspace
from parcours.accounts.types import KeyKind, Role
from parcours.kernel import crypto, tenancy


def workspaces() -> list[Workspace]:
    """Every workspace that the caller's role and scope may see: all of them for workers."""
    return list(Workspace.objects.order_by("id"))


def workspaces_of(user: User) -> list[Workspace]:
    """The workspaces that a user works in, by name. Opens its own scope."""
    with tenancy.scope(user_id=user.pk):
        return list(
            Workspace.objects.filter(memberships__user=user, memberships__invitation=None).order_by("name")
        )


def invitations(user: User) -> list[Membership]:
    """The memberships that wait for the user to accept them, with their workspaces. Opens its own scope."""
    with tenancy.scope(user_id=user.pk):
        waiting = Membership.objects.filter(user=user, invitation__isnull=False)
        return list(waiting.select_related("workspace").order_by("workspace__name"))


def workspace_of_key(secret: str, *kinds: KeyKind) -> Key:
    """The key row for a presented secret; BadKey when it is unknown, revoked or of another kind. Opens its own scope."""
    presented = crypto.digest(secret)
    with tenancy.scope(key=presented):
        key = Key.objects.filter(
            digest=presented, kind__in=[kind.value for kind in kinds], revoked_at=None
        ).first()
    if key is None:
        raise BadKey(_("This key is unknown or was revoked."), hint=_("Make one under Settings, Keys."))
    return key


def tracking_consent(workspace_id: int) -> str:
    """The category in which visitors consent to be tracked; empty when they need not. Opens its own scope."""
    with tenancy.scope(workspace_id=workspace_id):
        return Workspace.objects.values_list("tracking_consent", flat=True).get(pk=workspace_id)


def members(workspace_id: int) -> QuerySet[Membership]:
    """Members with their users, owners first, then by what they may do."""
    rank = Case(*(When(role=role.value, then=place) for place, role in enumerate(Role)))
    return (
        Membership.objects.filter(workspace_id=workspace_id)
        .select_related("user")
        .order_by(rank, "user__email")
    )


def reachable_members(workspace_id: int) -> QuerySet[Membership]:
    """Members who may be written to (as `accounts_member_address` has it): who accepted, and chose a password. By address."""
    return (
        members(workspace_id)
        .filter(invitation=None, user__is_active=True, user__has_first_password=False)
        .order_by("user__email")
    )


def keys(workspace_id: int) -> QuerySet[Key]:
    """Keys, newest first, revoked ones too."""
    return Key.objects.filter(workspace_id=workspace_id).order_by("-created_at")


def audit_trail(workspace_id: int) -> QuerySet[AuditEntry]:
    """Who changed what, newest first."""
    return AuditEntry.objects.filter(workspace_id=workspace_id).order_by("-at", "-id")
