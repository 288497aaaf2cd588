"""The process environment, read once and typed. Every variable is described in `docs/operate/settings.md`.

Not here: settings that a workspace chooses (those are rows of `accounts` and `delivery`).
"""

import os
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """What the operator decides, from environment variables."""

    database_url: str
    database_role: str
    secret_key: str
    base_url: str
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    data: Path
    smtp_url: str
    returns_url: str
    account_from: str
    inbox_url: str
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
        smtp_url=os.environ.get("PARCOURS_SMTP_URL", "smtp://127.0.0.1:2525"),
        returns_url=os.environ.get("PARCOURS_RETURNS_URL", ""),
        account_from=os.environ.get("PARCOURS_ACCOUNT_FROM", ""),
        inbox_url=os.environ.get("PARCOURS_INBOX_URL", ""),
        webhook_allow_private=os.environ.get("PARCOURS_WEBHOOK_ALLOW_PRIVATE", "") == "1",
        debug=os.environ.get("PARCOURS_DEBUG", "") == "1",
    )
