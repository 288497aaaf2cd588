"""DKIM signatures (RFC 6376, 8301): RSA-2048, SHA-256, relaxed/relaxed, with the headers of compliance §3.2
oversigned.

Deterministic: the same message and time give the same bytes. Not here: storing keys, publishing and
checking DNS records.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.utils.translation import gettext as _

from parcours.kernel.errors import DomainError

_OVERSIGNED = [
    "from",
    "reply-to",
    "subject",
    "to",
    "cc",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "feedback-id",
]
"""Named once more than they occur, also when absent: nobody can add one without breaking the signature."""

_OVERSIGNED_IF_PRESENT = [
    "sender",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "in-reply-to",
    "references",
]
_SIGNED_IF_PRESENT = ["list-id", "list-help", "list-owner", "list-subscribe", "list-post"]

_BLANKS = re.compile(rb"[ \t]+")
_LABELS = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?)*")


class DkimFailed(DomainError):
    """A key, domain or selector cannot be used to sign, or a message has no header block."""

    code = "dkim.failed"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one domain and selector. Loading the key takes time: keep the signer."""

    domain: str
    selector: str
    key: rsa.RSAPrivateKey

    @classmethod
    def load(cls, domain: str, selector: str, private_pem: bytes) -> Self:
        """Read an unencrypted PEM key of at least 2048 bits."""
        try:
            key = serialization.load_pem_private_key(private_pem, password=None)
        except (ValueError, TypeError) as error:
            raise DkimFailed(
                _("The DKIM key cannot be read."), field="key", hint=_("Generate a new key.")
            ) from error
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < 2048:
            raise DkimFailed(
                _("The DKIM key is not RSA of at least 2048 bits."),
                field="key",
                hint=_("Generate a new key."),
            )
        if not _LABELS.fullmatch(domain) or not _LABELS.fullmatch(selector):
            raise DkimFailed(_("Domain and selector must be lower-case DNS names."), field="domain")
        return cls(domain, selector, key)

    def sign(self, message: bytes, timestamp: int) -> bytes:
        """Return `message` with a DKIM-Signature in front. Line ends must be CRLF; `timestamp` is in Unix
        seconds.
        """
        head, separator, body = message.partition(b"\r\n\r\n")
        if not separator:
            raise DkimFailed(_("The message has no end of its headers."))
        names, signed = _chosen(_headers(head + b"\r\n"))
        body_hash = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode("ascii")
        header = (
            f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={self.domain};\r\n"
            f" s={self.selector}; t={timestamp};\r\n"
            f" h={_folded_names(names)};\r\n"
            f" bh={body_hash};\r\n"
            f" b="
        ).encode("ascii")
        name, _colon, value = header.partition(b":")
        signed.append(relaxed_header(name, value))
        signature = base64.b64encode(self.key.sign(b"\r\n".join(signed), padding.PKCS1v15(), hashes.SHA256()))
        lines = [signature[start : start + 72] for start in range(0, len(signature), 72)]
        return header + b"\r\n ".join(lines) + b"\r\n" + message


def generate_key() -> bytes:
    """Return a new RSA-2048 private key as PEM (PKCS#8, unencrypted: seal it before storing)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_key(private_pem: bytes) -> bytes:
    """Return the public half as DER (SubjectPublicKeyInfo)."""
    key = serialization.load_pem_private_key(private_pem, password=None)
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def dns_record(public: bytes) -> str:
    """Return the TXT record to publish at `<selector>._domainkey.<domain>` for a public key in DER."""
    return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode('ascii')}"


def relaxed_header(name: bytes, value: bytes) -> bytes:
    """RFC 6376 3.4.2, without the final CRLF."""
    return name.strip().lower() + b":" + _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 3.4.4: blanks shrink to one space and vanish at line ends; empty lines at the end vanish."""
    body = body.replace(b"\t", b" ")
    while b"  " in body:  # halves every run at each pass; a regular expression takes fifty times as long
        body = body.replace(b"  ", b" ")
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    body = body.removesuffix(b" ")
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def _headers(head: bytes) -> list[tuple[str, bytes]]:
    """Return (lower-case name, canonical header) in the order of the message."""
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    headers = []
    for line in unfolded.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            canonical = relaxed_header(name, value)
            headers.append((canonical.partition(b":")[0].decode("ascii", "replace"), canonical))
    return headers


def _chosen(headers: list[tuple[str, bytes]]) -> tuple[list[str], list[bytes]]:
    """Return the names for h= and the canonical headers they stand for: of several, from the last up (RFC
    6376 5.4.2).
    """
    occurrences: dict[str, list[bytes]] = {}
    for name, canonical in headers:
        occurrences.setdefault(name, []).append(canonical)
    names: list[str] = []
    signed: list[bytes] = []
    for wanted, extra, even_if_absent in (
        (_OVERSIGNED, 1, True),
        (_OVERSIGNED_IF_PRESENT, 1, False),
        (_SIGNED_IF_PRESENT, 0, False),
    ):
        for name in wanted:
            found = occurrences.get(name, [])
            if found or even_if_absent:
                names += [name] * (len(found) + extra)
                signed += reversed(found)
    return names, signed


def _folded_names(names: list[str]) -> str:
    lines, line = [], ""
    for name in names:
        if line and len(line) + len(name) + 1 > 72:
            lines.append(line)
            line = name
        else:
            line = f"{line}:{name}" if line else name
    return ":\r\n ".join([*lines, line])
