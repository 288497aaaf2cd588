"""Messages read back exactly as they were meant, whatever people are called (reliability T15)."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcours.delivery.dkim import Signer, generate_key
from parcours.delivery.mime import Mail, UnsafeMail, build

MAIL = Mail(
    from_name="La Boutique",
    from_address="shop@shop.example",
    to_name="Zoé Martin",
    to_address="zoe@client.example",
    subject="Votre commande est confirmée",
    html="<p>Bonjour Zoé</p>\n",
    text="Bonjour Zoé\n",
    message_id="<0f3a.9c@shop.example>",
    date=datetime(2026, 11, 22, 10, 30, tzinfo=UTC),
    reply_to="help@shop.example",
    headers=(
        ("List-Unsubscribe", "<https://u.example/o/TOKEN>, <mailto:unsub@bounce.shop.example>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Feedback-ID", "c1:w1:journey:parcours"),
    ),
)
NAMES = [
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "MIME-Version",
    "Content-Type",
]
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")

hostile = st.one_of(
    st.text(max_size=200),
    st.text(st.sampled_from('=?utf-8bqBQ_0DA\r\n \t<>"\\,;:@é😀\0'), max_size=120),
    st.sampled_from(
        [
            "=?utf-8?q?hello=0D=0ABcc=3A_evil=40x.org?=",
            "=?utf-8?b?aGVsbG8NCkJjYzogZXZpbEB4Lm9yZw==?=",
            "a\r\nBcc: evil@x.example",
            "a\nBcc: evil@x.example",
            "a\r\n\r\n<script>",
            "\u2028Bcc: evil@x.example",
            "x\x00y",
            '"><script>',
            "a" * 500,
            "é" * 300,
        ]
    ),
)


def shown(text: str) -> str:
    """What a person may see of a text in a header."""
    return CONTROLS.sub(" ", text).strip()


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def lines_of(part: EmailMessage) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


def header_lines(raw: bytes) -> list[bytes]:
    return raw.partition(b"\r\n\r\n")[0].split(b"\r\n")


def unfolded(raw: bytes, name: str) -> str:
    block = raw.partition(b"\r\n\r\n")[0].decode("ascii").replace("\r\n ", " ")
    return next(line for line in block.split("\r\n") if line.startswith(name + ": ")).partition(": ")[2]


def decoded(value: str) -> str:
    return str(make_header(decode_header(value)))


def test_message_reads_back_as_meant() -> None:
    message = parsed(build(MAIL))
    assert message.keys() == NAMES
    assert message["Subject"] == MAIL.subject
    assert str(message["From"]) == "La Boutique <shop@shop.example>"
    assert message["To"].addresses[0].display_name == "Zoé Martin"
    assert message["To"].addresses[0].addr_spec == "zoe@client.example"
    assert message["List-Unsubscribe"] == MAIL.headers[0][1]
    assert message["Date"].datetime == MAIL.date
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert (lines_of(text), lines_of(html)) == (MAIL.text, MAIL.html)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(subject=hostile, from_name=hostile, to_name=hostile, text=hostile, html=hostile)
def test_hostile_texts_stay_texts(subject: str, from_name: str, to_name: str, text: str, html: str) -> None:
    raw = build(replace(MAIL, subject=subject, from_name=from_name, to_name=to_name, text=text, html=html))
    message = parsed(raw)
    assert message.keys() == NAMES
    assert "evil" not in (message.get("Bcc") or "")
    assert decoded(unfolded(raw, "Subject")) == shown(subject)
    for header, name, spec in (("From", from_name, MAIL.from_address), ("To", to_name, MAIL.to_address)):
        phrase, _, address = unfolded(raw, header).rpartition("<") if shown(name) else ("", "", spec)
        assert address.rstrip(">") == spec
        phrase = phrase.strip()
        if phrase.startswith('"'):
            phrase = re.sub(r"\\(.)", r"\1", phrase[1:-1])
        assert decoded(phrase) == shown(name)
        assert [found.addr_spec for found in message[header].addresses] == [spec]
    for part, meant in zip(message.iter_parts(), (text, html), strict=True):
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        wanted = meant.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
        assert content == wanted.replace("\n", "\r\n").encode("utf-8", "replace")
    assert all(len(line) <= 78 for line in header_lines(raw))
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")


def test_first_name_that_looks_encoded_is_shown_literally() -> None:
    name = "=?utf-8?q?hello=0D=0ABcc=3A_evil=40x.org?="
    raw = build(replace(MAIL, subject=f"Bonjour {name}", to_name=name))
    assert b"Bcc" not in raw
    assert parsed(raw)["Subject"] == f"Bonjour {name}"
    assert decoded(unfolded(raw, "To").rpartition("<")[0].strip()) == name


@pytest.mark.parametrize("field", ["from_address", "to_address", "reply_to"])
@pytest.mark.parametrize(
    "address",
    [
        "a@x.example\r\nBcc: e@x.example",
        "a b@x.example",
        "a@x.example>, <b@x.example",
        "a@x.example\0",
        "a@@x.example",
        "a",
        "@x.example",
        "a@",
        "=?utf-8?q?a=0D?=@x.example\n",
        "a@x..example",
        '"a b"@x.example',
        "é@x.example",
        "a@-x.example",
        "a." * 40 + "@x.example",
    ],
)
def test_unfit_addresses_are_refused(field: str, address: str) -> None:
    with pytest.raises(UnsafeMail) as refusal:
        build(replace(MAIL, **{field: address}))
    assert refusal.value.field == field


def test_international_domain_becomes_ascii() -> None:
    assert (
        parsed(build(replace(MAIL, to_address="a@bücher.example")))["To"].addresses[0].domain
        == "xn--bcher-kva.example"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Bcc", "e@x.example"),
        ("Subject", "x"),
        ("Content-Type", "text/html"),
        ("X-A\r\nBcc", "x"),
        ("X A", "x"),
        ("X:A", "x"),
        ("", "x"),
        ("X-A", "a\r\nBcc: e@x.example"),
        ("X-A", "a\nb"),
        ("X-A", "=?utf-8?q?a=0D=0AB?="),
        ("X-A", "é"),
        ("X-A", "a\0"),
        ("X-A", " a"),
        ("X-A", "a" * 2000),
        ("DKIM-Signature", "v=1"),
    ],
)
def test_unfit_headers_are_refused(name: str, value: str) -> None:
    with pytest.raises(UnsafeMail):
        build(replace(MAIL, headers=((name, value),)))


def test_a_header_stands_once() -> None:
    with pytest.raises(UnsafeMail):
        build(replace(MAIL, headers=(("X-A", "1"), ("x-a", "2"))))


@pytest.mark.parametrize(
    "message_id",
    ["", "a@x.example", "<a@x.example>\r\nX: y", "<a b@x.example>", "<a@x.example> <b@x.example>"],
)
def test_unfit_message_ids_are_refused(message_id: str) -> None:
    with pytest.raises(UnsafeMail):
        build(replace(MAIL, message_id=message_id))


def test_a_date_without_zone_is_refused() -> None:
    with pytest.raises(UnsafeMail):
        build(replace(MAIL, date=datetime(2026, 1, 1)))  # noqa: DTZ001 - that is the point


def test_long_header_is_folded_and_signed_headers_survive() -> None:
    value = ", ".join(f"<https://u.example/o/{'T' * 30}{number}>" for number in range(5))
    raw = build(replace(MAIL, headers=(("List-Unsubscribe", value),)))
    assert parsed(raw)["List-Unsubscribe"] == value
    assert max(map(len, header_lines(raw))) <= 78
    assert Signer.load("shop.example", "p1", generate_key()).sign(raw, 1).endswith(raw)


def test_same_mail_gives_same_bytes() -> None:
    assert build(MAIL) == build(MAIL)
    assert build(MAIL) != build(replace(MAIL, message_id="<other@shop.example>"))


def test_prepared_bodies_are_taken_as_they_are() -> None:
    raw = build(replace(MAIL, html=b"=C3=A9\r\n", text=b"x\r\n"))
    assert [lines_of(part) for part in parsed(raw).iter_parts()] == ["x\n", "é\n"]
