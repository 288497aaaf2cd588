"""Which addresses that somebody typed in we may send requests to: those of public machines, written plainly.

Checked twice: as text when it is saved, and each machine that its name leads to when a request is about to leave (`http`).
Not here: the addresses of our own callers.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import idna
from django.utils.translation import gettext as _

from parcours.kernel.errors import Invalid

LONGEST = 2000
_NUMERIC = re.compile(r"\d+|0[xX][0-9a-fA-F]*")
_NAMES_OF_HERE = ("localhost", "local", "internal", "lan", "home.arpa")

# Beside what `ipaddress` calls global in every version of Python that we run on.
_SPECIAL_4 = tuple(
    ip_network(each)
    for each in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4")
)
_PUBLIC_6 = ip_network("2000::/3")
_SPECIAL_6 = tuple(ip_network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_TRANSLATED = ip_network("64:ff9b::/96")  # RFC 6052: its last 32 bits are the IPv4 address that is meant
# Where clouds tell a machine its secrets, apart from the link-local one. Refused even where private addresses are allowed.
# 168.63.129.16 looks public, and is Azure's own on every machine there.
_METADATA = frozenset(
    ip_address(each)
    for each in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)


class RefusedAddress(Invalid):
    """Requests are not sent to this address."""

    code = "address.refused"


@dataclass(frozen=True)
class Target:
    """An address taken apart. `host` is ASCII, `path` is what the request line says."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


_PORTS = {"https": 443, "http": 80}


def parse(url: str, *, allow_private: bool = False) -> Target:
    """The target that a URL names. Raises RefusedAddress for all but `https://` to a public place.

    With `allow_private` (an operator's choice) it may be in a private network, and `http://` on this machine's own loopback.
    """
    parts = _split(url)
    host = _host(parts.hostname or "")
    _check_name(host, allow_private=allow_private)
    if parts.scheme not in _PORTS or (
        parts.scheme == "http" and not (allow_private and _is_loopback_name(host))
    ):
        raise _refused(_("The address must begin with https://."))
    return Target(
        parts.scheme, host, _port(parts), (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    )


def _split(url: str) -> SplitResult:
    """The parts of a URL that every reader takes apart in the same way."""
    if len(url) > LONGEST:
        raise _refused(_("The address has more than %(most)s characters.") % {"most": LONGEST})
    if "\\" in url or any(one.isspace() or not one.isprintable() for one in url):
        raise _refused(_("The address holds a character that none may hold."))
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _refused(_("This is not an address.")) from None
    if not (parts.path + parts.query).isascii():
        raise _refused(
            _("The address holds letters that must be written with a percent sign, such as %C3%A9.")
        )
    if "@" in parts.netloc:
        raise _refused(_("A name or password has no place in the address."))
    if "#" in url:
        raise _refused(_("An address of a program has no “#” part."))
    return parts


def _port(parts: SplitResult) -> int:
    """The port: the usual one, or one that anybody may open."""
    try:
        port = parts.port or _PORTS[parts.scheme]
    except ValueError:
        raise _refused(_("This is not a port.")) from None
    if port not in _PORTS.values() and port < 1024:
        raise _refused(_("The port must be 443, or 1024 and above."))
    return port


def _host(written: str) -> str:
    """The host in ASCII. Numbers are taken only as the one way in which everybody writes an IP address."""
    if ":" in written:
        try:
            return str(IPv6Address("" if "%" in written else written))
        except ValueError:
            raise _refused(_("This is not an address.")) from None
    try:
        host = idna.encode(written, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise _refused(_("There is no such host name.")) from None
    if _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]) and not _is_plain_ip(host):
        raise _refused(_("Write an IP address as four numbers, or better the name."))
    return host


def _is_plain_ip(host: str) -> bool:
    try:
        return str(IPv4Address(host)) == host
    except ValueError:
        return False


def _check_name(host: str, *, allow_private: bool) -> None:
    """Raise RefusedAddress for an IP address that may not be reached, and for names that only mean something here."""
    if _is_plain_ip(host) or ":" in host:
        if not is_open(host, allow_private=allow_private):
            raise _refused(_("This address is in a network that is not public."))
    elif not allow_private:
        name = host.rstrip(".")
        if "." not in name or any(name == one or name.endswith(f".{one}") for one in _NAMES_OF_HERE):
            raise _refused(_("This name is not known outside your own network."))


def _is_loopback_name(host: str) -> bool:
    if _is_plain_ip(host) or ":" in host:
        return ip_address(host).is_loopback
    return host == "localhost"


def is_open(address: str, *, allow_private: bool = False) -> bool:
    """True when requests may go to this IP address."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip in _TRANSLATED:
            return is_open(str(IPv4Address(int(ip) & 0xFFFFFFFF)), allow_private=allow_private)
        if ip.ipv4_mapped is not None:
            return False
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in _METADATA:
        return False
    return allow_private or _is_public(ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv4Address):
        return ip.is_global and not any(ip in each for each in _SPECIAL_4)
    return ip in _PUBLIC_6 and ip.is_global and not any(ip in each for each in _SPECIAL_6)


def _refused(message: str) -> RefusedAddress:
    return RefusedAddress(message, field="url", hint=_("Give a public address that begins with https://."))
