"""Changes to workspaces, users, members and keys. Each writes its audit entry in the same transaction."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Field
from django.utils.translation import gettext as _

from parcours.accounts.errors import LastOwner, NoInvitation, SlugTaken, WorksElsewhere
from parcours.accounts.models import AuditEntry, Key, Membership, User, Workspace
from parcours.accounts.queries import workspaces_of
from parcours.accounts.types import SYSTEM, Actor, KeyKind, Role
from parcours.kernel import crypto, tenancy
from parcours.kernel.errors import Invalid, NotFound


@dataclass(frozen=True)
class NewKey:
    """A key just made. `secret` is shown this once; only its hash is kept."""

    key: Key
    secret: str


def record_audit(
    workspace_id: int,
    *,
    actor: Actor,
    action: str,
    subject: str,
    subject_id: object = "",
    detail: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Write one entry of the trail, in the caller's transaction."""
    AuditEntry.objects.create(
        workspace_id=workspace_id,
        at=now,
        actor=actor.label[:200],
        user_id=actor.user_id,
        key_id=actor.key_id,
        action=action,
        subject=subject,
        subject_id=str(subject_id),
        detail=dict(detail or {}),
    )


def create_workspace(
    slug: str, *, name: str, language: str = "fr", actor: Actor = SYSTEM, now: datetime, **fields: Any
) -> Workspace:
    """Make a workspace. Only operators and workers may (the database refuses others). Opens its own transaction.

    Raises Invalid for a slug that no address could name.
    """
    if not _is_accepted(Workspace, "slug", slug):
        raise Invalid(
            _("“%(slug)s” cannot be part of an address.") % {"slug": slug},
            field="slug",
            hint=_("Use at most 50 letters, digits, hyphens and underscores."),
        )
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(
                slug=slug, name=name, language=language, created_at=now, **fields
            )
    except IntegrityError as error:
        raise SlugTaken(
            _("A workspace named “%(slug)s” exists already.") % {"slug": slug}, field="slug"
        ) from error
    with tenancy.scope(workspace_id=workspace.id):
        record_audit(
            workspace.id, actor=actor, action="created", subject="workspace", subject_id=workspace.id, now=now
        )
    return workspace


def _is_accepted(model: type[Workspace | User], name: str, value: str) -> bool:
    """Whether a value may stand in a column, by what its field says."""
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    try:
        field.clean(value, None)
    except ValidationError:
        return False
    return True


def change_workspace(
    workspace: Workspace, changes: Mapping[str, Any], *, actor: Actor, now: datetime
) -> Workspace:
    """Change fields of a workspace (name, language, time_zone, currency, legal_name, legal_address, tracking_consent)."""
    before = {field: getattr(workspace, field) for field in changes}
    for field, value in changes.items():
        setattr(workspace, field, value)
    workspace.save(update_fields=list(changes))
    record_audit(
        workspace.id,
        actor=actor,
        action="changed",
        subject="workspace",
        subject_id=workspace.id,
        detail={"from": before, "to": dict(changes)},
        now=now,
    )
    return workspace


@dataclass(frozen=True)
class Invited:
    """A member to be. `password` is the first one of an account that was made for it, `code` what opens the invitation of one
    that was there before; each is shown this once, and empty when it is not needed."""

    membership: Membership
    password: str = ""
    code: str = ""


def invite(workspace_id: int, email: str, role: Role, *, actor: Actor, now: datetime) -> Invited:
    """Make somebody a member, at once with a new account, else when they accept; a member who is there gets the role.

    An account proves nothing about who holds it: somebody else's workspace may have made it. So the invitation's code goes to
    the person by a way that the inviting owner trusts, as a first password does.
    """
    address = email.strip().lower()
    if not _is_accepted(User, "email", address):
        raise Invalid(_("“%(text)s” is not an e-mail address.") % {"text": email}, field="email")
    user, password = _account(workspace_id, address, actor=actor, now=now)
    if password:
        return Invited(set_member(workspace_id, user, role, actor=actor, now=now), password=password)
    present = Membership.objects.filter(workspace_id=workspace_id, user=user).first()
    if present is not None and present.invitation is None:
        return Invited(set_member(workspace_id, user, role, actor=actor, now=now))
    code = secrets.token_urlsafe(16)
    membership, _created = Membership.objects.update_or_create(
        workspace_id=workspace_id,
        user=user,
        defaults={"role": role.value, "invitation": crypto.digest(code)},
    )
    _record_member(workspace_id, user, role, action="invited", actor=actor, now=now)
    return Invited(membership, code=code)


