"""Signed tokens that links in messages carry: the pixel, clicks, and the pages for unsubscribing, choosing,
confirming, why.

A token names a message (never an address) and cannot be forged, changed, or used for anything but its
purpose. It never expires (compliance §3.1). Not here: what a token's bearer may do, and the URLs that carry tokens.

Layout: version, kind, workspace (8 bytes), the rest by kind, then 16 bytes of keyed BLAKE2b. Every length
is a multiple of three, so that base64 has no spare bits and each token has exactly one spelling. The four bytes of a click's
mailing were always zero before links named it.
"""

import hashlib
import hmac
import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from struct import Struct
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.utils.translation import gettext as _

from parcours.kernel import crypto
from parcours.kernel.errors import DomainError

_VERSION = 1
_MESSAGE, _CLICK, _ANONYMOUS_CLICK = 1, 2, 3
_SIGNATURE_BYTES = 16

_MESSAGE_LAYOUT = Struct(">BBQ16s")
_CLICK_LAYOUT = Struct(">BBQ16sIII")
_ANONYMOUS_CLICK_LAYOUT = Struct(">BBQIIIx")

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")
_TARGET = re.compile(
    r"https?://[^\x00-\x20\x7f-\x9f\\\"<>\u2028\u2029\ud800-\udfff/?#][^\x00-\x20\x7f-\x9f\\\"<>\u2028\u2029\ud800-\udfff]*",
    re.IGNORECASE,
)
MAX_TARGET = 2000


class InvalidToken(DomainError):
    """A link is incomplete or has been changed. Open it from the message again."""

    code = "token.invalid"


class RefusedTarget(DomainError):
    """A tracked link leads to something other than a web page."""

    code = "token.target_refused"


class Purpose(StrEnum):
    """What a message's token is good for. Each has a key of its own."""

    OPEN = "open"
    WHY = "why"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    CONFIRM = "confirm"
    BOUNCE = "bounce"


@dataclass(frozen=True, slots=True)
class MessageToken:
    """Names one message of one workspace."""

    workspace_id: int
    message_id: UUID


@dataclass(frozen=True, slots=True)
class ClickToken:
    """Names one link of a mailing and, only where the person may be measured, the message.

    `mailing_id` is 0 in links of former times: they name the template version alone, which several mailings may share.
    """

    workspace_id: int
    message_id: UUID | None
    template_version_id: int
    link: int
    mailing_id: int = 0


class TokenSigner:
    """Signs and checks tokens. Keys are derived once, one per use, from a master secret of at least 16
    bytes.
    """

    def __init__(self, master: bytes) -> None:
        if len(master) < 16:
            raise ValueError("The master secret of tokens needs at least 16 bytes.")
        self._hashes = {purpose: _keyed(master, purpose.value) for purpose in Purpose}
        self._click_hash = _keyed(master, "click")

    def sign(self, token: MessageToken, purpose: Purpose) -> str:
        """Return 56 characters of urlsafe base64."""
        payload = _MESSAGE_LAYOUT.pack(_VERSION, _MESSAGE, token.workspace_id, token.message_id.bytes)
        return _spell(payload + _signature(self._hashes[purpose], payload))

    def verify(self, text: str, purpose: Purpose) -> MessageToken:
        """Return what the token names, or raise InvalidToken."""
        raw = _read(text)
        payload = raw[:-_SIGNATURE_BYTES]
        if len(payload) != _MESSAGE_LAYOUT.size or not hmac.compare_digest(
            raw[-_SIGNATURE_BYTES:], _signature(self._hashes[purpose], payload)
        ):
            raise _invalid()
        version, kind, workspace_id, message_id = _MESSAGE_LAYOUT.unpack(payload)
        if version != _VERSION or kind != _MESSAGE:
            raise _invalid()
        return MessageToken(workspace_id, UUID(int=int.from_bytes(message_id, "big")))

    def sign_click(self, token: ClickToken, url: str) -> str:
        """Return the token of a link to `url`, which travels beside it. Only web addresses are signed
        (RefusedTarget).
        """
        if not is_web_address(url):
            raise RefusedTarget(
                _("“%(url)s” is not a web address that a tracked link can lead to.") % {"url": url[:80]},
                field="url",
                hint=_("Use an address that begins with https:// or http://."),
            )
        payload = _click_payload(token)
        return _spell(payload + _signature(self._click_hash, payload + url.encode()))

    def verify_click(self, text: str, url: str) -> ClickToken:
        """Return what the token names if it was signed for exactly this `url`, or raise InvalidToken."""
        raw = _read(text)
        payload = raw[:-_SIGNATURE_BYTES]
        signed = payload + url.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(raw[-_SIGNATURE_BYTES:], _signature(self._click_hash, signed)):
            raise _invalid()
        return _click_token(payload)


@cache
def signer() -> TokenSigner:
    """The installation's signer: every process makes and accepts the same tokens."""
    return TokenSigner(crypto.derived_key("tokens"))


def is_web_address(url: str) -> bool:
    """Tell whether `url` is an absolute http(s) address without controls, blanks, quotes or backslashes, of
    sane length.
    """
    return len(url) <= MAX_TARGET and _TARGET.fullmatch(url) is not None


def _click_payload(token: ClickToken) -> bytes:
    if token.message_id is None:
        return _ANONYMOUS_CLICK_LAYOUT.pack(
            _VERSION,
            _ANONYMOUS_CLICK,
            token.workspace_id,
            token.mailing_id,
            token.template_version_id,
            token.link,
        )
    return _CLICK_LAYOUT.pack(
        _VERSION,
        _CLICK,
        token.workspace_id,
        token.message_id.bytes,
        token.mailing_id,
        token.template_version_id,
        token.link,
    )


def _click_token(payload: bytes) -> ClickToken:
    kind = payload[1] if len(payload) > 1 else 0
    if kind == _CLICK and len(payload) == _CLICK_LAYOUT.size:
        version, _, workspace_id, message_id, mailing_id, template_version_id, link = _CLICK_LAYOUT.unpack(
            payload
        )
        token = ClickToken(
            workspace_id,
            UUID(int=int.from_bytes(message_id, "big")),
            template_version_id,
            link,
            mailing_id,
        )
    elif kind == _ANONYMOUS_CLICK and len(payload) == _ANONYMOUS_CLICK_LAYOUT.size:
        version, _, workspace_id, mailing_id, template_version_id, link = _ANONYMOUS_CLICK_LAYOUT.unpack(
            payload
        )
        token = ClickToken(workspace_id, None, template_version_id, link, mailing_id)
    else:
        raise _invalid()
    if version != _VERSION:
        raise _invalid()
    return token


def _keyed(master: bytes, use: str) -> hashlib.blake2b:
    """A hash ready to be copied, with a key from HKDF (RFC 5869) whose info is the use: no key tells about
    another.
    """
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"parcours/token/" + use.encode())
    return hashlib.blake2b(digest_size=_SIGNATURE_BYTES, key=derivation.derive(master))


def _signature(keyed: hashlib.blake2b, signed: bytes) -> bytes:
    hasher = keyed.copy()
    hasher.update(signed)
    return hasher.digest()


def _spell(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(_TO_URL).decode("ascii")


def _read(text: str) -> bytes:
    if text.endswith("="):
        raise _invalid()
    try:
        return a2b_base64(text.encode("ascii").translate(_FROM_URL), strict_mode=True)
    except (Base64Error, UnicodeEncodeError):
        raise _invalid() from None


def _invalid() -> InvalidToken:
    return InvalidToken(
        _("This link is incomplete or has been changed."),
        hint=_("Open it again from the message it came with."),
    )
