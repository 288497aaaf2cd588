"""Stopping with one click: the POST that mail programs send by themselves (RFC 8058), and a page with one button.

GET and HEAD change nothing, because scanners follow every link of a message.
"""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from parcours.consent.types import Basis
from parcours.delivery import leaving
from parcours.events import tokens
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
    """Refuse what the message was sent for; the proof is in the ledger."""
    proof = evidence(request, SOURCE, wording(found), found.message_id)
    leaving.unsubscribe(found.workspace.pk, found.message_id, proof, now=found.now)


def wording(found: Visit) -> str:
    """The words on the button: what the person agreed to by pressing it."""
    if found.purpose.basis == Basis.CONTRACT.value:
        return _("Stop all advertising")
    return _("Stop “%(purpose)s”") % {"purpose": purpose_name(found.purpose)}