def _account(workspace_id: int, address: str, *, actor: Actor, now: datetime) -> tuple[User, str]:
    """The account of an address; one that is made for this with its first password."""
    known = User.objects.filter(email=address).first()
    if known is not None:
        return known, ""
    try:
        with transaction.atomic():
            return _create_account(workspace_id, address, actor=actor, now=now)
    except IntegrityError:  # somebody else made it at this moment
        return User.objects.get(email=address), ""


def _create_account(workspace_id: int, address: str, *, actor: Actor, now: datetime) -> tuple[User, str]:
    """An account with a first password of 128 random bits."""
    password = secrets.token_urlsafe(16)
    user = create_user(address, password=password, now=now)
    user.has_first_password = True
    user.save(update_fields=["has_first_password"])
    record_audit(
        workspace_id,
        actor=actor,
        action="created",
        subject="user",
        subject_id=user.pk,
        detail={"email": address},
        now=now,
    )
    return user, password


def accept_invitation(user: User, code: str, *, now: datetime) -> Membership:
    """Become a member of the workspace whose invitation this code opens. Raises NoInvitation. Opens its own scopes."""
    with tenancy.scope(user_id=user.pk):
        waiting = Membership.objects.filter(user=user, invitation=crypto.digest(code))
        membership = waiting.select_related("workspace").first()
    if membership is None:
        raise NoInvitation(_("No invitation with this code waits for you."), hint=_("Ask for a new link."))
    with tenancy.scope(workspace_id=membership.workspace_id, user_id=user.pk):
        Membership.objects.filter(pk=membership.pk).update(invitation=None)
        role, actor = Role(membership.role), Actor(user.email, user_id=user.pk)
        _record_member(membership.workspace_id, user, role, action="joined", actor=actor, now=now)
    return membership


def decline_invitation(user: User, workspace_id: int, *, now: datetime) -> None:
    """Take back what waits for the user in a workspace, if anything does. Opens its own scope."""
    with tenancy.scope(workspace_id=workspace_id, user_id=user.pk):
        waiting = Membership.objects.filter(user=user, workspace_id=workspace_id, invitation__isnull=False)
        found = waiting.first()
        if found is not None:
            found.delete()
            role, actor = Role(found.role), Actor(user.email, user_id=user.pk)
            _record_member(workspace_id, user, role, action="declined", actor=actor, now=now)


def record_own_change(
    user: User, *, action: str, subject: str, detail: Mapping[str, Any] | None = None, now: datetime
) -> None:
    """Note what a user changed about their own account (profile, password, second factor) in the trail of every workspace that
    they work in. Opens its own scopes."""
    actor = Actor(user.email, user_id=user.pk)
    for workspace in workspaces_of(user):
        with tenancy.scope(workspace_id=workspace.pk, user_id=user.pk):
            record_audit(
                workspace.pk,
                actor=actor,
                action=action,
                subject=subject,
                subject_id=user.pk,
                detail=detail,
                now=now,
            )


def change_profile(user: User, changes: Mapping[str, Any], *, now: datetime) -> User:
    """Change how Parcours speaks to a user (name, language, time_zone). Opens its own scopes."""
    for field, value in changes.items():
        setattr(user, field, value)
    if changes:
        with transaction.atomic():
            user.save(update_fields=list(changes))
            record_own_change(
                user, action="changed", subject="profile", detail={"fields": sorted(changes)}, now=now
            )
    return user


def create_user(
    email: str, *, password: str | None, name: str = "", language: str = "", now: datetime
) -> User:
    """Make a user who may sign in; without a password, by a reset link only."""
    return User.objects.create_user(email, password, name=name, language=language, date_joined=now)


