"""Operators' commands: what they answer, and what they refuse."""

import argparse
import json
from datetime import datetime

import pytest

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, Role
from parcours.cli import migrate, postgresql, workspaces
from parcours.kernel import tenancy


def test_workspaces_are_listed_with_their_owners(
    workspace: Workspace, other_workspace: Workspace, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.invite(workspace.pk, "alice@example.com", Role.OWNER, actor=SYSTEM, now=now)
        accounts.invite(workspace.pk, "bob@example.com", Role.EDITOR, actor=SYSTEM, now=now)
    workspaces.run(argparse.Namespace(json=True))
    assert json.loads(capsys.readouterr().out) == [
        {"slug": "shop", "name": "La Boutique", "owners": ["alice@example.com"]},
        {"slug": "other", "name": "Other Shop", "owners": []},
    ]


@pytest.mark.django_db
def test_old_postgresql_is_refused_before_anything_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert postgresql.version() >= postgresql.OLDEST
    monkeypatch.setattr(postgresql, "version", lambda: 16)
    monkeypatch.setattr(migrate, "call_command", lambda *_, **__: pytest.fail("it migrated"))
    with pytest.raises(postgresql.PostgresqlTooOld, match=r"PostgreSQL 16; Parcours needs 17 or newer"):
        migrate.run(argparse.Namespace())
