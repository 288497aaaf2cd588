"""“Why do I receive this?”: what sent a message, on which legal basis, by which rules, with which data, and how to stop it (C4)."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language_info, gettext, gettext_noop
from django.utils.translation import gettext as _

from parcours.campaigns import queries as campaigns
from parcours.consent.wording import source_in_words
from parcours.contacts import queries as contacts
from parcours.content.money import format_money, read_amount
from parcours.delivery import queries as delivery
from parcours.delivery.types import MessageState, Origin
from parcours.events import queries as events
from parcours.events import tokens
from parcours.events.types import TimelineEntry
from parcours.journeys import queries as journeys
from parcours.journeys.versions import read_graph
from parcours.kernel.errors import NotFound
from parcours.public.pages.access import Visit, masked, visit
from parcours.public.pages.responses import page, public_page
from parcours.public.pages.wording import (
    basis_in_words,
    basis_name,
    day,
    is_french,
    purpose_description,
    purpose_name,
)

_EVENTS = {
    "Order Completed": gettext_noop("Order"),
    "Order Refunded": gettext_noop("Refund"),
    "Order Cancelled": gettext_noop("Cancelled order"),
    "Product Viewed": gettext_noop("Product looked at"),
    "Product Added": gettext_noop("Product put into the cart"),
}


@dataclass(frozen=True)
class Source:
    """What sent a message, in words: its kind, its name, and what brought this person into it."""

    kind: str
    name: str
    reason: str


@dataclass(frozen=True)
class Fact:
    """One piece of data that the message was made with."""

    label: str
    value: str


@dataclass(frozen=True)
class Proof:
    """What a person said, as the ledger has it."""

    act: str
    at: datetime | None
    source: str
    wording: str


@public_page
def why(request: HttpRequest, token: str) -> HttpResponse:
    """Everything that led to a message. There is nothing to change here: a POST shows the same."""
    with visit(request, token, tokens.Purpose.WHY) as found:
        language = "fr" if is_french() else "en"
        answered = event(found)
        answer = delivery.why(found.workspace.pk, found.message_id, language)
        ground = answer.ground
        named = tokens.MessageToken(found.workspace.pk, found.message_id)
        return page(
            request,
            "why",
            {
                "visit": found,
                "address": masked(found.message.address or found.contact.email),
                "source": source(found, language),
                "is_sent": found.message.state == MessageState.SENT.value,
                "sent_on": day(found.message.sent_at) if found.message.sent_at else "",
                "subject": found.message.subject,
                "purpose": purpose_name(found.purpose),
                "description": purpose_description(found.purpose),
                "basis": basis_name(found.purpose.basis),
                "basis_in_words": basis_in_words(found.purpose),
                "rules": answer.rules,
                "proof": Proof(ground.act, ground.recorded_at, source_in_words(ground.source), ground.wording)
                if ground.act
                else None,
                "proof_on": day(ground.recorded_at) if ground.recorded_at else "",
                "facts": facts(found, answer.data, answered),
                "event": answered,
                "reasons": [
                    delivery.explain_reason(
                        reason,
                        language,
                        time_zone=found.contact.time_zone or found.workspace.time_zone,
                        purposes={found.purpose.code: purpose_name(found.purpose)},
                    )
                    for reason in found.message.reasons
                ],
                "measured_opens": found.message.measured_opens,
                "measured_clicks": found.message.measured_clicks,
                "are_all_clicks_recorded": delivery.are_all_clicks_recorded(found.workspace.pk),
                "unsubscribe": tokens.signer().sign(named, tokens.Purpose.UNSUBSCRIBE),
                "preferences": tokens.signer().sign(named, tokens.Purpose.PREFERENCES),
            },
        )


def source(found: Visit, language: str) -> Source:
    """The journey, campaign or program that the message comes from."""
    workspace_id, mailing = found.workspace.pk, found.mailing
    if mailing.origin == Origin.JOURNEY.value:
        return _journey(workspace_id, mailing.origin_id, mailing.origin_version, language)
    if mailing.origin == Origin.CAMPAIGN.value:
        return _campaign(workspace_id, mailing.origin_id)
    if mailing.origin == Origin.CONFIRMATION.value:
        return Source(_("A request to confirm what was asked for with this address"), "", "")
    return Source(_("The shop's own program"), mailing.name, "")


def _journey(workspace_id: int, journey_id: int, number: int, language: str) -> Source:
    kind = _("An automatic scenario")
    journey, version = journeys.origin(workspace_id, journey_id, number)
    if journey is None:
        return Source(kind, "", "")
    reason = ""
    if version is not None:
        around = journeys.surroundings(workspace_id)
        reason = journeys.describe_entry(read_graph(version.graph).entry, around, language)
    return Source(kind, journey.name_fr if language == "fr" else journey.name_en, reason)


def _campaign(workspace_id: int, campaign_id: int) -> Source:
    kind = _("A campaign, sent once")
    try:
        campaign = campaigns.access_campaign(workspace_id, campaign_id)
    except NotFound:
        return Source(kind, "", "")
    audience = campaign.segment or campaign.list
    reason = _("Sent to the people of “%(name)s”.") % {"name": audience.name} if audience else ""
    return Source(kind, campaign.name, reason)


def event(found: Visit) -> TimelineEntry | None:
    """What the person did that the message answers."""
    at, event_id = found.message.event_at, found.message.event_id
    if at is None or event_id is None:
        return None
    entries = events.timeline(found.workspace.pk, found.contact.id, before=(at, event_id + 1), limit=1)
    return entries[0] if entries and entries[0].id == event_id else None


def facts(found: Visit, names: list[str], answered: TimelineEntry | None) -> list[Fact]:
    """The data that the template uses, with what it says of this person. The address is always used."""
    shown = [Fact(_("E-mail address"), masked(found.message.address or found.contact.email))]
    if found.contact.language:
        shown.append(Fact(_("Language"), language_name(found.contact.language)))
    labels = {
        one.name: one.label_fr if is_french() else one.label_en
        for one in contacts.attributes(found.workspace.pk)
    }
    for name in names:
        attribute = name.rpartition(".")[2]
        if attribute in labels and found.contact.attributes.get(attribute) is not None:
            shown.append(Fact(labels[attribute], _plain(found.contact.attributes[attribute])))
    if answered is not None:
        shown.append(Fact(_("What you did"), " · ".join(told(answered))))
    return shown


def told(happened: TimelineEntry) -> list[str]:
    """An event in the reader's words: what it was, when, and its order's number and amount."""
    said = [gettext(_EVENTS.get(happened.name, happened.name)), day(happened.at)]
    if "order_id" in happened.properties:
        said.append(str(happened.properties["order_id"]))
    total = read_amount(happened.properties.get("total"))
    if total is not None:
        currency = happened.properties.get("currency")
        code = currency[:8] if isinstance(currency, str) else ""
        said.append(format_money(total, code, "fr" if is_french() else "en"))
    return said


def language_name(code: str) -> str:
    """A language as the reader calls it."""
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
