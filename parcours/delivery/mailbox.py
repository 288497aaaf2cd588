"""A mailbox that is read over IMAP (RFC 3501): what is unread is taken in, and marked read only once that is committed.

Nothing is ever deleted or moved. What cannot be read, or names no message of ours, is marked read and flagged, for a person to
look at. Not here: what a mail says and what follows (`receiving`), how often the mailbox is looked at (`workers.returns`).
"""

import imaplib
import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext as _

from parcours.delivery.errors import BadMailbox, UnknownRecipient, UnreadableMail
from parcours.delivery.incoming import LARGEST
from parcours.delivery.receiving import receive

log = logging.getLogger(__name__)

_PORTS = {"imap": 143, "imap+starttls": 143, "imaps": 993}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
AT_ONCE = 500
_TIMEOUT = 30.0

Failed = (OSError, imaplib.IMAP4.error)
"""What a mailbox that is away, refuses us or speaks nonsense raises."""


@dataclass(frozen=True, slots=True)
class MailboxAddress:
    """Where the mailbox is and who reads it."""

    host: str
    port: int
    security: str
    user: str
    password: str = field(repr=False)
    folder: str


def mailbox_address(url: str) -> MailboxAddress:
    """Read PARCOURS_RETURNS_URL (see `docs/operate/settings.md`). Raises BadMailbox; the message does not repeat the password."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or not parts.username:
        raise BadMailbox(_("PARCOURS_RETURNS_URL is not a mailbox."), hint="imaps://user:password@host/INBOX")
    if parts.scheme == "imap" and parts.hostname not in _LOOPBACK:
        raise BadMailbox(
            _("A password is never sent over an unencrypted connection."), hint="imaps:// | imap+starttls://"
        )
    return MailboxAddress(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        security=parts.scheme,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        folder=unquote(parts.path.strip("/")) or "INBOX",
    )


def read_mailbox(address: MailboxAddress, clock: Callable[[], datetime]) -> int:
    """Take in what is unread, at most AT_ONCE mails; returns how many were marked read. Raises one of `Failed` when the mailbox
    is away; a database that is away leaves the mail unread.
    """
    with opened(address) as session:
        return sum(_take(session, number, clock()) for number in _unread(session))


@contextmanager
def opened(address: MailboxAddress) -> Iterator[imaplib.IMAP4]:
    """A session in the folder. Certificates are verified; passwords go over encrypted connections only."""
    session = _connected(address)
    try:
        if address.security == "imap+starttls":
            session.starttls(ssl.create_default_context())
        session.login(address.user, address.password)
        status, _answer = session.select(_quoted(address.folder))
        if status != "OK":
            raise imaplib.IMAP4.error(f"there is no folder {address.folder}")
        yield session
    finally:
        try:
            session.logout()
        except Failed:
            session.shutdown()


def _connected(address: MailboxAddress) -> imaplib.IMAP4:
    if address.security == "imaps":
        verified = ssl.create_default_context()
        return imaplib.IMAP4_SSL(address.host, address.port, ssl_context=verified, timeout=_TIMEOUT)
    return imaplib.IMAP4(address.host, address.port, timeout=_TIMEOUT)


def _unread(session: imaplib.IMAP4) -> list[str]:
    """The UIDs of what is unread, oldest first."""
    found = _ask(session, "SEARCH", "UNSEEN", "UNDELETED")
    numbers = b" ".join(line for line in found if isinstance(line, bytes)).split()
    return [number.decode("ascii") for number in numbers][:AT_ONCE]


def _take(session: imaplib.IMAP4, number: str, now: datetime) -> bool:
    """Take one mail in and mark it; False when it stays unread, because something unexpected happened."""
    flags = r"(\Seen)"
    raw = _fetch(session, number)
    try:
        receive(raw, now=now)
    except (UnreadableMail, UnknownRecipient) as error:
        log.warning("mail %s of the mailbox of returns: %s", number, error.message)
        flags = r"(\Seen \Flagged)"
    except (DatabaseError, InterfaceError):
        raise
    except Exception:  # one mail must not keep the others from being read
        log.exception("mail %s of the mailbox of returns stays unread", number)
        return False
    _ask(session, "STORE", number, "+FLAGS.SILENT", flags)
    return True


def _fetch(session: imaplib.IMAP4, number: str) -> bytes:
    """The mail, without marking it; of one that is too large just enough to see that."""
    answer = _ask(session, "FETCH", number, f"(BODY.PEEK[]<0.{LARGEST + 1}>)")
    return next((bytes(part[1]) for part in answer if isinstance(part, tuple)), b"")


def _ask(session: imaplib.IMAP4, command: str, *arguments: str) -> list[Any]:
    status, answer = session.uid(command, *arguments)
    if status != "OK":
        raise imaplib.IMAP4.error(f"{command} was refused")
    return answer


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
