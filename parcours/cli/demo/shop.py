"""The demo workspace itself: its sign-in and keys, purposes and attributes, and the first journeys from their recipes."""

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from parcours.accounts import actions as accounts
from parcours.accounts import queries
from parcours.accounts.errors import BadKey
from parcours.accounts.models import User, Workspace
from parcours.accounts.types import SYSTEM, KeyKind, Role
from parcours.consent import standard
from parcours.contacts import actions as contacts
from parcours.contacts.types import AttributeType
from parcours.delivery import actions as delivery
from parcours.journeys import recipes
from parcours.kernel import tenancy

SLUG = "demo"
EMAIL = "demo@parcours.test"
ATTRIBUTES = (
    ("first_name", "Prénom", "First name"),
    ("last_name", "Nom", "Last name"),
    ("city", "Ville", "City"),
)
FROM_THE_FIRST_DAY = ("first-purchase", "re-engagement")
FROM_THE_SECOND_YEAR = ("post-purchase",)


@dataclass(frozen=True)
class Credentials:
    """What the demo's user and machines present."""

    admin_email: str
    admin_password: str
    write_key: str
    api_key: str


def set_up(now: datetime) -> tuple[Workspace, Credentials]:
    """Make the workspace with everything but its people, as of `now` (the morning before the first order)."""
    workspace = accounts.create_workspace(
        SLUG,
        name="The Gift Shop",
        language="en",
        time_zone="Europe/London",
        currency="GBP",
        legal_name="The Gift Shop Ltd (demo)",
        legal_address="1 Example Street, London",
        is_demo=True,
        now=now,
    )
    credentials = _credentials(workspace, now)
    with tenancy.scope(workspace_id=workspace.id):
        standard.bring(workspace.id, actor=SYSTEM, now=now)
        for name, french, english in ATTRIBUTES:
            contacts.declare_attribute(
                workspace.id,
                name,
                AttributeType.TEXT,
                label_fr=french,
                label_en=english,
                actor=SYSTEM,
                now=now,
            )
        delivery.set_up_sending(
            workspace.id,
            from_name="The Gift Shop",
            from_email="hello@shop.example.com",
            actor=SYSTEM,
            now=now,
        )
    return workspace, credentials


def open_journeys(workspace: Workspace, slugs: Iterable[str], now: datetime) -> None:
    """Publish scenarios from their recipes."""
    with tenancy.scope(workspace_id=workspace.id):
        for slug in slugs:
            recipes.install(workspace.id, slug, actor=SYSTEM, now=now)


def _credentials(workspace: Workspace, now: datetime) -> Credentials:
    """A new password for the demo's user and new keys for its machines."""
    password = secrets.token_urlsafe(12)
    owner = User.objects.filter(email=EMAIL).first() or accounts.create_user(EMAIL, password=None, now=now)
    owner.set_password(password)
    owner.save(update_fields=["password"])
    with tenancy.scope(workspace_id=workspace.id):
        accounts.set_member(workspace.id, owner, Role.OWNER, actor=SYSTEM, now=now)
        write_key, api_key = (
            accounts.create_key(workspace.id, kind, "demo", actor=SYSTEM, now=now).secret
            for kind in (KeyKind.WRITE, KeyKind.API)
        )
    return Credentials(EMAIL, password, write_key, api_key)


def keep(credentials: Credentials, data: Path) -> None:
    """Write the credentials where `./dev run` finds them, readable by the owner alone."""
    path = data / "demo-credentials.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(credentials), file)


def keep_or_renew(workspace: Workspace, data: Path, *, now: datetime) -> None:
    """Give the demo's user a new password and its machines new keys, when those of the file are not (or no longer) this database's.

    A directory may serve several databases in turn: `DATABASE_URL` names another, or one was made anew.
    """
    known = _kept(data)
    if known is None or not _are_valid(known, workspace):
        keep(_credentials(workspace, now), data)


def _kept(data: Path) -> Credentials | None:
    """The credentials of the file; None when there is none that can be read."""
    try:
        return Credentials(**json.loads((data / "demo-credentials.json").read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _are_valid(known: Credentials, workspace: Workspace) -> bool:
    """Whether both machines' keys open this workspace. The password is the person's own to change."""
    keys = ((known.write_key, KeyKind.WRITE), (known.api_key, KeyKind.API))
    try:
        return all(
            queries.workspace_of_key(secret, kind).workspace_id == workspace.pk for secret, kind in keys
        )
    except BadKey:
        return False
