"""Our SMTP client against a server that misbehaves on command (reliability F4), on loopback."""

import asyncio
import base64
import datetime as dt
import ssl
import struct
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from parcours.delivery.replies import Fault, ReplyClass
from parcours.delivery.smtp import SmtpConnection, SmtpSettings, check_address, stuffed
from parcours.delivery.smtp_errors import (
    EnvelopeRefused,
    SmtpError,
    SmtpLost,
    SmtpMisconfigured,
    SmtpRefused,
    Stage,
)
from parcours.delivery.wire import Reply

SHOP, ALICE, BOB = "shop@shop.example", "alice@client.example", "bob@client.example"
DATA = b"Subject: Bonjour\r\n\r\nHello\r\n.dot\r\n..two\r\n"
HANG, DROP, RESET = b"<hang>", b"<drop>", b"<reset>"
ALL = ("PIPELINING", "8BITMIME", "SIZE 100000", "SMTPUTF8", "ENHANCEDSTATUSCODES")


@dataclass
class Server:
    """A scripted server: `answers` by verb (also GREETING and DOT), used up in order; the last one stands.

    An answer is sent as it is; HANG says nothing, DROP closes, RESET resets. They may follow an answer: b"250 ok\\r\\n" + RESET.
    """

    extensions: tuple[str, ...] = ALL
    answers: dict[str, list[bytes]] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    writes: list[bytes] = field(default_factory=list)
    slow: bool = False
    read_nothing_in_data: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._say(writer, "GREETING", b"220 sink ESMTP\r\n")
        while line := await reader.readline():
            text = line.decode().rstrip("\r\n")
            self.commands.append(text)
            verb = text.split(" ")[0].upper()
            if verb == "EHLO":
                lines = ["sink greets you", *self.extensions]
                marks = ["-"] * (len(lines) - 1) + [" "]
                await self._say(
                    writer,
                    verb,
                    "".join(f"250{m}{x}\r\n" for m, x in zip(marks, lines, strict=True)).encode(),
                )
            elif verb == "DATA":
                await self._say(writer, verb, b"354 go\r\n")
                if not self.answers.get("DATA-REFUSED"):
                    await self._take_text(reader, writer)
            elif verb == "STARTTLS":
                await self._say(writer, verb, b"220 2.0.0 go\r\n")
                assert self.tls is not None
                await writer.start_tls(self.tls)
            elif verb == "QUIT":
                await self._say(writer, verb, b"221 bye\r\n")
                return
            else:
                await self._say(writer, verb, b"250 2.0.0 ok\r\n")

    async def _take_text(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.read_nothing_in_data:
            await asyncio.sleep(30)
        lines = []
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                raise ConnectionError
            lines.append(line[1:] if line.startswith(b".") else line)
        self.messages.append(b"".join(lines))
        await self._say(writer, "DOT", b"250 2.0.0 queued\r\n")

    async def _say(self, writer: asyncio.StreamWriter, verb: str, usual: bytes) -> None:
        script = self.answers.get(verb, [usual])
        answer = script.pop(0) if len(script) > 1 else script[0]
        ending = next((mark for mark in (HANG, DROP, RESET) if answer.endswith(mark)), b"")
        said = answer.removesuffix(ending) if ending else answer
        for piece in [said[place : place + 1] for place in range(len(said))] if self.slow else [said]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if ending == HANG:
            await asyncio.sleep(30)
        if ending == RESET:
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        if ending:
            raise ConnectionError


@asynccontextmanager
async def running(server: Server, **wanted: Any) -> Any:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    times = {"connect_timeout": 2.0, "command_timeout": 2.0, "body_timeout": 2.0, "final_timeout": 2.0}
    try:
        yield SmtpSettings("127.0.0.1", port, local_name="parcours.example", **(times | wanted))
    finally:
        listener.close()


def talk(server: Server, story: Callable[[SmtpConnection], Coroutine[Any, Any, Any]], **wanted: Any) -> Any:
    """Open a connection to this server, tell the story, close."""

    async def tell() -> Any:
        async with running(server, **wanted) as settings:
            connection = await SmtpConnection.open(settings)
            try:
                return await story(connection)
            finally:
                await connection.close()

    return asyncio.run(tell())


def failure(server: Server, data: bytes = DATA, **wanted: Any) -> SmtpError:
    """The error that one submission ends in."""

    async def submit(connection: SmtpConnection) -> None:
        await connection.submit(SHOP, ALICE, data)

    with pytest.raises(SmtpError) as caught:
        talk(server, submit, **wanted)
    return caught.value


async def answer_or_doubt(connection: SmtpConnection) -> Reply | SmtpLost:
    try:
        return await connection.submit(SHOP, ALICE, DATA)
    except SmtpLost as lost:
        return lost


async def two_messages(connection: SmtpConnection) -> None:
    await connection.submit(SHOP, ALICE, DATA)
    await connection.submit("", BOB, DATA + b"second\r\n")


@pytest.mark.parametrize("extensions", [ALL, ALL[1:], ()])
def test_messages_arrive_as_they_are(extensions: tuple[str, ...]) -> None:
    server = Server(extensions)
    talk(server, two_messages)
    assert server.messages == [DATA, DATA + b"second\r\n"]
    verbs = [command.split(" ")[0] for command in server.commands]
    assert verbs == ["EHLO", "MAIL", "RCPT", "DATA", "MAIL", "RCPT", "DATA", "QUIT"]
    assert server.commands[4].startswith("MAIL FROM:<>")


def test_reply_is_read_with_all_its_lines() -> None:
    server = Server(
        answers={"DOT": [b"250-2.6.0 first line\r\n250-2.6.0 second\r\n250 2.6.0 id=7\r\n"]}, slow=True
    )
    reply = talk(server, lambda connection: connection.submit(SHOP, ALICE, DATA))
    assert (reply.code, reply.enhanced, reply.text) == (250, "2.6.0", "first line\nsecond\nid=7")


def test_8bit_is_announced_where_offered_and_refused_where_not() -> None:
    data = "Subject: x\r\n\r\né\r\n".encode()
    server = Server()
    talk(server, lambda connection: connection.submit(SHOP, ALICE, data))
    assert "BODY=8BITMIME" in server.commands[1]
    assert server.messages == [data]
    error = failure(Server(("PIPELINING",)), data)
    assert (type(error), error.fault, error.in_doubt) == (EnvelopeRefused, Fault.MESSAGE, False)


def test_bounces_are_asked_to_bring_back_headers_only_where_that_can_be_asked() -> None:
    for extensions, is_asked in (((*ALL, "DSN"), True), (ALL, False)):
        server = Server(extensions)
        talk(server, lambda connection: connection.submit(SHOP, ALICE, DATA))
        assert ("RET=HDRS" in server.commands[1].split(" ")) == is_asked


def test_a_message_over_the_servers_size_is_not_sent() -> None:
    server = Server(("SIZE 20",))
    assert failure(server).fault is Fault.MESSAGE
    assert not any(command.startswith("MAIL") for command in server.commands)


REFUSALS = [
    ("GREETING", b"554 5.7.1 go away\r\n", Stage.CONNECT, True),
    ("GREETING", b"421 4.3.2 busy\r\n", Stage.CONNECT, False),
    ("EHLO", b"502 5.5.1 what\r\n", Stage.EHLO, True),
    ("MAIL", b"550 5.7.26 unauthenticated\r\n", Stage.MAIL, True),
    ("MAIL", b"451 4.3.0 later\r\n", Stage.MAIL, False),
    ("RCPT", b"550 5.1.1 no such user\r\n", Stage.RCPT, True),
    ("RCPT", b"450 4.2.0 greylisted\r\n", Stage.RCPT, False),
    ("RCPT", b"421 4.7.0 too many\r\n", Stage.RCPT, False),
    ("DOT", b"554 5.6.0 content\r\n", Stage.FINAL, True),
    ("DOT", b"452 4.3.1 full\r\n", Stage.FINAL, False),
    ("DOT", b"421 4.3.0 shutting down\r\n", Stage.FINAL, False),
]


@pytest.mark.parametrize("extensions", [ALL, ()])
@pytest.mark.parametrize(("verb", "answer", "stage", "permanent"), REFUSALS)
def test_refusals_say_where_and_for_how_long(
    extensions: tuple[str, ...], verb: str, answer: bytes, stage: Stage, permanent: bool
) -> None:
    error = failure(Server(extensions, {verb: [answer]}))
    assert isinstance(error, SmtpRefused)
    assert (error.stage, error.permanent, error.in_doubt) == (stage, permanent, False)
    assert error.reply is not None
    assert error.reply.code == int(answer[:3])


def test_data_refused_in_a_pipeline_is_the_refusal_of_what_went_wrong_first() -> None:
    script = {
        "RCPT": [b"550 5.1.1 unknown\r\n"],
        "DATA": [b"503 5.5.1 no valid recipients\r\n"],
        "DATA-REFUSED": [b"y"],
    }
    error = failure(Server(answers=script))
    assert (error.stage, error.fault, error.meaning) == (
        Stage.RCPT,
        Fault.ADDRESS,
        ReplyClass.NO_SUCH_ADDRESS,
    )


def test_one_refused_person_does_not_touch_the_next() -> None:
    server = Server(answers={"RCPT": [b"550 5.1.1 unknown\r\n", b"250 ok\r\n"]})

    async def story(connection: SmtpConnection) -> None:
        with pytest.raises(SmtpRefused):
            await connection.submit(SHOP, ALICE, b"for Alice\r\n")
        assert connection.is_usable
        await connection.submit(SHOP, BOB, b"for Bob\r\n")

    talk(server, story)
    assert [message for message in server.messages if message] == [b"for Bob\r\n"]
    assert "RSET" in server.commands


def test_sender_refusals_are_never_the_contacts_fault() -> None:
    for answer in (b"550 5.1.8 bad sender\r\n", b"550 no such user\r\n", b"554 nope\r\n"):
        assert failure(Server(answers={"MAIL": [answer]})).fault is Fault.CONFIGURATION
    assert failure(Server(answers={"RCPT": [b"550 5.7.1 relaying denied\r\n"]})).fault is Fault.CONFIGURATION


@pytest.mark.parametrize("ending", [DROP, RESET])
@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
def test_connection_lost_before_the_text_is_not_in_doubt(verb: str, ending: bytes) -> None:
    error = failure(Server(answers={verb: [ending]}))
    assert isinstance(error, SmtpLost)
    assert not error.in_doubt
    assert not error.permanent


@pytest.mark.parametrize("ending", [DROP, RESET])
def test_connection_lost_after_the_dot_is_in_doubt(ending: bytes) -> None:
    server = Server(answers={"DOT": [ending]})
    error = failure(server)
    assert isinstance(error, SmtpLost)
    assert (error.in_doubt, error.stage, error.permanent) == (True, Stage.FINAL, False)
    assert server.messages == [DATA]


def test_250_that_arrived_before_a_reset_is_an_acceptance() -> None:
    server = Server(answers={"DOT": [b"250 2.0.0 queued\r\n" + DROP]})
    assert talk(server, lambda connection: connection.submit(SHOP, ALICE, DATA)).code == 250


def test_250_lost_to_a_reset_is_an_acceptance_or_a_doubt_but_never_a_failure() -> None:
    """The kernel may throw the 250 away when the reset comes; whichever it was, nobody may send again on their own."""
    for _ in range(20):
        server = Server(answers={"DOT": [b"250 2.0.0 queued\r\n" + RESET]})
        outcome = talk(server, answer_or_doubt)
        assert outcome.code == 250 if isinstance(outcome, Reply) else outcome.in_doubt


def test_connection_lost_while_the_text_is_going_is_not_in_doubt() -> None:
    server = Server(("PIPELINING",), read_nothing_in_data=True)
    error = failure(server, b"x" * 900 + b"\r\n" + b"y" * 70 + b"\r\n" * 10_000_000, body_timeout=0.3)
    assert isinstance(error, SmtpLost)
    assert (error.stage, error.in_doubt) == (Stage.BODY, False)


def test_silence_after_the_dot_is_in_doubt_and_before_it_is_not() -> None:
    silent = failure(Server(answers={"DOT": [HANG]}), final_timeout=0.1)
    assert (silent.in_doubt, silent.stage) == (True, Stage.FINAL)
    for verb in ("GREETING", "EHLO", "RCPT"):
        assert not failure(Server(answers={verb: [HANG]}), command_timeout=0.1).in_doubt


def test_a_reply_that_trickles_past_the_limit_is_given_up() -> None:
    error = failure(Server(answers={"DOT": [b"250-" + HANG]}), final_timeout=0.1)
    assert error.in_doubt


@pytest.mark.parametrize(
    "nonsense",
    [b"hello\r\n", b"999 x\r\n", b"25\r\n", b"250-a\r\n550 b\r\n", b"\r\n", b"x" * 9000, b"250\xffx\r\n"],
)
def test_malformed_replies_end_the_connection(nonsense: bytes) -> None:
    before = failure(Server(answers={"MAIL": [nonsense]}))
    after = failure(Server(answers={"DOT": [nonsense]}))
    assert (before.in_doubt, after.in_doubt) == (False, True)
    assert isinstance(after, SmtpLost)


def test_a_reply_too_many_is_never_taken_for_the_next_one() -> None:
    server = Server(answers={"DOT": [b"250 ok\r\n250 2.0.0 extra\r\n", b"554 no\r\n"]})

    async def story(connection: SmtpConnection) -> None:
        await connection.submit(SHOP, ALICE, DATA)
        await asyncio.sleep(0.01)
        with pytest.raises(SmtpLost) as caught:
            await connection.submit(SHOP, BOB, DATA)
        assert not caught.value.in_doubt
        assert not connection.is_usable

    talk(server, story)
    assert len(server.messages) == 1


def test_an_acceptance_announced_with_the_invitation_is_not_believed() -> None:
    error = failure(Server(answers={"DATA": [b"354 go\r\n250 2.0.0 queued\r\n"]}))
    assert isinstance(error, SmtpLost)
    assert not error.in_doubt


def test_cancelled_submission_leaves_its_doubt_on_the_connection() -> None:
    server = Server(answers={"DOT": [HANG]})

    async def story(connection: SmtpConnection) -> None:
        task = asyncio.create_task(connection.submit(SHOP, ALICE, DATA))
        while not server.messages:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert connection.may_have_accepted

    talk(server, story, command_timeout=0.1)


@pytest.mark.parametrize(("ending", "in_doubt"), [(b"", None), (DROP, True), (RESET, True)])
def test_uvloop_gives_the_same_answers(ending: bytes, in_doubt: bool | None) -> None:
    server = Server(answers={"DOT": [ending]} if ending else {})

    async def tell() -> None:
        async with running(server) as connection_settings:
            connection = await SmtpConnection.open(connection_settings)
            await two_messages(connection)
            await connection.close()

    if in_doubt is None:
        uvloop.run(tell())
        assert len(server.messages) == 2
        return
    with pytest.raises(SmtpLost) as caught:
        uvloop.run(tell())
    assert caught.value.in_doubt is in_doubt


def test_uvloop_knows_that_the_dot_has_not_gone() -> None:
    async def tell() -> None:
        async with running(
            Server(("PIPELINING",), read_nothing_in_data=True), body_timeout=0.3
        ) as connection_settings:
            connection = await SmtpConnection.open(connection_settings)
            await connection.submit(SHOP, ALICE, b"\r\n" * 10_000_000)

    with pytest.raises(SmtpLost) as caught:
        uvloop.run(tell())
    assert (caught.value.stage, caught.value.in_doubt) == (Stage.BODY, False)


def test_nobody_listening_is_a_loss_without_doubt() -> None:
    async def tell() -> None:
        async with running(Server()) as settings:
            pass
        await SmtpConnection.open(settings)

    with pytest.raises(SmtpLost) as caught:
        asyncio.run(tell())
    assert (caught.value.stage, caught.value.in_doubt) == (Stage.CONNECT, False)


# The guards.


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "@x.example",
        "a b@x.example",
        "a@x.example\r\nRCPT TO:<b@x.example>",
        "a@x.example\n",
        "a\0@x.example",
        "<a@x.example>",
        "a@x.example>",
        "é@x.example",
        "a@é.example",
        '"a"@x.example',
        "@r:a@x.example",
        "a@x.example\u2028",
        "a,b@x.example",
        "a@b@x.example",
        "a" * 65 + "@x.example",
        "a@" + "x" * 254,
    ],
)
def test_envelope_guard_refuses(address: str) -> None:
    with pytest.raises(EnvelopeRefused):
        check_address(address)


