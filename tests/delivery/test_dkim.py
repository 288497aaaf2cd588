"""Our DKIM signatures against dkimpy, which knows nothing of our code."""

import dkim as oracle
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcours.delivery.dkim import DkimFailed, Signer, dns_record, generate_key, public_key, relaxed_body

KEY = generate_key()
SIGNER = Signer.load("shop.example", "p1", KEY)
RECORD = dns_record(public_key(KEY)).encode()


def verifies(message: bytes) -> bool:
    """Ask dkimpy about the message as it arrives: SMTP ends the last line (RFC 5321 4.1.1.4)."""

    def txt(name: bytes, timeout: int = 5) -> bytes:
        assert name == b"p1._domainkey.shop.example."
        return RECORD

    return bool(oracle.verify(message if message.endswith(b"\r\n") else message + b"\r\n", dnsfunc=txt))


def message(body: bytes, *headers: bytes) -> bytes:
    basic = (b"From: La Boutique <shop@shop.example>", b"To: a@x.example", b"Subject: Bonjour")
    return b"\r\n".join((*basic, *headers)) + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n\r\n",
        b"Hello",
        b"Hello\r\n",
        b"Hello\r\n\r\n\r\n",
        b"Hello  \t \r\n \t\r\n  \r\n",
        b" leading\tand   inner \t blanks \r\nend",
        b"\r\n\r\nstarts with empty lines\r\n",
        b"trailing blank ",
        b" ",
        b".\r\n..\r\n",
    ],
)
def test_bodies_with_blanks_and_empty_lines_verify(body: bytes) -> None:
    assert verifies(SIGNER.sign(message(body), 1_790_000_000))


def test_folded_and_repeated_headers_verify() -> None:
    raw = message(
        b"x\r\n",
        b"List-Unsubscribe: <https://u.example/o/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>,\r\n\t <mailto:u@x.example>",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        b"References: <a@x>\r\n <b@x>\r\n\t<c@x>",
        b"List-Id:   spaces   <list.shop.example>  ",
        b"Feedback-ID: c:t:m:parcours",
        b"Subject: second",
        b"Empty:",
    )
    assert verifies(SIGNER.sign(raw, 1))


header_text = st.text(st.characters(codec="ascii", exclude_characters="\r\n\0", min_codepoint=9), max_size=60)
body_text = st.lists(st.text(st.sampled_from(" \tab.=\u00e9"), max_size=12), max_size=8).map("\r\n".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    subject=header_text.filter(lambda text: text.strip(" \t\x0b\x0c\x1c\x1d\x1e\x1f") == text), body=body_text
)
def test_generated_messages_verify(subject: str, body: str) -> None:
    clean = "".join(character for character in subject if character == "\t" or " " <= character <= "~")
    assert verifies(SIGNER.sign(message(body.encode(), b"X-Note: x" + clean.encode()), 5))


def test_signature_is_deterministic() -> None:
    assert SIGNER.sign(message(b"x"), 7) == SIGNER.sign(message(b"x"), 7)
    assert SIGNER.sign(message(b"x"), 7) != SIGNER.sign(message(b"x"), 8)


@pytest.mark.parametrize(
    "added",
    [b"Reply-To: evil@x.example", b"Cc: b@x.example", b"From: other@x.example", b"Subject: other",
     b"List-Unsubscribe: <https://evil.example>", b"Feedback-ID: x"],
)  # fmt: skip
def test_an_added_header_breaks_the_signature(added: bytes) -> None:
    signed = SIGNER.sign(message(b"x"), 7)
    assert verifies(signed)
    assert not verifies(added + b"\r\n" + signed)


def test_header_list_covers_what_bulk_rules_ask() -> None:
    signed = SIGNER.sign(message(b"x", b"List-Unsubscribe: <https://u.example>", b"Date: now"), 7)
    names = b"".join(signed.partition(b" h=")[2].partition(b";")[0].split()).split(b":")
    assert names.count(b"list-unsubscribe") == 2
    assert names.count(b"list-unsubscribe-post") == 1
    assert names.count(b"from") == 2
    assert names.count(b"date") == 2
    assert b"sender" not in names
    assert max(map(len, signed.partition(b"\r\nFrom:")[0].split(b"\r\n"))) <= 78


def test_a_body_of_blanks_is_canonicalised_in_no_time() -> None:
    assert relaxed_body(b"a" + b" " * 1_000_000 + b"b\r\n" + b"\r\n" * 500_000) == b"a b\r\n"


@pytest.mark.parametrize("pem", [b"", b"not a key", KEY[:200]])
def test_unreadable_keys_are_refused(pem: bytes) -> None:
    with pytest.raises(DkimFailed):
        Signer.load("shop.example", "p1", pem)


def test_other_keys_and_names_are_refused() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    pem = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(DkimFailed):
        Signer.load("shop.example", "p1", pem)
    for domain, selector in (("shop.example; x=1", "p1"), ("shop.example", "p\r\n1"), ("", "p1")):
        with pytest.raises(DkimFailed):
            Signer.load(domain, selector, KEY)


def test_a_text_without_end_of_headers_is_refused() -> None:
    with pytest.raises(DkimFailed):
        SIGNER.sign(b"From: a@x.example\r\n", 1)
