"""Contacts: the list with its search and filters, one person's page, what staff may change about a person, lists, export."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts.types import Role
from parcours.audiences import exporting
from parcours.audiences.models import Member, Segment
from parcours.consent import queries as consent
from parcours.consent.models import Purpose, State
from parcours.consent.types import Act, Basis, Channel, Evidence, Statement
from parcours.contacts import actions, queries, searching
from parcours.contacts.models import Attribute, Contact, List
from parcours.contacts.types import IdentityKind
from parcours.delivery.models import Mailing, Message
from parcours.events import audited
from parcours.events.models import Event
from parcours.journeys.models import Journey, Run
from parcours.kernel.errors import DomainError, NotFound
from parcours.web import files, paging, wording
from parcours.web.access import StaffRequest, needs
from parcours.web.forms import put
from parcours.web.people import beside
from parcours.web.rules import Sayer
from parcours.web.slugs import slug_for
from parcours.web.templatetags.look import named, number

IDENTITY_KINDS = (
    (IdentityKind.EMAIL.value, _("E-mail address")),
    (IdentityKind.PHONE.value, _("Phone number")),
    (IdentityKind.EXTERNAL.value, _("Id in the shop or CRM")),
)
COUNTED = 1000
TIMELINE = 40


# The list


@needs(Role.VIEWER)
def contacts(request: StaffRequest) -> HttpResponse:
    """People, newest first; words, list and segment in the address narrow them."""
    own = request.workspace.pk
    chosen = chosen_people(request)
    page = paging.newest_first(chosen, "created_at", request.GET.get("after", ""))
    is_filtered = any(request.GET.get(name) for name in ("q", "list", "segment"))
    return render(
        request,
        "web/contacts/list.html",
        {
            "page": page,
            "beside": beside(own, page.rows),
            "total": queries.count_contacts(own),
            "found": how_many(page, chosen) if is_filtered else None,
            "is_filtered": is_filtered,
            "lists": List.objects.filter(workspace_id=own).order_by("name"),
            "segments": Segment.objects.filter(workspace_id=own).order_by("name"),
            "words": request.GET.get("q", ""),
        },
    )


def how_many(page: paging.Page[Contact], chosen: QuerySet[Contact]) -> str:
    """How many people were found, in words, without counting on beyond what anybody reads."""
    if page.is_first and not page.next:
        return number(len(page.rows))
    count = chosen.order_by()[: COUNTED + 1].count()
    return number(count) if count <= COUNTED else gettext("more than %(n)s") % {"n": number(COUNTED)}


def chosen_people(request: StaffRequest) -> QuerySet[Contact]:
    """The people that the address asks for."""
    own = request.workspace.pk
    narrowed = exporting.people(
        own, list_slug=request.GET.get("list", ""), segment=request.GET.get("segment", "")
    )
    found = searching.called(own, narrowed, request.GET.get("q", ""))
    return found.order_by("-created_at")


@needs(Role.ANALYST, "POST")
def export(request: StaffRequest) -> StreamingHttpResponse:
    """All of the chosen people as a CSV file that spreadsheets open without running anything. The trail notes who took it."""
    own = request.workspace.pk
    chosen = chosen_people(request)
    filters = {name: str(value) for name, value in request.GET.items()}
    audited.record_export(own, chosen.count(), filters, actor=request.actor, now=request.now)
    rows = exporting.table(own, chosen, exporting.columns(own))
    return files.table(rows, "contacts")


# One person


@dataclass(frozen=True)
class Stand:
    """What a person said about a purpose on a channel, and what the buttons may record."""

    purpose: Purpose
    channel: str
    state: State | None
    may_grant: bool
    may_refuse: bool


@dataclass(frozen=True)
class Entry:
    """One line of the timeline: something that happened, or a message with its verdict and reasons."""

    at: datetime
    place: str
    happening: wording.Happening | None = None
    message: Message | None = None
    reasons: tuple[str, ...] = ()


@needs(Role.VIEWER)
def contact(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """Who is this, and what happened?"""
    return render_contact(request, access_contact(request, contact_id), IdentityForm())


class IdentityForm(forms.Form):
    """One more address, number or id."""

    kind = forms.ChoiceField(label=_("Kind"), choices=IDENTITY_KINDS)
    value = forms.CharField(label=_("Value"), max_length=254)


def render_contact(request: StaffRequest, found: Contact, form: IdentityForm) -> HttpResponse:
    """The page of a person, with its form as it stands."""
    own, contact_id = request.workspace.pk, found.pk
    runs = list(Run.objects.filter(workspace_id=own, contact_id=contact_id).order_by("-entered_at")[:10])
    journeys = Journey.objects.in_bulk({run.journey_id for run in runs})
    on_lists = queries.lists_of(own, contact_id)
    sayer = Sayer(own)
    return render(
        request,
        "web/contacts/one.html",
        {
            "contact": found,
            "beside": beside(own, [found]),
            "suppression": consent.suppression(own, Channel.EMAIL, found.email) if found.email else None,
            "identities": queries.identities(own, contact_id),
            "attributes": described(found, queries.attributes(own)),
            "stands": stands(own, contact_id, sayer.all_purposes),
            "identity_form": form,
            "lists": on_lists,
            "other_lists": [
                (slug, name)
                for slug, name in queries.list_names(own).items()
                if slug not in {on.slug for on in on_lists}
            ],
            "segments": Member.objects.filter(workspace_id=own, contact_id=contact_id).select_related(
                "segment"
            ),
            "runs": [(run, journeys.get(run.journey_id)) for run in runs],
            "families": wording.FAMILIES,
            **timeline(request, contact_id, sayer),
        },
        status=422 if form.errors else 200,
    )


def access_contact(request: StaffRequest, contact_id: UUID) -> Contact:
    """The contact at this address; NotFound when it is not one of this workspace."""
    found = Contact.objects.filter(workspace_id=request.workspace.pk, pk=contact_id).first()
    if found is None:
        raise NotFound(gettext("There is no such contact in this workspace."))
    return found


def described(found: Contact, declared: Iterable[Attribute]) -> list[tuple[str, str]]:
    """Every declared attribute with its value for people."""
    values = found.attributes or {}
    return [(named(each, "label"), wording.shown(values.get(each.name))) for each in declared]


def stands(workspace_id: int, contact_id: UUID, purposes: Iterable[Purpose]) -> list[Stand]:
    """Where the person stands on every purpose: those they spoke about, and the others."""
    said = {(each.purpose_id, each.channel): each for each in consent.states(workspace_id, contact_id)}
    found = []
    for purpose in purposes:
        usual = Channel.ANY if purpose.is_measuring else Channel.EMAIL
        channels = sorted({usual.value, *(channel for known, channel in said if known == purpose.pk)})
        found += [_stand(purpose, channel, said.get((purpose.pk, channel))) for channel in channels]
    return found


def _stand(purpose: Purpose, channel: str, state: State | None) -> Stand:
    is_open = purpose.basis != Basis.CONTRACT.value
    act = state.act if state else ""
    refused = act in (Act.WITHDRAWN.value, Act.OBJECTED.value)
    by_interest = purpose.basis == Basis.LEGITIMATE_INTEREST.value
    return Stand(
        purpose,
        channel,
        state,
        may_grant=is_open and (refused if by_interest else act != Act.GRANTED.value),
        may_refuse=is_open
        and (not refused if by_interest else act in (Act.GRANTED.value, Act.REQUESTED.value)),
    )


@needs(Role.VIEWER)
def contact_timeline(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """The timeline alone: further entries, or another filter, without the rest of the page."""
    found = access_contact(request, contact_id)
    context = {
        "contact": found,
        "families": wording.FAMILIES,
        **timeline(request, contact_id, Sayer(request.workspace.pk)),
    }
    return render(request, "web/contacts/timeline.html", context)


def timeline(request: StaffRequest, contact_id: UUID, sayer: Sayer) -> dict[str, Any]:
    """Events and messages of one person, newest first, of the family that `show` names.

    `before` is where the page before ended, in the events and in the messages: several of one instant are all shown, once.
    """
    show = request.GET.get("show", "")
    event, _, message = request.GET.get("before", "").partition(" ")
    # At one instant (a tick of the clock) messages stand above: they follow from what happened.
    entries = [*_messages(sayer, contact_id, show, message), *_happenings(sayer, contact_id, show, event)]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    shown = entries[:TIMELINE]
    more = ""
    if len(entries) > TIMELINE:
        event = next((each.place for each in reversed(shown) if each.happening), event)
        message = next((each.place for each in reversed(shown) if each.message), message)
        more = f"{event} {message}"
    return {"entries": shown, "more": more, "show": show}


def _happenings(sayer: Sayer, contact_id: UUID, show: str, before: str) -> list[Entry]:
    own = sayer.workspace_id
    events = Event.objects.filter(workspace_id=own, contact_id=contact_id).exclude(
        name__in=wording.TOLD_BY_MESSAGES
    )
    if show in wording.FAMILIES:
        events = events.filter(name__in=wording.names_of(show))
    rest = paging.older(events, "at", "id", before)
    rows = list(
        (events if rest is None else rest)
        .order_by("-at", "-id")
        .only("id", "at", "name", "properties")[: TIMELINE + 1]
    )
    mailings = [
        found for each in rows if (found := wording.mailing_of(each.name, each.properties)) is not None
    ]
    names = {
        **known_names(sayer),
        "mailing": {
            str(each.pk): named(each) for each in Mailing.objects.filter(workspace_id=own, pk__in=mailings)
        },
    }
    return [
        Entry(
            each.at,
            paging.place(each.at, each.id),
            wording.happening(each.name, each.at, each.properties, names),
        )
        for each in rows
    ]


def _messages(sayer: Sayer, contact_id: UUID, show: str, before: str) -> list[Entry]:
    if show not in ("", "messages"):
        return []
    own = sayer.workspace_id
    found = Message.objects.filter(workspace_id=own, contact_id=contact_id, is_test=False).select_related(
        "mailing__purpose"
    )
    rest = paging.older(found, "queued_at", "id", before)
    return [
        Entry(
            each.queued_at,
            paging.place(each.queued_at, each.pk),
            message=each,
            reasons=tuple(sayer.reasons(each.reasons)),
        )
        for each in (found if rest is None else rest).order_by("-queued_at", "-id")[: TIMELINE + 1]
    ]


def known_names(sayer: Sayer) -> Mapping[str, Mapping[str, str]]:
    """The names behind the codes that events carry."""
    workspace_id = sayer.workspace_id
    return {
        "purpose": sayer.purposes,
        "segment": dict(Segment.objects.filter(workspace_id=workspace_id).values_list("slug", "name")),
        "list": dict(List.objects.filter(workspace_id=workspace_id).values_list("slug", "name")),
        "journey": {each.slug: named(each) for each in Journey.objects.filter(workspace_id=workspace_id)},
    }


# What staff may record


class SaidForm(forms.Form):
    """What somebody of the team records on behalf of a person, with its proof."""

    purpose = forms.SlugField(widget=forms.HiddenInput)
    channel = forms.ChoiceField(
        choices=[(each.value, each.value) for each in Channel], widget=forms.HiddenInput
    )
    act = forms.ChoiceField(choices=[(each.value, each.value) for each in Act], widget=forms.HiddenInput)
    source = forms.CharField(
        label=_("How did the person say it?"),
        max_length=120,
        help_text=_("For instance: by telephone, in a reply, on a paper form. It is kept as proof."),
    )
    wording = forms.CharField(
        label=_("In which words?"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )


@needs(Role.EDITOR, "GET", "POST")
def say(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """Record a consent, a withdrawal or an objection that reached the team in another way."""
    found = access_contact(request, contact_id)
    initial = {name: request.GET.get(name, "") for name in ("purpose", "channel", "act")}
    form = SaidForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                record_said(request, contact_id, form.cleaned_data)
        except DomainError as error:
            put(form, error, field="")
        else:
            messages.success(request, gettext("Recorded, with its proof."))
            return redirect("contact", request.workspace.slug, contact_id)
    code = str(form["purpose"].value() or "")
    purpose = next((each for each in consent.purposes(request.workspace.pk) if each.code == code), None)
    if purpose is None:
        raise NotFound(gettext("There is no such purpose."))
    context = {
        "contact": found,
        "form": form,
        "purpose": purpose,
        "is_refusal": form["act"].value() in (Act.WITHDRAWN.value, Act.OBJECTED.value),
        "channel": form["channel"].value(),
    }
    return render(request, "web/contacts/say.html", context, status=422 if form.errors else 200)


def record_said(request: StaffRequest, contact_id: UUID, said: Mapping[str, Any]) -> None:
    """Append to the ledger, with the member who wrote it down as part of the proof."""
    own = request.workspace.pk
    evidence = Evidence(
        source=said["source"], wording=said["wording"], detail={"recorded_by": request.user.email}
    )
    statement = Statement(contact_id, said["purpose"], Channel(said["channel"]), Act(said["act"]), evidence)
    audited.record_statements(own, [statement], actor=request.actor, now=request.now)


@needs(Role.VIEWER)
def proof(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """All that a person said about what they receive, with when, where and in which words: for an inspector."""
    found = access_contact(request, contact_id)
    records = consent.ledger(request.workspace.pk, contact_id)[:500]
    context = {"contact": found, "beside": beside(request.workspace.pk, [found]), "records": records}
    return render(request, "web/contacts/proof.html", context)


# Lists


class ListForm(forms.Form):
    """A new list."""

    name = forms.CharField(label=_("Name"), max_length=120)


@needs(Role.VIEWER)
def lists(request: StaffRequest) -> HttpResponse:
    """Static lists with the number of people on each."""
    return render_lists(request, ListForm())


@needs(Role.EDITOR, "POST")
def add_list(request: StaffRequest) -> HttpResponse:
    """Make an empty list."""
    form = ListForm(request.POST)
    if form.is_valid():
        name = form.cleaned_data["name"]
        slug = slug_for(name, queries.list_names(request.workspace.pk), otherwise="list")
        try:
            actions.create_list(request.workspace.pk, slug, name, actor=request.actor, now=request.now)
        except DomainError as error:
            put(form, error, field="name")
        else:
            return redirect("lists", request.workspace.slug)
    return render_lists(request, form)


def render_lists(request: StaffRequest, form: ListForm) -> HttpResponse:
    """The page of lists, with the form as it stands."""
    own = request.workspace.pk
    found = List.objects.filter(workspace_id=own).annotate(people=Count("members")).order_by("name")
    context = {"lists": found, "form": form}
    return render(request, "web/contacts/lists.html", context, status=422 if form.errors else 200)
