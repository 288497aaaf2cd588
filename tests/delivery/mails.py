"""Mails as mail systems send them back: delivery reports, complaints, absence notes, unsubscribing mails."""

from uuid import UUID

from parcours.events.tokens import MessageToken, Purpose, signer

RETURNED = (
    "From: La Boutique <bonjour@shop.example>\r\nTo: julie@example.com\r\nSubject: Bonjour\r\n"
    "List-Unsubscribe: <https://parcours.example/u/{unsubscribe}>,\r\n <mailto:unsub+{unsubscribe}@bounce.shop.example>\r\n"
)
REPORT = (
    "From: Mail Delivery System <MAILER-DAEMON@mx.example>\r\nTo: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
    "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/report; report-type={kind};\r\n\tboundary="4F1.173/mx.example"\r\n\r\n'
    "This is a MIME-encapsulated message.\r\n\r\n--4F1.173/mx.example\r\nContent-Description: Notification\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n\r\nI'm sorry to have to inform you.\r\n\r\n"
    "--4F1.173/mx.example\r\nContent-Type: message/{part}\r\n\r\n{report}\r\n"
    "--4F1.173/mx.example\r\nContent-Type: message/rfc822\r\n\r\n{returned}\r\nBonjour\r\n\r\n--4F1.173/mx.example--\r\n"
)


def token(workspace_id: int, message_id: UUID, use: Purpose) -> str:
    return signer().sign(MessageToken(workspace_id, message_id), use)


def return_path(workspace_id: int, message_id: UUID) -> str:
    return f"bounce+{token(workspace_id, message_id, Purpose.BOUNCE)}@bounce.shop.example"


def leaving_address(workspace_id: int, message_id: UUID) -> str:
    return f"unsub+{token(workspace_id, message_id, Purpose.UNSUBSCRIBE)}@bounce.shop.example"


def recipient_status(
    diagnostic: str = "550 5.1.1 <julie@example.com>: Recipient address rejected: User unknown",
    *,
    action: str = "failed",
    status: str = "5.1.1",
    who: str = "julie@example.com",
) -> str:
    """A group of a delivery report, folded as Postfix folds it."""
    return (
        f"Final-Recipient: rfc822; {who}\r\nOriginal-Recipient: rfc822;{who}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Remote-MTA: dns; mx.example\r\nDiagnostic-Code: smtp;\r\n    {diagnostic}\r\n"
    )


def delivery_report(to: str, *recipients: str) -> bytes:
    """A DSN (RFC 3464) about some recipients, one who does not exist by default."""
    groups = "\r\n".join(recipients or (recipient_status(),))
    report = (
        f"Reporting-MTA: dns; mx.example\r\nArrival-Date: Tue, 10 Mar 2026 10:00:00 +0000\r\n\r\n{groups}"
    )
    return REPORT.format(
        to=to, kind="delivery-status", part="delivery-status", report=report, returned="Subject: x\r\n"
    ).encode()


def complaint_report(to: str, *, kind: str = "abuse", envelope: str = "", unsubscribe: str = "x") -> bytes:
    """An ARF report (RFC 5965)."""
    report = f"Feedback-Type: {kind}\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n"
    if envelope:
        report += f"Original-Mail-From: <{envelope}>\r\n"
    returned = RETURNED.format(unsubscribe=unsubscribe)
    return REPORT.format(
        to=to, kind="feedback-report", part="feedback-report", report=report, returned=returned
    ).encode()


def note(to: str, *more: str) -> bytes:
    """A mail that somebody, or their answering machine, wrote."""
    extra = "".join(f"{line}\r\n" for line in more)
    return (
        f"From: Julie <julie@example.com>\r\nTo: {to}\r\nSubject: Re: Bonjour\r\nMessage-ID: <77@example.com>\r\n"
        f"{extra}\r\nBonjour,\r\n"
    ).encode()
