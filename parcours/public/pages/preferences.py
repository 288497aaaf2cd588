"""The preference page: by purpose and channel, the two measuring consents, a pause or less of it, and stopping everything at once.

Nothing is ticked beforehand: a box is ticked only for what the person said yes to, or what a legitimate interest covers and they
did not object to (compliance C1). Only what they change is recorded, and only by this page's own form: an unticked box is sent as
nothing, so whatever else is sent here would read as a refusal of everything.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _

from parcours.consent import actions as consent
from parcours.consent import queries
from parcours.consent.models import Purpose
from parcours.consent.types import FREQUENCIES, PAUSES, Act, Basis, Channel, Statement, Wish
from parcours.contacts import queries as contacts
from parcours.contacts.types import IdentityKind
from parcours.delivery import double_opt_in, leaving, pacing
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
FORM = "preferences"
"""What the form's last field says, so that one which was cut off lacks it."""
_YES = frozenset({Act.GRANTED.value})
_NO = frozenset({Act.WITHDRAWN, Act.OBJECTED})


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
        if is_saved and not is_our_form(request):
            return page(request, "not_saved", {"visit": found, "token": token}, status=400)
        purposes = queries.purposes(found.workspace.pk)
        if is_saved:
            save(request, found, purposes)
            save_wish(request, found)
        wish = queries.wish(found.workspace.pk, found.contact.id, now=found.now)
        offered = [one for one in purposes if one.archived_at is None]
        shown = list(choices(found, offered))
        return page(
            request,
            "preferences",
            {
                "visit": found,
                "form": FORM,
                "address": masked(found.contact.email),
                "topics": topics([one for one in offered if not one.is_measuring], shown),
                "measures": topics([one for one in offered if one.is_measuring], shown),
                "is_saved": is_saved,
                "pauses": pauses(wish),
                "frequencies": frequencies(wish),
                "paused_until": day(wish.paused_until) if wish.paused_until else "",
                "receives_nothing": not any(one.is_on for one in shown if one.purpose.is_marketing),
            },
        )


def is_our_form(request: HttpRequest) -> bool:
    """Whether the page's own form was sent, whole, with choices that it offers."""
    try:
        sent = request.POST
    except (
        BadRequest,
        MultiPartParserError,
        SuspiciousOperation,
    ):  # no form, or one of a size that ours never has
        return False
    return (
        sent.get("form") == FORM
        and sent.get("stop", "everything") == "everything"
        and sent.get("pause", "keep") in {"none", "keep", *map(str, PAUSES)}
        and sent.get("frequency", "any") in {"any", *map(str, FREQUENCIES)}
    )


def choices(found: Visit, purposes: Iterable[Purpose]) -> Iterator[Choice]:
    """Every box, in the order of the purposes."""
    states = {
        (one.purpose_id, one.channel): one for one in queries.states(found.workspace.pk, found.contact.id)
    }
    channels = channels_of(found)
    for purpose in purposes:
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


def topics(purposes: Iterable[Purpose], shown: list[Choice]) -> list[Topic]:
    """The purposes with their boxes."""
    return [
        Topic(
            purpose_name(purpose),
            purpose_description(purpose),
            basis_in_words(purpose),
            tuple(one for one in shown if one.purpose.pk == purpose.pk),
        )
        for purpose in purposes
    ]


def save(request: HttpRequest, found: Visit, purposes: Iterable[Purpose]) -> None:
    """Record every change between what holds and what was sent. The button “stop everything” unticks all.

    It also unticks what is not shown because the purpose is archived, or was not when the page was opened; otherwise that stays
    as it is: nobody refuses what they have not seen.
    """
    stops_all = request.POST.get("stop") == "everything"
    wanted = frozenset() if stops_all else frozenset(request.POST.getlist("yes"))
    seen = wanted | frozenset(request.POST.getlist("shown"))
    said = [
        Statement(
            found.contact.id,
            one.purpose.code,
            one.channel,
            Act.GRANTED if one.field in wanted else consent.refusal(one.purpose),
            evidence(request, SOURCE, words_shown(one), found.message_id),
        )
        for one in choices(found, purposes)
        if (stops_all or one.purpose.archived_at is None)
        and (stops_all or one.field in seen)
        and ((one.field in wanted) != one.is_on or (one.is_pending and stops_all))
    ]
    changed = double_opt_in.record(found.workspace.pk, said, now=found.now)
    marketing = {one.code for one in purposes if one.is_marketing}
    if any(one.act in _NO and one.purpose in marketing for one in changed):
        leaving.tell(found.workspace.pk, found.message, now=found.now)


@dataclass(frozen=True)
class Option:
    """One of several possibilities."""

    value: str
    label: str
    is_chosen: bool


def pauses(wish: Wish) -> list[Option]:
    """How long marketing may rest. A pause that holds stays until something else is chosen."""
    words = {7: _("for a week"), 30: _("for a month"), 90: _("for three months")}
    held = (
        [Option("keep", _("until %(day)s") % {"day": day(wish.paused_until)}, True)]
        if wish.paused_until
        else []
    )
    return [
        Option("none", _("no pause"), not held),
        *held,
        *(Option(str(days), words[days], False) for days in PAUSES),
    ]


def frequencies(wish: Wish) -> list[Option]:
    """How often marketing may come."""
    words = {7: _("at most one message a week"), 30: _("at most one message a month")}
    return [
        Option("any", _("whenever there is something"), wish.every_days is None),
        *(Option(str(days), words[days], wish.every_days == days) for days in FREQUENCIES),
    ]


def save_wish(request: HttpRequest, found: Visit) -> None:
    """Keep the pause and the frequency that were sent; what was not sent stays."""
    before = queries.wish(found.workspace.pk, found.contact.id, now=found.now)
    pause, frequency = request.POST.get("pause", ""), request.POST.get("frequency", "")
    wish = before
    if pause == "none":
        wish = replace(wish, paused_until=None)
    elif pause not in ("", "keep"):
        wish = replace(wish, paused_until=found.now + timedelta(days=int(pause)))
    if frequency == "any":
        wish = replace(wish, every_days=None)
    elif frequency:
        wish = replace(wish, every_days=int(frequency))
    if wish != before:
        pacing.choose(found.workspace.pk, found.contact.id, wish, now=found.now)


def words_shown(choice: Choice) -> str:
    """The text beside the box: what the person read when they decided."""
    parts = (purpose_name(choice.purpose), purpose_description(choice.purpose), choice.channel_name)
    return " — ".join(part for part in parts if part)
