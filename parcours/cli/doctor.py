"""`parcours doctor`: is this installation sound? One line per check, with what to do when one fails."""

import argparse
import json
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from email.message import EmailMessage

import dns.exception
import dns.resolver
from django.conf import settings
from django.db import connection

from parcours.accounts import queries as accounts
from parcours.cli import postgresql
from parcours.delivery import actions as delivery
from parcours.delivery import mailbox
from parcours.delivery.composing import bounce_domain
from parcours.delivery.errors import BadMailbox
from parcours.delivery.models import Sending
from parcours.events import restoring
from parcours.kernel import clock, tenancy

SHORTEST_SECRET = 32
AFTER_RESTORE = "The database was restored from a backup. What left after the backup looks unsent: look before you resume."


@dataclass(frozen=True)
class Finding:
    """What one check found. `mend` says what to do when it is not well."""

    check: str
    well: bool
    found: str
    mend: str = ""


def arguments(parser: argparse.ArgumentParser) -> None:
    """How to answer, and whether to ask the DNS."""
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--mend",
        action="store_true",
        help="after a restore: pause all sending, and let new events be read again",
    )
    parser.add_argument("--offline", action="store_true", help="leave out the checks that need the DNS")


def run(options: argparse.Namespace) -> int:
    """Check, print, and fail when anything is not well."""
    if options.mend:
        mend_restored(clock.now())
    of_database = list(database())
    findings = [secret_key(), *of_database, python_headers(), mail_server(), returns_mailbox()]
    if not options.offline and all(one.well for one in of_database):
        findings += list(sending_domains())
    if options.json:
        print(json.dumps([asdict(one) for one in findings], indent=2))
    else:
        for one in findings:
            print(
                f"{'✓' if one.well else '✗'} {one.check}: {one.found}"
                + ("" if one.well else f"\n    {one.mend}")
            )
    return 0 if all(one.well for one in findings) else 1


def secret_key() -> Finding:
    """The secret that every process must share, long enough that nobody guesses it."""
    length = len(settings.ENVIRONMENT.secret_key)
    return Finding(
        "PARCOURS_SECRET_KEY",
        length >= SHORTEST_SECRET,
        f"{length} characters" if length else "not set",
        "Set 64 hexadecimal digits, the same for every process (docs/operate/settings.md).",
    )


def database() -> Iterator[Finding]:
    """Whether it is there, what it is, and as whom we work in it. What cannot be asked yet is left out."""
    try:
        found = postgresql.look()
    except postgresql.DatabaseAway as error:
        yield Finding("database", False, error.message, error.hint)
        return
    oldest = postgresql.OLDEST
    yield Finding(
        "PostgreSQL",
        found.version >= oldest,
        f"version {found.version}",
        f"Use PostgreSQL {oldest} or newer.",
    )
    yield Finding(
        "tables",
        found.is_migrated,
        "up to date" if found.is_migrated else "not up to date",
        "Run `parcours migrate`.",
    )
    if found.is_migrated:
        yield database_role()
        yield restored_log()


def database_role() -> Finding:
    """The role that row security binds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        role, unbound = cursor.fetchone() or ("?", True)
    return Finding(
        "database role", not unbound, str(role), "Run it through `parcours`, which takes the right role."
    )


def restored_log() -> Finding:
    """The log's transaction ids are this server's own."""
    ahead = restoring.ahead()
    return Finding(
        "log",
        not ahead,
        f"restored from another server, {ahead} transactions ahead of this one"
        if ahead
        else "of this server",
        "New events would not be seen. Run `parcours doctor --mend`: it pauses all sending and mends this.",
    )


def mend_restored(now: datetime) -> None:
    """After a restore into another server: nothing leaves before a person has looked, and the log is read again."""
    if not restoring.ahead():
        return
    for workspace in accounts.workspaces():
        with tenancy.scope(workspace_id=workspace.pk):
            delivery.pause_sending(workspace.pk, AFTER_RESTORE, now=now)
    restoring.catch_up(lambda left: print(f"{left} transactions to pass", file=sys.stderr))


def python_headers() -> Finding:
    """Whether this Python's own email package lets a header through (CVE-2024-6923); ours guards by itself."""
    message = EmailMessage()
    try:
        message["Subject"] = "=?utf-8?q?a=0D=0AX-Injected=3A_b?="
        injected = b"\nX-Injected:" in message.as_bytes()
    except ValueError:
        injected = False
    return Finding(
        "Python's email package",
        True,
        "injects headers; Parcours builds its messages without it" if injected else "sound",
    )


def mail_server() -> Finding:
    """The configured mail server answers."""
    server = settings.ENVIRONMENT.mail_server
    if server is None:
        return Finding(
            "mail server", False, "PARCOURS_SMTP_URL names none", "Begin it with smtp:// or smtps://."
        )
    address = f"{server.host}:{server.port}"
    try:
        with socket.create_connection((server.host, server.port), timeout=5):
            return Finding("mail server", True, f"{address} answers")
    except OSError as error:
        return Finding("mail server", False, f"{address}: {error}", "Check PARCOURS_SMTP_URL.")


def returns_mailbox() -> Finding:
    """The mailbox into which bounces come can be opened, where one is set."""
    url = settings.ENVIRONMENT.returns_url
    if not url:
        return Finding(
            "mailbox of returns", True, "none is set: bounces are read only through `parcours receive`"
        )
    try:
        address = mailbox.mailbox_address(url)
        with mailbox.opened(address):
            return Finding("mailbox of returns", True, f"{address.folder} at {address.host} opens")
    except (*mailbox.Failed, BadMailbox) as error:
        return Finding("mailbox of returns", False, str(error), "Check PARCOURS_RETURNS_URL.")


def sending_domains() -> Iterator[Finding]:
    """DKIM, SPF and DMARC records of every domain that a workspace sends from (RFC 6376, 7208, 9989), and where its bounces go.

    SPF is asked of the bounce domain: it looks at the envelope's sender.
    """
    for workspace in accounts.workspaces():
        with tenancy.scope(workspace_id=workspace.pk):
            sending = Sending.objects.filter(workspace=workspace).first()
        if sending is None:
            yield Finding(f"sending of {workspace.slug}", False, "not set up", "Fill Settings, Sending.")
            continue
        domain = sending.dkim_domain
        for name, mark in (
            (f"{sending.dkim_selector}._domainkey.{domain}", "v=DKIM1"),
            (bounce_domain(sending), "v=spf1"),
            (f"_dmarc.{domain}", "v=DMARC1"),
        ):
            there = any(record.startswith(mark) for record in text_records(name))
            yield Finding(
                f"{mark} at {name}",
                there,
                "published" if there else "missing",
                f"Publish a TXT record at {name} (Settings, Sending says which).",
            )
        there = has_mail_exchanger(bounce_domain(sending))
        yield Finding(
            f"MX of {bounce_domain(sending)}",
            there,
            "published" if there else "missing",
            "Publish an MX record, so that bounces and unsubscribing mails arrive (docs/operate/returns.md).",
        )


def has_mail_exchanger(domain: str) -> bool:
    """Whether mail to a domain has somewhere to go."""
    try:
        return bool(dns.resolver.resolve(domain, "MX", lifetime=5))
    except dns.exception.DNSException:
        return False


def text_records(name: str) -> list[str]:
    """The TXT records at a name; none when there is no answer."""
    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=5)
    except dns.exception.DNSException:
        return []
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
