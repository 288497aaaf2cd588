"""What comes back by mail: whom it is believed about, what follows, and that nothing else does."""

import time
from datetime import datetime, timedelta
from email.base64mime import body_encode
from uuid import UUID

import pytest

from parcours.accounts.models import Workspace
from parcours.consent.models import Record, State, Suppression
from parcours.consent.queries import is_suppressed
from parcours.consent.types import Act, Channel
from parcours.contacts.models import Contact
from parcours.delivery import actions
from parcours.delivery.errors import UnknownRecipient, UnreadableMail
from parcours.delivery.incoming import LARGEST
from parcours.delivery.models import Message, Sending
from parcours.delivery.receiving import Receipt, receive
from parcours.delivery.replies import ReplyClass
from parcours.delivery.types import ReturnKind
from parcours.events.models import Event
from parcours.events.tokens import Purpose
from parcours.kernel.ids import uuid7
from tests.delivery import mails
from tests.delivery.mails import complaint_report, delivery_report, leaving_address, note, recipient_status
from tests.delivery.stories import Shop, codes, message
from tests.tables import digest


@pytest.fixture
def shop(in_workspace: Workspace, now: datetime) -> Shop:
    return Shop.open(in_workspace, now)


@pytest.fixture
def sent(shop: Shop) -> Message:
    """An offer that was sent to Julie."""
    julie = shop.person("Julie")
    shop.says(julie, "promotions", Act.GRANTED)
    return send(shop, julie)


def send(shop: Shop, who: UUID, purpose: str = "promotions") -> Message:
    queued = shop.queue(shop.mailing(purpose), who, at=shop.now)
    actions.deliver_nowhere(shop.id, now=shop.now)
    return message(queued)


def back(sent: Message) -> str:
    return mails.return_path(sent.workspace_id, sent.pk)


def take(shop: Shop, raw: bytes, recipient: str = "") -> Receipt:
    return receive(raw, now=shop.now, recipient=recipient)


def happened(name: str) -> int:
    return Event.objects.filter(name=name).count()


def is_closed(shop: Shop) -> bool:
    return is_suppressed(shop.id, Channel.EMAIL, "julie@example.com")


# Delivery reports


def test_bounce_ends_all_mail_to_the_address_and_the_next_message_says_why(shop: Shop, sent: Message) -> None:
    receipt = take(shop, delivery_report(back(sent)), back(sent))
    assert receipt.told.kind is ReturnKind.BOUNCED
    assert receipt.told.meaning is ReplyClass.NO_SUCH_ADDRESS
    assert receipt.is_suppressed
    [event] = Event.objects.filter(name="Email Bounced")
    assert event.properties["message"] == str(sent.pk)
    assert event.properties["reply"].startswith("550 5.1.1 <julie@example.com>")
    shop.now += timedelta(days=2)
    again = shop.queue(shop.mailing("promotions"), sent.contact_id, at=shop.now)
    actions.claim(shop.id, now=shop.now, limit=10)
    assert message(again).state == "withheld"
    assert codes(again) == ["suppressed"]


def test_exclusion_outlives_the_person(shop: Shop, sent: Message) -> None:
    """Only a keyed hash is kept, and it holds for whoever has the address later, however it is written."""
    take(shop, delivery_report(back(sent)), back(sent))
    [kept] = Suppression.objects.all()
    assert len(bytes(kept.address_hash)) == 32
    assert b"julie" not in bytes(kept.address_hash)
    Contact.objects.filter(pk=sent.contact_id).update(email=None)
    julia = shop.person("Julia", email="Julie@Example.com")
    shop.says(julia, "promotions", Act.GRANTED)
    again = shop.queue(shop.mailing("promotions"), julia, at=shop.now)
    actions.claim(shop.id, now=shop.now, limit=10)
    assert codes(again) == ["suppressed"]


def test_recipient_is_found_in_the_mails_own_headers(shop: Shop, sent: Message) -> None:
    assert take(shop, delivery_report(f"<{back(sent)}>")).is_suppressed


