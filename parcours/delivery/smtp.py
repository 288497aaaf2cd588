"""A pipelining SMTP client (RFC 5321, 2920, 3207, 3461, 4954, 6152, 1870): one connection, one message at a time,
one recipient each.

It answers the one question that decides about sending again: may the server have accepted the message? Not
here: what a
refusal means (`replies`), building (`mime`) and signing (`dkim`) messages, retries, pools of connections.
"""

import asyncio
import re
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Literal, Self

from parcours.delivery.replies import FAULT_OF, Fault
from parcours.delivery.smtp_errors import (
    EnvelopeRefused,
    SmtpError,
    SmtpLost,
    SmtpMisconfigured,
    SmtpRefused,
    Stage,
    meaning_at,
)
from parcours.delivery.wire import Reply, Wire

Security = Literal["none", "starttls", "tls"]

_ADDRESS = re.compile(
    r"[^\s<>()\[\],;:\\\"@\x00-\x20\x7f-\x9f]{1,64}@[^\s<>()\[\],;:\\\"@\x00-\x20\x7f-\x9f]{1,253}"
)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where and how to submit. Times are in seconds; RFC 5321 4.5.3.2 asks for ten minutes after the final
    dot.
    """

    host: str
    port: int
    security: Security = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    local_name: str = "localhost"
    tls_context: ssl.SSLContext | None = None
    connect_timeout: float = 30
    command_timeout: float = 300
    body_timeout: float = 180
    final_timeout: float = 600


def check_address(address: str, *, smtputf8: bool = False) -> str:
    """Return `address` if it may stand between < and > on an SMTP line, else raise EnvelopeRefused.

    No controls, blanks, quotes, brackets or route syntax; ASCII only unless the server takes SMTPUTF8. The
    message does not
    repeat the address: it goes to logs.
    """
    if not _ADDRESS.fullmatch(address) or len(address) > 254 or not (smtputf8 or address.isascii()):
        raise EnvelopeRefused(
            "The address holds characters that an SMTP command must not carry, or is not an address.",
            stage=Stage.MAIL,
            fault=Fault.ADDRESS,
            permanent=True,
            hint="Correct the address; international ones need a server with SMTPUTF8.",
        )
    return address


def stuffed(data: bytes) -> bytes:
    """Return `data` with leading dots doubled and the final dot appended (RFC 5321 4.5.2). Line ends must
    be CRLF.

    A bare CR or LF is refused: servers disagree about them, which is how messages are smuggled into others.
    """
    bare = data.replace(b"\r\n", b"")
    if b"\n" in bare or b"\r" in bare or b"\0" in bare:
        raise EnvelopeRefused(
            "The message holds a bare CR or LF, or a NUL.",
            stage=Stage.BODY,
            fault=Fault.MESSAGE,
            permanent=True,
        )
    if b"\n." in data:
        data = data.replace(b"\r\n.", b"\r\n..")
    if data.startswith(b"."):
        data = b"." + data
    return data + (b".\r\n" if data.endswith(b"\r\n") else b"\r\n.\r\n")


class SmtpConnection:
    """One session with a server. Use `open`; then `submit` any number of messages, one after the other;
    then `close`.

    Not for concurrent use: at most one message is under way, so at most one is in doubt when the connection
    dies.
    """

    def __init__(self, settings: SmtpSettings, wire: Wire) -> None:
        self._settings = settings
        self._wire = wire
        self._extensions: dict[str, str] = {}
        self._needs_reset = False
        self.may_have_accepted = False
        """True from the moment the final dot leaves until its reply is read: a connection lost then leaves the
        message in doubt.
        """

    @classmethod
    async def open(cls, settings: SmtpSettings) -> Self:
        """Connect, greet, secure and authenticate as the settings say, or raise an SmtpError (never in
        doubt).
        """
        connection = cls(settings, await _connect(settings))
        try:
            await connection._greet()
        except BaseException:
            connection._wire.abort("the session could not be set up")
            raise
        return connection

    @property
    def is_usable(self) -> bool:
        """Whether another message can be submitted on this connection."""
        return not self._wire.is_lost

    async def submit(self, envelope_from: str, recipient: str, data: bytes) -> Reply:
        """Hand one message over and return the server's acceptance.

        `envelope_from` may be "" (the null sender of automatic answers). `data` is the whole message with CRLF line ends,
        not yet dot-stuffed. Raises an SmtpError otherwise; look at its `in_doubt` before sending again.
        After a refusal
        the connection stays usable unless `is_usable` says no.
        """
        commands = self._envelope(envelope_from, recipient, data)
        payload = stuffed(data)
        await self._say_envelope(commands)
        return await self._say_body(payload)

    async def close(self) -> None:
        """Say goodbye and close; never raises for a server that has already gone."""
        if not self._wire.is_lost:
            self._wire.write(b"QUIT\r\n")
            await self._wire.next_reply(min(5.0, self._settings.command_timeout))
        if self._wire.transport is not None:
            self._wire.transport.close()
        self._wire.is_lost = True

    # Setting up the session.

    async def _greet(self) -> None:
        timeout = self._settings.command_timeout
        self._expect(await self._wire.next_reply(timeout), Stage.CONNECT)
        await self._hello()
        if self._settings.security == "starttls":
            await self._start_tls()
            await self._hello()
        if self._settings.user:
            await self._authenticate()

    async def _hello(self) -> None:
        reply = await self._command(
            b"EHLO " + self._settings.local_name.encode("ascii") + b"\r\n", Stage.EHLO
        )
        lines = [line.strip().upper().partition(" ") for line in reply.text.split("\n")[1:]]
        self._extensions = {keyword: parameters for keyword, _, parameters in lines}

    async def _start_tls(self) -> None:
        if "STARTTLS" not in self._extensions:
            raise _misconfigured(
                Stage.STARTTLS,
                "The server does not offer STARTTLS, which the settings demand.",
            )
        await self._command(b"STARTTLS\r\n", Stage.STARTTLS)
        if self._wire.replies:
            raise _misconfigured(
                Stage.STARTTLS,
                "The server said more before the connection was encrypted.",
            )
        assert self._wire.transport is not None
        context = self._settings.tls_context or ssl.create_default_context()
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self._wire.transport,
                self._wire,
                context,
                server_hostname=self._settings.host,
            )
        except (ssl.SSLError, OSError) as error:
            raise _misconfigured(
                Stage.STARTTLS, f"The connection could not be encrypted: {error}."
            ) from error
        if transport is None:
            raise self._lost(Stage.STARTTLS)
        self._wire.connection_made(transport)

    async def _authenticate(self) -> None:
        settings = self._settings
        if settings.security == "none" and settings.host not in _LOOPBACK:
            raise _misconfigured(Stage.AUTH, "A password is never sent over an unencrypted connection.")
        mechanisms = self._extensions.get("AUTH", "").split()
        if "PLAIN" in mechanisms:
            secret = b64encode(f"\0{settings.user}\0{settings.password}".encode())
            await self._command(b"AUTH PLAIN " + secret + b"\r\n", Stage.AUTH)
        elif "LOGIN" in mechanisms:
            await self._command(b"AUTH LOGIN\r\n", Stage.AUTH, expected=3)
            await self._command(b64encode(settings.user.encode()) + b"\r\n", Stage.AUTH, expected=3)
            await self._command(b64encode(settings.password.encode()) + b"\r\n", Stage.AUTH)
        else:
            raise _misconfigured(Stage.AUTH, "The server offers neither AUTH PLAIN nor AUTH LOGIN.")

    # One message.

    def _envelope(self, envelope_from: str, recipient: str, data: bytes) -> list[tuple[Stage, bytes]]:
        smtputf8 = "SMTPUTF8" in self._extensions
        sender = check_address(envelope_from, smtputf8=smtputf8) if envelope_from else ""
        check_address(recipient, smtputf8=smtputf8)
        mail = f"MAIL FROM:<{sender}>" + self._parameters(data, is_ascii=(sender + recipient).isascii())
        commands = [
            (Stage.MAIL, mail.encode() + b"\r\n"),
            (Stage.RCPT, f"RCPT TO:<{recipient}>\r\n".encode()),
            (Stage.DATA, b"DATA\r\n"),
        ]
        return [(Stage.RESET, b"RSET\r\n"), *commands] if self._needs_reset else commands

    def _parameters(self, data: bytes, *, is_ascii: bool) -> str:
        parameters = ""
        limit = self._extensions.get("SIZE")
        if limit is not None:
            if limit.isdecimal() and 0 < int(limit) < len(data):
                raise _message_refused(f"The message has {len(data)} bytes; the server takes {limit}.")
            parameters += f" SIZE={len(data)}"
        if not data.isascii():
            if "8BITMIME" not in self._extensions:
                raise _message_refused("The message has 8-bit text, which this server does not take.")
            parameters += " BODY=8BITMIME"
        if "DSN" in self._extensions:
            parameters += " RET=HDRS"  # RFC 3461: a bounce needs not bring back what was written to somebody
        return parameters if is_ascii else parameters + " SMTPUTF8"

    async def _say_envelope(self, commands: list[tuple[Stage, bytes]]) -> None:
        """Say RSET (if needed), MAIL, RCPT and DATA: in one write where the server pipelines, else one by
        one.

        When DATA is granted although something before it was refused (RFC 2920 3.1), an empty text ends it.
        """
        batches = [commands] if "PIPELINING" in self._extensions else [[command] for command in commands]
        for batch in batches:
            self._check_in_step(batch[0][0])
            self._needs_reset = True
            self._wire.write(b"".join(line for _, line in batch))
            refusal: SmtpError | None = None
            for stage, _ in batch:
                reply = await self._next_reply(stage)
                wanted = 3 if stage is Stage.DATA else 2
                if reply.code // 100 != wanted:
                    refusal = refusal or self._refused(reply, stage)
                elif stage is Stage.DATA and refusal is not None:
                    self._wire.write(b".\r\n")
                    await self._next_reply(Stage.DATA)
                if reply.code == 421:
                    break
            if refusal is not None:
                raise refusal

    async def _say_body(self, payload: bytes) -> Reply:
        """Say text and final dot. It may have been accepted once the dot is with the kernel; encrypted
        connections keep a
        buffer of their own, so there it may have gone as soon as it is written.
        """
        wire, settings = self._wire, self._settings
        self._check_in_step(Stage.BODY)
        self.may_have_accepted = settings.security != "none"
        wire.write(payload)
        is_flushed = await wire.flush(settings.body_timeout)
        self.may_have_accepted = self.may_have_accepted or is_flushed
        stage = Stage.FINAL if self.may_have_accepted else Stage.BODY
        reply = await wire.next_reply(settings.final_timeout)
        if reply is None:
            raise self._lost(stage)
        if not is_flushed:
            wire.abort("the server answered before the message had ended")
            if reply.code < 400:
                self.may_have_accepted = True
                raise self._lost(stage)
        self.may_have_accepted = False
        self._needs_reset = False
        return self._expect(reply, stage)

    # Replies.

    async def _command(self, line: bytes, stage: Stage, *, expected: int = 2) -> Reply:
        self._wire.write(line)
        return self._expect(await self._next_reply(stage), stage, expected=expected)

    async def _next_reply(self, stage: Stage) -> Reply:
        reply = await self._wire.next_reply(self._settings.command_timeout)
        if reply is None:
            raise self._lost(stage)
        return reply

    def _expect(self, reply: Reply | None, stage: Stage, *, expected: int = 2) -> Reply:
        if reply is None:
            raise self._lost(stage)
        if reply.code // 100 != expected:
            raise self._refused(reply, stage)
        return reply

    def _check_in_step(self, stage: Stage) -> None:
        """A reply that nobody asked for would be taken for the answer to what is said next. 421 is how
        servers hang up.
        """
        if self._wire.replies:
            reply = self._wire.replies.popleft()
            self._wire.abort("the server answered what was not asked")
            if reply.code == 421:
                raise self._refused(reply, stage)
        if self._wire.is_lost:
            raise self._lost(stage)

    def _refused(self, reply: Reply, stage: Stage) -> SmtpError:
        """An error for a refusal. 421 announces the end of the session; an answer out of place ends it too."""
        if reply.code < 400:
            self._wire.abort("the server answered out of turn")
            return self._lost(stage)
        if reply.code == 421:
            self._wire.abort("the server ended the session")
        return SmtpRefused(
            f"The server refused at {stage}: {reply}",
            stage=stage,
            fault=FAULT_OF[meaning_at(stage, reply)],
            permanent=reply.code >= 500,
            reply=reply,
        )

    def _lost(self, stage: Stage) -> SmtpLost:
        in_doubt, self.may_have_accepted = self.may_have_accepted, False
        self._wire.abort("the connection was given up")
        return SmtpLost(
            f"No answer at {stage}: {self._wire.reason}.",
            stage=stage,
            fault=Fault.SERVER,
            permanent=False,
            in_doubt=in_doubt,
        )


async def _connect(settings: SmtpSettings) -> Wire:
    context = None
    if settings.security == "tls":
        context = settings.tls_context or ssl.create_default_context()
    try:
        async with asyncio.timeout(settings.connect_timeout):
            _, wire = await asyncio.get_running_loop().create_connection(
                Wire, settings.host, settings.port, ssl=context
            )
    except ssl.SSLError as error:
        raise _misconfigured(Stage.CONNECT, f"The connection could not be encrypted: {error}.") from error
    except (OSError, TimeoutError) as error:
        raise SmtpLost(
            f"{settings.host}:{settings.port} cannot be reached: {error or 'no answer in time'}.",
            stage=Stage.CONNECT,
            fault=Fault.SERVER,
            permanent=False,
            hint="Check host, port and firewall in the sending settings.",
        ) from error
    return wire


def _misconfigured(stage: Stage, message: str) -> SmtpMisconfigured:
    return SmtpMisconfigured(
        message,
        stage=stage,
        fault=Fault.CONFIGURATION,
        permanent=True,
        hint="Check security, user and password in the sending settings.",
    )


def _message_refused(message: str) -> EnvelopeRefused:
    return EnvelopeRefused(message, stage=Stage.MAIL, fault=Fault.MESSAGE, permanent=True)
