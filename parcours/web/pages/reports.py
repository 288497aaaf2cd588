"""Reports: what came of one mailing (a campaign, a step of a journey) by link, mail system and device; figures as files."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop, ngettext

from parcours.accounts.types import Role
from parcours.delivery import queries as delivery
from parcours.delivery.models import Mailing
from parcours.delivery.types import Origin
from parcours.insights import exporting
from parcours.insights import mailings as insights
from parcours.insights.queries import local_day
from parcours.insights.types import DomainFigures, LinkClicks, LinkFigures, MailingReport
from parcours.journeys import queries as journeys
from parcours.kernel.errors import NotFound
from parcours.web import files
from parcours.web.access import StaffRequest, needs
from parcours.web.pages import home
from parcours.web.rules import reader
from parcours.web.templatetags.look import named, number

DEVICES = {
    "computer": gettext_noop("Computer"),
    "phone": gettext_noop("Phone"),
    "tablet": gettext_noop("Tablet"),
    "other": gettext_noop("Other or unknown"),
    "machine": gettext_noop("Machines"),
}
_SCHEME = re.compile(r"^https?://", re.IGNORECASE)
_LIQUID = re.compile(r"(?:\{\{.*?\}\}|\{%.*?%\})+", re.DOTALL)
_CAMPAIGN_MARK = re.compile(r"(?<=[?&])utm_\w+=[^&#]*&?", re.IGNORECASE)


@dataclass(frozen=True)
class Sender:
    """What sent a mailing: its place in the rail, its address and its name."""

    place: str
    address: str
    label: str


@dataclass(frozen=True)
class LinkRow:
    """A link as the page shows it: its words, its addresses without what only machines read."""

    title: str
    addresses: list[str]
    counted: LinkClicks


@dataclass(frozen=True)
class DomainRow:
    """A mail system, or the others together."""

    title: str
    counted: DomainFigures


@dataclass(frozen=True)
class DeviceRow:
    """A kind of device."""

    title: str
    opened: int
    clicked: int


@needs(Role.VIEWER)
def mailing(request: StaffRequest, mailing_id: int) -> HttpResponse:
    """What came of a mailing."""
    found = delivery.access_mailing(request.workspace.pk, mailing_id)
    report = insights.report(found, reader())
    sender = sender_of(request, found)
    context = {
        "mailing": found,
        "sender": sender,
        "place": sender.place,
        "report": report,
        "figures": report.figures,
        "links": [link_row(each) for each in report.links],
        "machine_clicks": sum(each.counted.machine_clicks for each in report.links),
        "domains": [domain_row(each) for each in report.domains],
        **devices_of(report),
    }
    return render(request, "web/reports/mailing.html", context)


@needs(Role.ANALYST)
def export_mailing(request: StaffRequest, mailing_id: int, table: str) -> StreamingHttpResponse:
    """One table of a report as CSV. It counts, and names nobody: reading it leaves no trace."""
    found = delivery.access_mailing(request.workspace.pk, mailing_id)
    if table not in exporting.TABLES:
        raise NotFound(gettext("There is no such table."))
    return files.table(exporting.TABLES[table](found, reader()), f"{table}-{mailing_id}")


@needs(Role.ANALYST)
def export_days(request: StaffRequest) -> StreamingHttpResponse:
    """The figures of the home page's twelve months, day by day, as CSV."""
    last = local_day(request.now, request.workspace.time_zone) - timedelta(days=1)
    rows = exporting.days(request.workspace.pk, last - home.YEAR, last, files.amount)
    return files.table(rows, "days")


def sender_of(request: StaffRequest, found: Mailing) -> Sender:
    """The campaign or the journey's step that sent it; else the messages."""
    slug = request.workspace.slug
    if found.origin == Origin.CAMPAIGN.value:
        return Sender("campaigns", reverse("campaign", args=[slug, found.origin_id]), named(found))
    if found.origin == Origin.JOURNEY.value:
        journey, version = journeys.origin(request.workspace.pk, found.origin_id, found.origin_version)
        if journey is not None:
            asked = f"?version={version.number}#step-{found.step}" if version else ""
            address = reverse("journey", args=[slug, journey.slug]) + asked
            return Sender("journeys", address, named(journey))
    return Sender("messages", reverse("messages", args=[slug]), gettext("Messages"))


def link_row(link: LinkFigures) -> LinkRow:
    """A link by its words; by its address where it has none; by its number where data decide on both, or the template has no such
    link any more.
    """
    addresses = [shown for each in link.addresses if (shown := shown_address(each))]
    if link.label:
        return LinkRow(link.label, addresses, link.counted)
    if addresses:
        return LinkRow(addresses[0], addresses[1:], link.counted)
    title = gettext("Link %(n)s") % {"n": number(link.counted.number + 1)}
    return LinkRow(title, [], link.counted)


def shown_address(address: str) -> str:
    """An address without its scheme and campaign marks, with "…" where data complete it; nothing of one that is theirs alone."""
    bare = _LIQUID.sub("…", _CAMPAIGN_MARK.sub("", _SCHEME.sub("", address))).rstrip("?&/")
    return "" if bare.startswith("…") else bare


def domain_row(figures: DomainFigures) -> DomainRow:
    """A mail system by its domain."""
    others = ngettext("%(n)s other domain", "%(n)s other domains", figures.domains)
    return DomainRow(figures.domain or others % {"n": number(figures.domains)}, figures)


def devices_of(report: MailingReport) -> dict[str, Any]:
    """Devices of people, with what they add up to, and machines apart."""
    rows = {
        each.device: DeviceRow(gettext(DEVICES[each.device]), each.opened, each.clicked)
        for each in report.devices
    }
    machine = rows.pop("machine", None)
    people = list(rows.values())
    return {
        "devices": people,
        "machines": machine,
        "device_opens": sum(each.opened for each in people),
        "device_clicks": sum(each.clicked for each in people),
    }
