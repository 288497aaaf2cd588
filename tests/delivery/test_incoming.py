"""The reader of received mails and reports under arbitrary bytes: an answer or a refusal, quickly, and never anything else."""

import random
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcours.delivery import incoming, reports
from parcours.delivery.errors import UnreadableMail
from parcours.delivery.incoming import LARGEST
from tests.delivery.mails import complaint_report, delivery_report, recipient_status

SEEDS = (
    delivery_report(
        "bounce@x.example", recipient_status(), recipient_status(action="delayed", status="4.4.1")
    ),
    complaint_report("fbl@x.example", envelope="a@b.example"),
)


def look(raw: bytes) -> None:
    """Read all that can be read of a mail."""
    with suppress(UnreadableMail):
        mail = incoming.read(raw)
        reports.is_automatic(mail)
        for entity in incoming.walk(mail):
            entity.content()
        for recipient in reports.delivery_status(mail) or ():
            reports.about([recipient], "julie@example.com")
        reports.complaint(mail)
        reports.traces(mail)


@given(st.binary(max_size=2000))
def test_any_bytes(raw: bytes) -> None:
    look(raw)


@given(st.sampled_from(SEEDS), st.integers(0, 2**32), st.integers(1, 40))
def test_damaged_reports(seed: bytes, dice: int, times: int) -> None:
    chance, raw = random.Random(dice), bytearray(seed)
    for _ in range(times):
        place = chance.randrange(len(raw))
        match chance.randrange(4):
            case 0:
                raw[place] = chance.randrange(256)
            case 1:
                del raw[place : place + chance.randrange(60)]
            case 2:
                raw[place:place] = raw[place : place + chance.randrange(200)]
            case _:
                raw[place:place] = chance.choice([b"\r\n", b"\n\n", b"--", b";", b'"', b"\0", b"=?", b": "])
    look(bytes(raw))


def filled(head: bytes, piece: bytes) -> bytes:
    return (head + piece * (LARGEST // len(piece)))[:LARGEST]


MULTIPART = b"Content-Type: multipart/report; boundary=b\r\n\r\n"
SLOW = {
    "blanks": filled(b"X: ", b" "),
    "folds": filled(b"X: y", b"\r\n "),
    "colons": filled(b"", b":"),
    "line ends": filled(b"X: y\r\n", b"\n"),
    "almost boundaries": filled(MULTIPART, b"\n--bb"),
    "boundaries with blanks": filled(MULTIPART, b"\n--b" + b" " * 500 + b"x"),
    "semicolons": filled(b"Content-Type: multipart/report", b"; boundary"),
    "quotes": filled(b"Content-Type: multipart/report; boundary=", b'"\\'),
    "groups": filled(
        MULTIPART + b"--b\r\nContent-Type: message/delivery-status\r\n\r\n", b"Action: failed\r\n\r\n"
    ),
    "digits": filled(
        MULTIPART
        + b"--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\nDiagnostic-Code: smtp; ",
        b"5.1.",
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_largest_mail_is_read_in_no_time(name: str) -> None:
    started = time.process_time()
    look(SLOW[name])
    assert time.process_time() - started < 1
