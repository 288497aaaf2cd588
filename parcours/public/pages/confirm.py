"""Double opt-in: the link of a confirmation message. Opening it changes nothing; its button turns `requested` into `granted`."""

from django.http import HttpRequest, HttpResponse

from parcours.consent import queries
from parcours.consent.models import State
from parcours.consent.types import Act, Channel, Statement
from parcours.events import people, tokens
from parcours.public.pages.access import Visit, evidence, masked, visit
from parcours.public.pages.responses import page, public_page
from parcours.public.pages.wording import purpose_description, purpose_name

SOURCE = "double opt-in"


@public_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show what would be confirmed, or (POST) confirm it."""
    with visit(request, token, tokens.Purpose.CONFIRM) as found:
        waiting = requested(found)
        if request.method == "POST":
            grant(request, found, waiting)
        return page(
            request,
            "confirm",
            {
                "visit": found,
                "address": masked(found.contact.email),
                "waiting": [(purpose_name(one.purpose), purpose_description(one.purpose)) for one in waiting],
                "is_done": request.method == "POST" and bool(waiting or is_confirmed(found)),
            },
        )


def requested(found: Visit) -> list[State]:
    """What this person asked for and has not confirmed yet, as far as a mail can confirm it: it proves nothing about a telephone,
    and who reads one address has not answered for another, to which the person has moved since."""
    if found.message.address not in ("", found.contact.email):
        return []
    states = queries.states(found.workspace.pk, found.contact.id)
    return [one for one in states if one.act == Act.REQUESTED.value and one.channel != Channel.SMS.value]


def is_confirmed(found: Visit) -> bool:
    """Whether something holds that this link has confirmed: its button was pressed twice."""
    return any(
        one.act == Act.GRANTED.value
        and one.record.source == SOURCE
        and one.record.detail.get("message") == str(found.message_id)
        for one in queries.states(found.workspace.pk, found.contact.id)
    )


def grant(request: HttpRequest, found: Visit, waiting: list[State]) -> None:
    """Record the confirmation with its own proof; the wording is that of the request."""
    said = [
        Statement(
            found.contact.id,
            one.purpose.code,
            Channel(one.channel),
            Act.GRANTED,
            evidence(
                request, SOURCE, one.record.wording or purpose_description(one.purpose), found.message_id
            ),
        )
        for one in waiting
    ]
    people.record_statements(found.workspace.pk, said, now=found.now)
