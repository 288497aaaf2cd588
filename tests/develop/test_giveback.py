"""The inbox page hands a captured message back: real mails, only from its own page, and nothing without a product."""

import http.client
import json
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from develop import mailsink
from develop.giveback import Answer
from develop.mailsink import MailSink
from parcours.delivery import incoming, reports
from parcours.delivery.replies import ReplyClass
from parcours.delivery.types import ReturnKind

RETURN_PATH = "bounce+" + "A" * 56 + "@bounce.shop.example"
LEAVING = "unsub+" + "B" * 56 + "@bounce.shop.example"
LETTER = (
    f"Subject: Hello\r\nList-Unsubscribe: <https://x.example/u/1>,\r\n <mailto:{LEAVING}>\r\n\r\nHi {{}}\r\n"
).encode()
Handed = list[tuple[str, bytes]]


@pytest.fixture
def handed() -> Handed:
    return []


@pytest.fixture
def sink(tmp_path: Path, handed: Handed) -> Iterator[MailSink]:
    async def take(recipient: str, mail: bytes) -> Answer:
        handed.append((recipient, mail))
        return Answer(0, '{"kind": "bounced"}')

    with mailsink.running(tmp_path, give_back=take) as running:
        send(running)
        yield running


def send(sink: MailSink, letter: bytes = LETTER, sender: str = RETURN_PATH) -> None:
    with smtplib.SMTP("127.0.0.1", sink.smtp_port, timeout=10) as client:
        client.sendmail(sender, ["alice@example.org"], letter)


def ask(sink: MailSink, path: str, origin: str | None = "own", method: str = "POST") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", sink.http_port, timeout=10)
    headers = {"Origin": sink.inbox_url if origin == "own" else origin} if origin else {}
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("act", "meaning"), [("bounce", ReplyClass.NO_SUCH_ADDRESS), ("full", ReplyClass.SOFT)]
)
def test_bounce_is_a_delivery_report_to_the_return_path(
    sink: MailSink, handed: Handed, act: str, meaning: ReplyClass
) -> None:
    status, body = ask(sink, f"/messages/1/{act}")
    assert (status, json.loads(body)["status"]) == (200, 0)
    [(recipient, mail)] = handed
    assert recipient == RETURN_PATH
    found = reports.delivery_status(incoming.read(mail))
    assert found is not None
    told = reports.about(found, "alice@example.org")
    assert (told.kind, told.meaning) == (ReturnKind.BOUNCED, meaning)
    assert found[0].addresses == {"alice@example.org"}


def test_complaint_is_a_feedback_report(sink: MailSink, handed: Handed) -> None:
    ask(sink, "/messages/1/complain")
    [(recipient, mail)] = handed
    assert recipient == RETURN_PATH
    parsed = incoming.read(mail)
    told = reports.complaint(parsed)
    assert told is not None
    assert told.kind is ReturnKind.COMPLAINED
    assert RETURN_PATH in reports.traces(parsed)[0]


def test_wish_goes_to_the_address_of_list_unsubscribe(sink: MailSink, handed: Handed) -> None:
    ask(sink, "/messages/1/unsubscribe")
    [(recipient, mail)] = handed
    assert recipient == LEAVING
    assert incoming.read(mail).first("from") == "<alice@example.org>"


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1:1", ""])
def test_only_the_page_itself_may_do_it(sink: MailSink, handed: Handed, origin: str | None) -> None:
    assert ask(sink, "/messages/1/bounce", origin)[0] == 403
    assert handed == []


def test_reading_an_act_does_nothing(sink: MailSink, handed: Handed) -> None:
    assert ask(sink, "/messages/1/bounce", method="GET")[0] == 404
    assert ask(sink, "/messages/1/bounce", method="DELETE")[0] == 405
    assert handed == []


@pytest.mark.parametrize("path", ["/messages/2/bounce", "/messages/1/explode", "/", "/messages/1"])
def test_other_addresses_are_unknown(sink: MailSink, handed: Handed, path: str) -> None:
    assert ask(sink, path)[0] == 404
    assert handed == []


def test_message_without_these_addresses_cannot_be_handed_back(sink: MailSink, handed: Handed) -> None:
    send(sink, b"Subject: x\r\n\r\nx\r\n", sender="")
    for act in ("bounce", "complain", "unsubscribe"):
        assert ask(sink, f"/messages/2/{act}")[0] == 409
    assert handed == []


def test_sink_without_a_product_offers_nothing(tmp_path: Path) -> None:
    with mailsink.running(tmp_path) as sink:
        send(sink)
        assert 'class="acts" hidden' in ask(sink, "/", method="GET")[1]
        assert ask(sink, "/messages/1/bounce")[0] == 409
