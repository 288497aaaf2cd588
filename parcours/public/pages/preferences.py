"""The preference page: by purpose and channel, the two measuring consents, and stopping everything at once.

Nothing is ticked beforehand: a box is ticked only for what the person said yes to, or what a legitimate interest covers and they
did not object to (compliance C1). Only what they change is recorded.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from parcours.consent import actions as consent
from parcours.consent import queries
from parcours.consent.models import Purpose
from parcours.consent.types import Act, Basis, Channel, Statement
from parcours.contacts import queries as contacts
from parcours.contacts.types import IdentityKind
from parcours.delivery import double_opt_in
from parcours.events import tokens
from parcours.public.pages.access import Visit, evidence, masked, visit
from parcours.public.pages.responses import page, public_page
from parcours.public.pages.wording import (
    basis_in_words,
    channel_name,
    day,
    purpose_description,
    purpose_name,
)

SOURCE = "preference page"
_YES = frozenset({Act.GRANTED.value})


@dataclass(frozen=True)
class Choice:
    """One box of the page."""

    purpose: Purpose
    channel: Channel
    is_on: bool
    is_pending: bool
    since: str

    @property
    def field(self) -> str:
        return f"{self.purpose.code}.{self.channel.value}"

    @property
    def channel_name(self) -> str:
        return channel_name(self.channel.value)


@dataclass(frozen=True)
class Topic:
    """A purpose with its words and its boxes; a contract has none."""

    name: str
    description: str
    basis: str
    choices: tuple[Choice, ...]


@public_page
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a person receives and why, or (POST) save their choices and show them again with a confirmation."""
    with visit(request, token, tokens.Purpose.PREFERENCES) as found:
        is_saved = request.method == "POST"
        if is_saved:
            save(request, found)
        shown = [one for one in choices(found) if one.purpose.archived_at is None]
        return page(
            request,
            "preferences",
            {
                "visit": found,
                "address": masked(found.contact.email),
                "topics": topics(found, [one for one in shown if not one.purpose.is_measuring]),
                "measures": topics(found, [one for one in shown if one.purpose.is_measuring], measuring=True),
                "is_saved": is_saved,
                "receives_nothing": not any(one.is_on for one in shown if one.purpose.is_marketing),
            },
        )


def choices(found: Visit) -> Iterator[Choice]:
    """Every box, in the order of the purposes."""
    states = {
        (one.purpose_id, one.channel): one for one in queries.states(found.workspace.pk, found.contact.id)
    }
    channels = channels_of(found)
    for purpose in queries.purposes(found.workspace.pk):
        if purpose.basis == Basis.CONTRACT.value:
            continue
        for channel in [Channel.ANY] if purpose.is_measuring else channels:
            state = states.get((purpose.pk, channel.value))
            act = state.act if state else ""
            yield Choice(
                purpose,
                channel,
                is_on=act in _YES or (not act and purpose.basis == Basis.LEGITIMATE_INTEREST.value),
                is_pending=act == Act.REQUESTED.value,
                since=day(state.since) if state else "",
            )


def channels_of(found: Visit) -> list[Channel]:
    """The channels by which this person can be reached."""
    kinds = {one.kind for one in contacts.identities(found.workspace.pk, found.contact.id)}
    return [Channel.EMAIL, *([Channel.SMS] if IdentityKind.PHONE.value in kinds else [])]


def topics(found: Visit, shown: list[Choice], *, measuring: bool = False) -> list[Topic]:
    """The purposes with their boxes."""
    return [
        Topic(
            purpose_name(purpose),
            purpose_description(purpose),
            basis_in_words(purpose.basis),
            tuple(one for one in shown if one.purpose.pk == purpose.pk),
        )
        for purpose in queries.offered_purposes(found.workspace.pk)
        if purpose.is_measuring == measuring
    ]


def save(request: HttpRequest, found: Visit) -> None:
    """Record every change between what holds and what was sent. The button “stop everything” unticks all.

    It also unticks what is not shown because the purpose is archived; otherwise that stays as it is.
    """
    stops_all = request.POST.get("stop") == "everything"
    wanted = frozenset() if stops_all else frozenset(request.POST.getlist("yes"))
    said = [
        Statement(
            found.contact.id,
            one.purpose.code,
            one.channel,
            Act.GRANTED if one.field in wanted else consent.refusal(one.purpose),
            evidence(request, SOURCE, words_shown(one), found.message_id),
        )
        for one in choices(found)
        if (stops_all or one.purpose.archived_at is None)
        and ((one.field in wanted) != one.is_on or (one.is_pending and stops_all))
    ]
    double_opt_in.record(found.workspace.pk, said, now=found.now)


def words_shown(choice: Choice) -> str:
    """The text beside the box: what the person read when they decided."""
    parts = (purpose_name(choice.purpose), purpose_description(choice.purpose), choice.channel_name)
    return " — ".join(part for part in parts if part)
