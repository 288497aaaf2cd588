"""Operators' commands: what they answer, and what they refuse."""

import argparse
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from config.environment import read_environment, read_mail_server
from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, Role
from parcours.cli import doctor, main, migrate, postgresql, workspaces
from parcours.cli import workspace as workspace_command
from parcours.kernel import tenancy
from parcours.kernel.errors import Conflict, DomainError, Invalid
from parcours.workers import sending


def test_workspaces_are_listed_with_their_owners(
    workspace: Workspace, other_workspace: Workspace, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.invite(workspace.pk, "alice@example.com", Role.OWNER, actor=SYSTEM, now=now)
        accounts.invite(workspace.pk, "bob@example.com", Role.EDITOR, actor=SYSTEM, now=now)
    workspaces.run(argparse.Namespace(json=True))
    assert json.loads(capsys.readouterr().out) == [
        {"slug": "shop", "name": "La Boutique", "owners": ["alice@example.com"], "is_demo": False},
        {"slug": "other", "name": "Other Shop", "owners": [], "is_demo": False},
    ]


@pytest.mark.django_db
def test_old_postgresql_is_refused_before_anything_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = postgresql.look()
    assert found.version >= postgresql.OLDEST
    assert found.is_migrated
    monkeypatch.setattr(postgresql, "look", lambda: replace(found, version=16))
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


@contextmanager
def fresh_database() -> Iterator[str]:
    """A database of this server in which nothing was ever made; gives its URL."""
    server, name = django_settings.ENVIRONMENT.database_url, f"fresh_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            session.execute(f"DROP DATABASE {name} WITH (FORCE)")


def parcours(url: str, *arguments: str) -> tuple[int, str]:
    """Run a command as an operator does; returns its status and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "parcours.cli.main", *arguments],
        env={**os.environ, "DATABASE_URL": url, "PARCOURS_SECRET_KEY": "0" * 64},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


NEW = (
    "workspace",
    "shop",
    "--name",
    "Shop",
    "--owner",
    "alice@example.com",
    "--from-email",
    "shop@example.com",
)


@pytest.mark.parametrize("command", [("web", "--port", "1"), NEW])
def test_command_on_a_fresh_database_says_that_migrating_comes_first(command: tuple[str, ...]) -> None:
    with fresh_database() as url:
        status, said = parcours(url, *command)
    assert status == 1
    assert "Run `parcours migrate` first." in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", [("migrate",), NEW])
def test_command_without_a_database_says_so_in_a_line(command: tuple[str, ...]) -> None:
    with socket.socket() as nothing:
        nothing.bind(("127.0.0.1", 0))
        nothing_here = nothing.getsockname()[1]
        status, said = parcours(f"postgresql://127.0.0.1:{nothing_here}/parcours", *command)
    assert status == 1
    assert "The database cannot be reached" in said
    assert f"port {nothing_here} failed: Connection refused" in said
    assert "Check DATABASE_URL" in said
    assert "Traceback" not in said


def test_command_that_is_interrupted_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(options: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    for name in ("DJANGO_SETTINGS_MODULE", "PARCOURS_DATABASE_ROLE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # `run` sets them
    monkeypatch.setattr(workspaces, "run", interrupted)
    assert main.run("workspaces", []) == 130


def test_doctor_goes_on_without_a_database_and_before_the_first_migration() -> None:
    with socket.socket() as nothing:
        nothing.bind(("127.0.0.1", 0))
        status, said = parcours(
            f"postgresql://127.0.0.1:{nothing.getsockname()[1]}/parcours", "doctor", "--offline", "--json"
        )
    found = {one["check"]: one for one in json.loads(said)}
    assert status == 1
    assert not found["database"]["well"]
    assert "mail server" in found
    with fresh_database() as url:
        status, said = parcours(url, "doctor", "--offline", "--json")
    found = {one["check"]: one for one in json.loads(said)}
    assert status == 1
    assert (found["tables"]["well"], found["tables"]["mend"]) == (False, "Run `parcours migrate`.")
    assert "database role" not in found


@pytest.mark.django_db
def test_error_of_a_sound_database_is_not_explained_away() -> None:
    def fail(options: argparse.Namespace) -> int:
        with tenancy.scope():
            return Workspace.objects.create(slug="x", name="x", language="xx").pk

    broken = type(sys)("broken")
    vars(broken)["run"] = fail
    with pytest.raises(Exception, match=r"null value|violates"):
        main.perform(broken, argparse.Namespace())


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtp://mail.example", 25, "none"),
        ("smtp+starttls://ada:s%40cret@mail.example", 587, "starttls"),
        ("smtps://ada:s%40cret@mail.example", 465, "tls"),
        ("smtps://mail.example:2465", 2465, "tls"),
    ],
)
def test_mail_server_is_read_in_one_place(url: str, port: int, security: str, settings: Settings) -> None:
    server = read_mail_server(url)
    assert server is not None
    assert (server.host, server.port, server.security) == ("mail.example", port, security)
    assert "cret" not in repr(server)
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail_server=server)
    reached = sending.mail_server()
    assert (reached.host, reached.port, reached.security) == ("mail.example", port, security)
    assert (reached.user, reached.password) == (("ada", "s@cret") if "@" in url else ("", ""))


def test_doctor_asks_the_mail_server_at_its_usual_port(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def connect(address: tuple[str, int], timeout: float) -> None:
        asked.append(address)
        raise OSError("not today")

    monkeypatch.setattr(socket, "create_connection", connect)
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail_server=read_mail_server("smtps://mail.example"))
    assert not doctor.mail_server().well
    assert asked == [("mail.example", 465)]


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "smtp://mail.example:99999", ""])
def test_what_is_no_mail_server_is_said_by_whoever_needs_one(url: str, settings: Settings) -> None:
    assert read_mail_server(url) is None
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail_server=None)
    assert not doctor.mail_server().well
    with pytest.raises(Invalid, match="PARCOURS_SMTP_URL is not a mail server"):
        sending.mail_server()


def asked(**changes: str) -> argparse.Namespace:
    given = {"slug": "new", "name": "New", "owner": "alice@example.com", "from_email": "new@example.com"}
    return argparse.Namespace(**{**given, "language": "fr", "json": True, **changes})


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"from_email": "new@"},
        {"from_email": "not an address"},
        {"owner": "bob"},
        {"slug": "My Shop"},
        {"slug": "s" * 51},
        {"slug": ""},
    ],
)
def test_workspace_is_made_whole_or_not_at_all(
    wrong: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DomainError):
        workspace_command.run(asked(**wrong))
    workspaces.run(argparse.Namespace(json=True))
    assert json.loads(capsys.readouterr().out) == []
    workspace_command.run(asked())
    assert json.loads(capsys.readouterr().out)["password"]
    with pytest.raises(Conflict):
        workspace_command.run(asked())
