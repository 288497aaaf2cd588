"""Signatures against the example of the standard itself, and secrets at rest."""

from base64 import b64decode

import pytest
from cryptography.exceptions import InvalidTag

from parcours.integrations import signing


def test_signature_is_that_of_the_standards_example() -> None:
    secret = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [secret]) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_make_two_signatures() -> None:
    alone = [signing.headers("1", 2, b"x", [one])["webhook-signature"] for one in (b"new", b"old")]
    assert signing.headers("1", 2, b"x", [b"new", b"old"])["webhook-signature"] == " ".join(alone)


def test_secret_is_spelt_as_libraries_read_it() -> None:
    secret = signing.new_secret()
    assert 24 <= len(secret) <= 64
    assert b64decode(signing.spelled(secret).removeprefix("whsec_")) == secret
    assert signing.new_secret() != secret


def test_secret_is_sealed_at_rest() -> None:
    stored = signing.sealed(b"secret of a shop")
    assert b"secret" not in stored
    assert signing.opened(stored) == b"secret of a shop"
    with pytest.raises(InvalidTag):
        signing.opened(stored[:-1] + bytes([stored[-1] ^ 1]))
