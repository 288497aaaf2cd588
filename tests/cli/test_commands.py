"""Operators' commands: what they answer, and what they refuse."""

import argparse
import json
from dataclasses import replace
from datetime import datetime

import pytest
from pytest_django import Settings

from config.environment import read_environment
from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, Role
from parcours.cli import doctor, main, migrate, postgresql, workspaces
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


@pytest.mark.parametrize("command", ["web", "worker"])
def test_processes_refuse_to_start_without_a_secret(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each would make up its own, and none could read what another has signed or sealed."""
    monkeypatch.delenv("PARCOURS_SECRET_KEY")
    monkeypatch.setattr(main, "import_module", lambda _: pytest.fail("it went on"))
    assert main.main([command]) == 1
    assert "PARCOURS_SECRET_KEY is not set" in capsys.readouterr().err


def test_doctor_looks_for_the_secret(settings: Settings) -> None:
    assert doctor.secret_key().well
    for bad in ("", "short"):
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, secret_key=bad)
        assert not doctor.secret_key().well


def test_missing_secret_is_not_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARCOURS_SECRET_KEY")
    assert read_environment().secret_key == ""
