"""Members, keys and the trail, as an owner (Alice), a colleague (Bob) and an outsider (Charlie) meet them."""

from concurrent.futures import ThreadPoolExecutor, TimeoutError
from datetime import datetime

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from parcours.accounts import actions, queries
from parcours.accounts.errors import BadKey, LastOwner, SlugTaken
from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM, KeyKind, Role
from parcours.kernel import tenancy


def test_member_sees_own_workspace_and_outsider_does_not(workspace: Workspace, now: datetime) -> None:
    alice = actions.create_user("alice@example.com", password=None, now=now)
    charlie = actions.create_user("charlie@example.com", password=None, now=now)
    with tenancy.scope(workspace_id=workspace.id):
        actions.set_member(workspace.id, alice, Role.OWNER, actor=SYSTEM, now=now)
    assert queries.workspaces_of(alice) == [workspace]
    assert queries.workspaces_of(charlie) == []


def test_last_owner_cannot_leave(in_workspace: Workspace, now: datetime) -> None:
    alice = actions.create_user("alice@example.com", password=None, now=now)
    bob = actions.create_user("bob@example.com", password=None, now=now)
    actions.set_member(in_workspace.id, alice, Role.OWNER, actor=SYSTEM, now=now)
    actions.set_member(in_workspace.id, bob, Role.EDITOR, actor=SYSTEM, now=now)
    with pytest.raises(LastOwner):
        actions.remove_member(in_workspace.id, alice, actor=SYSTEM, now=now)
    actions.set_member(in_workspace.id, bob, Role.OWNER, actor=SYSTEM, now=now)
    actions.remove_member(in_workspace.id, alice, actor=SYSTEM, now=now)
    assert [member.user.email for member in queries.members(in_workspace.id)] == ["bob@example.com"]


def test_owners_come_first_among_members(in_workspace: Workspace, now: datetime) -> None:
    for name, role in (
        ("a", Role.VIEWER),
        ("b", Role.ANALYST),
        ("c", Role.OWNER),
        ("d", Role.EDITOR),
        ("e", Role.OWNER),
    ):
        user = actions.create_user(f"{name}@example.com", password=None, now=now)
        actions.set_member(in_workspace.id, user, role, actor=SYSTEM, now=now)
    assert [each.user.email[0] for each in queries.members(in_workspace.id)] == ["c", "e", "d", "b", "a"]


@pytest.mark.django_db(transaction=True)
def test_two_owners_invite_one_new_colleague_at_once(
    transactional_db: None, workspace: Workspace, now: datetime
) -> None:
    def invite(role: Role) -> actions.Invited:
        return actions.invite(workspace.id, "new@example.com", role, actor=SYSTEM, now=now)

    def other() -> actions.Invited:
        try:
            with tenancy.scope(workspace_id=workspace.id):
                return invite(Role.EDITOR)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with tenancy.scope(workspace_id=workspace.id):
            first = invite(Role.VIEWER)
            waiting = pool.submit(other)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)  # it waits for us
        second = waiting.result(10)
    assert (bool(first.password), second.password, second.code) == (True, "", "")
    with tenancy.scope(workspace_id=workspace.id):
        assert [(each.user.email, each.role) for each in queries.members(workspace.id)] == [
            ("new@example.com", "editor")
        ]


def test_key_opens_its_workspace_until_revoked(workspace: Workspace, now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace.id):
        made = actions.create_key(workspace.id, KeyKind.API, "till", actor=SYSTEM, now=now)
    assert queries.workspace_of_key(made.secret, KeyKind.API).workspace_id == workspace.id
    with pytest.raises(BadKey):
        queries.workspace_of_key(made.secret, KeyKind.WRITE)
    with tenancy.scope(workspace_id=workspace.id):
        actions.revoke_key(workspace.id, str(made.key.pk), actor=SYSTEM, now=now)
    with pytest.raises(BadKey):
        queries.workspace_of_key(made.secret, KeyKind.API)


def test_trail_names_who_and_what_and_cannot_be_changed(in_workspace: Workspace, now: datetime) -> None:
    actions.change_workspace(in_workspace, {"name": "Nouvelle"}, actor=SYSTEM, now=now)
    newest = queries.audit_trail(in_workspace.id).first()
    assert newest is not None
    assert newest.detail == {"from": {"name": "La Boutique"}, "to": {"name": "Nouvelle"}}
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        AuditEntry.objects.all().delete()


def test_slug_taken_says_so(workspace: Workspace, now: datetime) -> None:
    with pytest.raises(SlugTaken):
        actions.create_workspace("shop", name="Again", now=now)


def test_scope_ends_where_it_ends(workspace: Workspace, other_workspace: Workspace) -> None:
    with tenancy.scope(workspace_id=workspace.id):
        with tenancy.scope(workspace_id=other_workspace.id):
            assert set(AuditEntry.objects.values_list("workspace_id", flat=True)) == {other_workspace.id}
        assert set(AuditEntry.objects.values_list("workspace_id", flat=True)) == {workspace.id}


def test_row_of_another_workspace_is_refused(
    workspace: Workspace, other_workspace: Workspace, now: datetime
) -> None:
    with (
        tenancy.scope(workspace_id=workspace.id),
        pytest.raises(ProgrammingError, match="row-level security"),
    ):
        with transaction.atomic():
            actions.record_audit(other_workspace.id, actor=SYSTEM, action="x", subject="y", now=now)


def test_email_in_another_case_is_the_same_user(db: None, now: datetime) -> None:
    actions.create_user("alice@example.com", password=None, now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        actions.create_user("Alice@Example.com", password=None, now=now)
    assert connection.needs_rollback is False