@given(st.text(max_size=40))
def test_what_the_guard_lets_through_is_one_word_between_brackets(text: str) -> None:
    try:
        passed = check_address(text, smtputf8=True)
    except EnvelopeRefused:
        return
    assert passed == text
    assert not set(text) & set("\r\n\0 <>\t")
    assert text.count("@") == 1


def test_international_addresses_need_smtputf8() -> None:
    assert check_address("zoé@x.example", smtputf8=True) == "zoé@x.example"
    server = Server()
    talk(server, lambda connection: connection.submit(SHOP, "zoé@x.example", DATA))
    assert server.commands[1].endswith(" SMTPUTF8")

    async def story(connection: SmtpConnection) -> None:
        await connection.submit(SHOP, "zoé@x.example", DATA)

    with pytest.raises(EnvelopeRefused):
        talk(Server(("PIPELINING",)), story)


@pytest.mark.parametrize(
    "data", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\nMAIL FROM:<>\r\n", b"a\0\r\n", b"a\n\r\n", b"a\r\r\n"]
)
def test_bare_line_ends_are_refused(data: bytes) -> None:
    with pytest.raises(EnvelopeRefused):
        stuffed(data)


@given(st.lists(st.text("a.", max_size=4), max_size=8), st.booleans())
def test_stuffed_text_holds_one_final_dot_and_reads_back(lines: list[str], is_ended: bool) -> None:
    data = "\r\n".join(lines).encode() + (b"\r\n" if is_ended else b"")
    wire = stuffed(data)
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    *body, last, rest = wire.split(b"\r\n")
    assert (last, rest) == (b".", b"")
    assert b"." not in body
    whole = b"".join(line.removeprefix(b".") + b"\r\n" for line in body)
    assert whole == (data if data.endswith(b"\r\n") or not data else data + b"\r\n") or data == b""