def test_line_feeds_and_a_mailbox_line_are_as_good(shop: Shop, sent: Message) -> None:
    raw = b"From MAILER-DAEMON  Tue Mar 10 10:00:00 2026\r\n" + delivery_report(back(sent))
    assert take(shop, raw.replace(b"\r\n", b"\n"), back(sent)).is_suppressed


def test_delay_is_told_and_nothing_follows(shop: Shop, sent: Message) -> None:
    group = recipient_status(
        "450 4.4.1 connect to mx.example: Connection timed out", action="delayed", status="4.4.1"
    )
    receipt = take(shop, delivery_report(back(sent), group), back(sent))
    assert (receipt.told.kind, receipt.told.meaning) == (ReturnKind.DEFERRED, ReplyClass.SOFT)
    assert (happened("Email Deferred"), happened("Email Bounced")) == (1, 0)
    assert not receipt.is_suppressed


def test_report_of_delivery_is_told(shop: Shop, sent: Message) -> None:
    group = recipient_status("250 2.0.0 Ok", action="delivered", status="2.0.0")
    assert take(shop, delivery_report(back(sent), group), back(sent)).told.kind is ReturnKind.DELIVERED
    assert happened("Email Delivered") == 1


GONE = recipient_status()
GONE_TOO = recipient_status("550 5.1.1 No such user", who="else@example.net")
FULL = recipient_status("552 5.2.2 Mailbox full", status="5.2.2", who="other@example.net")
ARRIVED = recipient_status("250 2.0.0 Ok", action="delivered", status="2.0.0", who="third@example.net")
PASSED_ON = recipient_status("250 2.0.0 Ok", action="relayed", status="2.0.0", who="third@example.net")
SEVERAL = [
    ([FULL, GONE], ReturnKind.BOUNCED, ReplyClass.NO_SUCH_ADDRESS),  # only her own address counts
    ([GONE, ARRIVED], ReturnKind.BOUNCED, ReplyClass.NO_SUCH_ADDRESS),
    ([GONE_TOO, FULL], ReturnKind.BOUNCED, ReplyClass.SOFT),  # passed on to two: the mildest counts
    ([GONE_TOO, ARRIVED], ReturnKind.DELIVERED, ReplyClass.ACCEPTED),  # … and one of them has it
    ([GONE_TOO, PASSED_ON], ReturnKind.IGNORED, ReplyClass.ACCEPTED),
    ([GONE_TOO], ReturnKind.BOUNCED, ReplyClass.NO_SUCH_ADDRESS),
]


@pytest.mark.parametrize(("groups", "kind", "meaning"), SEVERAL)
def test_report_about_several_recipients(
    shop: Shop, sent: Message, groups: list[str], kind: ReturnKind, meaning: ReplyClass
) -> None:
    told = take(shop, delivery_report(back(sent), *groups), back(sent)).told
    assert (told.kind, told.meaning) == (kind, meaning)


@pytest.mark.parametrize(
    ("status", "diagnostic", "meaning"),
    [
        ("5.0.0", "550 5.1.1 User unknown", ReplyClass.NO_SUCH_ADDRESS),
        ("5.1.1", "unknown user: julie", ReplyClass.NO_SUCH_ADDRESS),
        ("5.4.4", "Host or domain name not found. Name service error", ReplyClass.NO_SUCH_ADDRESS),
        ("5.2.1", "550 5.2.1 inactive", ReplyClass.ADDRESS_DISABLED),
        ("4.4.7", "delivery time expired", ReplyClass.SOFT),
        ("5.7.26", "550-5.7.26 unauthenticated 550 5.7.26 see the help", ReplyClass.CONFIGURATION),
        ("5.7.1", "550 5.7.1 blocked using zen.spamhaus.org", ReplyClass.POLICY),
        ("5.3.4", "552 5.3.4 too large", ReplyClass.CONTENT),
        ("5.0.0", "", ReplyClass.UNKNOWN),
        ("", "", ReplyClass.UNKNOWN),
    ],
)
def test_class_is_read_from_status_and_diagnosis(
    shop: Shop, sent: Message, status: str, diagnostic: str, meaning: ReplyClass
) -> None:
    group = recipient_status(diagnostic, status=status)
    receipt = take(shop, delivery_report(back(sent), group), back(sent))
    assert receipt.told.meaning is meaning
    assert receipt.is_suppressed == (meaning is ReplyClass.NO_SUCH_ADDRESS)


