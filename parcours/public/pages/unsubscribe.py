"""Stopping with one click: the POST that mail programs send by themselves (RFC 8058), and a page with one button.

GET and HEAD change nothing, because scanners follow every link of a message.
"""

from uuid import uuid5

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from parcours.consent import actions as consent
from parcours.consent.models import Purpose
from parcours.consent.queries import purposes
from parcours.consent.types import Basis, Channel, Statement
from parcours.delivery import queries as delivery
from parcours.events import actions as events
from parcours.events import people, tokens
from parcours.events.types import UNSUBSCRIBED, NewEvent
from parcours.public.pages.access import Visit, evidence, masked, visit
from parcours.public.pages.responses import page, public_page
from parcours.public.pages.wording import purpose_name

SOURCE = "one-click unsubscribe"


@public_page
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show the button, or (POST) stop what the message was sent for. Answered alike however often it is repeated."""
    with visit(request, token, tokens.Purpose.UNSUBSCRIBE) as found:
        if request.method == "POST":
            stop(request, found)
        return page(
            request,
            "unsubscribe",
            {
                "visit": found,
                "address": masked(found.contact.email),
                "purpose": purpose_name(found.purpose),
                "by_contract": found.purpose.basis == Basis.CONTRACT.value,
                "is_done": request.method == "POST",
                "preferences": tokens.signer().sign(
                    tokens.MessageToken(found.workspace.pk, found.message_id), tokens.Purpose.PREFERENCES
                ),
            },
        )


def stop(request: HttpRequest, found: Visit) -> None:
    """Refuse the message's purpose on its channel; a purpose that cannot be refused (a contract) means all marketing."""
    proof = evidence(request, SOURCE, wording(found), found.message_id)
    said = [
        Statement(
            found.contact.id, purpose.code, Channel(found.mailing.channel), consent.refusal(purpose), proof
        )
        for purpose in refused(found)
    ]
    people.record_statements(found.workspace.pk, said, now=found.now)
    told = NewEvent(
        found.contact.id,
        UNSUBSCRIBED,
        {
            "message": str(found.message_id),
            **delivery.about_mailings(found.workspace.pk, [found.mailing.pk])[found.mailing.pk],
        },
        at=found.now,
        message_key=uuid5(found.message_id, UNSUBSCRIBED),
    )
    events.append(found.workspace.pk, [told], now=found.now)


def refused(found: Visit) -> list[Purpose]:
    """What this link stops."""
    if found.purpose.basis != Basis.CONTRACT.value:
        return [found.purpose]
    return [purpose for purpose in purposes(found.workspace.pk) if purpose.is_marketing]


def wording(found: Visit) -> str:
    """The words on the button: what the person agreed to by pressing it."""
    if found.purpose.basis == Basis.CONTRACT.value:
        return _("Stop all advertising")
    return _("Stop “%(purpose)s”") % {"purpose": purpose_name(found.purpose)}
