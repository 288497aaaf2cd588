"""What can go wrong when a message is handed to a mail server: where, whose fault, for good, and whether it
may have arrived.

    SmtpError                   `stage`, `fault`, `permanent`, `in_doubt`, `reply`
    ├── EnvelopeRefused         our own guard: an address or a text that must not reach the wire
    ├── SmtpRefused             the server said 4xx or 5xx
    ├── SmtpMisconfigured       the server offers less than our settings demand (TLS, AUTH, certificate)
    └── SmtpLost                the connection ended, fell silent, or spoke nonsense

Not here: what a refusal means for the address (`replies`).
"""

from enum import StrEnum

from parcours.delivery.replies import Fault, ReplyClass
from parcours.delivery.wire import Reply
from parcours.kernel.errors import DomainError


class Stage(StrEnum):
    """How far a submission had come."""

    CONNECT = "connect"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    RESET = "reset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    FINAL = "final"


def meaning_at(stage: Stage, reply: Reply) -> ReplyClass:
    """Before the recipient is named, nothing can be the recipient's fault: a refusal for good is about us."""
    meaning = reply.meaning
    if stage in (Stage.RCPT, Stage.DATA, Stage.BODY, Stage.FINAL):
        return meaning
    if reply.code >= 500 and meaning in (
        ReplyClass.NO_SUCH_ADDRESS,
        ReplyClass.ADDRESS_DISABLED,
        ReplyClass.UNKNOWN,
    ):
        return ReplyClass.CONFIGURATION
    return meaning


class SmtpError(DomainError):
    """A message could not be handed over. `in_doubt` says whether the server may have accepted it all the
    same.
    """

    code = "smtp.failed"

    def __init__(
        self,
        message: str,
        *,
        stage: Stage,
        fault: Fault,
        permanent: bool,
        in_doubt: bool = False,
        reply: Reply | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.stage = stage
        self.fault = fault
        self.permanent = permanent
        self.in_doubt = in_doubt
        self.reply = reply

    @property
    def meaning(self) -> ReplyClass:
        """The class of the refusal at its stage; UNKNOWN where the server gave no reply."""
        return meaning_at(self.stage, self.reply) if self.reply else ReplyClass.UNKNOWN


class EnvelopeRefused(SmtpError):
    """Our own guard refused an address or a text before anything was sent."""

    code = "smtp.envelope_refused"


class SmtpRefused(SmtpError):
    """The server refused. A refusal of the final dot is an answer, so it is never in doubt."""

    code = "smtp.refused"


class SmtpMisconfigured(SmtpError):
    """The server does not offer what the settings demand. Nothing was sent."""

    code = "smtp.misconfigured"


class SmtpLost(SmtpError):
    """The connection ended, fell silent or spoke nonsense. In doubt only when the final dot had gone."""

    code = "smtp.lost"
