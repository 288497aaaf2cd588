"""Campaigns: one message to one audience at one time. Drawing up, testing, confirming, following, pausing, cancelling."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from parcours.accounts.types import Role
from parcours.audiences.models import Member, Segment
from parcours.campaigns import actions, queries
from parcours.campaigns.models import Campaign
from parcours.campaigns.types import CampaignState, Draft
from parcours.consent import queries as consent
from parcours.consent.models import Purpose
from parcours.contacts.models import List, ListMember
from parcours.content import queries as content
from parcours.content.models import Template
from parcours.insights import queries as insights
from parcours.insights.types import MailingFigures
from parcours.kernel.errors import Conflict, DomainError, Invalid
from parcours.web import paging
from parcours.web.access import StaffRequest, followed, needs
from parcours.web.forms import put
from parcours.web.pages import trials
from parcours.web.pages.trials import Subject, TrialForm
from parcours.web.templatetags.look import named
from parcours.web.wording import BASES

MANY = 1000
MANY_MESSAGES = 20_000
PACE, SLOW_PACE = 2, 15
"""Seconds between two looks at the progress: counting many messages takes longer, and they take longer to leave."""
OPEN = (CampaignState.DRAFT.value, CampaignState.SCHEDULED.value)
"""What has not started yet."""
MOVES = {
    "pause": (actions.pause, gettext_noop("Paused. What is on its way arrives; nothing else leaves.")),
    "resume": (actions.resume, gettext_noop("Resumed.")),
    "cancel": (actions.cancel, gettext_noop("Cancelled. What has not left stays here.")),
}


@needs(Role.VIEWER)
def campaigns(request: StaffRequest) -> HttpResponse:
    """What was sent, what is being sent, what is planned."""
    page = paging.newest_first(
        queries.campaigns(request.workspace.pk), "created_at", request.GET.get("after", "")
    )
    mailings = [each.mailing_id for each in page.rows if each.mailing_id]
    figures = insights.mailing_figures(request.workspace.pk, mailings)
    rows = [(each, figures.get(each.mailing_id or 0, MailingFigures(0))) for each in page.rows]
    return render(request, "web/campaigns/list.html", {"page": page, "rows": rows})


class CampaignForm(forms.Form):
    """What, why and to whom. None of the three is chosen beforehand: the first purpose may be one that asks nobody's consent."""

    name = forms.CharField(label=_("Name"), max_length=160, help_text=_("Only your team sees it."))
    template = forms.ChoiceField(label=_("Template"))
    purpose = forms.ChoiceField(label=_("Purpose"), help_text=_("It decides who may receive the campaign."))
    audience = forms.ChoiceField(label=_("To whom"))

    def __init__(self, workspace_id: int, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        templates = Template.objects.filter(workspace_id=workspace_id).order_by("name")
        segments = Segment.objects.filter(workspace_id=workspace_id).order_by("name")
        lists = List.objects.filter(workspace_id=workspace_id).order_by("name")
        self.purposes = {
            each.code: each
            for each in consent.purposes(workspace_id)
            if consent.is_sendable(each) or each.code == self.initial.get("purpose")
        }
        choosable: dict[str, Any] = self.fields
        nothing = ("", gettext("Choose…"))
        choosable["template"].choices = [nothing, *((each.slug, each.name) for each in templates)]
        choosable["purpose"].choices = [
            nothing,
            *((code, purpose_in_words(each)) for code, each in self.purposes.items()),
        ]
        choosable["audience"].choices = [
            nothing,
            (gettext("Segments"), [(f"segment:{each.slug}", each.name) for each in segments]),
            (gettext("Lists"), [(f"list:{each.slug}", each.name) for each in lists]),
        ]

    def clean_purpose(self) -> str:
        """What a draft was drawn up for may have been archived since: it is shown, and another has to be chosen."""
        code: str = self.cleaned_data["purpose"]
        if not consent.is_sendable(self.purposes[code]):
            raise forms.ValidationError(
                gettext("This purpose is archived: nothing is sent for it. Choose another.")
            )
        return code

    def draft(self) -> Draft:
        """What the form says, as the action takes it."""
        said = self.cleaned_data
        kind, _colon, slug = said["audience"].partition(":")
        audience = {"segment": slug} if kind == "segment" else {"list": slug}
        return Draft(name=said["name"], template=said["template"], purpose=said["purpose"], **audience)


def purpose_in_words(purpose: Purpose) -> str:
    """A purpose with what lets it write to people, and whether it still may."""
    if purpose.archived_at is not None:
        return gettext("%(purpose)s, archived") % {"purpose": named(purpose)}
    return f"{named(purpose)} ({gettext(BASES[purpose.basis])})"


@needs(Role.EDITOR, "GET", "POST")
def new(request: StaffRequest) -> HttpResponse:
    """Draw up a campaign."""
    form = CampaignForm(request.workspace.pk, request.POST or None)
    return drawn_up(request, form, None)


@needs(Role.EDITOR, "GET", "POST")
def edit(request: StaffRequest, campaign_id: int) -> HttpResponse:
    """Change a draft."""
    found = queries.access_campaign(request.workspace.pk, campaign_id)
    audience = f"segment:{found.segment.slug}" if found.segment else ""
    if found.list is not None:
        audience = f"list:{found.list.slug}"
    initial = {"name": found.name, "template": found.template.slug, "purpose": found.purpose.code}
    form = CampaignForm(request.workspace.pk, request.POST or None, {**initial, "audience": audience})
    return drawn_up(request, form, found)


def drawn_up(request: StaffRequest, form: CampaignForm, found: Campaign | None) -> HttpResponse:
    """The form of a draft, new or not, or what follows from it."""
    own, by, now = request.workspace.pk, request.actor, request.now
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                if found is None:
                    made = actions.create(own, form.draft(), actor=by, now=now)
                else:
                    made = actions.change(own, found.pk, form.draft(), actor=by, now=now)
        except DomainError as error:
            put(form, error)
        else:
            return redirect("campaign", request.workspace.slug, made.pk)
    context = {"form": form, "campaign": found}
    return render(request, "web/campaigns/new.html", context, status=422 if form.errors else 200)


@needs(Role.EDITOR, "POST")
def delete(request: StaffRequest, campaign_id: int) -> HttpResponse:
    """Remove a draft."""
    actions.delete(request.workspace.pk, campaign_id, actor=request.actor, now=request.now)
    messages.success(request, gettext("The draft is deleted."))
    return redirect("campaigns", request.workspace.slug)


@needs(Role.VIEWER)
def campaign(request: StaffRequest, campaign_id: int) -> HttpResponse:
    """One campaign: what it sends, how far it is, what came of it."""
    return render_campaign(request, queries.access_campaign(request.workspace.pk, campaign_id), SendForm())


@needs(Role.VIEWER)
def campaign_progress(request: StaffRequest, campaign_id: int) -> HttpResponse:
    """The figures alone, asked for again while it runs."""
    context = progress_of(request, queries.access_campaign(request.workspace.pk, campaign_id))
    return followed(render(request, "web/campaigns/progress.html", context), is_live=context["is_live"])


def render_campaign(
    request: StaffRequest, found: Campaign, form: "SendForm", trial: TrialForm | None = None
) -> HttpResponse:
    """The page of a campaign, with its forms as they stand. It can be tested until it starts."""
    people = audience_size(found)
    context = {
        "form": form,
        "people": people,
        "is_many": people > MANY,
        "covered": covered(found.purpose),
        **progress_of(request, found),
    }
    if context["is_open"]:
        context |= trials.panel(request, tested(found), trial)
    is_wrong = bool(form.errors or (trial and trial.errors))
    return render(request, "web/campaigns/one.html", context, status=422 if is_wrong else 200)


@needs(Role.EDITOR, "POST")
def test(request: StaffRequest, campaign_id: int) -> HttpResponse:
    """Send to oneself what a contact would be sent if the campaign started now."""
    found = queries.access_campaign(request.workspace.pk, campaign_id)
    if found.state not in OPEN:
        raise Conflict(gettext("This campaign has started: what it sends is under way."))
    form = TrialForm(request, tested(found), request.POST)
    if trials.asked(request, tested(found), form):
        return redirect(resolve_url("campaign", request.workspace.slug, campaign_id) + "#tests")
    return render_campaign(request, found, SendForm(), form)


@needs(Role.EDITOR)
def tests(request: StaffRequest, campaign_id: int) -> HttpResponse:
    """How far the tests are."""
    return trials.recent(request, tested(queries.access_campaign(request.workspace.pk, campaign_id)))


def tested(found: Campaign) -> Subject:
    """The campaign as a test takes it: the template as it is now, for the campaign's purpose."""
    version = content.latest_version(found.workspace_id, found.template.slug)
    return Subject("campaign", str(found.pk), version, found.purpose)


def progress_of(request: StaffRequest, found: Campaign) -> dict[str, Any]:
    """How far it is and what came of it; all zero before it starts."""
    own = request.workspace.pk
    figures = insights.mailing_figures(own, [found.mailing_id]) if found.mailing_id else {}
    counted = figures.get(found.mailing_id or 0, MailingFigures(0))
    return {
        "campaign": found,
        "figures": counted,
        "pace": PACE if counted.targeted <= MANY_MESSAGES else SLOW_PACE,
        "is_live": found.state == CampaignState.RUNNING.value,
        "is_open": found.state in OPEN,
    }


def audience_size(found: Campaign) -> int:
    """How many people the audience holds now; the gate decides about each of them when it is sent."""
    if found.segment_id is not None:
        return Member.objects.filter(workspace_id=found.workspace_id, segment_id=found.segment_id).count()
    members = ListMember.objects.filter(workspace_id=found.workspace_id, list=found.list)
    return members.count()


def covered(purpose: Purpose) -> str:
    """In a sentence, whom the purpose's legal basis lets through."""
    texts = {
        "consent": gettext(
            "Only those who consented to “%(purpose)s” receive it; the others are withheld, with the reason."
        ),
        "legitimate_interest": gettext(
            "Those who objected to “%(purpose)s” do not receive it, nor those it does not cover."
        ),
        "contract": gettext(
            "“%(purpose)s” carries out a contract: no consent is needed, and nothing may be advertised."
        ),
    }
    return texts.get(purpose.basis, "") % {"purpose": named(purpose)}


class SendForm(forms.Form):
    """When a campaign leaves; a typed confirmation when it reaches many."""

    at = forms.DateTimeField(
        label=_("When"),
        required=False,
        help_text=_("Empty: at once. The time is that of your account."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    confirmation = forms.CharField(
        label=_("Number of people"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def instant(self) -> datetime | None:
        """When it is to leave, None for at once."""
        at: datetime | None = self.cleaned_data["at"]
        return at if at is None or timezone.is_aware(at) else timezone.make_aware(at)


@needs(Role.EDITOR, "POST")
def send(request: StaffRequest, campaign_id: int) -> HttpResponse:
    """Start a campaign, now or later. Above a thousand people the number is typed in first."""
    own = request.workspace.pk
    found = queries.access_campaign(own, campaign_id)
    form = SendForm(request.POST)
    people = audience_size(found)
    if form.is_valid() and people > MANY and digits(form.cleaned_data["confirmation"]) != str(people):
        text = gettext("Type the number of people, %(n)d, to confirm that you want to write to all of them.")
        form.add_error("confirmation", text % {"n": people})
    if form.is_valid():
        try:
            at = form.instant()
            with transaction.atomic():
                if at is None:
                    actions.start(own, campaign_id, actor=request.actor, now=request.now)
                else:
                    actions.schedule(own, campaign_id, at, actor=request.actor, now=request.now)
        except (Invalid, Conflict) as error:
            put(form, error, field="at")
        else:
            messages.success(request, gettext("It is on its way.") if at is None else gettext("Scheduled."))
            return redirect("campaign", request.workspace.slug, campaign_id)
    return render_campaign(request, found, form)


def digits(text: str) -> str:
    """A number as people type it, without what sets thousands apart."""
    return "".join(character for character in text if character.isdigit())


@needs(Role.EDITOR, "POST")
def move(request: StaffRequest, campaign_id: int) -> HttpResponse:
    """Pause, resume or cancel."""
    if request.POST.get("move") not in MOVES:
        raise Invalid(gettext("A campaign can be paused, resumed or cancelled."))
    act, done = MOVES[request.POST["move"]]
    act(request.workspace.pk, campaign_id, actor=request.actor, now=request.now)
    messages.success(request, gettext(done))
    return redirect("campaign", request.workspace.slug, campaign_id)