def set_member(workspace_id: int, user: User, role: Role, *, actor: Actor, now: datetime) -> Membership:
    """Add a member, or give one another role. Raises LastOwner when nobody would own the workspace any more."""
    if role is not Role.OWNER:
        _keep_an_owner(workspace_id, user.pk)
    membership, created = Membership.objects.update_or_create(
        workspace_id=workspace_id, user=user, defaults={"role": role.value}
    )
    _record_member(workspace_id, user, role, action="added" if created else "changed", actor=actor, now=now)
    return membership


def _record_member(
    workspace_id: int, user: User, role: Role, *, action: str, actor: Actor, now: datetime
) -> None:
    record_audit(
        workspace_id,
        actor=actor,
        action=action,
        subject="member",
        subject_id=user.pk,
        detail={"email": user.email, "role": role.value},
        now=now,
    )


def remove_member(workspace_id: int, user: User, *, actor: Actor, now: datetime) -> None:
    """Take a member's access away, at once."""
    _keep_an_owner(workspace_id, user.pk)
    Membership.objects.filter(workspace_id=workspace_id, user=user).delete()
    record_audit(
        workspace_id,
        actor=actor,
        action="removed",
        subject="member",
        subject_id=user.pk,
        detail={"email": user.email},
        now=now,
    )


def renew_password(workspace_id: int, user: User, *, actor: Actor, now: datetime) -> str:
    """Give a member who cannot sign in any more a new first password; returns it. Their sessions end, a second factor stays.

    Raises WorksElsewhere when they also belong to a workspace that the actor does not own: with the password of an account one
    comes into all of its workspaces. Raises NotFound for somebody who has not accepted an invitation yet.
    """
    with tenancy.scope(user_id=actor.user_id):
        owned = Membership.objects.filter(user_id=actor.user_id or 0, role=Role.OWNER.value, invitation=None)
        mine = set(owned.values_list("workspace_id", flat=True))
    theirs = {workspace.pk for workspace in workspaces_of(user)}
    if workspace_id not in theirs:
        raise NotFound(_("There is no such member."))  # invited, perhaps: that gives no power over an account
    if theirs - mine:
        raise WorksElsewhere(
            _("%(email)s also works in a workspace that you do not own.") % {"email": user.email},
            hint=_("They choose a new password themselves: “Password forgotten?” on the page to sign in."),
        )
    password = secrets.token_urlsafe(16)
    user.set_password(password)
    user.has_first_password = True
    user.save(update_fields=["password", "has_first_password"])
    record_audit(
        workspace_id,
        actor=actor,
        action="renewed",
        subject="password",
        subject_id=user.pk,
        detail={"email": user.email},
        now=now,
    )
    return password


def _keep_an_owner(workspace_id: int, user_id: int) -> None:
    """Lock the owners, so that two of them cannot leave at the same moment."""
    owners = list(
        Membership.objects.select_for_update()
        .filter(workspace_id=workspace_id, role=Role.OWNER.value, invitation=None)
        .values_list("user_id", flat=True)
    )
    if owners == [user_id]:
        raise LastOwner(_("A workspace needs an owner."), field="role", hint=_("Name another owner first."))


def create_key(
    workspace_id: int, kind: KeyKind, name: str, *, actor: Actor, now: datetime, secret: str | None = None
) -> NewKey:
    """Make a key of 192 random bits (or with the given secret, for a demo that keeps its keys)."""
    secret = secret or f"{'wk' if kind is KeyKind.WRITE else 'ak'}_{secrets.token_urlsafe(24)}"
    key = Key.objects.create(
        workspace_id=workspace_id,
        kind=kind.value,
        name=name,
        hint=secret[:7] + "…",
        digest=crypto.digest(secret),
        created_at=now,
    )
    record_audit(
        workspace_id,
        actor=actor,
        action="created",
        subject="key",
        subject_id=key.pk,
        detail={"kind": kind.value, "name": name},
        now=now,
    )
    return NewKey(key, secret)


def revoke_key(workspace_id: int, key_id: str, *, actor: Actor, now: datetime) -> None:
    """Make a key useless from now on."""
    changed = Key.objects.filter(workspace_id=workspace_id, pk=key_id, revoked_at=None).update(revoked_at=now)
    if not changed:
        raise NotFound(_("There is no such key."))
    record_audit(workspace_id, actor=actor, action="revoked", subject="key", subject_id=key_id, now=now)
