"""Keys derived from the installation's secret, fingerprints and sealed values. No home-made primitives.

Not here: signed tokens in addresses (`events.tokens`) and mail signatures (`delivery.dkim`).
"""

import hashlib
import hmac
import os
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


@cache
def derived_key(use: str) -> bytes:
    """32 bytes for one use, from the installation's secret (HKDF-SHA256, RFC 5869)."""
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"parcours", info=use.encode())
    return derivation.derive(settings.SECRET_KEY.encode())


def fingerprint(use: str, text: str) -> bytes:
    """A keyed hash (HMAC-SHA256) of `text`: the same text gives the same bytes, and nobody without the key can tell which."""
    return hmac.digest(derived_key(use), text.encode(), "sha256")


def digest(secret: str) -> bytes:
    """The hash under which a random, high-entropy secret (an API key) is stored."""
    return hashlib.sha256(secret.encode()).digest()


def seal(use: str, secret: bytes) -> bytes:
    """Encrypt for storage (AES-256-GCM): 12 bytes of nonce, then the sealed text."""
    nonce = os.urandom(12)
    return nonce + AESGCM(derived_key(use)).encrypt(nonce, secret, use.encode())


def unseal(use: str, sealed: bytes) -> bytes:
    """The inverse of `seal`; raises `cryptography.exceptions.InvalidTag` when the key or the bytes are not the same."""
    return AESGCM(derived_key(use)).decrypt(sealed[:12], sealed[12:], use.encode())
