"""What refusals mean: real replies of real servers, and the rule that our own faults never count against a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcours.delivery.replies import FAULT_OF, Fault, ReplyClass, classify, without_addresses

REPLIES = [
    (250, "2.0.0", "Ok: queued as 4F1", ReplyClass.ACCEPTED),
    (550, "5.1.1", "The email account that you tried to reach does not exist.", ReplyClass.NO_SUCH_ADDRESS),
    (
        550,
        "5.1.1",
        "<a@x.example>: Recipient address rejected: User unknown in virtual mailbox table",
        ReplyClass.NO_SUCH_ADDRESS,
    ),
    (550, "", "No such user here", ReplyClass.NO_SUCH_ADDRESS),
    (550, "", "User unknown", ReplyClass.NO_SUCH_ADDRESS),
    (550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found", ReplyClass.NO_SUCH_ADDRESS),
    (554, "5.1.2", "Bad destination host", ReplyClass.NO_SUCH_ADDRESS),
    (553, "5.1.3", "Bad recipient address syntax", ReplyClass.NO_SUCH_ADDRESS),
    (550, "5.7.17", "Mailbox owner has changed", ReplyClass.NO_SUCH_ADDRESS),
    (550, "5.4.4", "Host or domain name not found. Name service error", ReplyClass.NO_SUCH_ADDRESS),
    (550, "5.4.310", "DNS domain shop.example does not exist", ReplyClass.NO_SUCH_ADDRESS),
    (550, "5.1.0", "Domain shop.example does not accept mail (nullMX)", ReplyClass.NO_SUCH_ADDRESS),
    (556, "", "This domain takes no mail", ReplyClass.NO_SUCH_ADDRESS),
    (550, "5.1.8", "Domain of sender address a@shop.example does not exist", ReplyClass.CONFIGURATION),
    (550, "", "Sender address rejected: Domain not found", ReplyClass.CONFIGURATION),
    (550, "5.4.7", "Delivery expired (message too old)", ReplyClass.SOFT),
    (550, "5.2.1", "The email account that you tried to reach is inactive.", ReplyClass.ADDRESS_DISABLED),
    (525, "5.7.13", "User account disabled", ReplyClass.ADDRESS_DISABLED),
    (554, "", "delivery error: This user's mailbox is disabled", ReplyClass.ADDRESS_DISABLED),
    (452, "4.2.2", "The email account that you tried to reach is over quota.", ReplyClass.SOFT),
    (552, "5.2.2", "Mailbox full", ReplyClass.SOFT),
    (450, "4.2.0", "Greylisted, try again later", ReplyClass.SOFT),
    (451, "4.3.0", "Mail server temporarily rejected message", ReplyClass.SOFT),
    (451, "", "Requested action aborted", ReplyClass.SOFT),
    (452, "4.3.1", "Insufficient system storage", ReplyClass.SOFT),
    (450, "4.4.1", "Connection timed out", ReplyClass.SOFT),
    (552, "5.3.4", "Message size exceeds fixed limit", ReplyClass.CONTENT),
    (550, "5.6.0", "Message content rejected", ReplyClass.CONTENT),
    (554, "5.7.1", "Message scored as spam", ReplyClass.CONTENT),
    (554, "", "virus Eicar found", ReplyClass.CONTENT),
    (421, "4.7.0", "Try again later, closing connection.", ReplyClass.POLICY),
    (421, "4.7.28", "Our system has detected an unusual rate of unsolicited mail", ReplyClass.POLICY),
    (
        550,
        "5.7.1",
        "Our system has detected that this message is likely unsolicited mail.",
        ReplyClass.POLICY,
    ),
    (
        554,
        "5.7.1",
        "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        ReplyClass.POLICY,
    ),
    (421, "", "Service not available", ReplyClass.POLICY),
    (
        550,
        "5.7.26",
        "This mail has been blocked because the sender is unauthenticated.",
        ReplyClass.CONFIGURATION,
    ),
    (421, "4.7.30", "This mail has been rate limited because DKIM does not pass.", ReplyClass.CONFIGURATION),
    (
        550,
        "5.7.515",
        "Access denied, sending domain does not meet the required authentication level.",
        ReplyClass.CONFIGURATION,
    ),
    (421, "4.7.23", "The sending IP address does not have a PTR record", ReplyClass.CONFIGURATION),
    (550, "5.1.8", "Access denied, bad outbound sender", ReplyClass.CONFIGURATION),
    (550, "5.1.7", "Invalid sender", ReplyClass.CONFIGURATION),
    (550, "5.7.1", "Relaying denied", ReplyClass.CONFIGURATION),
    (554, "5.7.1", "<a@x.example>: Relay access denied", ReplyClass.CONFIGURATION),
    (550, "5.7.54", "SMTP; Unable to relay recipient in non-accepted domain", ReplyClass.CONFIGURATION),
    (535, "5.7.8", "Error: authentication failed", ReplyClass.CONFIGURATION),
    (530, "5.7.0", "Authentication Required", ReplyClass.CONFIGURATION),
    (530, "5.7.0", "Must issue a STARTTLS command first", ReplyClass.CONFIGURATION),
    (550, "5.7.1", "Email rejected per DMARC policy", ReplyClass.CONFIGURATION),
    (550, "5.7.0", "Sender address rejected: not owned by user", ReplyClass.CONFIGURATION),
    (503, "5.5.1", "Bad sequence of commands", ReplyClass.CONFIGURATION),
    (550, "", "Administrative prohibition", ReplyClass.UNKNOWN),
    (554, "", "Transaction failed", ReplyClass.UNKNOWN),
]


@pytest.mark.parametrize(("code", "enhanced", "text", "meaning"), REPLIES)
def test_class_of_known_replies(code: int, enhanced: str, text: str, meaning: ReplyClass) -> None:
    assert classify(code, enhanced, text) is meaning


@pytest.mark.parametrize("detail", ["23", "25", "26", "27", "29", "30", "31", "32", "515"])
@given(
    digit=st.sampled_from("45"), code=st.sampled_from([421, 450, 451, 550, 554]), text=st.text(max_size=60)
)
def test_our_own_faults_never_count_against_a_person(detail: str, digit: str, code: int, text: str) -> None:
    assert classify(code, f"{digit}.7.{detail}", text) is ReplyClass.CONFIGURATION


@given(st.integers(400, 499), st.from_regex(r"\A(4\.\d{1,2}\.\d{1,2})?\Z"), st.text(max_size=80))
def test_a_refusal_for_now_never_condemns_an_address(code: int, enhanced: str, text: str) -> None:
    assert FAULT_OF[classify(code, enhanced, text)] is not Fault.ADDRESS


def test_every_class_has_a_fault() -> None:
    assert set(FAULT_OF) == set(ReplyClass)


NAMES = ("dmarc", "spf", "dkim", "ptr", "spam", "virus", "rbl", "attachment")


@pytest.mark.parametrize("enhanced", ["5.1.1", ""])
@pytest.mark.parametrize(
    "address", [*(f"{name}@shop.example" for name in NAMES), *(f"anna@{name}.example" for name in NAMES[:4])]
)
def test_address_that_is_quoted_does_not_say_what_a_refusal_means(enhanced: str, address: str) -> None:
    for text in (
        f"<{address}>: Recipient address rejected: User unknown",
        f"{address}: Recipient address rejected: User unknown",
        f"User unknown: {address}.",
        f"User unknown; no such mailbox at {address.partition('@')[2]}",
    ):
        assert classify(550, enhanced, text) is ReplyClass.NO_SUCH_ADDRESS


def test_precise_code_about_an_address_counts_more_than_words() -> None:
    assert classify(550, "5.1.1", "No such user. See our DMARC policy.") is ReplyClass.NO_SUCH_ADDRESS
    assert classify(550, "5.2.1", "Disabled; relay access denied") is ReplyClass.ADDRESS_DISABLED
    assert classify(550, "", "Refused, see https://dmarc.example/help") is ReplyClass.UNKNOWN
    assert classify(550, "", "Refused by DMARC. Ask your administrator") is ReplyClass.CONFIGURATION


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("550 5.1.1 <alice@x.example>: unknown", "550 5.1.1 …: unknown"),
        ("550 alice+shop@x.example, no such user", "550 …, no such user"),
        (
            '550 <"a lice"@x.example> unknown; see <https://x.example>',
            "550 … unknown; see <https://x.example>",
        ),
        ("421 4.7.0 try later", "421 4.7.0 try later"),
    ],
)
def test_addresses_are_left_out(said: str, kept: str) -> None:
    assert without_addresses(said) == kept


@given(st.text(alphabet="<>@a. ", max_size=1000))
def test_nothing_of_an_address_is_left(text: str) -> None:
    assert "a@a" not in without_addresses(text)
