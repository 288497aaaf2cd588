"""The visitor's address behind proxies: the operator's own are believed, nobody else is."""

from ipaddress import ip_network

import pytest

from parcours.public.hot.proxies import client_address

OURS = tuple(ip_network(each) for each in ("127.0.0.1", "10.0.0.0/8", "fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "198.51.100.7, 10.1.2.3", "198.51.100.7"),
        ("::ffff:127.0.0.1", "2001:db8::7,fd00::1", "2001:db8::7"),
        ("127.0.0.1", "192.0.2.66, 198.51.100.7", "198.51.100.7"),  # the first one is what the visitor wrote
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),  # not our proxy
        ("127.0.0.1", "198.51.100.7, nonsense", "127.0.0.1"),
        ("127.0.0.1", "nonsense, 10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_nearest_address_that_is_not_ours_is_the_visitors(peer: str, forwarded: str, address: str) -> None:
    assert client_address(peer, forwarded, OURS) == address


def test_nobody_is_believed_by_default() -> None:
    assert client_address("127.0.0.1", "198.51.100.7", ()) == "127.0.0.1"
