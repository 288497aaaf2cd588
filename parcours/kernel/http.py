"""The one way out for requests to addresses that somebody typed in: bounded time, bounded answers, no redirects, no proxy.

A name is resolved once, every machine that it leads to is checked (`targets`), and the connection goes to the very address that was
checked: a name that leads elsewhere a moment later (DNS rebinding) changes nothing. TLS is checked against the name.
Not here: what is sent, signatures, trying again (each room's own).
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from parcours.kernel.targets import Target, is_open

LONGEST_HEAD = 16 * 1024
LONGEST_BODY = 64 * 1024
_DRAIN = 1.0
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r\n")


class Trouble(StrEnum):
    """Why there is no answer."""

    REFUSED = "refused"
    UNKNOWN_HOST = "unknown_host"
    NO_CONNECTION = "no_connection"
    TLS = "tls"
    TIMEOUT = "timeout"
    BAD_ANSWER = "bad_answer"


class Failed(Exception):
    """There is no answer. The other side may have heard the request all the same."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


@dataclass(frozen=True)
class Answer:
    """What the other side said: its status, and when it wants to be asked again (as it wrote it). Its words are not kept."""

    status: int
    retry_after: str = ""


async def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    within: float = 10.0,
    allow_private: bool = False,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send a body and return the answer, of whatever status; redirects are answers. Raises Failed, also after `within` seconds.

    `tls` is for tests; the machine's own authorities are trusted otherwise.
    """
    request = _request(target, body, headers)
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(within):
            reader, writer = await _connect(target, tls or _trust(), allow_private=allow_private)
            writer.write(request)
            await writer.drain()
            answer = await _answer(reader)
        await _hear_out(reader)
    except TimeoutError:
        raise Failed(Trouble.TIMEOUT) from None
    except OSError:
        raise Failed(Trouble.NO_CONNECTION) from None
    finally:
        if writer is not None:
            writer.transport.abort()
    return answer


def _request(target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
    """The bytes of the request. Raises ValueError for a header that would begin another one."""
    lines = {
        "Host": target.authority,
        "User-Agent": "Parcours",
        "Connection": "close",
        "Content-Length": str(len(body)),
        **headers,
    }
    if any(not value.isprintable() or not value.isascii() for value in lines.values()):
        raise ValueError("a header holds what none may hold")
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


@cache
def _trust() -> ssl.SSLContext:
    """The authorities that this machine trusts; reading them takes time."""
    return ssl.create_default_context()


async def _connect(
    target: Target, tls: ssl.SSLContext, *, allow_private: bool
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that answers, of those that were checked."""
    trouble = Trouble.NO_CONNECTION
    is_secure = target.scheme == "https"
    for address in await _addresses(target, allow_private=allow_private):
        try:
            return await asyncio.open_connection(
                address,
                target.port,
                limit=LONGEST_HEAD,
                ssl=tls if is_secure else None,
                server_hostname=target.host.rstrip(".") if is_secure else None,
            )
        except ssl.SSLError:
            trouble = Trouble.TLS
        except OSError:
            trouble = Trouble.NO_CONNECTION
    raise Failed(trouble)


async def _addresses(target: Target, *, allow_private: bool) -> list[str]:
    """The IP addresses of a host. One that may not be reached is enough to refuse: nobody honest mixes them."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except (socket.gaierror, UnicodeError):
        raise Failed(Trouble.UNKNOWN_HOST) from None
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    if not all(is_open(each, allow_private=allow_private) for each in addresses):
        raise Failed(Trouble.REFUSED)
    return addresses


async def _answer(reader: asyncio.StreamReader) -> Answer:
    """The head of the answer, after at most a few interim ones (100, 103)."""
    for _turn in range(8):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            break
        found = _STATUS.match(head)
        if found is None:
            break
        if found[1][:1] != b"1":
            return Answer(int(found[1]), _header(head, b"retry-after"))
    raise Failed(Trouble.BAD_ANSWER)


def _header(head: bytes, wanted: bytes) -> str:
    for line in head.split(b"\r\n")[1:]:
        name, _colon, value = line.partition(b":")
        if name.strip().lower() == wanted:
            return value.strip().decode("latin-1")[:100]
    return ""


async def _hear_out(reader: asyncio.StreamReader) -> None:
    """Take a little of the body before hanging up, as is polite; what it says does not matter."""
    left = LONGEST_BODY
    with suppress(OSError):  # TimeoutError too
        async with asyncio.timeout(_DRAIN):
            while left > 0 and (part := await reader.read(left)):
                left -= len(part)
