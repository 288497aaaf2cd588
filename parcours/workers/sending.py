"""The sending half of a worker: one sender in an event loop of its own thread."""

import asyncio
import ssl
from ipaddress import ip_address
from threading import Event
from urllib.parse import urlsplit

import idna
from django.conf import settings

from parcours.delivery.sender import Sender
from parcours.delivery.smtp import SmtpSettings
from parcours.kernel.errors import Invalid
from parcours.workers.duties import Clock


def send_until(server: SmtpSettings, stopping: Event, clock: Clock) -> None:
    """Send what is due until told to stop; what is under way is finished first."""
    asyncio.run(_send(server, stopping, clock))


async def _send(server: SmtpSettings, stopping: Event, clock: Clock) -> None:
    sender = Sender(server, clock)
    running = asyncio.create_task(sender.run())
    while not stopping.is_set() and not running.done():
        await asyncio.sleep(0.2)
    sender.stop()
    await running


def mail_server() -> SmtpSettings:
    """Where to submit, as PARCOURS_SMTP_URL says (see `docs/operate/settings.md`). Raises Invalid when it names no mail server."""
    server = settings.ENVIRONMENT.mail_server
    if server is None:
        raise Invalid(
            "PARCOURS_SMTP_URL is not a mail server.",
            hint="Begin it with smtp://, smtp+starttls:// or smtps://.",
        )
    return SmtpSettings(
        host=server.host,
        port=server.port,
        security=server.security,
        user=server.user,
        password=server.password,
        local_name=local_name(settings.BASE_URL),
        tls_context=None if server.security == "none" else ssl.create_default_context(),
    )


def local_name(base_url: str) -> str:
    """How we name ourselves to mail servers (RFC 5321 4.1.1.1): many refuse a name without a domain, such as localhost."""
    host = urlsplit(base_url).hostname or "localhost"
    try:
        address = ip_address(host)
    except ValueError:
        return host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"
