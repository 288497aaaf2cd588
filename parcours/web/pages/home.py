"""Home: this week against last, a year of sales and mail, what runs, what needs somebody. And the search over everything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from parcours.accounts import queries as accounts
from parcours.accounts.models import User
from parcours.accounts.types import Role
from parcours.audiences import exporting
from parcours.audiences.models import Segment
from parcours.campaigns.models import Campaign
from parcours.catalogue import queries as catalogue
from parcours.contacts import searching
from parcours.contacts.models import Import
from parcours.contacts.types import ImportState
from parcours.content.models import Template
from parcours.delivery.models import Message, Sending
from parcours.delivery.queries import blamed
from parcours.delivery.replies import ReplyClass
from parcours.delivery.types import MessageState
from parcours.events.types import CONTACT_CREATED
from parcours.insights import queries as insights
from parcours.insights.types import Comparison, Day
from parcours.journeys.models import Journey, Run
from parcours.web import charts
from parcours.web.access import StaffRequest, needs
from parcours.web.people import beside
from parcours.web.templatetags.look import as_money, number

YEAR = timedelta(days=364)
JOINED = CONTACT_CREATED


@dataclass(frozen=True)
class Card:
    """A figure of the last seven days beside the seven before. `is_money` says how it is written."""

    label: str
    figures: Comparison
    is_money: bool = False


@dataclass(frozen=True)
class Notice:
    """Something that waits for a person: what, where to go, how urgent ('error' or 'warning')."""

    text: str
    address: str
    urgency: str


@login_required
def start(request: HttpRequest) -> HttpResponse:
    """The root address leads to the first workspace of the user."""
    assert isinstance(request.user, User)
    workspaces = accounts.workspaces_of(request.user)
    if workspaces:
        return redirect("home", workspaces[0].slug)
    if accounts.invitations(request.user):
        return redirect("invitations")
    return render(request, "web/no_workspace.html")


@needs(Role.VIEWER)
def home(request: StaffRequest) -> HttpResponse:
    """Is all well, and what do I do next?"""
    return render(
        request,
        "web/home.html",
        {
            "cards": cards(request),
            "charts": year_of(request, is_daily=request.GET.get("per") == "day"),
            "is_daily": request.GET.get("per") == "day",
            "notices": notices(request),
            "running": running(request.workspace.pk),
            "campaigns": Campaign.objects.filter(
                workspace_id=request.workspace.pk, state__in=["running", "paused", "scheduled"]
            ).order_by("-created_at")[:5],
        },
    )


def cards(request: StaffRequest) -> list[Card]:
    """The last seven whole days against the seven before."""
    today = insights.local_day(request.now, request.workspace.time_zone)
    names = [insights.ORDERS, insights.SENT, insights.CLICKED, insights.WITHHELD, JOINED]
    week = insights.week_against_last(request.workspace.pk, names, today)
    return [
        Card(gettext("Revenue"), week[insights.ORDERS][1], is_money=True),
        Card(gettext("Orders"), week[insights.ORDERS][0]),
        Card(gettext("New contacts"), week[JOINED][0]),
        Card(gettext("Messages sent"), week[insights.SENT][0]),
        Card(gettext("Clicks"), week[insights.CLICKED][0]),
        Card(gettext("Messages withheld"), week[insights.WITHHELD][0]),
    ]


def year_of(request: StaffRequest, *, is_daily: bool) -> list[charts.Chart]:
    """Sales and mail of the last twelve months, by week or by day."""
    workspace = request.workspace
    last = insights.local_day(request.now, workspace.time_zone) - timedelta(days=1)
    days = charts.days_between(last - YEAR, last)
    names = [insights.ORDERS, insights.REFUNDS, insights.SENT, insights.OPENED, insights.CLICKED]
    found = insights.series(workspace.pk, names, days[0], days[-1])

    def drawn(values: Sequence[charts.Figure]) -> Sequence[charts.Figure]:
        return values if is_daily else charts.by_week(days, values)[1]

    def counts(name: str) -> Sequence[charts.Figure]:
        return drawn([each.count for each in found[name]])

    shown = days if is_daily else charts.by_week(days, [0] * len(days))[0]
    note = gettext("per day, twelve months") if is_daily else gettext("per week, twelve months")
    return [
        charts.line_chart(
            gettext("Sales"), note, shown, [(gettext("Revenue"), drawn(amounts(found[insights.ORDERS])))],
            lambda value: as_money(value, workspace.currency, is_short=True),
        ),
        charts.line_chart(
            gettext("Orders"), note, shown,
            [(gettext("Orders"), counts(insights.ORDERS)), (gettext("Refunds"), counts(insights.REFUNDS))], number,
        ),
        charts.line_chart(
            gettext("Mail"), note, shown,
            [
                (gettext("Messages sent"), counts(insights.SENT)),
                (gettext("Opens (of those who agreed)"), counts(insights.OPENED)),
                (gettext("Clicks (of those who agreed)"), counts(insights.CLICKED)),
            ],
            number,
        ),
    ]  # fmt: skip


def amounts(days: list[Day]) -> list[Decimal]:
    """The sums of a series."""
    return [each.amount for each in days]


def notices(request: StaffRequest) -> list[Notice]:
    """What waits for somebody: messages in doubt, paused sending, bounces that blame us, failed imports."""
    workspace = request.workspace
    found: list[Notice] = []
    doubtful = Message.objects.filter(workspace_id=workspace.pk, state=MessageState.IN_DOUBT.value).count()
    if doubtful:
        text = ngettext(
            "%(n)d message is in doubt: did it leave?",
            "%(n)d messages are in doubt: did they leave?",
            doubtful,
        )
        address = f"{reverse('messages', args=[workspace.slug])}?{urlencode({'state': 'in_doubt'})}"
        found.append(Notice(text % {"n": doubtful}, address, "warning"))
    sending = Sending.objects.filter(workspace_id=workspace.pk).first()
    if sending is None or sending.paused_at:
        text = gettext("Sending is paused.") if sending else gettext("Sending is not set up.")
        found.append(Notice(text, reverse("settings_sending", args=[workspace.slug]), "error"))
    blaming = blamed(workspace.pk, ReplyClass.CONFIGURATION, request.now - timedelta(days=1))
    if blaming:
        text = ngettext(
            "%(n)d message came back since yesterday because a mail system refuses how we send. Check SPF, DKIM and DMARC.",
            "%(n)d messages came back since yesterday because mail systems refuse how we send. Check SPF, DKIM and DMARC.",
            blaming,
        )
        found.append(
            Notice(text % {"n": blaming}, reverse("settings_sending", args=[workspace.slug]), "error")
        )
    since = request.now - timedelta(days=7)
    failed = Import.objects.filter(workspace=workspace, state=ImportState.FAILED.value, created_at__gte=since)
    for each in failed.only("id", "file_name").order_by("-created_at", "-id")[:3]:
        text = gettext("The import of “%(file)s” failed.") % {"file": each.file_name}
        found.append(Notice(text, reverse("import", args=[workspace.slug, each.pk]), "error"))
    return found


def running(workspace_id: int) -> list[Journey]:
    """Published and paused journeys, each with the number of people inside (`inside`)."""
    people = dict(
        Run.objects.filter(workspace_id=workspace_id, due_at__isnull=False)
        .values_list("journey_id")
        .annotate(inside=Count("pk"))
        .order_by()
    )
    journeys = list(
        Journey.objects.filter(workspace_id=workspace_id, state__in=["published", "paused"]).order_by(
            "name_en"
        )
    )
    for journey in journeys:
        journey.inside = people.get(journey.pk, 0)  # type: ignore[attr-defined]  # for the template
    return journeys


@needs(Role.VIEWER)
def search(request: StaffRequest) -> HttpResponse:
    """People and products that begin so; segments, journeys, campaigns and templates whose name holds the words."""
    words = request.GET.get("q", "").strip()[:200]
    found: dict[str, Any] = {}
    if words:
        own = request.workspace.pk
        named = Q(name__icontains=words)
        in_languages = Q(name_fr__icontains=words) | Q(name_en__icontains=words)
        people = list(searching.called(own, exporting.people(own), words).order_by("-created_at")[:10])
        found = {
            "people": people,
            "beside": beside(own, people),
            "segments": Segment.objects.filter(named, workspace_id=own)[:5],
            "journeys": Journey.objects.filter(in_languages, workspace_id=own)[:5],
            "campaigns": Campaign.objects.filter(named, workspace_id=own)[:5],
            "templates": Template.objects.filter(named, workspace_id=own)[:5],
            "products": catalogue.products(own, words=words)[:5],
        }
    return render(request, "web/search.html", {"words": words, **found})
