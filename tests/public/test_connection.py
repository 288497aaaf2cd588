"""One HTTP/1.1 connection: order, bounds, what is no request, and ends. The application is played; httptools reads the syntax."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcours.public.hot import connection as module
from parcours.public.hot import http
from parcours.public.hot.connection import Connection
from parcours.public.hot.heads import Heads
from parcours.public.hot.request import Request
from tests.public.asking import Wire

GET = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n"


class Played:
    """An application that answers with what it was asked, at once or when it is told to."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.held: list[Request] = []
        self.heads = Heads()

    def limit_of(self, path: str) -> int:
        return 100 if path != "/a" else 100_000

    def answer(self, request: Request) -> None:
        self.asked.append(request)
        if request.path.startswith("/later"):
            self.held.append(request)
        elif request.path == "/broken":
            raise RuntimeError("broken")
        elif request.path == "/silent":
            request.wait_for(self._break())
        elif request.path == "/parts":
            request.wait_for(self._parts(request))
        elif request.path == "/half":
            request.wait_for(self._half(request))
        else:
            request.answer(200, http.TEXT, request.path.encode() + b"|" + request.content)

    async def _break(self) -> None:
        raise RuntimeError("broken")

    async def _parts(self, request: Request) -> None:
        stream = request.stream(200, http.TEXT, None)
        for part in (b"one", b"two"):
            await stream.send(part)
        stream.end()

    async def _half(self, request: Request) -> None:
        stream = request.stream(200, http.TEXT, None)
        await stream.send(b"one")
        raise RuntimeError("broken")


Story = Callable[[Connection, Wire, Played], Coroutine[Any, Any, None]]


def told(story: Story) -> None:
    async def run() -> None:
        application, wire, connections = Played(), Wire(), set[Connection]()
        connection = Connection(application, connections, set())
        connection.connection_made(wire)
        await story(connection, wire, application)
        if connections:
            connection.connection_lost(None)

    asyncio.run(asyncio.wait_for(run(), 10))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def bodies(wire: Wire) -> list[bytes]:
    return [each.split(b"\r\n\r\n", 1)[1] for each in wire.written.split(b"HTTP/1.1 ")[1:]]


def statuses(wire: Wire) -> list[int]:
    return [int(each[:3]) for each in wire.written.split(b"HTTP/1.1 ")[1:]]


def test_requests_of_one_connection_are_answered_in_their_order() -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"later1" + GET % b"two" + GET % b"later3" + GET % b"four")
        assert (len(application.asked), wire.written, wire.is_paused) == (1, b"", True)
        application.held.pop().answer(200, http.TEXT, b"one")
        await settle()
        assert bodies(wire) == [b"one", b"/two|"]
        application.held.pop().answer(200, http.TEXT, b"three")
        await settle()
        assert bodies(wire)[2:] == [b"three", b"/four|"]
        assert (wire.is_paused, wire.is_closed) == (False, False)

    told(story)


@given(st.lists(st.integers(1, 60), max_size=30))
def test_bytes_may_come_in_any_pieces(sizes: list[int]) -> None:
    sent = (
        b"POST /a?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
        b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        + GET
        % b"c"
    )

    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        start = 0
        for size in [*sizes, len(sent)]:
            connection.data_received(sent[start : start + size])
            await settle()
            start += size
        assert bodies(wire) == [b"/a|hello", b"/b|abcde", b"/c|"]
        assert [one.query for one in application.asked] == ["q=1", "", ""]

    told(story)


NO_REQUEST = {
    "no syntax": b"\x16\x03\x01 TLS?\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "NUL in a field": b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\0b\r\n\r\n",
    "space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "target of CONNECT": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "another coding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunks in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "CONNECT": b"CONNECT /a HTTP/1.1\r\nHost: x\r\n\r\n",
    "version": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "many fields": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * module.MAX_FIELDS + b"\r\n",
    "another scheme": b"GET file:///etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", NO_REQUEST.values(), ids=NO_REQUEST.keys())
def test_what_is_no_request_is_refused_and_ends_the_connection(sent: bytes) -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(sent + GET % b"smuggled")
        assert (statuses(wire), wire.is_closed, application.asked) == ([400], True, [])

    told(story)


def test_refusal_waits_for_the_answers_before_it() -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"later")
        connection.data_received(b"nonsense\r\n\r\n")
        assert wire.written == b""
        application.held.pop().answer(200, http.TEXT, b"one")
        await settle()
        assert (statuses(wire), wire.is_closed) == ([200, 400], True)

    told(story)


