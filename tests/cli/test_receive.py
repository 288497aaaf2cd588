"""`parcours receive`, as a mail server's pipe calls it: statuses of sysexits.h, and one loop through a process of its own."""

import argparse
import io
import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from psycopg.conninfo import make_conninfo

from parcours.accounts.models import Workspace
from parcours.cli import receive
from parcours.consent.queries import is_suppressed
from parcours.consent.types import Act, Channel
from parcours.delivery import actions
from parcours.kernel import tenancy
from tests.architecture.test_rooms import ROOT
from tests.delivery import mails
from tests.delivery.mails import delivery_report, note
from tests.delivery.post import post_of
from tests.delivery.stories import Shop, codes, message


def given(monkeypatch: pytest.MonkeyPatch, raw: bytes, recipient: str = "", *, as_json: bool = False) -> int:
    """Run the command in this process, with a mail on its standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    return receive.run(argparse.Namespace(recipient=recipient, json=as_json))


@pytest.fixture
def back(in_workspace: Workspace, now: datetime) -> str:
    """The return path of a message that was sent to Julie."""
    shop = Shop.open(in_workspace, now)
    sent = shop.queue(shop.mailing("order_information"), shop.person("Julie"))
    actions.deliver_nowhere(shop.id, now=now)
    return mails.return_path(shop.id, sent)


def test_mail_that_is_dealt_with(
    back: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert given(monkeypatch, delivery_report(back), back, as_json=True) == os.EX_OK
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["class"], told["suppressed"]) == ("bounced", "no_such_address", True)
    assert given(monkeypatch, delivery_report(back)) == os.EX_OK
    assert "repeated=True" in capsys.readouterr().out


def test_statuses_of_refusals(
    back: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert given(monkeypatch, note("x"), "bounce+nonsense@bounce.shop.example") == os.EX_NOUSER
    assert given(monkeypatch, b"Subject: x\n\n" + b"x" * 10_000_000, back) == os.EX_DATAERR
    assert given(monkeypatch, note(back, "Content-Type: multipart/report"), back) == os.EX_DATAERR
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("parcours receive: ") == 3


def test_mail_waits_with_the_mail_server_while_the_database_is_away(
    back: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(receive, "receive", away)
    assert given(monkeypatch, note(back), back) == os.EX_TEMPFAIL
    assert "gone" not in capsys.readouterr().err.splitlines()[-1]


def test_message_leaves_comes_back_through_the_pipe_and_the_next_is_withheld(
    transactional_db: None, workspace: Workspace, tmp_path: Path, now: datetime
) -> None:
    with post_of(workspace, tmp_path, now) as post:
        with tenancy.scope(workspace_id=workspace.pk):
            julie = post.shop.person("Julie")
            post.shop.says(julie, "promotions", Act.GRANTED)
            post.shop.queue(post.shop.mailing("promotions"), julie)
        post.send()
        [left] = post.sink.ledger.messages
        told = subprocess.run(
            [sys.executable, "-m", "parcours.cli.main", "receive", "--json", left.sender],
            input=delivery_report(left.sender),
            capture_output=True,
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": make_conninfo(
                    os.environ["DATABASE_URL"], dbname=str(connection.settings_dict["NAME"])
                ),
                "PARCOURS_SECRET_KEY": settings.SECRET_KEY,
            },
            check=True,
            timeout=60,
        )
        assert json.loads(told.stdout)["suppressed"]
        post.later(days=1)
        with tenancy.scope(workspace_id=workspace.pk):
            assert is_suppressed(workspace.pk, Channel.EMAIL, "julie@example.com")
            again = post.shop.queue(post.shop.mailing("promotions"), julie, at=post.now)
        post.send()
        with tenancy.scope(workspace_id=workspace.pk):
            assert (message(again).state, codes(again)) == ("withheld", ["suppressed"])
        assert len(post.sink.ledger.messages) == 1
