"""Which addresses may be written to: public ones, spelt plainly. Everything else is refused, whichever way it is written."""

import pytest

from parcours.kernel.targets import RefusedAddress, is_open, parse

REFUSED = (
    # not https
    "http://hooks.example.com/", "ftp://hooks.example.com/", "file:///etc/passwd", "gopher://hooks.example.com/",
    "javascript:alert(1)", "//hooks.example.com/", "hooks.example.com/x", "", "https://", "https:///x", "https:hooks.example.com",
    # this machine
    "https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://api.localhost/", "https://127.0.0.1/",
    "https://127.0.0.1:8443/", "https://127.1/", "https://127.0.1/", "https://2130706433/", "https://0x7f000001/",
    "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.1./", "https://127.0.0.01/",
    "https://１２７.0.0.1/", "https://①②⑦.0.0.1/", "https://127。0。0。1/", "https://%31%32%37.0.0.1/", "https://0/", "https://0.0.0.0/",
    "https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/", "https://[::1%25lo]/",
    # networks of one's own
    "https://10.0.0.8/", "https://172.16.0.1/", "https://172.31.255.254/", "https://192.168.1.1/", "https://100.64.0.1/",
    "https://[fc00::1]/", "https://[fd12:3456::1]/", "https://[fec0::1]/", "https://printer/", "https://nas.local/", "https://db.internal/",
    "https://router.lan/", "https://box.home.arpa/", "https://198.18.0.1/", "https://192.0.2.1/", "https://203.0.113.9/", "https://[2001:db8::1]/",
    # metadata of clouds, link-local, multicast, reserved
    "https://169.254.169.254/latest/meta-data/", "https://169.254.1.1/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/", "https://100.100.100.200/", "https://192.0.0.192/", "https://metadata.google.internal/",
    "https://168.63.129.16:32526/", "https://[fd20:ce::254]/",
    "https://2852039166/", "https://0xa9fea9fe/", "https://[::ffff:a9fe:a9fe]/", "https://224.0.0.1/", "https://[ff02::1]/",
    "https://240.0.0.1/", "https://255.255.255.255/",
    # an IPv4 address inside an IPv6 one
    "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[64:ff9b::10.0.0.1]/", "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/", "https://[2001:0:7f00:1::]/",
    # what two readers take apart in two ways
    "https://hooks.example.com@127.0.0.1/", "https://user:pass@hooks.example.com/", "https://user@hooks.example.com/",
    "https://hooks.example.com\\@127.0.0.1/", "https://hooks.example.com#@127.0.0.1/", "https://hooks.example.com/#part",
    "https://hooks.example.com /", "https://hooks.example.com/a b", "https://hooks.example.com/\r\nHost: x", "https://hooks.exam\tple.com/",
    "https://hooks.example.com/\x00", "https://hooks.example.com/\u200b", "https://[hooks.example.com/", "https://hooks_.example.com/",
    "https://-hooks.example.com/", "https://hooks..example.com/", "https://hooks.example.com/é",
    # ports of other services
    "https://hooks.example.com:25/", "https://hooks.example.com:22/", "https://hooks.example.com:99999/", "https://hooks.example.com:abc/",
    "https://hooks.example.com:-1/", "https://hooks.example.com/" + "a" * 2000,
)  # fmt: skip


def test_table_is_long_enough_and_has_no_double() -> None:
    assert len(REFUSED) == len(set(REFUSED)) > 90


@pytest.mark.parametrize("url", REFUSED)
def test_address_is_refused(url: str) -> None:
    with pytest.raises(RefusedAddress) as refused:
        parse(url)
    assert refused.value.field == "url"
    assert refused.value.message


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/", "hooks.example.com"),
        ("https://Hooks.Example.COM/a?b=%20", "hooks.example.com", 443, "/a?b=%20", "hooks.example.com"),
        ("https://hooks.example.com:8443/x", "hooks.example.com", 8443, "/x", "hooks.example.com:8443"),
        ("https://marché.example/", "xn--march-fsa.example", 443, "/", "xn--march-fsa.example"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "/", "8.8.8.8"),
        ("https://[2606:4700::1111]:4430/", "2606:4700::1111", 4430, "/", "[2606:4700::1111]:4430"),
    ],
)
def test_public_address_is_taken(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = parse(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/x",
        "http://localhost:9000/",
        "http://[::1]:8000/",
        "https://10.0.0.8/",
        "https://printer/",
    ],
)
def test_private_address_is_taken_where_the_operator_allows_it(url: str) -> None:
    with pytest.raises(RefusedAddress):
        parse(url)
    assert parse(url, allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.8/",
        "http://hooks.example.com/",
        "https://169.254.169.254/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://100.100.100.200/",
        "https://168.63.129.16/",
        "https://[fd20:ce::254]/",
        "https://0.0.0.0/",
        "https://[::ffff:127.0.0.1]/",
        "https://user@10.0.0.8/",
        "http://2130706433:8000/",
    ],
)
def test_some_are_refused_even_then(url: str) -> None:
    with pytest.raises(RefusedAddress):
        parse(url, allow_private=True)


def test_translated_address_is_judged_by_what_it_means() -> None:
    assert is_open("64:ff9b::808:808")
    assert not is_open("64:ff9b::a00:1")
    assert is_open("64:ff9b::a00:1", allow_private=True)
    assert not is_open("64:ff9b::a9fe:a9fe", allow_private=True)
