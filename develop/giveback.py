"""What a mail system, or a recipient, sends back about a captured message, and handing that to the product as a mail server would.

The mails are real ones: delivery reports (RFC 3464), a complaint (RFC 5965), a mail to the address of List-Unsubscribe. They go
to `parcours receive`, which is told nothing else, through its standard input.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate, make_msgid
from pathlib import Path

from develop.ledger import Message

GiveBack = Callable[[str, bytes], Awaitable["Answer"]]
"""Hands a mail for a recipient to the product."""

MAILER = "mailer-daemon@sink.parcours.test"
ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60
ACTS = ("bounce", "full", "complain", "unsubscribe")
REFUSALS = {
    "bounce": ("5.1.1", "550 5.1.1 <{address}>: Recipient address rejected: User unknown"),
    "full": ("5.2.2", "552 5.2.2 <{address}>: Mailbox full"),
}
LEAVING = re.compile(rb"<mailto:(unsub\+[A-Za-z0-9_-]+@[A-Za-z0-9.-]+)>")
REPORT = """\
From: Mail Delivery System <{mailer}>
To: <{to}>
Subject: {subject}
Date: {date}
Message-ID: {message_id}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="{boundary}"

--{boundary}
Content-Type: text/plain; charset=utf-8

{subject}

--{boundary}
Content-Type: message/{kind}

{report}
--{boundary}
Content-Type: text/rfc822-headers

{returned}

--{boundary}--
"""


@dataclass(frozen=True)
class Answer:
    """How the product took a mail: its exit status, and what it said."""

    status: int
    output: str


async def to_product(recipient: str, mail: bytes) -> Answer:
    """Hand a mail to `parcours receive`, in the environment of this process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "parcours.cli.main", "receive", "--json", recipient),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            output, errors = await process.communicate(mail)
    except TimeoutError:
        process.kill()
        await process.wait()
        return Answer(75, "It took too long.")
    said = (output or errors).decode("utf-8", "replace").strip().splitlines()
    return Answer(process.returncode or 0, said[-1] if said else "")


def mail_back(act: str, message: Message, raw: bytes) -> tuple[str, bytes] | None:
    """The recipient and the mail of an act of ACTS; None for a message that offers no address to do it with."""
    address = message.to.split(", ")[0]
    if act == "unsubscribe":
        found = LEAVING.search(_head(raw).replace(b"\r\n ", b" "))
        return (found[1].decode(), _wish(found[1].decode(), address)) if found else None
    if not message.sender:
        return None
    if act == "complain":
        lines = [f"Original-Mail-From: <{message.sender}>", f"Original-Rcpt-To: <{address}>"]
        report = ["Feedback-Type: abuse", "User-Agent: ParcoursSink/1", "Version: 1", *lines]
        return message.sender, _report(message, raw, "feedback-report", "Complaint", report)
    status, diagnostic = REFUSALS[act]
    group = [f"Final-Recipient: rfc822; {address}", "Action: failed", f"Status: {status}"]
    said = f"Diagnostic-Code: smtp; {diagnostic.format(address=address)}"
    report = ["Reporting-MTA: dns; sink.parcours.test", "", *group, said]
    return message.sender, _report(message, raw, "delivery-status", "Undelivered Mail", report)


def _report(message: Message, raw: bytes, kind: str, subject: str, report: list[str]) -> bytes:
    returned = _head(raw).replace(b"\r\n", b"\n").decode("utf-8", "replace")
    text = REPORT.format(
        mailer=MAILER,
        to=message.sender,
        subject=subject,
        date=formatdate(),
        message_id=make_msgid(domain="sink.parcours.test"),
        kind=kind,
        boundary=f"=_sink_{message.id}",
        report="\n".join(report) + "\n",
        returned=returned,
    )
    return text.encode().replace(b"\n", b"\r\n")


def _wish(recipient: str, address: str) -> bytes:
    lines = [
        f"From: <{address}>",
        f"To: <{recipient}>",
        "Subject: unsubscribe",
        f"Date: {formatdate()}",
        f"Message-ID: {make_msgid(domain='sink.parcours.test')}",
    ]
    return ("\r\n".join([*lines, "", ""])).encode()


def _head(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0]