def test_head_is_bounded() -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ")
        for _ in range(module.MAX_HEAD // 1000 + 1):
            connection.data_received(b"a" * 1000)
        assert (statuses(wire), wire.is_closed, application.asked) == ([431], True, [])

    told(story)


@pytest.mark.parametrize("between", [b";a=", b"\r\nx\r\n0\r\nX-Long: "])
def test_what_stands_beside_the_body_is_bounded(between: bytes) -> None:
    """Chunks with long extensions, and trailers without an end."""
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1"

    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(chunked)
        connection.data_received(between)
        for _ in range(module.MAX_HEAD // 1000 + 2):
            connection.data_received(b"a" * 1000)
        assert (statuses(wire), wire.is_closed, application.asked) == ([431], True, [])

    told(story)


def test_head_may_come_in_pieces_before_a_large_body() -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        body = b"a" * (module.MAX_HEAD + 5000)
        connection.data_received(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-")
        connection.data_received(b"Length: %d\r\n\r\n%b" % (len(body), body))
        assert (statuses(wire), application.asked[0].size) == ([200], len(body))

    told(story)


def test_trailers_are_no_header_fields() -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        head = b"POST /later HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9\r\nTransfer-Encoding: chunked\r\n\r\n"
        trailers = b"X-Forwarded-For: 6.6.6.6\r\nAuthorization: Bearer z\r\nHost: y\r\n"
        connection.data_received(head + b"3\r\nabc\r\n0\r\n" + trailers + b"\r\n" + GET % b"b")
        [request] = application.held
        assert (request.header(b"x-forwarded-for"), request.header(b"authorization")) == ("9.9.9.9", None)
        assert (request.content, request.header(b"host")) == (b"abc", "x")

    told(story)


def test_offer_of_another_protocol_is_passed_over() -> None:
    """As Java's client makes it with every first request over plain HTTP, body and all."""

    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        head = b"POST /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
        connection.data_received(head + b"Host: x\r\nContent-Length: 5\r\n\r\nhe")
        connection.data_received(b"llo" + GET % b"b")
        assert (bodies(wire), wire.is_closed) == ([b"/a|hello", b"/b|"], False)

    told(story)


def test_answers_that_nobody_takes_hold_the_next_ones_back() -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"a")
        connection.pause_writing()
        connection.data_received(GET % b"b" + GET % b"c")
        assert (bodies(wire), wire.is_paused) == ([b"/a|"], True)
        connection.resume_writing()
        await settle()
        assert (bodies(wire), wire.is_paused) == ([b"/a|", b"/b|", b"/c|"], False)

    told(story)


def test_large_bodies_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 10)
    monkeypatch.setattr(module, "MAX_FILES", 1)

    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        other = Connection(application, set(), set())
        other.connection_made(Wire())
        sent = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n0123456789a"
        other.data_received(sent)
        connection.data_received(sent)
        assert (statuses(wire), application.asked) == ([503], [])
        other.connection_lost(None)

    told(story)


def test_who_is_gone_before_being_here_is_not_served() -> None:
    class Gone(Wire):
        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return None

    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        gone, late = Gone(), Connection(application, set(), set())
        late.connection_made(gone)
        late.data_received(GET % b"a")
        assert (gone.is_aborted, application.asked) == (True, [])
        late.connection_lost(None)

    told(story)


def test_answer_of_another_size_than_it_said_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    class Liar(Played):
        def answer(self, request: Request) -> None:
            request.wait_for(self._lie(request))

        async def _lie(self, request: Request) -> None:
            stream = request.stream(200, http.TEXT, 4)
            await stream.send(b"one")
            if request.path == "/longer":
                await stream.send(b"two")
            stream.end()

    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        for path in (b"longer", b"shorter"):
            lied, said = Connection(Liar(), set(), set()), Wire()
            lied.connection_made(said)
            lied.data_received(GET % path)
            await settle()
            assert (bodies(said), said.is_aborted) == ([b"one"], True)
            lied.connection_lost(None)

    told(story)


def test_body_that_is_too_large_is_thrown_away_and_the_connection_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 1000)

    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(b"POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n" + b"x" * 500)
        connection.data_received(GET % b"b")
        first, second = application.asked
        assert (first.is_too_large, first.size, first.content) == (True, 500, b"")
        assert (second.is_too_large, wire.is_closed) == (False, False)
        connection.data_received(b"POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n")
        for _ in range(20):
            connection.data_received(b"x" * 100)
        assert (application.asked[2].is_too_large, wire.is_closed) == (True, True)

    told(story)


def test_large_body_waits_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 10)

    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(b"POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n0123456789")
        connection.data_received(b"abcdefghij")
        [request] = application.held
        assert request.file is not None
        assert (request.file.read(), request.size, request.content) == (b"0123456789abcdefghij", 20, b"")
        request.file.close()

    told(story)


