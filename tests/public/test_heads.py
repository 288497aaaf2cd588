"""A head that came before is read as it was then: with this memory and without it, an application is asked the same."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from parcours.public.hot import http
from parcours.public.hot.connection import Connection
from parcours.public.hot.heads import LONGEST, MOST, Heads
from parcours.public.hot.request import Answering, Request
from tests.public.asking import Wire

LIMIT = 80
Asked = tuple[str, str, str, dict[bytes, bytes], bytes, str, bool, bool]


class Forgetful(Heads):
    """Knows no head."""

    def learn(self, request: Request, data: bytes) -> None:
        return


class Counting(Heads):
    """Counts how often it knew one."""

    known = 0

    def request(self, connection: Answering, data: bytes) -> Request | None:
        found = super().request(connection, data)
        self.known += found is not None
        return found


class Played:
    """Answers at once, and notes what it was asked."""

    def __init__(self, heads: Heads) -> None:
        self.heads = heads
        self.asked: list[Asked] = []

    def limit_of(self, path: str) -> int:
        return LIMIT

    def answer(self, request: Request) -> None:
        told = (request.method, request.path, request.query, dict(request.fields), request.content)
        self.asked.append((*told, request.version, request.is_last, request.is_too_large))
        request.answer(200, http.TEXT, request.content)


def post(body: bytes, *fields: bytes) -> bytes:
    lines = (b"POST /v1/track?a=1 HTTP/1.1", b"Host: x", *fields, b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def asked(heads: Heads, reads: Sequence[Sequence[bytes]]) -> tuple[list[Asked], int, int]:
    """What an application is asked by connections that read these bytes, how many of them it closes, and how often they say: go on."""

    async def run() -> tuple[list[Asked], int, int]:
        application, closed, told = Played(heads), 0, 0
        for each in reads:
            connection, wire = Connection(application, set(), set()), Wire()
            connection.connection_made(wire)
            for data in each:
                connection.data_received(data)
            await asyncio.sleep(0)
            closed += wire.is_closed
            told += wire.written.count(b"100 Continue")
            connection.connection_lost(None)
        return application.asked, closed, told

    return asyncio.run(run())


REQUESTS = st.sampled_from(
    [
        *(
            post(body)
            for body in (b"", b"a", b"b", b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: y\r\n\r\n", b"x" * 90)
        ),
        *(post(body, b"Authorization: Bearer 1") for body in (b"a", b"bb")),
        post(b"a", b"Connection: close"),
        post(b"a", b"Expect: 100-continue"),
        post(b"a", b"Connection: upgrade", b"Upgrade: h2c"),
        post(b"a").replace(b"HTTP/1.1", b"HTTP/1.0"),
        post(b"a", b"Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"),
        post(b"a").replace(b"Host: x\r\n", b""),
        b"\r\n" + post(b"a"),
        post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\n\r\n",
        b"GET /t/o/1.gif HTTP/1.1\r\nHost: x\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\r\n\r\n",
    ]
)


@given(
    st.lists(st.tuples(st.lists(REQUESTS, max_size=6), st.lists(st.integers(0, 400), max_size=3)), max_size=4)
)
def test_application_is_asked_the_same_whatever_is_known(
    connections: list[tuple[list[bytes], list[int]]],
) -> None:
    whole, cut = [], []
    for requests, places in connections:
        stream = b"".join(requests)
        bounds = sorted({min(place, len(stream)) for place in places} | {0, len(stream)})
        whole.append(requests)
        cut.append([stream[start:end] for start, end in pairwise(bounds)])
    for reads in (whole, cut, whole + cut + whole):
        assert asked(Heads(), reads) == asked(Forgetful(), reads)


def test_head_is_known_when_it_comes_again_on_any_connection() -> None:
    heads = Counting()
    one, two = post(b"a"), post(b"b")
    found, _, _ = asked(heads, [[one, two], [two], [one[:-1], one[-1:]], [post(b"ab")]])
    assert [each[4] for each in found] == [b"a", b"b", b"b", b"a", b"ab"]
    assert heads.known == 2


def test_body_that_looks_like_a_request_is_a_body() -> None:
    """Read otherwise, whoever chooses a body behind a proxy would choose the next one's request."""
    heads, inner = Counting(), post(b"a")
    head = post(b"x" * len(inner)).removesuffix(b"x" * len(inner))
    found, _, _ = asked(
        heads, [[inner], [head, inner], [head + inner[:9], inner[9:]], [inner[:9], inner[9:]]]
    )
    assert [each[4] for each in found] == [b"a", inner, inner, b"a"]
    assert heads.known == 0


def test_end_of_a_head_is_not_remembered_as_a_head() -> None:
    heads, whole = Counting(), post(b"a")
    for place in range(1, whole.index(b"\r\n\r\n")):
        found, closed, _ = asked(heads, [[whole[:place], whole[place:]], [whole[place:]]])
        assert (len(found), closed) == (1, 1), whole[place:]


def test_little_is_kept() -> None:
    heads = Counting()
    asked(heads, [[post(b"a", b"X-Number: %d" % number) for number in range(MOST + 1)]])
    assert len(heads._known) <= MOST
    asked(heads, [[post(b"a", b"X-Long: " + b"x" * LONGEST)] * 2])
    asked(heads, [[post(b"x" * (LIMIT + 1))] * 2])
    asked(heads, [[b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"] * 2])
    asked(heads, [[post(b"a", b"Cookie: sessionid=secret")] * 2])
    assert heads.known == 0