def test_our_own_fault_in_a_report_pauses_nothing(shop: Shop, sent: Message) -> None:
    """Anybody who has one message could write such a report: one must not stop a shop's mail."""
    group = recipient_status("550 5.7.26 unauthenticated", status="5.7.26")
    take(shop, delivery_report(back(sent), group), back(sent))
    assert Sending.objects.get().paused_at is None
    assert not is_closed(shop)


def test_report_in_utf8_and_inside_a_wrapper_is_read(shop: Shop, sent: Message) -> None:
    inner = delivery_report(back(sent)).replace(b"message/delivery-status", b"message/global-delivery-status")
    head, _, body = inner.partition(b"\r\n\r\n")
    kind = head[head.index(b"Content-Type") :]
    wrapped = (
        b"From: list@example.com\r\nContent-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\n"
        + kind + b"\r\n\r\n" + body + b"\r\n--w--\r\n"
    )  # fmt: skip
    assert take(shop, wrapped, back(sent)).is_suppressed


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_encoded_report_is_read(shop: Shop, sent: Message, encoding: str) -> None:
    plain = f"Reporting-MTA: dns; mx.example\r\n\r\n{recipient_status()}"
    coded = body_encode(plain.encode()) if encoding == "base64" else plain.replace("=", "=3D")
    raw = mails.REPORT.format(
        to=back(sent),
        kind="delivery-status",
        part=f"delivery-status\r\nContent-Transfer-Encoding: {encoding}",
        report=coded,
        returned="",
    ).encode()
    assert take(shop, raw, back(sent)).is_suppressed


def test_message_in_doubt_that_comes_back_had_left(shop: Shop, sent: Message) -> None:
    Message.objects.filter(pk=sent.pk).update(state="in_doubt", sent_at=None)
    assert take(shop, delivery_report(back(sent)), back(sent)).is_suppressed


# The same mail twice


def test_same_mail_counts_once_whoever_brings_it(shop: Shop, sent: Message) -> None:
    raw = delivery_report(back(sent))
    assert not take(shop, raw, back(sent)).is_repeated
    before = digest()
    assert take(shop, raw, back(sent)).is_repeated
    assert take(shop, raw.replace(b"\r\n", b"\n")).is_repeated
    assert digest() == before


def test_two_reports_of_one_message_are_one_bounce(shop: Shop, sent: Message) -> None:
    for number in range(2):
        take(shop, delivery_report(back(sent)) + b"%d" % number, back(sent))
    assert happened("Email Bounced") == 1


def test_same_unsubscribing_mail_is_one_statement(shop: Shop, sent: Message) -> None:
    address = leaving_address(shop.id, sent.pk)
    for _ in range(3):
        take(shop, note(address), address)
    assert Record.objects.filter(act="withdrawn").count() == 1


# Complaints


def test_complaint_at_the_return_path_ends_all_mail(shop: Shop, sent: Message) -> None:
    receipt = take(shop, complaint_report(back(sent)), back(sent))
    assert receipt.told.kind is ReturnKind.COMPLAINED
    assert Suppression.objects.get().reason == "complaint"
    assert happened("Email Marked as Spam") == 1


def test_complaint_at_another_address_is_believed_by_what_it_returns(shop: Shop, sent: Message) -> None:
    loop = "fbl@bounce.shop.example"
    assert take(shop, complaint_report(loop, envelope=back(sent)), loop).is_suppressed
    own = mails.token(shop.id, sent.pk, Purpose.UNSUBSCRIBE)
    assert take(shop, complaint_report(loop, unsubscribe=own), loop).is_suppressed
    with pytest.raises(UnknownRecipient):
        take(shop, complaint_report(loop, envelope="bounce+" + "A" * 56 + "@bounce.shop.example"), loop)


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus"])
def test_what_is_no_complaint_changes_nothing(shop: Shop, sent: Message, kind: str) -> None:
    assert take(shop, complaint_report(back(sent), kind=kind), back(sent)).told.kind is ReturnKind.IGNORED
    assert not is_closed(shop)


