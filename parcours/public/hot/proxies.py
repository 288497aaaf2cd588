"""Whose address a request has. Behind reverse proxies it is in X-Forwarded-For, which anybody can send: only the operator's own
proxies (PARCOURS_TRUSTED_PROXIES) are believed, each about the one before it.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Networks = Sequence[IPv4Network | IPv6Network]


def client_address(peer: str, forwarded: str, trusted: Networks) -> str:
    """The nearest address that is not a trusted proxy's; the peer's own when nobody has to be believed.

    `forwarded` is X-Forwarded-For: each proxy adds its peer at the end. What is no address ends the search.
    """
    nearest = peer
    for told in reversed(forwarded.split(",") if trusted else ()):
        if not _is_trusted(nearest, trusted) or _address(told) is None:
            break
        nearest = str(_address(told))
    return nearest


def _is_trusted(text: str, trusted: Networks) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in trusted)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in a text; one of IPv4 in the clothes of IPv6 as itself."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
