"""`parcours receive`, as a mail server's pipe calls it: statuses of sysexits.h, and one loop through a process of its own."""

import argparse
import http.client
import io
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from psycopg.conninfo import make_conninfo

from develop.giveback import to_product
from parcours.accounts.models import Workspace
from parcours.cli import receive
from parcours.consent.queries import is_suppressed
from parcours.consent.types import Act, Channel
from parcours.delivery import actions
from parcours.kernel import tenancy
from tests.delivery import mails
from tests.delivery.mails import delivery_report, note
from tests.delivery.post import Post, post_of
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


@pytest.fixture
def product(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that this one starts use the test's database and keys."""
    url = make_conninfo(os.environ["DATABASE_URL"], dbname=str(connection.settings_dict["NAME"]))
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("PARCOURS_SECRET_KEY", settings.SECRET_KEY)


def press(post: Post, act: str) -> dict[str, Any]:
    """What the inbox page does when a button under the newest message is pressed."""
    number = len(post.sink.ledger.messages)
    inbox = http.client.HTTPConnection("127.0.0.1", post.sink.http_port, timeout=60)
    try:
        inbox.request("POST", f"/messages/{number}/{act}", headers={"Origin": post.sink.inbox_url})
        answer: dict[str, Any] = json.loads(inbox.getresponse().read())
        return answer
    finally:
        inbox.close()


def test_message_leaves_comes_back_through_the_pipe_and_the_next_is_withheld(
    product: None, workspace: Workspace, tmp_path: Path, now: datetime
) -> None:
    """The loop of the demo's inbox page: unsubscribing by mail, a full mailbox, an address that is gone."""
    with post_of(workspace, tmp_path, now, give_back=to_product) as post:
        with tenancy.scope(workspace_id=workspace.pk):
            julie = post.shop.person("Julie")
            for purpose in ("promotions", "newsletter"):
                post.shop.says(julie, purpose, Act.GRANTED)
            post.shop.queue(post.shop.mailing("promotions"), julie)
        post.send()
        assert json.loads(press(post, "unsubscribe")["output"])["kind"] == "unsubscribed"
        assert json.loads(press(post, "full")["output"])["suppressed"] is False
        assert json.loads(press(post, "bounce")["output"])["suppressed"] is True
        post.later(days=1)
        with tenancy.scope(workspace_id=workspace.pk):
            assert is_suppressed(workspace.pk, Channel.EMAIL, "julie@example.com")
            offer = post.shop.queue(post.shop.mailing("promotions"), julie, at=post.now)
            letter = post.shop.queue(post.shop.mailing("newsletter"), julie, at=post.now)
        post.send()
        with tenancy.scope(workspace_id=workspace.pk):
            assert (message(offer).state, codes(offer)) == ("withheld", ["suppressed", "consent_withdrawn"])
            assert (message(letter).state, codes(letter)) == ("withheld", ["suppressed"])
        assert len(post.sink.ledger.messages) == 1
