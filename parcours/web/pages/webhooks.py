"""Settings, webhooks: the list, making and changing one, its secrets (shown once), its log of deliveries, tests and replays."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts.types import Role
from parcours.events.types import RESERVED_NAMES
from parcours.insights import queries as insights
from parcours.integrations import actions, queries
from parcours.integrations.models import Endpoint
from parcours.integrations.types import DeliveryState, EndpointState, Figures, Wanted
from parcours.kernel.errors import DomainError
from parcours.web import paging
from parcours.web.access import StaffRequest, needs
from parcours.web.forms import put
from parcours.web.wording import EVENTS

SEEN = timedelta(days=90)
FILTERS = {
    DeliveryState.PENDING.value: gettext_noop("Waiting"),
    DeliveryState.DELIVERED.value: gettext_noop("Delivered"),
    DeliveryState.FAILED.value: gettext_noop("Failed"),
}


class WebhookForm(forms.Form):
    """Where to tell what. Names can be ticked, or written when nothing of the kind has happened yet."""

    url = forms.CharField(
        label=_("Address"),
        max_length=2000,
        widget=forms.URLInput(attrs={"placeholder": "https://", "spellcheck": "false"}),
        help_text=_("Public, and with https://."),
    )
    description = forms.CharField(
        label=_("Description"),
        max_length=200,
        required=False,
        help_text=_("What listens there, for instance “CRM”."),
    )
    takes_all = forms.BooleanField(label=_("All events, also those to come"), required=False)
    names = forms.MultipleChoiceField(label=_("Events"), required=False, widget=forms.CheckboxSelectMultiple)
    others = forms.CharField(
        label=_("Events with other names"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("One name on each line."),
    )

    def __init__(self, offered: Iterable[str], *rest: Any, **named: Any) -> None:
        super().__init__(*rest, **named)
        names = self.fields["names"]
        assert isinstance(names, forms.MultipleChoiceField)
        names.choices = [(name, name) for name in offered]

    @property
    def wanted(self) -> Wanted:
        """What a valid form asks for."""
        said = self.cleaned_data
        names = (*said["names"], *said["others"].splitlines())
        return Wanted(said["url"], said["description"], takes_all=said["takes_all"], names=names)


@needs(Role.EDITOR)
def webhooks(request: StaffRequest) -> HttpResponse:
    """Who is told what, and how that goes."""
    figures = queries.figures(request.workspace.pk)
    rows = [(each, figures.get(each.pk, Figures())) for each in queries.endpoints(request.workspace.pk)]
    return render(request, "web/settings/webhooks.html", {"rows": rows})


@needs(Role.OWNER, "GET", "POST")
def new(request: StaffRequest) -> HttpResponse:
    """Make a webhook, and show its secret, this once."""
    form = WebhookForm(offered(request), request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                made = actions.create(request.workspace.pk, form.wanted, actor=request.actor, now=request.now)
        except DomainError as error:
            refuse(form, error)
        else:
            return render_one(request, made.endpoint, secret=made.secret)
    return render_form(request, form)


@needs(Role.OWNER, "GET", "POST")
def edit(request: StaffRequest, endpoint_id: int) -> HttpResponse:
    """Change where it is, what it is called, what it wants."""
    own = request.workspace.pk
    endpoint = queries.access_endpoint(own, endpoint_id)
    initial = {name: getattr(endpoint, name) for name in ("url", "description", "takes_all", "names")}
    form = WebhookForm(offered(request, endpoint), request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                actions.change(own, endpoint_id, form.wanted, actor=request.actor, now=request.now)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, gettext("Saved."))
            return redirect("webhook", request.workspace.slug, endpoint_id)
    return render_form(request, form, endpoint=endpoint)


def offered(request: StaffRequest, endpoint: Endpoint | None = None) -> list[str]:
    """The names to tick: what happened lately or is wanted already, then those that Parcours knows."""
    seen = insights.event_names(request.workspace.pk, (request.now - SEEN).date())
    chosen = endpoint.names if endpoint is not None else []
    theirs = sorted({*seen, *chosen} - RESERVED_NAMES)
    return list(dict.fromkeys([*theirs, *EVENTS]))


def refuse(form: WebhookForm, error: DomainError) -> None:
    """Show what the room refuses beside the field that it is about."""
    put(form, error, field="names" if error.field == "events" else None)


def render_form(request: StaffRequest, form: WebhookForm, **more: Any) -> HttpResponse:
    """The form as it stands."""
    context = {"form": form, **more}
    return render(request, "web/settings/webhook_edit.html", context, status=422 if form.errors else 200)


@needs(Role.EDITOR)
def webhook(request: StaffRequest, endpoint_id: int) -> HttpResponse:
    """One webhook and its log."""
    return render_one(request, queries.access_endpoint(request.workspace.pk, endpoint_id))


def render_one(request: StaffRequest, endpoint: Endpoint, secret: str = "") -> HttpResponse:
    """The page of a webhook, perhaps with a secret that it just got."""
    own, state = request.workspace.pk, request.GET.get("state", "")
    found = queries.deliveries(own, endpoint.pk, DeliveryState(state) if state in FILTERS else None)
    context = {
        "endpoint": endpoint,
        "is_active": endpoint.state == EndpointState.ACTIVE.value,
        "figures": queries.figures(own).get(endpoint.pk, Figures()),
        "page": paging.newest_first(found, "created_at", request.GET.get("after", "")),
        "filters": FILTERS,
        "state": state if state in FILTERS else "",
        "secret": secret,
        "now": request.now,
    }
    return render(request, "web/settings/webhook.html", context)


@needs(Role.OWNER, "POST")
def move(request: StaffRequest, endpoint_id: int) -> HttpResponse:
    """Pause, or resume."""
    own = request.workspace.pk
    if request.POST.get("move") == "resume":
        actions.resume(own, endpoint_id, actor=request.actor, now=request.now)
        messages.success(request, gettext("Resumed. What has waited is delivered now."))
    else:
        actions.pause(own, endpoint_id, actor=request.actor, now=request.now)
        messages.success(request, gettext("Paused. What happens meanwhile waits."))
    return redirect("webhook", request.workspace.slug, endpoint_id)


@needs(Role.OWNER, "POST")
def rotate(request: StaffRequest, endpoint_id: int) -> HttpResponse:
    """Give it a new secret, and show it, this once."""
    made = actions.rotate(request.workspace.pk, endpoint_id, actor=request.actor, now=request.now)
    return render_one(request, made.endpoint, secret=made.secret)


@needs(Role.OWNER, "GET", "POST")
def remove(request: StaffRequest, endpoint_id: int) -> HttpResponse:
    """Say what removing means, and (POST) remove."""
    own = request.workspace.pk
    endpoint = queries.access_endpoint(own, endpoint_id)
    if request.method == "POST":
        actions.remove(own, endpoint_id, actor=request.actor, now=request.now)
        messages.success(request, gettext("Removed. Nothing is told to this address any more."))
        return redirect("settings_webhooks", request.workspace.slug)
    context = {"endpoint": endpoint, "figures": queries.figures(own).get(endpoint_id, Figures())}
    return render(request, "web/settings/webhook_remove.html", context)


@needs(Role.EDITOR, "POST")
def test(request: StaffRequest, endpoint_id: int) -> HttpResponse:
    """Send a delivery that tells of nobody."""
    actions.send_test(request.workspace.pk, endpoint_id, actor=request.actor, now=request.now)
    messages.success(request, gettext("The test leaves within a second. Its answer stands in the log."))
    return redirect("webhook", request.workspace.slug, endpoint_id)


@needs(Role.EDITOR, "POST")
def replay(request: StaffRequest, endpoint_id: int, delivery_id: UUID) -> HttpResponse:
    """Deliver something again."""
    actions.replay(request.workspace.pk, endpoint_id, delivery_id, actor=request.actor, now=request.now)
    messages.success(request, gettext("It is delivered again, under the same id."))
    return redirect("webhook", request.workspace.slug, endpoint_id)


@needs(Role.EDITOR, "POST")
def replay_failed(request: StaffRequest, endpoint_id: int) -> HttpResponse:
    """Deliver again all that failed."""
    count = actions.replay_failed(request.workspace.pk, endpoint_id, actor=request.actor, now=request.now)
    told = ngettext("%(count)s delivery begins again.", "%(count)s deliveries begin again.", count)
    messages.success(request, told % {"count": count})
    return redirect("webhook", request.workspace.slug, endpoint_id)
