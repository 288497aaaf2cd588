"""How a worker reaches the mail server."""

import pytest

from parcours.workers.sending import local_name


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://parcours.shop.example", "parcours.shop.example"),
        ("https://parcours.shop.example:8443", "parcours.shop.example"),
        ("https://marché.example", "xn--march-fsa.example"),
        ("http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[2001:db8::1]:8000", "[IPv6:2001:db8::1]"),
        ("", "localhost"),
    ],
)
def test_we_name_ourselves_by_the_public_address(base_url: str, name: str) -> None:
    assert local_name(base_url) == name
