"""Writing a journey as text: a form with its graph in YAML or JSON, errors with their place, a preview, then publishing.

Publishing asks for the preview first: the form carries the digest of the text that was previewed; another text is previewed anew.
Not here: the journey as it runs (`journeys`), what a text may say (`parcours.journeys.text`).
"""

import hashlib
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts.types import Role
from parcours.journeys import actions, queries, text
from parcours.journeys.errors import JourneyExists
from parcours.journeys.models import Journey
from parcours.journeys.types import Texts
from parcours.kernel.errors import DomainError
from parcours.web.access import StaffRequest, needs
from parcours.web.forms import put, told
from parcours.web.pages.journeys import picture, step
from parcours.web.rules import reader

EXAMPLE = """\
entry: {event: Order Completed, key: order_id}
start: wait
nodes:
  wait:
    wait: 7d
    next: is-back
  is-back:
    if: {event: Order Completed, count: {at_least: 2}}
    then: thank
    else: done
  thank:
    send: {template: order-check-in, purpose: advice, valid_for: 2d}
    next: done
  done: {exit: followed up}
"""


class JourneyForm(forms.Form):
    """What it is called, in both languages, and its graph."""

    name_fr = forms.CharField(label=_("Name in French"), max_length=120)
    name_en = forms.CharField(label=_("Name in English"), max_length=120)
    description_fr = forms.CharField(label=_("Description in French"), max_length=400, required=False)
    description_en = forms.CharField(label=_("Description in English"), max_length=400, required=False)
    graph = forms.CharField(
        label=_("Scenario"),
        max_length=text.LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 26, "spellcheck": "false", "class": "font-mono text-sm"}),
    )

    def texts(self) -> Texts:
        return Texts(**{name: value for name, value in self.cleaned_data.items() if name != "graph"})


@needs(Role.EDITOR, "GET", "POST")
def new(request: StaffRequest) -> HttpResponse:
    """Write a new journey."""
    form = JourneyForm(request.POST or None, initial={"graph": EXAMPLE})
    return write(request, form, None)


@needs(Role.EDITOR, "GET", "POST")
def edit(request: StaffRequest, slug: str) -> HttpResponse:
    """Write the next version of a journey."""
    found = queries.access_journey(request.workspace.pk, slug)
    live = found.live
    graph = text.write(live.graph["graph"], live.graph["order"]) if live else EXAMPLE
    initial = {name: getattr(found, name) for name in Texts.__dataclass_fields__} | {"graph": graph}
    return write(request, JourneyForm(request.POST or None, initial=initial), found)


def write(request: StaffRequest, form: JourneyForm, journey: Journey | None) -> HttpResponse:
    """Show the form; on POST its preview or its errors; on POST with the digest of what was previewed, publish."""
    context: dict[str, Any] = {"form": form, "journey": journey}
    if request.method == "POST" and form.is_valid():
        shown = digest(form.cleaned_data["graph"])
        is_confirmed = request.POST.get("confirmed") == shown
        view = checked(request, form)
        if view is not None and is_confirmed:
            published = publish(request, form, journey)
            if published is not None:
                messages.success(request, gettext("Published. People enter from now on."))
                return redirect("journey", request.workspace.slug, published)
        elif view is not None:
            steps = [step(node, view, None) for node in view.nodes]
            context |= {"view": view, "picture": picture(view), "steps": steps, "digest": shown}
            context |= {"inside": people_inside(request, journey)}
    return render(request, "web/journeys/write.html", context, status=422 if form.errors else 200)


def digest(graph: str) -> str:
    """What names a text."""
    return hashlib.sha256(graph.replace("\r\n", "\n").encode("utf-8", "surrogatepass")).hexdigest()


def checked(request: StaffRequest, form: JourneyForm) -> Any:
    """The graph as the canvas draws it, or None with the error in the form, with its line and place."""
    lines = None
    try:
        lines = text.read(form.cleaned_data["graph"])
        return queries.preview(request.workspace.pk, lines.source, language=reader())
    except DomainError as error:
        line = lines.line(error.field) if lines else None
        place = gettext("Line %(line)d (%(place)s):") % {"line": line, "place": error.field} if line else ""
        form.add_error("graph", f"{place} {told(error)}".strip())
        return None


def publish(request: StaffRequest, form: JourneyForm, journey: Journey | None) -> str | None:
    """Publish what the form says; returns the journey's address, or None with the error in the form."""
    slug = journey.slug if journey else slugify(form.cleaned_data["name_en"])[:60].strip("-_") or "journey"
    source = text.read(form.cleaned_data["graph"]).source
    own, texts = request.workspace.pk, form.texts()
    try:
        with transaction.atomic():
            if journey is None:
                actions.create(own, slug, texts, actor=request.actor, now=request.now)
            actions.save(own, slug, texts, source, actor=request.actor, now=request.now)
    except JourneyExists as error:
        put(form, error, field="name_en")
    except DomainError as error:
        put(form, error, field="")
    else:
        return slug
    return None


def people_inside(request: StaffRequest, journey: Journey | None) -> int:
    """How many people stay on the versions that they entered."""
    found = queries.counts(request.workspace.pk, journey_id=journey.pk).get(journey.pk) if journey else None
    return found.inside if found else 0