def test_complaint_after_a_bounce_is_told_too(shop: Shop, sent: Message) -> None:
    take(shop, delivery_report(back(sent)), back(sent))
    take(shop, complaint_report(back(sent)), back(sent))
    assert happened("Email Marked as Spam") == 1


# Unsubscribing by mail


def test_mail_to_the_unsubscribing_address_withdraws_that_purpose_with_proof(
    shop: Shop, sent: Message
) -> None:
    address = leaving_address(shop.id, sent.pk)
    receipt = take(shop, note(address), address)
    assert receipt.told.kind is ReturnKind.UNSUBSCRIBED
    [state] = State.objects.filter(purpose__code="promotions")
    assert state.act == "withdrawn"
    record = Record.objects.get(act="withdrawn")
    assert record.source == "unsubscribe by mail"
    assert record.detail["mail"] == "<77@example.com>"
    assert record.detail["message"] == str(sent.pk)
    assert len(record.detail["sha256"]) == 64
    assert (happened("Unsubscribed"), happened("Consent Withdrawn")) == (1, 1)
    assert not is_closed(shop)


def test_wish_of_somebody_who_is_gone_does_not_look_as_if_it_were_kept(shop: Shop) -> None:
    sent = send(shop, shop.person("Julie"), "order_information")
    Contact.objects.filter(pk=sent.contact_id).delete()
    address = leaving_address(shop.id, sent.pk)
    with pytest.raises(UnknownRecipient):
        take(shop, note(address), address)


def test_who_agreed_again_can_leave_again(shop: Shop, sent: Message) -> None:
    address = leaving_address(shop.id, sent.pk)
    take(shop, note(address), address)
    shop.now += timedelta(days=1)
    shop.says(sent.contact_id, "promotions", Act.GRANTED, shop.now)
    shop.now += timedelta(days=1)
    take(shop, note(address, "X-Second: yes"), address)
    assert State.objects.get(purpose__code="promotions").act == "withdrawn"


def test_message_of_a_contract_means_all_marketing(shop: Shop) -> None:
    sent = send(shop, shop.person("Julie"), "order_information")
    address = leaving_address(shop.id, sent.pk)
    take(shop, note(address), address)
    assert dict(State.objects.values_list("purpose__code", "act")) == {
        "advice": "objected",
        "newsletter": "withdrawn",
        "promotions": "withdrawn",
    }


def test_broken_body_does_not_stop_a_wish(shop: Shop, sent: Message) -> None:
    address = leaving_address(shop.id, sent.pk)
    raw = note(address, "Content-Type: multipart/mixed")
    assert take(shop, raw, address).told.kind is ReturnKind.UNSUBSCRIBED


def test_answering_machine_does_not_unsubscribe(shop: Shop, sent: Message) -> None:
    address = leaving_address(shop.id, sent.pk)
    for raw in (note(address, "Auto-Submitted: auto-replied"), delivery_report(address)):
        assert take(shop, raw, address).told.kind is ReturnKind.ANSWERED
    assert State.objects.get(purpose__code="promotions").act == "granted"


# Everything else at the return path


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Auto-Submitted: auto-replied", ReturnKind.ANSWERED),
        ("Precedence: auto_reply", ReturnKind.ANSWERED),
        ("X-Autoreply: yes", ReturnKind.ANSWERED),
        ("Auto-Submitted: no", ReturnKind.IGNORED),
        ("X-Nothing: x", ReturnKind.IGNORED),
    ],
)
def test_notes_and_letters_change_nothing(shop: Shop, sent: Message, line: str, kind: ReturnKind) -> None:
    assert take(shop, note(back(sent), line), back(sent)).told.kind is kind
    assert happened("Email Bounced") == 0
    assert State.objects.get(purpose__code="promotions").act == "granted"


# What is not believed


