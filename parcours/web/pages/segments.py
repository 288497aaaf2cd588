"""Audiences: segments with their counts, one segment's rule as a sentence and as JSON with a live check, its people."""

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts.types import Role
from parcours.audiences import actions, queries
from parcours.audiences.models import Segment
from parcours.kernel import json_text
from parcours.kernel.errors import DomainError, Invalid, Malformed
from parcours.web import paging
from parcours.web.access import StaffRequest, needs
from parcours.web.forms import put
from parcours.web.people import beside
from parcours.web.rules import Sayer
from parcours.web.slugs import slug_for

EXAMPLES: tuple[tuple[Any, Any], ...] = (
    (_("Bought at least twice"), {"event": "Order Completed", "count": {"at_least": 2}}),
    (_("Silent for 60 days"), {"event": "Order Completed", "last": {"more_than_ago": "60d"}}),
    (
        _("Spent 200 or more in a year"),
        {"event": "Order Completed", "sum": "total", "at_least": 200, "within": "365d"},
    ),
    (_("Agreed to promotions by e-mail"), {"consent": "promotions", "channel": "email", "is": "granted"}),
    (_("Lives in Lyon"), {"attribute": "city", "is": "Lyon"}),
)


class SegmentForm(forms.Form):
    """Name and rule. The rule is JSON; whatever is wrong with it is said with its position."""

    name = forms.CharField(label=_("Name"), max_length=120)
    description = forms.CharField(label=_("Description"), max_length=400, required=False)
    rule = forms.CharField(
        label=_("Rule"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false", "class": "font-mono text-sm"}),
    )

    def clean_rule(self) -> Any:
        return read_rule(self.cleaned_data["rule"])


def read_rule(text: str) -> Any:
    """The rule's JSON, or a form error that says where it breaks off."""
    try:
        return json_text.read(text)
    except Malformed as error:
        raise forms.ValidationError(error.message) from error


@needs(Role.VIEWER)
def segments(request: StaffRequest) -> HttpResponse:
    """Who are they, and how many?"""
    sayer = Sayer(request.workspace.pk)
    rows = [
        (each, sayer.rule(each.rule), sayer.problem(each.slug))
        for each in queries.list_segments(request.workspace.pk)
    ]
    return render(request, "web/segments/list.html", {"rows": rows})


@needs(Role.VIEWER)
def segment(request: StaffRequest, slug: str) -> HttpResponse:
    """One segment: its rule as a sentence, its people."""
    own = request.workspace.pk
    found = queries.segment(own, slug)
    try:
        before = UUID(request.GET.get("after", ""))
    except ValueError:
        before = None
    people = queries.members(own, found.id, before=before, limit=paging.SIZE + 1)
    page = paging.cut(people, paging.SIZE, lambda last: str(last.id), is_first=before is None)
    sayer = Sayer(own)
    context = {
        "segment": found,
        "sentence": sayer.rule(found.rule),
        "problem": sayer.problem(slug),
        "people": page.rows,
        "beside": beside(own, page.rows),
        "page": page,
    }
    return render(request, "web/segments/one.html", context)


@needs(Role.EDITOR, "GET", "POST")
def new(request: StaffRequest) -> HttpResponse:
    """Make a segment."""
    initial = {"rule": shown(EXAMPLES[0][1])}
    form = SegmentForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        slug = slug_for(said["name"], names(request.workspace.pk), otherwise="segment")
        try:
            actions.create_segment(
                request.workspace.pk,
                slug,
                said["name"],
                said["rule"],
                description=said["description"],
                actor=request.actor,
                now=request.now,
            )
        except DomainError as error:
            put(form, error, rest="rule" if isinstance(error, Invalid) else None)
        else:
            messages.success(request, gettext("Made. Its people are being found."))
            return redirect("segment", request.workspace.slug, slug)
    return render_form(request, form)


def names(workspace_id: int) -> dict[str, str]:
    """The workspace's segments: slug → name."""
    return dict(Segment.objects.filter(workspace_id=workspace_id).values_list("slug", "name"))


@needs(Role.EDITOR, "GET", "POST")
def edit(request: StaffRequest, slug: str) -> HttpResponse:
    """Change a segment."""
    found = queries.segment(request.workspace.pk, slug)
    initial = {"name": found.name, "description": found.description, "rule": shown(found.rule)}
    form = SegmentForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.update_segment(
                request.workspace.pk, slug, actor=request.actor, now=request.now, **form.cleaned_data
            )
        except DomainError as error:
            put(form, error, rest="rule" if isinstance(error, Invalid) else None)
        else:
            messages.success(request, gettext("Saved. Its people are being found."))
            return redirect("segment", request.workspace.slug, slug)
    return render_form(request, form, segment=found)


def render_form(request: StaffRequest, form: SegmentForm, **more: Any) -> HttpResponse:
    """The editor, with examples of rules."""
    examples = [(label, shown(rule)) for label, rule in EXAMPLES]
    context = {"form": form, "examples": examples, **more}
    return render(request, "web/segments/edit.html", context, status=422 if form.errors else 200)


def shown(rule: object) -> str:
    """A rule as its author edits it."""
    return json.dumps(rule, ensure_ascii=False, indent=2)


@needs(Role.EDITOR, "POST")
def check(request: StaffRequest) -> HttpResponse:
    """What a rule being written means and whom it would cover now: a fragment, asked for while one types."""
    form = SegmentForm({"name": "-", "rule": request.POST.get("rule", "")})
    context: dict[str, Any] = {}
    if form.is_valid():
        rule = form.cleaned_data["rule"]
        try:
            context["preview"] = queries.preview(request.workspace.pk, rule, now=request.now)
            context["sentence"] = Sayer(request.workspace.pk).rule(rule)
        except DomainError as error:
            put(form, error, rest="rule" if isinstance(error, Invalid) else None)
    context["errors"] = form.errors.get("rule", [])
    return render(request, "web/segments/check.html", context)


@needs(Role.EDITOR, "POST")
def delete(request: StaffRequest, slug: str) -> HttpResponse:
    """Remove a segment that no other rule refers to."""
    actions.delete_segment(request.workspace.pk, slug, actor=request.actor, now=request.now)
    messages.success(request, gettext("Removed. The people stay."))
    return redirect("segments", request.workspace.slug)