# Encryption and sign-in.


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's TLS context that trust one self-signed certificate for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sink")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=3650 * 5))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = Path(folder) / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=path)


def test_starttls_encrypts_and_greets_again(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server = Server((*ALL, "STARTTLS", "AUTH PLAIN LOGIN"), {"AUTH": [b"235 2.7.0 ok\r\n"]}, tls=contexts[0])
    talk(server, two_messages, security="starttls", tls_context=contexts[1], user="shop", password="p4ss")
    assert [command.split(" ")[0] for command in server.commands][:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert base64.b64decode(server.commands[3].split(" ")[2]) == b"\0shop\0p4ss"
    assert len(server.messages) == 2


def test_stripped_starttls_is_refused() -> None:
    error = failure(Server(ALL), security="starttls")
    assert isinstance(error, SmtpMisconfigured)
    assert (error.fault, error.in_doubt) == (Fault.CONFIGURATION, False)


def test_words_slipped_in_before_encryption_are_refused(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server = Server(("STARTTLS",), {"STARTTLS": [b"220 go\r\n250 injected\r\n"]}, tls=contexts[0])
    assert isinstance(failure(server, security="starttls", tls_context=contexts[1]), SmtpMisconfigured)


def test_an_untrusted_certificate_is_refused(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server = Server(("STARTTLS",), tls=contexts[0])
    assert isinstance(failure(server, security="starttls"), SmtpMisconfigured)


def test_lost_after_the_dot_over_tls_is_in_doubt(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server = Server((*ALL, "STARTTLS"), {"DOT": [DROP]}, tls=contexts[0])
    assert failure(server, security="starttls", tls_context=contexts[1]).in_doubt


def test_login_where_plain_is_not_offered() -> None:
    script = {
        "AUTH": [b"334 VXNlcm5hbWU6\r\n"],
        "c2hvcA==": [b"334 UGFzc3dvcmQ6\r\n"],
        "C2HVCA==": [b"334 x\r\n"],
        "CDRZCW==": [b"235 ok\r\n"],
    }
    server = Server((*ALL, "AUTH LOGIN"), script)
    talk(server, two_messages, user="shop", password="p4ss")
    assert server.commands[1:4] == ["AUTH LOGIN", "c2hvcA==", "cDRzcw=="]


def test_a_wrong_password_is_our_configuration() -> None:
    error = failure(Server((*ALL, "AUTH PLAIN"), {"AUTH": [b"535 5.7.8 no\r\n"]}), user="shop", password="x")
    assert (error.stage, error.fault, error.permanent) == (Stage.AUTH, Fault.CONFIGURATION, True)


def test_no_common_mechanism_is_our_configuration() -> None:
    assert isinstance(failure(Server(ALL), user="shop", password="x"), SmtpMisconfigured)


def test_password_does_not_show_in_settings() -> None:
    assert "s3cret" not in repr(SmtpSettings("h", 25, user="u", password="s3cret"))