def forgeries(shop: Shop, sent: Message) -> list[str]:
    valid = back(sent)
    local, _, domain = valid.partition("@")
    other = "A" if local[20] != "A" else "B"
    return [
        f"{local[:20]}{other}{local[21:]}@{domain}",
        f"{local[:-1]}@{domain}",
        f"{local}A@{domain}",
        "bounce+" + "A" * 56 + "@bounce.shop.example",
        "bounce@bounce.shop.example",
        leaving_address(shop.id, sent.pk).replace("unsub+", "bounce+"),
        mails.return_path(shop.id, sent.pk).replace("bounce+", "unsub+"),
        mails.return_path(shop.id, uuid7()),
        mails.return_path(987654, sent.pk),
        "julie@example.com",
        "bounce+" + "é" * 56 + "@bounce.shop.example",
    ]


def test_forged_addresses_are_for_nobody_and_change_nothing(shop: Shop, sent: Message) -> None:
    before = digest()
    for address in forgeries(shop, sent):
        for raw in (delivery_report(address), complaint_report(address), note(address)):
            with pytest.raises(UnknownRecipient):
                take(shop, raw, address)
            with pytest.raises(UnknownRecipient):
                take(shop, raw)
    assert digest() == before


def test_report_is_not_believed_by_what_it_returns(shop: Shop, sent: Message) -> None:
    """Only complaints are, since mailbox providers send them to an address of their own agreement."""
    raw = delivery_report("postmaster@bounce.shop.example").replace(
        b"Subject: x\r\n", f"Return-Path: <{back(sent)}>\r\n".encode()
    )
    with pytest.raises(UnknownRecipient):
        take(shop, raw, "postmaster@bounce.shop.example")
    assert not is_closed(shop)


def test_other_workspaces_token_reaches_that_workspace_only(
    shop: Shop, sent: Message, other_workspace: Workspace
) -> None:
    with pytest.raises(UnknownRecipient):
        take(shop, delivery_report("x@y.example"), mails.return_path(other_workspace.pk, sent.pk))


def nested(depth: int) -> bytes:
    opened = b"".join(
        b"Content-Type: multipart/report; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)
    )
    return opened + b"\r\nx\r\n" + b"".join(b"--b%d--\r\n" % n for n in reversed(range(depth)))


HOSTILE = {
    "ten megabytes": b"Subject: x\r\n\r\n" + b"x" * 10_000_000,
    "just too large": b"Subject: x\r\n\r\n" + b"x" * LARGEST,
    "nothing": b"",
    "no headers": b"\r\n\r\n\r\n",
    "noise": bytes(range(256)) * 40,
    "long head": b"X: " + b"y" * 300_000 + b"\r\n\r\n",
    "no boundary": b"Content-Type: multipart/report\r\n\r\nx\r\n",
    "boundary that never comes": b"Content-Type: multipart/report; boundary=b\r\n\r\nx\r\n",
    "nested": nested(30),
    "deeply nested": nested(20_000),
    "many parts": b"Content-Type: multipart/report; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 60_000,
    "not base64": b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nQ\r\n--b--\r\n",
    "no recipient": b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    b"Reporting-MTA: dns; x\r\n\r\n--b--\r\n",
    "complaint about nothing": b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: message/feedback-report\r\n\r\nVersion: 1\r\n--b--\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_refused_quickly_and_changes_nothing(shop: Shop, sent: Message, name: str) -> None:
    before = digest()
    started = time.process_time()
    with pytest.raises((UnreadableMail, UnknownRecipient)):
        take(shop, HOSTILE[name], back(sent))
    assert time.process_time() - started < 2
    assert digest() == before


def test_wrong_charsets_and_controls_are_harmless(shop: Shop, sent: Message) -> None:
    bad = "550 5.1.1 caf\x00\x1b[31m <script>alert(1)</script> " + "y" * 5000
    raw = delivery_report(back(sent), recipient_status(bad)).replace(b"us-ascii", b"x-nowhere")
    raw = raw.replace(b"caf", b"caf\xe9\xff")
    receipt = take(shop, raw, back(sent))
    assert receipt.is_suppressed
    assert "\x00" not in receipt.told.reply
    assert "\x1b" not in receipt.told.reply
    assert len(receipt.told.reply) <= 300
