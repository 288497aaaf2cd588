"""Requests on real sockets: the address that was checked is the one that is spoken to; answers are bounded in time and size."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from parcours.kernel import http
from parcours.kernel.http import Answer, Failed, Trouble
from parcours.kernel.targets import Target

Behave = Callable[[socket.socket, bytes], None]
PLENTY = 5.0


@contextmanager
def listening(behave: Behave, tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A server that takes one request after the other; gives its port and what it heard."""
    heard: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.05)
    stopping = threading.Event()

    def serve() -> None:
        while not stopping.is_set():
            try:
                taken, _ = server.accept()
            except TimeoutError:
                continue
            taken.settimeout(5)
            try:
                with tls.wrap_socket(taken, server_side=True) if tls else taken as spoken:
                    request = b""
                    while b"\r\n\r\n" not in request or not request.endswith(b"}"):
                        if not (part := spoken.recv(65536)):
                            break
                        request += part
                    heard.append(request)
                    behave(spoken, request)
            except OSError:
                continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1], heard
    finally:
        stopping.set()
        thread.join()
        server.close()


def saying(answer: bytes) -> Behave:
    return lambda spoken, _request: spoken.sendall(answer)


def post(
    target: Target,
    *,
    within: float = PLENTY,
    tls: ssl.SSLContext | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    return asyncio.run(http.post(target, b"{}", headers or {}, within=within, allow_private=True, tls=tls))


def here(port: int) -> Target:
    return Target("http", "127.0.0.1", port, "/hook?a=1")


def failing(target: Target, *, within: float = PLENTY, tls: ssl.SSLContext | None = None) -> Trouble:
    with pytest.raises(Failed) as failed:
        post(target, within=within, tls=tls)
    return failed.value.trouble


def test_request_is_whole_and_its_answer_read() -> None:
    with listening(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as (port, heard):
        assert post(here(port), headers={"webhook-id": "7"}) == Answer(204)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert body == b"{}"
    assert head.split(b"\r\n") == [
        b"POST /hook?a=1 HTTP/1.1",
        f"Host: 127.0.0.1:{port}".encode(),
        b"User-Agent: Parcours",
        b"Connection: close",
        b"Content-Length: 2",
        b"webhook-id: 7",
    ]


def test_interim_answers_are_passed_over_and_the_wish_to_wait_is_heard() -> None:
    answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 503 Busy\r\nretry-AFTER:  120 \r\n\r\nno"
    with listening(saying(answer)) as (port, _heard):
        assert post(here(port)) == Answer(503, "120")


def test_redirect_is_an_answer_and_is_not_followed() -> None:
    with listening(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as (elsewhere, heard_elsewhere):
        redirect = f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{elsewhere}/\r\n\r\n".encode()
        with listening(saying(redirect)) as (port, _heard):
            assert post(here(port)) == Answer(307)
    assert heard_elsewhere == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
    ],
    ids=["nothing", "another protocol", "no status", "cut off", "an endless head", "for ever interim"],
)
def test_answer_that_is_none(answer: bytes) -> None:
    with listening(saying(answer)) as (port, _heard):
        assert failing(here(port)) is Trouble.BAD_ANSWER


def drip(spoken: socket.socket, _request: bytes) -> None:
    """One byte after the other, so that no single read ever waits for long."""
    for _ in range(200):
        spoken.sendall(b"H")
        threading.Event().wait(0.02)


def test_time_is_bounded_as_a_whole() -> None:
    with listening(drip) as (port, _heard):
        assert failing(here(port), within=0.3) is Trouble.TIMEOUT


def endless(spoken: socket.socket, _request: bytes) -> None:
    spoken.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(1000):
        spoken.sendall(b"x" * 65536)


def test_endless_body_is_cut_off() -> None:
    with listening(endless) as (port, _heard):
        assert post(here(port)) == Answer(200)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert failing(here(port)) is Trouble.NO_CONNECTION


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(saying(b"HTTP/1.1 502 Proxy\r\n\r\n")) as (proxy, heard_by_proxy):
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{proxy}")
        with listening(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as (port, _heard):
            assert post(here(port)) == Answer(200)
    assert heard_by_proxy == []


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "é", "\x00"])
def test_header_begins_no_other(value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        post(here(1), headers={"webhook-id": value})


# Names


def led_to(monkeypatch: pytest.MonkeyPatch, *turns: list[str]) -> list[str]:
    """Names lead to these addresses, one list for each time somebody asks; gives who was asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[object]:
        asked.append(host)
        found = turns[min(len(asked), len(turns)) - 1]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["::1"],
        ["fd00::1"],
        ["::ffff:127.0.0.1"],
        ["8.8.8.8", "192.168.0.1"],
        ["0.0.0.0"],
    ],
)
def test_name_that_leads_inside_is_refused_before_anything_is_said(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    led_to(monkeypatch, addresses)
    target = Target("https", "hooks.example.com", 443, "/")
    with pytest.raises(Failed) as failed:
        asyncio.run(http.post(target, b"{}", {}, within=PLENTY))
    assert failed.value.trouble is Trouble.REFUSED


def test_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    led_to(monkeypatch, [])
    assert failing(Target("https", "nowhere.example", 443, "/")) is Trouble.UNKNOWN_HOST


def test_name_is_asked_once_and_the_checked_address_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads somewhere else the second time (DNS rebinding) is not asked a second time."""
    with listening(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as (port, heard):
        asked = led_to(monkeypatch, ["127.0.0.1"], ["203.0.113.1"])
        real = asyncio.open_connection
        spoken_to: list[str] = []

        async def open_connection(host: str, *rest: Any, **named: Any) -> object:
            spoken_to.append(host)
            monkeypatch.undo()
            return await real(host, *rest, **named)

        monkeypatch.setattr(asyncio, "open_connection", open_connection)
        assert post(Target("http", "hooks.example.com", port, "/")) == Answer(200)
    assert asked == ["hooks.example.com"]
    assert spoken_to == ["127.0.0.1"]
    assert f"Host: hooks.example.com:{port}".encode() in heard[0]


# TLS


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `name`, and the context of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, private)
    return server, ssl.create_default_context(cafile=str(chain))


def test_tls_is_checked_against_the_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "hooks.example.com")
    with listening(saying(b"HTTP/1.1 200 OK\r\n\r\n"), server) as (port, heard):
        led_to(monkeypatch, ["127.0.0.1"])
        assert post(Target("https", "hooks.example.com", port, "/"), tls=client) == Answer(200)
        assert failing(Target("https", "other.example.com", port, "/"), tls=client) is Trouble.TLS
        assert (
            failing(Target("https", "hooks.example.com", port, "/")) is Trouble.TLS
        )  # nobody we trust signed it
    assert len(heard) == 1
