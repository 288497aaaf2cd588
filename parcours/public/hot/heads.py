"""Heads of requests that came before: the same bytes are read the same way, without reading them again.

Programs send one head with all their events, and only its Content-Length changes; reading it is a sixth of the work of an event.
Not here: reading a head (`connection`, by llhttp), whose request it is (`keys`).
"""

from collections.abc import Mapping
from typing import NamedTuple

from parcours.public.hot.request import Answering, Request

MOST = 1000
LONGEST = 2048
_END = b"\r\n\r\n"
_SPECIAL = (b"expect", b"upgrade", b"transfer-encoding", b"cookie")
"""Fields of heads that are not remembered: more than a request follows from them, or they hold secrets of people who sign out."""


class Heads:
    """At most MOST heads, each at most LONGEST bytes, of whole requests with a body."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Head] = {}

    def request(self, connection: Answering, data: bytes) -> Request | None:
        """The one whole request that these bytes are, if its head is known. They must begin where a request begins."""
        end = data.find(_END) + len(_END)
        head = self._known.get(data[:end])
        if head is None or len(data) != head.size:
            return None
        return Request(connection, head.method, head.path, head.query, head.fields, content=data[end:])

    def learn(self, request: Request, data: bytes) -> None:
        """Remember the head of a request that was read from these bytes and nothing else."""
        end = data.find(_END) + len(_END)
        is_plain = (
            request.version == "1.1"
            and not request.is_last
            and request.file is None
            and not request.is_too_large
        )
        if not is_plain or not 0 < request.size == len(data) - end or end > LONGEST:
            return
        if any(name in request.fields for name in _SPECIAL):
            return
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[data[:end]] = _Head(
            request.method, request.path, request.query, request.fields, len(data)
        )


class _Head(NamedTuple):
    method: str
    path: str
    query: str
    fields: Mapping[bytes, bytes]
    size: int
    """Of the whole request."""
