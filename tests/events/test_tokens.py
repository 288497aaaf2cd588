"""Tokens: exactly one spelling, one purpose, one target; every changed bit is refused (reliability T9, compliance 3.1)."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcours.events.tokens import ClickToken, InvalidToken, MessageToken, Purpose, RefusedTarget, TokenSigner

SIGNER = TokenSigner(b"a master secret for tests only")
SHOP = "https://shop.example/p/12?size=m&colour=bleu#avis"

ids = st.integers(0, 2**63 - 1)
uuids = st.uuids()
message_tokens = st.builds(MessageToken, ids, uuids)
small_ids = st.integers(0, 2**31 - 1)
click_tokens = st.builds(
    ClickToken, ids, st.none() | uuids, small_ids, st.integers(0, 2**32 - 1), mailing_id=small_ids
)
purposes = st.sampled_from(Purpose)


def flips(text: str) -> list[str]:
    """Every text that differs from this one by a single bit."""
    raw = text.encode()
    changed = []
    for bit in range(len(raw) * 8):
        other = bytearray(raw)
        other[bit // 8] ^= 1 << (bit % 8)
        changed.append(other.decode("latin-1"))
    return changed


@given(message_tokens, purposes)
def test_message_token_reads_back(token: MessageToken, purpose: Purpose) -> None:
    text = SIGNER.sign(token, purpose)
    assert len(text) == 56
    assert SIGNER.verify(text, purpose) == token


@given(message_tokens, purposes, purposes)
def test_message_token_is_good_for_one_purpose_only(
    token: MessageToken, made: Purpose, used: Purpose
) -> None:
    if made is not used:
        with pytest.raises(InvalidToken):
            SIGNER.verify(SIGNER.sign(token, made), used)


@given(click_tokens)
def test_click_token_reads_back(token: ClickToken) -> None:
    assert SIGNER.verify_click(SIGNER.sign_click(token, SHOP), SHOP) == token


@pytest.mark.parametrize(
    ("text", "message_id"),
    [
        ("AQMAAAAAAAAABwAAAAAAAAAfAAAAAgC3xI6zHRdk977RjwllAtP3", None),
        ("AQIAAAAAAAAABwAAAAAAAAAAAAAAAAAAAAUAAAAAAAAAHwAAAAIduMkrT2Bxrbyo0m_pIosW", UUID(int=5)),
    ],
)
def test_links_that_left_before_they_named_their_mailing_still_lead_somewhere(
    text: str, message_id: UUID | None
) -> None:
    assert SIGNER.verify_click(text, SHOP) == ClickToken(7, message_id, 31, 2, mailing_id=0)


@given(message_tokens, purposes)
def test_every_flipped_bit_of_a_message_token_is_refused(token: MessageToken, purpose: Purpose) -> None:
    for changed in flips(SIGNER.sign(token, purpose)):
        with pytest.raises(InvalidToken):
            SIGNER.verify(changed, purpose)


@given(click_tokens)
def test_every_flipped_bit_of_a_click_is_refused(token: ClickToken) -> None:
    text = SIGNER.sign_click(token, SHOP)
    for changed in flips(text):
        with pytest.raises(InvalidToken):
            SIGNER.verify_click(changed, SHOP)
    for changed in flips(SHOP):
        with pytest.raises(InvalidToken):
            SIGNER.verify_click(text, changed)


@given(st.text(max_size=120))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        SIGNER.verify(text, Purpose.OPEN)
    with pytest.raises(InvalidToken):
        SIGNER.verify_click(text, SHOP)


def test_padding_and_standard_base64_are_no_other_spelling() -> None:
    text = SIGNER.sign(MessageToken(2**63 - 1, UUID(int=2**128 - 1)), Purpose.WHY)
    for other in (text + "=", text + "\n", " " + text, text.replace("_", "/").replace("-", "+")):
        if other != text:
            with pytest.raises(InvalidToken):
                SIGNER.verify(other, Purpose.WHY)


def test_click_of_one_link_does_not_open_another() -> None:
    token = ClickToken(1, UUID(int=5), 3, 0)
    with pytest.raises(InvalidToken):
        SIGNER.verify_click(SIGNER.sign_click(token, SHOP), "https://evil.example/")


def test_tokens_of_another_installation_are_refused() -> None:
    other = TokenSigner(b"another secret of another house")
    with pytest.raises(InvalidToken):
        SIGNER.verify(other.sign(MessageToken(1, UUID(int=1)), Purpose.OPEN), Purpose.OPEN)


def test_short_master_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        TokenSigner(b"short")


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>1</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "/relative",
        "https://",
        "https:///path",
        "https://a.example/\r\nSet-Cookie: x=1",
        "https://a.example\\@b.example",
        'https://a.example/"onclick',
        "https://a.example/<script>",
        "https://a.example/" + "x" * 2000,
        "",
    ],
)
def test_targets_that_are_no_web_pages_are_not_signed(target: str) -> None:
    with pytest.raises(RefusedTarget):
        SIGNER.sign_click(ClickToken(1, None, 1, 0), target)
