"""From the token in an address to the message and the person it names, inside their workspace's scope.

A token that was changed and one whose message is gone get the same answer, so that nothing can be found out by trying.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from parcours.accounts.models import Workspace
from parcours.consent.models import Purpose
from parcours.consent.types import Evidence
from parcours.contacts import queries as contacts
from parcours.contacts.actions import hold_people
from parcours.contacts.errors import UnknownContact
from parcours.contacts.types import ContactRow
from parcours.delivery.models import Mailing, Message
from parcours.events import tokens
from parcours.events.tokens import InvalidToken
from parcours.kernel import clock, tenancy
from parcours.kernel.errors import DomainError, NotFound

LANGUAGES = frozenset(code for code, _ in settings.LANGUAGES)


class UnknownLink(NotFound):
    """This link leads nowhere."""

    code = "public.unknown_link"


class OnlyATest(DomainError):
    """This link belongs to a test, and changes nothing."""

    code = "public.only_a_test"


@dataclass(frozen=True)
class Visit:
    """A person who came through a link of a message."""

    workspace: Workspace
    contact: ContactRow
    message: Message
    mailing: Mailing
    now: datetime

    @property
    def message_id(self) -> UUID:
        return self.message.pk

    @property
    def purpose(self) -> Purpose:
        return self.mailing.purpose


@contextmanager
def visit(request: HttpRequest, token: str, use: tokens.Purpose) -> Iterator[Visit]:
    """Open the scope of the token's workspace, in the person's language and time zone.

    Raises UnknownLink, always the same one; OnlyATest.
    """
    try:
        named = tokens.signer().verify(token, use)
    except InvalidToken:
        raise _unknown() from None
    with tenancy.scope(workspace_id=named.workspace_id):
        if request.method == "POST":
            hold_people(named.workspace_id)
        found = _found(named.workspace_id, named.message_id)
        if found is None:
            raise _unknown()
        zone = ZoneInfo(found.contact.time_zone or found.workspace.time_zone)
        with translation.override(language_for(found.contact.language, request)), timezone.override(zone):
            yield found


def _found(workspace_id: int, message_id: UUID) -> Visit | None:
    message = Message.objects.filter(workspace_id=workspace_id, pk=message_id).first()
    if message is None:
        return None
    if message.is_test:
        raise OnlyATest(_("This message was sent as a test."))
    mailing = (
        Mailing.objects.select_related("purpose", "workspace")
        .filter(workspace_id=workspace_id, pk=message.mailing_id)
        .first()
    )
    try:
        contact = contacts.contact(workspace_id, message.contact_id)
    except UnknownContact:
        return None
    return None if mailing is None else Visit(mailing.workspace, contact, message, mailing, clock.now())


def _unknown() -> UnknownLink:
    return UnknownLink(_("This link leads nowhere."))


def language_for(known: str, request: HttpRequest) -> str:
    """The person's language; else what their browser asks for; else the installation's."""
    return known if known in LANGUAGES else translation.get_language_from_request(request)


def evidence(request: HttpRequest, source: str, wording: str, message_id: UUID) -> Evidence:
    """How a statement was made on one of these pages."""
    return Evidence(
        source=source,
        wording=wording,
        ip=_address(request),
        user_agent=request.headers.get("User-Agent", "").replace("\x00", "")[:300],
        detail={"message": str(message_id)},
    )


def _address(request: HttpRequest) -> str | None:
    """The person's address, as the server made it out (`public.hot.proxies`); a header that anybody can send is no proof.

    Without the zone of a link-local one (`fe80::1%eth0`), which is the name of a network card here.
    """
    return str(request.META.get("REMOTE_ADDR") or "").partition("%")[0] or None


def masked(email: str | None) -> str:
    """An address as its owner recognises it, and nobody else learns it: `m•••@example.com`."""
    if not email or "@" not in email:
        return "•••"
    name, domain = email.rsplit("@", 1)
    return f"{name[:1]}•••@{domain}"