def test_who_asks_whether_to_send_is_told_to() -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(
            b"POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        assert wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.data_received(b"hi")
        assert statuses(wire) == [100, 200]

    told(story)


def test_connection_ends_when_either_side_says_so() -> None:
    async def closing(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + GET % b"b")
        assert (bodies(wire), wire.is_closed) == ([b"/a|"], True)
        assert b"connection: close\r\n" in wire.written

    async def old(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(b"GET /parts HTTP/1.0\r\n\r\n")
        await settle()
        assert (bodies(wire), wire.is_closed) == ([b"onetwo"], True)

    async def stopping(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"later")
        connection.shutdown()
        connection.data_received(GET % b"more")
        assert not wire.is_closed
        application.held.pop().answer(200, http.TEXT, b"one")
        assert (bodies(wire), wire.is_closed) == ([b"one"], True)

    async def half_read(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(
            GET % b"later" + b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab"
        )
        connection.shutdown()
        application.held.pop().answer(200, http.TEXT, b"one")
        await settle()
        assert not wire.is_closed
        connection.data_received(b"cd" + GET % b"c")
        assert (bodies(wire), wire.is_closed) == ([b"one", b"/b|abcd"], True)

    async def half_closed(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"later")
        assert connection.eof_received()
        application.held.pop().answer(200, http.TEXT, b"one")
        assert (bodies(wire), wire.is_closed) == ([b"one"], True)
        assert not connection.eof_received()

    for story in (closing, old, stopping, half_read, half_closed):
        told(story)


def test_answers_to_those_who_have_gone_go_nowhere() -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"later" + GET % b"two")
        connection.connection_lost(None)
        application.held.pop().answer(200, http.TEXT, b"one")
        await settle()
        assert (wire.written, len(application.asked)) == (b"", 1)

    told(story)


def test_faults_are_answered_and_half_answers_do_not_pass_for_whole_ones(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"broken" + GET % b"silent" + GET % b"half")
        for _ in range(5):
            await settle()
        assert statuses(wire) == [500, 500, 200]
        assert (wire.is_aborted, wire.written.endswith(b"3\r\none\r\n")) == (True, True)

    told(story)
    assert caplog.text.count("RuntimeError: broken") == 3


def test_parts_wait_for_who_reads_slowly() -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"parts")
        connection.pause_writing()
        await settle()
        assert wire.written.endswith(b"\r\n\r\n3\r\none\r\n")
        connection.resume_writing()
        await settle()
        assert wire.written.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")

    told(story)


def test_who_says_or_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK", 0.01)
    monkeypatch.setattr(module, "IDLE", 0.04)
    monkeypatch.setattr(module, "HEAD_TIME", 0.02)

    async def quiet(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"a")
        await asyncio.sleep(0.1)
        assert (statuses(wire), wire.is_closed) == ([200], True)

    async def we_are_late(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"later")
        await asyncio.sleep(0.1)
        assert not wire.is_closed

    async def takes_nothing(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"a")
        wire.unsent = 10
        await asyncio.sleep(0.1)
        assert wire.is_aborted

    async def takes_little(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(GET % b"later")
        for left in range(20, 1, -1):
            wire.unsent = left
            await asyncio.sleep(0.005)
        assert not wire.is_aborted

    async def dripping(connection: Connection, wire: Wire, application: Played) -> None:
        for byte in b"GET / HTTP/1.1":
            connection.data_received(bytes([byte]))
            await asyncio.sleep(0.01)
        assert (statuses(wire), wire.is_closed) == ([408], True)

    for story in (quiet, we_are_late, takes_nothing, takes_little, dripping):
        told(story)


def test_fields_of_an_answer_cannot_end_their_line() -> None:
    with pytest.raises(ValueError, match="control"):
        http.fields(("location", "/a\r\nset-cookie: b=1"))


def test_repeated_fields_are_joined() -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(
            b"GET /later HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\nCookie: a=1\r\n"
            b"x-forwarded-for: 2.2.2.2\r\ncookie: b=2\r\n\r\n"
        )
        [request] = application.held
        assert request.header(b"x-forwarded-for") == "1.1.1.1, 2.2.2.2"
        assert request.header(b"cookie") == "a=1; b=2"

    told(story)


def test_absolute_target_names_the_host() -> None:
    async def story(connection: Connection, wire: Wire, application: Played) -> None:
        connection.data_received(b"GET http://shop.test/a?b=1 HTTP/1.1\r\nHost: other\r\n\r\n")
        [request] = application.asked
        assert (request.path, request.query, request.header(b"host")) == ("/a", "b=1", "shop.test")

    told(story)


def test_real_sockets_and_uvicorn() -> None:
    """The server as `parcours web` runs it, with an application of the test: start, keep alive, stop with an answer still to come."""
    import uvicorn  # only here

    class Served(Played):
        async def __call__(
            self, scope: object, receive: Callable[..., Any], send: Callable[..., Any]
        ) -> None:
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

    application = Served()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        application,
        http="parcours.public.hot.connection:connection",
        ws="none",
        lifespan="on",
        interface="asgi3",
        proxy_headers=False,
        log_config=None,
    )
    server = uvicorn.Server(config)

    async def story() -> None:
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        for path in (b"a", b"b"):
            writer.write(GET % path)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert b"\r\ndate: " in head
            assert await reader.readexactly(3) == b"/%b|" % path
        writer.write(GET % b"later")
        while not application.held:
            await asyncio.sleep(0.01)
        server.should_exit = True
        await asyncio.sleep(0.3)
        application.held.pop().answer(200, http.TEXT, b"at last")
        assert (await reader.read()).endswith(b"\r\n\r\nat last")
        writer.close()
        await serving

    asyncio.run(asyncio.wait_for(story(), 20))
