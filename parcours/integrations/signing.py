"""Signatures as Standard Webhooks 1.0 wants them (https://www.standardwebhooks.com), with secrets sealed at rest.

Not here: who is shown a secret (`actions`), who sends (`poster`).
"""

import hmac
import os
from base64 import b64encode
from collections.abc import Iterable

from parcours.kernel import crypto

_SEALED_FOR = "webhook secret"


def new_secret() -> bytes:
    """192 random bits."""
    return os.urandom(24)


def spelled(secret: bytes) -> str:
    """A secret as people and libraries write it."""
    return f"whsec_{b64encode(secret).decode()}"


def sealed(secret: bytes) -> bytes:
    """A secret as it is stored."""
    return crypto.seal(_SEALED_FOR, secret)


def opened(stored: bytes) -> bytes:
    """The inverse of `sealed`; raises `InvalidTag` when the installation has another secret than when it was sealed."""
    return crypto.unseal(_SEALED_FOR, bytes(stored))


def headers(webhook_id: str, timestamp: int, body: bytes, secrets: Iterable[bytes]) -> dict[str, str]:
    """The three headers of the standard. Several secrets give several signatures, each of which is enough for the reader."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    signatures = (b64encode(hmac.digest(each, signed, "sha256")).decode() for each in secrets)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
