"""A mailbox read over IMAP: each mail is taken in, then marked; nothing is lost when something dies in between."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Barrier, Thread
from threading import Event as Flag

import pytest
from django.db import OperationalError, connection
from pytest_django import Settings

from parcours.accounts.models import Workspace
from parcours.cli import doctor
from parcours.consent.models import Record, State
from parcours.consent.queries import is_suppressed
from parcours.consent.types import Act, Channel
from parcours.delivery import mailbox, returns
from parcours.delivery.errors import BadMailbox
from parcours.delivery.incoming import LARGEST
from parcours.delivery.mailbox import mailbox_address, read_mailbox
from parcours.delivery.receiving import receive
from parcours.events.models import Event
from parcours.kernel import clock, tenancy
from parcours.workers import command
from parcours.workers.returns import read_until
from tests.delivery.imap_server import Mailbox, serving
from tests.delivery.mails import delivery_report, note
from tests.delivery.post import Post, post_of

SEEN, FLAGGED = {"\\Seen"}, {"\\Seen", "\\Flagged"}


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with serving(Mailbox()) as opened:
        yield opened


@pytest.fixture
def post(transactional_db: None, workspace: Workspace, tmp_path: Path, now: datetime) -> Iterator[Post]:
    """A shop that has sent Julie and Marc an offer."""
    with post_of(workspace, tmp_path, now) as opened:
        with tenancy.scope(workspace_id=workspace.pk):
            for name in ("Julie", "Marc"):
                person = opened.shop.person(name)
                opened.shop.says(person, "promotions", Act.GRANTED)
                opened.shop.queue(opened.shop.mailing("promotions"), person)
        opened.send()
        yield opened


def return_path(post: Post, name: str) -> str:
    [left] = [each for each in post.sink.ledger.messages if each.to == f"{name}@example.com"]
    return left.sender


def unsubscribing_address(post: Post, name: str) -> str:
    [left] = [each for each in post.arrived if each["To"] == f"{name}@example.com"]
    return str(left["List-Unsubscribe"]).partition("<mailto:")[2].rstrip(">")


def read(box: Mailbox, post: Post) -> int:
    return read_mailbox(mailbox_address(box.url), lambda: post.now)


def closed(post: Post, name: str) -> bool:
    with tenancy.scope(workspace_id=post.shop.id):
        return is_suppressed(post.shop.id, Channel.EMAIL, f"{name}@example.com")


def test_bounce_and_wish_are_taken_in_and_marked(box: Mailbox, post: Post) -> None:
    box.put(delivery_report(return_path(post, "julie")), note(unsubscribing_address(post, "marc")))
    assert read(box, post) == 2
    assert closed(post, "julie")
    assert not closed(post, "marc")
    with tenancy.scope(workspace_id=post.shop.id):
        assert sorted(State.objects.values_list("act", flat=True)) == ["granted", "withdrawn"]
    assert box.flags() == [SEEN, SEEN]
    assert read(box, post) == 0


def test_what_is_not_understood_is_starred_and_the_rest_goes_on(
    box: Mailbox, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    box.put(
        note("bounce+" + "A" * 56 + "@bounce.shop.example"),
        b"",
        b"Subject: large\r\n\r\n" + b"x" * (LARGEST + 5),
        delivery_report(return_path(post, "julie")),
    )
    assert read(box, post) == 4
    assert box.flags() == [FLAGGED, FLAGGED, FLAGGED, SEEN]
    assert closed(post, "julie")
    assert "julie@example.com" not in caplog.text


def test_mail_stays_unread_when_the_database_goes_away(
    box: Mailbox, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.put(delivery_report(return_path(post, "julie")))

    def away(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(returns, "find", away)
        with pytest.raises(OperationalError):
            read(box, post)
    assert box.flags() == [set()]
    assert read(box, post) == 1
    assert closed(post, "julie")


def test_connection_lost_between_commit_and_mark_counts_once(box: Mailbox, post: Post) -> None:
    box.put(delivery_report(return_path(post, "julie")))

    def lose(what: str) -> None:
        if what == "STORE":
            raise ConnectionError

    box.before = lose
    with pytest.raises(mailbox.Failed):
        read(box, post)
    assert closed(post, "julie")
    assert box.flags() == [set()]
    box.before = lambda what: None
    assert read(box, post) == 1
    with tenancy.scope(workspace_id=post.shop.id):
        assert Event.objects.filter(name="Email Bounced").count() == 1


def test_one_mail_that_fails_unexpectedly_does_not_hold_up_the_others(
    box: Mailbox, post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    box.put(note(unsubscribing_address(post, "marc")), delivery_report(return_path(post, "julie")))

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("parcours.delivery.leaving.unsubscribe", fail)
    with caplog.at_level(logging.CRITICAL):
        assert read(box, post) == 1
    assert box.flags() == [set(), SEEN]


@pytest.mark.parametrize("refused", ["LOGIN", "SELECT", "SEARCH", "FETCH", "STORE"])
def test_mailbox_that_refuses_is_an_error_and_nothing_is_marked(
    box: Mailbox, post: Post, refused: str
) -> None:
    box.put(delivery_report(return_path(post, "julie")))
    box.refuse = {refused}
    with pytest.raises(mailbox.Failed):
        read(box, post)
    assert box.flags() == [set()]


def test_worker_reads_until_it_is_told_to_stop(box: Mailbox, post: Post) -> None:
    box.put(delivery_report(return_path(post, "julie")))
    stopping = Flag()

    def stop_after_mark(what: str) -> None:
        if what == "LOGOUT":
            stopping.set()

    box.before = stop_after_mark
    reading = Thread(target=read_until, args=(mailbox_address(box.url), stopping, clock.now))
    reading.start()
    reading.join(20)
    assert not reading.is_alive()
    assert box.flags() == [SEEN]
    assert closed(post, "julie")


def test_worker_waits_for_a_mailbox_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    stopping = Flag()
    address = mailbox_address("imap://user:secret@127.0.0.1:1/INBOX")
    reading = Thread(target=read_until, args=(address, stopping, clock.now))
    reading.start()
    while "The mailbox of returns is away" not in caplog.text:
        assert reading.is_alive()
        reading.join(0.02)
    stopping.set()
    reading.join(20)
    assert not reading.is_alive()
    assert "secret" not in caplog.text


def test_worker_reads_only_where_a_mailbox_is_set(box: Mailbox, settings: Settings) -> None:
    assert [part.name for part in command.parts(None, Flag())] == ["sending", "duties", "webhooks"]
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, returns_url=box.url)
    assert [part.name for part in command.parts(None, Flag())] == ["sending", "duties", "webhooks", "returns"]
    assert [part.name for part in command.parts("returns", Flag())] == ["returns"]
    assert doctor.returns_mailbox().well
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, returns_url=box.url.replace("cret", "x"))
    assert not doctor.returns_mailbox().well


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://user:pass@host/INBOX",
        "imaps://host/INBOX",
        "imaps:///INBOX",
        "imap://user:pass@mail.example/INBOX",
    ],
)
def test_bad_setting_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadMailbox) as refused:
        mailbox_address(url)
    assert "user:pass@" not in refused.value.message


def test_setting_is_read() -> None:
    address = mailbox_address("imaps://a%40b.example:p%2Fw@imap.example/Parcours/Returns")
    assert (address.host, address.port, address.user, address.password) == (
        "imap.example",
        993,
        "a@b.example",
        "p/w",
    )
    assert address.folder == "Parcours/Returns"
    assert "p/w" not in repr(address)
    assert mailbox_address("imap+starttls://u:p@imap.example").folder == "INBOX"


def test_two_workers_that_see_one_mail_take_it_once(post: Post) -> None:
    raw = note(unsubscribing_address(post, "marc"))
    together, seen = Barrier(2), []

    def take() -> None:
        try:
            together.wait(10)
            seen.append(receive(raw, now=post.now).is_repeated)
        finally:
            connection.close()

    workers = [Thread(target=take) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert sorted(seen) == [False, True]
    with tenancy.scope(workspace_id=post.shop.id):
        assert Record.objects.filter(act="withdrawn").count() == 1
