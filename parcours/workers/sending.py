"""The sending half of a worker: one sender in an event loop of its own thread."""

import asyncio
import ssl
from ipaddress import ip_address
from threading import Event
from typing import Literal
from urllib.parse import unquote, urlsplit

import idna
from django.conf import settings

from parcours.delivery.sender import Sender
from parcours.delivery.smtp import SmtpSettings
from parcours.kernel.errors import Invalid
from parcours.workers.duties import Clock


def send_until(stopping: Event, clock: Clock) -> None:
    """Send what is due until told to stop; what is under way is finished first."""
    asyncio.run(_send(stopping, clock))


async def _send(stopping: Event, clock: Clock) -> None:
    sender = Sender(mail_server(settings.ENVIRONMENT.smtp_url), clock)
    running = asyncio.create_task(sender.run())
    while not stopping.is_set() and not running.done():
        await asyncio.sleep(0.2)
    sender.stop()
    await running


SECURITIES: dict[str, tuple[Literal["none", "starttls", "tls"], int]] = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}


def mail_server(url: str) -> SmtpSettings:
    """Where to submit, from PARCOURS_SMTP_URL (see `docs/operate/settings.md`). Raises Invalid for another scheme."""
    parts = urlsplit(url)
    if parts.scheme not in SECURITIES or not parts.hostname:
        raise Invalid(
            f"PARCOURS_SMTP_URL is not a mail server: {parts.scheme}://…", hint="Begin it with smtp://."
        )
    security, port = SECURITIES[parts.scheme]
    return SmtpSettings(
        host=parts.hostname,
        port=parts.port or port,
        security=security,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        local_name=local_name(settings.BASE_URL),
        tls_context=None if security == "none" else ssl.create_default_context(),
    )


def local_name(base_url: str) -> str:
    """How we name ourselves to mail servers (RFC 5321 4.1.1.1): many refuse a name without a domain, such as localhost."""
    host = urlsplit(base_url).hostname or "localhost"
    try:
        address = ip_address(host)
    except ValueError:
        return host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"
