"""The mail sink over real sockets: the protocol, scripted faults, what survives a crash, what readers get."""

import http.client
import json
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from develop import mailsink
from develop.mailsink import MailSink
from develop.smtp import AnswerThenDrop, Delay, Drop, Fault, Refuse, Stage, StoreThenDrop

ROOT = Path(__file__).resolve().parents[2]
LETTER = b"From: shop@example.org\r\nTo: alice@example.org\r\nSubject: Hello\r\nMessage-ID: <1@example.org>\r\n\r\nHi.\r\n"


class Wire:
    """A client that says exactly what it is told to say."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")

    def say(self, content: bytes) -> None:
        self.socket.sendall(content)

    def hear(self) -> str:
        """Return one answer, its lines joined."""
        lines = []
        while line := self.file.readline().decode().rstrip():
            lines.append(line)
            if line[3:4] == " ":
                break
        return "\n".join(lines)

    def ask(self, command: bytes) -> str:
        self.say(command + b"\r\n")
        return self.hear()

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@contextmanager
def wire(sink: MailSink) -> Iterator[Wire]:
    """A connection after greeting and EHLO."""
    client = Wire(sink.smtp_port)
    try:
        assert client.hear().startswith("220 ")
        assert client.ask(b"EHLO client.example.org").startswith("250-")
        yield client
    finally:
        client.close()


def envelope(client: Wire, recipient: str = "alice@example.org") -> None:
    assert client.ask(b"MAIL FROM:<shop@example.org>").startswith("250")
    assert client.ask(f"RCPT TO:<{recipient}>".encode()).startswith("250")
    assert client.ask(b"DATA").startswith("354")


def send(sink: MailSink, letter: bytes = LETTER, to: str = "alice@example.org") -> None:
    with smtplib.SMTP("127.0.0.1", sink.smtp_port, timeout=10) as client:
        client.sendmail("shop@example.org", [to], letter)


def get(
    sink: MailSink, path: str, headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", sink.http_port, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def listed(sink: MailSink, query: str = "") -> list[dict[str, Any]]:
    status, body, _ = get(sink, f"/messages{query}")
    assert status == 200
    answer: list[dict[str, Any]] = json.loads(body)
    return answer


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    with mailsink.running(tmp_path) as running:
        yield running


@contextmanager
def faulty(directory: Path, name: str, fault: Fault) -> Iterator[MailSink]:
    """A sink that commits one fault, the first time that it reaches a stage."""
    faults = [fault]

    def decide(stage: Stage) -> Fault | None:
        return faults.pop() if stage.name == name and faults else None

    with mailsink.running(directory, decide) as running:
        yield running


# The protocol


def test_message_is_kept_as_it_was_sent(sink: MailSink) -> None:
    send(sink)
    (message,) = listed(sink)
    assert message["raw"] == LETTER.decode()
    assert (message["id"], message["to"], message["from"]) == (1, "alice@example.org", "shop@example.org")
    assert (message["subject"], message["message_id"]) == ("Hello", "<1@example.org>")
    assert message["received_at"].endswith("+00:00")


def test_extensions_are_announced(sink: MailSink) -> None:
    with smtplib.SMTP("127.0.0.1", sink.smtp_port, timeout=10) as client:
        client.ehlo()
        assert {"pipelining", "8bitmime", "smtputf8", "size"} <= set(client.esmtp_features)


def test_pipelined_commands_are_answered_in_order(sink: MailSink) -> None:
    with wire(sink) as client:
        client.say(b"MAIL FROM:<s@example.org>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<nowhere>\r\nDATA\r\n")
        assert [client.hear()[:3] for _ in range(4)] == ["250", "250", "501", "354"]
        client.say(LETTER + b".\r\nMAIL FROM:<s@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
        assert [client.hear()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
        client.say(LETTER + b".\r\nNOOP\r\nQUIT\r\n")
        assert [client.hear()[:3] for _ in range(3)] == ["250", "250", "221"]
        assert client.file.read() == b""
    assert [message["to"] for message in listed(sink)] == ["b@example.org", "a@example.org"]


def test_message_that_comes_byte_by_byte_is_kept(sink: MailSink) -> None:
    with wire(sink) as client:
        envelope(client)
        for position in range(len(LETTER)):
            client.say(LETTER[position : position + 1])
        client.say(b".\r")
        client.say(b"\n")
        assert client.hear().startswith("250")
    assert listed(sink)[0]["raw"] == LETTER.decode()


def test_transparency_dots_are_removed(sink: MailSink) -> None:
    with wire(sink) as client:
        envelope(client)
        client.say(b"..first\r\n\r\n..\r\n...three\r\nend..\r\n.\r\n")
        assert client.hear().startswith("250")
    assert listed(sink)[0]["raw"] == ".first\r\n\r\n.\r\n..three\r\nend..\r\n"


def test_empty_message_is_kept(sink: MailSink) -> None:
    with wire(sink) as client:
        envelope(client)
        client.say(b".\r\n")
        assert client.hear().startswith("250")
    assert listed(sink)[0]["raw"] == ""


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r"])
def test_smuggled_message_is_refused(sink: MailSink, end: bytes) -> None:
    smuggled = (
        b"MAIL FROM:<boss@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: Pay\r\n\r\nNow.\r\n"
    )
    with wire(sink) as client:
        envelope(client)
        client.say(b"Subject: One\r\n\r\nHello" + end + smuggled + b".\r\n")
        assert client.hear().startswith("550 5.6.11")
        assert client.ask(b"NOOP").startswith("250")
    assert listed(sink) == []


def test_command_with_a_bare_line_feed_is_refused(sink: MailSink) -> None:
    with wire(sink) as client:
        assert client.ask(b"MAIL FROM:<s@example.org>\nRCPT TO:<a@example.org>").startswith("500")
        assert client.ask(b"RCPT TO:<a@example.org>").startswith("503")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (b"MAIL FROM:shop@example.org", "501"),
        (b"MAIL FROM:<shop@example.org> FUTURE=1", "555"),
        (b"MAIL FROM:<shop@example.org> SIZE=99999999999", "552"),
        ("MAIL FROM:<élodie@example.org>".encode(), "553"),
        ("MAIL FROM:<élodie@example.org> SMTPUTF8".encode(), "250"),
        (b"MAIL FROM:<> SIZE=1000 BODY=8BITMIME", "250"),
        (b'mail from:<"a b>"@example.org>', "250"),
        (b"RCPT TO:<alice@example.org>", "503"),
        (b"DATA", "503"),
        (b"VRFY alice", "252"),
        (b"RSET", "250"),
        (b"AUTH PLAIN", "500"),
        (b"\xff\xfe", "500"),
        (b"X" * 3000, "500"),
    ],
)
def test_command_gets_its_code(sink: MailSink, command: bytes, code: str) -> None:
    with wire(sink) as client:
        assert client.ask(command)[:3] == code


def test_bytes_that_are_not_utf8_survive(sink: MailSink) -> None:
    letter = b"Subject: Caf\xe9\r\n\r\n\xff\xfe \xc3\xa9\r\n"
    send(sink, letter)
    assert listed(sink)[0]["raw"].encode("utf-8", "surrogateescape") == letter
    assert get(sink, "/messages/1/raw")[1] == letter


def test_encoded_and_folded_subject_is_readable(sink: MailSink) -> None:
    send(sink, b"Subject: =?utf-8?q?Caf=C3=A9?=\r\n =?utf-8?q?_cr=C3=A8me?=\r\n\r\nx\r\n")
    send(sink, b"Subject: =?nowhere?q?a?=\r\n\r\nx\r\n")
    assert [message["subject"] for message in listed(sink)] == ["=?nowhere?q?a?=", "Café crème"]


# Faults that tests script


def test_refusal_of_a_recipient_is_told_and_the_next_one_is_taken(tmp_path: Path) -> None:
    with faulty(tmp_path, "rcpt", Refuse(550, "5.1.1 Nobody here")) as sink, wire(sink) as client:
        client.ask(b"MAIL FROM:<s@example.org>")
        assert client.ask(b"RCPT TO:<gone@example.org>") == "550 5.1.1 Nobody here"
        assert client.ask(b"RCPT TO:<alice@example.org>").startswith("250")


def test_refused_message_is_not_stored(tmp_path: Path) -> None:
    with faulty(tmp_path, "message", Refuse(451, "4.3.0 Later")) as sink, wire(sink) as client:
        envelope(client)
        client.say(LETTER + b".\r\n")
        assert client.hear() == "451 4.3.0 Later"
        assert listed(sink) == []
        envelope(client)


def test_service_that_closes_says_so(tmp_path: Path) -> None:
    with faulty(tmp_path, "connect", Refuse(421, "4.3.2 Closing")) as sink:
        client = Wire(sink.smtp_port)
        assert client.hear() == "421 4.3.2 Closing"
        assert client.file.read() == b""
        client.close()


@pytest.mark.parametrize(("fault", "stored"), [(Drop(), 0), (StoreThenDrop(), 1)])
def test_lost_answer_leaves_the_sender_in_doubt(tmp_path: Path, fault: Fault, stored: int) -> None:
    with faulty(tmp_path, "message", fault) as sink, wire(sink) as client:
        envelope(client)
        client.say(LETTER + b".\r\n")
        with pytest.raises(ConnectionResetError):
            client.hear()
        assert len(listed(sink)) == stored


def test_connection_lost_after_the_answer_has_stored_the_message(tmp_path: Path) -> None:
    with faulty(tmp_path, "message", AnswerThenDrop()) as sink, wire(sink) as client:
        envelope(client)
        client.say(LETTER + b".\r\n")
        assert client.hear().startswith("250")
        assert len(listed(sink)) == 1


def test_delayed_answer_comes(tmp_path: Path) -> None:
    with faulty(tmp_path, "mail", Delay(0.3)) as sink, wire(sink) as client:
        started = time.monotonic()
        assert client.ask(b"MAIL FROM:<s@example.org>").startswith("250")
        assert time.monotonic() - started >= 0.3


def test_decider_sees_the_envelope(tmp_path: Path) -> None:
    seen: list[Stage] = []
    with mailsink.running(tmp_path, seen.append) as sink:
        send(sink)
    assert [stage.name for stage in seen] == ["connect", "hello", "mail", "rcpt", "data", "message", "quit"]
    assert seen[5] == Stage("message", 1, "shop@example.org", ("alice@example.org",), message=LETTER)


# The ledger


def test_acknowledged_messages_survive_kill_9(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "develop.mailsink", "--data", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline().split(",")[0].rpartition(":")[2])

    def send_until_it_dies(number: int) -> int:
        acknowledged = 0
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
                while True:
                    client.sendmail("shop@example.org", [f"{number}@example.org"], LETTER)
                    acknowledged += 1
                    if number == 0 and acknowledged == 20:
                        process.kill()
        except (OSError, smtplib.SMTPException):
            return acknowledged

    with ThreadPoolExecutor(4) as pool:
        acknowledged = list(pool.map(send_until_it_dies, range(4)))
    process.wait()
    process.stdout.close()
    with mailsink.running(tmp_path) as sink:
        for number, count in enumerate(acknowledged):
            assert count <= len(listed(sink, f"?to={number}@example.org")) <= count + 1


def test_unfinished_last_line_is_forgotten_and_numbering_goes_on(tmp_path: Path) -> None:
    with mailsink.running(tmp_path) as sink:
        send(sink)
    ledger = tmp_path / "inbox" / "ledger.jsonl"
    whole = ledger.read_bytes()
    ledger.write_bytes(whole + whole[:-10])
    with mailsink.running(tmp_path) as sink:
        send(sink, to="bob@example.org")
        assert [(message["id"], message["to"]) for message in listed(sink)] == [
            (2, "bob@example.org"),
            (1, "alice@example.org"),
        ]
        assert listed(sink)[1]["raw"] == LETTER.decode()


# The readers


def test_messages_are_filtered_by_recipient_id_and_limit(sink: MailSink) -> None:
    for name in ("alice", "bob", "Alice", "charlie"):
        send(sink, to=f"{name}@example.org")
    assert [message["id"] for message in listed(sink, "?to=ALICE@example.org")] == [3, 1]
    assert [message["id"] for message in listed(sink, "?since_id=2")] == [4, 3]
    assert [message["id"] for message in listed(sink, "?limit=1")] == [4]
    assert listed(sink, "?to=nobody@example.org") == []
    assert "raw" not in listed(sink, "?raw=0")[0]
    assert get(sink, "/messages?limit=many")[0] == 400


def test_message_to_several_recipients_is_found_by_each(sink: MailSink) -> None:
    with smtplib.SMTP("127.0.0.1", sink.smtp_port, timeout=10) as client:
        client.sendmail("shop@example.org", ["alice@example.org", "bob@example.org"], LETTER)
    assert listed(sink, "?to=bob@example.org")[0]["to"] == "alice@example.org, bob@example.org"


HTML_LETTER = (
    "Subject: Offer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour é\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    "<html><head><title>x</title></head><body><script>alert(1)</script><a href='https://example.org'>a</a></body></html>\r\n"
    "--b--\r\n"
).encode()


def test_html_is_shown_without_scripts_and_remote_images(sink: MailSink) -> None:
    send(sink, HTML_LETTER)
    status, body, headers = get(sink, "/messages/1/html")
    assert status == 200
    assert b'<head><base target="_blank">' in body
    policy = headers["Content-Security-Policy"]
    assert policy.startswith(
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data: http://127"
    )
    assert "allow-scripts" not in policy
    assert "https:" not in policy


def test_one_message_tells_its_parts(sink: MailSink) -> None:
    send(sink, HTML_LETTER)
    message = json.loads(get(sink, "/messages/1")[1])
    assert (message["subject"], message["has_html"], message["text"].strip()) == ("Offer", True, "Bonjour é")
    assert ["Subject", "Offer"] in message["headers"]
    assert get(sink, "/messages/1/text")[1].decode().strip() == "Bonjour é"
    assert get(sink, "/messages/2")[0] == 404


@pytest.mark.parametrize(
    "letter",
    [
        b"",
        b"\r\n",
        b"no header at all\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nx",
        b"Content-Type: text/html; charset=no\r\n\r\n<p>\xff",
    ],
)
def test_broken_message_can_still_be_read(sink: MailSink, letter: bytes) -> None:
    with wire(sink) as client:
        envelope(client)
        client.say(letter + (b"" if letter.endswith(b"\r\n") or not letter else b"\r\n") + b".\r\n")
        assert client.hear().startswith("250")
    assert [get(sink, f"/messages/1{view}")[0] for view in ("", "/html", "/text", "/raw")] == [200] * 4


@pytest.mark.parametrize(
    ("accepted", "title"),
    [
        ("fr-CH, en;q=0.5", "Boîte de réception"),
        ("de, en", "Inbox"),
        ("en;q=0.3, fr", "Boîte"),
        ("", "Inbox"),
    ],
)
def test_page_speaks_the_reader_s_language(sink: MailSink, accepted: str, title: str) -> None:
    status, body, headers = get(sink, "/", {"Accept-Language": accepted})
    assert status == 200
    assert f"<h1>{title}" in body.decode()
    assert "[[" not in body.decode()
    assert "'unsafe" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/inbox.css", "/inbox.js", "/icon.svg"])
def test_page_s_files_are_served(sink: MailSink, path: str) -> None:
    assert get(sink, path)[0] == 200


def test_foreign_host_names_and_other_paths_are_refused(sink: MailSink) -> None:
    assert get(sink, "/messages", {"Host": "evil.example.org"})[0] == 421
    assert get(sink, "/../ledger.py")[0] == 404
    assert get(sink, "/messages/0")[0] == 404
