"""The process environment, read once and typed. Every variable is described in `docs/operate/settings.md`.

Not here: settings that a workspace chooses (those are rows of `accounts` and `delivery`).
"""

import os
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

Security = Literal["none", "starttls", "tls"]

_SECURITIES: dict[str, tuple[Security, int]] = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}


@dataclass(frozen=True)
class MailServer:
    """Where mail is submitted, and how."""

    host: str
    port: int
    security: Security
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Environment:
    """What the operator decides, from environment variables."""

    database_url: str
    database_role: str
    secret_key: str
    base_url: str
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    data: Path
    mail_server: MailServer | None
    returns_url: str
    account_from: str
    webhook_allow_private: bool
    debug: bool


def read_environment() -> Environment:
    """Read the variables. A missing secret key stays empty: Django refuses to use it, and the commands refuse to start."""
    data = Path(os.environ.get("PARCOURS_DATA", "var"))
    return Environment(
        database_url=os.environ.get("DATABASE_URL", "postgresql:///parcours"),
        database_role=os.environ.get("PARCOURS_DATABASE_ROLE", ""),
        secret_key=os.environ.get("PARCOURS_SECRET_KEY", ""),
        base_url=os.environ.get("PARCOURS_BASE_URL", "http://127.0.0.1:8000").rstrip("/"),
        trusted_proxies=tuple(
            ip_network(each.strip())
            for each in os.environ.get("PARCOURS_TRUSTED_PROXIES", "").split(",")
            if each.strip()
        ),
        data=data,
        mail_server=read_mail_server(os.environ.get("PARCOURS_SMTP_URL", "smtp://127.0.0.1:2525")),
        returns_url=os.environ.get("PARCOURS_RETURNS_URL", ""),
        account_from=os.environ.get("PARCOURS_ACCOUNT_FROM", ""),
        webhook_allow_private=os.environ.get("PARCOURS_WEBHOOK_ALLOW_PRIVATE", "") == "1",
        debug=os.environ.get("PARCOURS_DEBUG", "") == "1",
    )


def read_mail_server(url: str) -> MailServer | None:
    """Read PARCOURS_SMTP_URL. None when it names no mail server: whoever needs one says so, the others do without."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _SECURITIES or not parts.hostname:
        return None
    security, usual_port = _SECURITIES[parts.scheme]
    return MailServer(
        host=parts.hostname,
        port=port or usual_port,
        security=security,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
