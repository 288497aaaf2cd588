"""Content: templates with their versions, the editor for each language, previews that show any contact's message, tests."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_exempt

from parcours.accounts.types import Role
from parcours.contacts import queries as contacts
from parcours.contacts.types import ContactRow
from parcours.content import actions, queries
from parcours.content.errors import TemplateError
from parcours.content.models import TemplateVersion
from parcours.content.template import Rendered
from parcours.delivery import queries as delivery
from parcours.delivery import readers
from parcours.delivery.models import Message
from parcours.delivery.readers import Reader
from parcours.delivery.trials import language_asked
from parcours.events.models import Event
from parcours.kernel.errors import DomainError
from parcours.web.access import StaffRequest, needs
from parcours.web.forms import explained
from parcours.web.pages import trials
from parcours.web.pages.messages import access_message
from parcours.web.pages.trials import Subject, TrialForm
from parcours.web.slugs import slug_for

# What a customer's mail may do on our pages: show its pictures and its own styles; no script, no form, no frame of others.
PREVIEW_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self' data: https:",
        "style-src 'unsafe-inline'",
        "font-src 'none'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        "sandbox",
    )
)
NEW_MJML = """<mjml>
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>{{ contact.first_name }}</mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
LANGUAGES = [code for code, _name in settings.LANGUAGES]
FIELDS = ("subject", "preheader", "mjml", "text")


@needs(Role.VIEWER)
def templates(request: StaffRequest) -> HttpResponse:
    """What can be sent."""
    return render(request, "web/templates/list.html", {"templates": queries.templates(request.workspace.pk)})


class Source(forms.CharField):
    """A text as its author typed it: browsers send CRLF, we keep LF."""

    def __init__(self, rows: int, *, max_length: int, label: Any, help_text: Any = "") -> None:
        look = {"rows": rows, "spellcheck": "false", "class": "font-mono text-xs"}
        widget = forms.Textarea(attrs=look)
        super().__init__(
            max_length=max_length,
            label=label,
            help_text=help_text,
            required=False,
            strip=False,
            widget=widget,
        )

    def to_python(self, value: Any) -> str:
        return unix(super().to_python(value) or "")


def unix(text: str) -> str:
    """With LF line ends."""
    return text.replace("\r\n", "\n")


class TemplateForm(forms.Form):
    """A template's name, and in each language its subject, preheader, MJML and text. A language without a subject is left out."""

    name = forms.CharField(label=_("Name"), max_length=120)

    def __init__(self, data: Mapping[str, Any] | None = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        for language in LANGUAGES:
            code = {"lang": language}
            self.fields[f"{language}.subject"] = forms.CharField(
                label=_("Subject"), max_length=400, required=False, widget=forms.TextInput(attrs=code)
            )
            self.fields[f"{language}.preheader"] = forms.CharField(
                label=_("Preheader"), max_length=400, required=False, widget=forms.TextInput(attrs=code)
            )
            self.fields[f"{language}.mjml"] = Source(22, label="MJML", max_length=200_000)
            self.fields[f"{language}.text"] = Source(
                8, label=_("Text part"), max_length=100_000, help_text=_("Empty: made from the MJML.")
            )

    def languages(self) -> list[dict[str, Any]]:
        """The fields, grouped by language, for the page."""
        names = dict(settings.LANGUAGES)
        return [
            {
                "code": language,
                "name": names[language],
                "fields": [self[f"{language}.{field}"] for field in FIELDS],
                "has_errors": any(self[f"{language}.{field}"].errors for field in FIELDS),
            }
            for language in LANGUAGES
        ]

    def bodies(self) -> dict[str, dict[str, str]]:
        """What the form says, by language."""
        said = self.cleaned_data
        found = {each: {field: said.get(f"{each}.{field}", "") for field in FIELDS} for each in LANGUAGES}
        return {each: body for each, body in found.items() if body["subject"].strip() or body["mjml"].strip()}


@needs(Role.VIEWER)
def template(request: StaffRequest, slug: str) -> HttpResponse:
    """One template: its languages with a preview; editors change it."""
    return render_template(request, slug, None)


def render_template(
    request: StaffRequest, slug: str, form: TemplateForm | None, trial: TrialForm | None = None
) -> HttpResponse:
    """The editor, with the forms as they stand."""
    own = request.workspace.pk
    found = queries.template(own, slug)
    latest = queries.versions(own, found.pk)[0]
    if form is None:
        flat = {
            f"{each}.{field}": text for each, body in latest.bodies.items() for field, text in body.items()
        }
        form = TemplateForm(initial={"name": found.name, **flat})
    context = {
        "template": found,
        "form": form,
        "version": latest,
        "shown": shown_language(request, latest.bodies),
        "person": request.GET.get("person", ""),
        "variables": data_used(latest),
        **trials.panel(request, Subject("template", slug, latest), trial),
    }
    is_wrong = bool(form.errors or (trial and trial.errors))
    return render(request, "web/templates/one.html", context, status=422 if is_wrong else 200)


def data_used(version: TemplateVersion) -> list[str]:
    """Which data a version uses; nothing of one that cannot be read any more, so that its page opens and it can be mended."""
    try:
        return queries.data_used(version.workspace_id, version.pk)
    except TemplateError:
        return []


def shown_language(request: StaffRequest, bodies: Mapping[str, Any]) -> str:
    """The language that the address asks for, else the workspace's."""
    wanted = request.GET.get("language", "")
    return wanted if wanted in bodies else queries.spoken(tuple(bodies), request.workspace.language, "en")


@needs(Role.EDITOR, "POST")
def save(request: StaffRequest, slug: str) -> HttpResponse:
    """Save a new version; what is wrong with it is said beside its field, and nothing typed is lost."""
    form = TemplateForm(request.POST)
    if form.is_valid() and saved(request, slug, form):
        messages.success(
            request,
            gettext("Saved as a new version. Journeys that run keep theirs until they are published again."),
        )
        return redirect("template", request.workspace.slug, slug)
    return render_template(request, slug, form)


@needs(Role.EDITOR, "GET", "POST")
def new(request: StaffRequest) -> HttpResponse:
    """Write a new template."""
    initial = {f"{request.workspace.language}.mjml": NEW_MJML}
    form = TemplateForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        known = dict(queries.templates(request.workspace.pk).values_list("slug", "name"))
        slug = slug_for(form.cleaned_data["name"], known, otherwise="template")
        if slug in known:
            form.add_error("name", gettext("There is a template of this name already."))
        elif saved(request, slug, form):
            return redirect("template", request.workspace.slug, slug)
    context = {"form": form, "shown": request.workspace.language, "person": ""}
    return render(request, "web/templates/one.html", context, status=422 if form.errors else 200)


def saved(request: StaffRequest, slug: str, form: TemplateForm) -> bool:
    """Try to save; put what is wrong into the form."""
    own, name = request.workspace.pk, form.cleaned_data["name"]
    try:
        actions.save_template(own, slug, name, form.bodies(), actor=request.actor, now=request.now)
    except DomainError as error:
        field = error.field if error.field in form.fields else None
        form.add_error(field, explained(error))
        return False
    return True


# Tests


@needs(Role.EDITOR, "POST")
def test(request: StaffRequest, slug: str) -> HttpResponse:
    """Send what was last saved to oneself, as a contact would see it."""
    subject = tested(request, slug)
    form = trials.TrialForm(request, subject, request.POST)
    if trials.asked(request, subject, form):
        return redirect(resolve_url("template", request.workspace.slug, slug) + "#tests")
    return render_template(request, slug, None, form)


@needs(Role.EDITOR)
def tests(request: StaffRequest, slug: str) -> HttpResponse:
    """How far the tests are."""
    return trials.recent(request, tested(request, slug))


def tested(request: StaffRequest, slug: str) -> Subject:
    """The template as a test takes it."""
    return Subject("template", slug, queries.latest_version(request.workspace.pk, slug))


# Previews


def reader_of(request: StaffRequest, address: str, body: Mapping[str, str]) -> Reader | None:
    """The contact of this address, else whoever a text is usually shown for."""
    own, texts = request.workspace.pk, list(body.values())
    return trials.reader(own, address, texts) or readers.usual(own, texts)


@xframe_options_exempt
@needs(Role.VIEWER)
def preview(request: StaffRequest, slug: str) -> HttpResponse:
    """The saved template as a contact would see it."""
    version = queries.latest_version(request.workspace.pk, slug)
    language = shown_language(request, version.bodies)
    return render_preview(request, version.bodies[language], language, request.GET.get("person", ""))


@xframe_options_exempt
@needs(Role.EDITOR, "POST")
def preview_draft(request: StaffRequest) -> HttpResponse:
    """What is in the editor, as a contact would see it; nothing is stored."""
    language = request.POST.get("shown", "")
    language = language if language in LANGUAGES else request.workspace.language
    body = {field: unix(request.POST.get(f"{language}.{field}", "")) for field in FIELDS}
    return render_preview(request, body, language, request.POST.get("person", ""))


def render_preview(
    request: StaffRequest, body: Mapping[str, str], language: str, address: str
) -> HttpResponse:
    """A body for one reader, or what stands in its way, as a page for the sandboxed frame."""
    reader = reader_of(request, address, body)
    if reader is None:
        return framed(note(gettext("A preview needs a contact: there is none yet.")))
    try:
        rendered = queries.preview_body(
            request.workspace.pk, body, reader.contact.id, language, event=reader.data, now=request.now
        )
    except TemplateError as error:
        return framed(note(explained(error)))
    return framed(letter(rendered, reader.contact))


@xframe_options_exempt
@needs(Role.VIEWER)
def message_content(request: StaffRequest, message_id: UUID) -> HttpResponse:
    """What a message said, made anew from its version and its event; links lead nowhere."""
    own = request.workspace.pk
    message = access_message(request, message_id)
    bodies = message.mailing.template_version.bodies
    brought = delivery.content_brought(own, message.id)
    try:
        person = contacts.contact(own, message.contact_id)
        wanted = language_asked(own, message.id) or person.language
        language = queries.spoken(tuple(bodies), wanted, request.workspace.language)
        rendered = queries.preview_body(
            own,
            brought or bodies[language],
            person.id,
            language,
            event=event_of(own, message),
            is_strict=False,
            now=message.queued_at,
        )
    except DomainError as error:
        return framed(note(explained(error)))
    return framed(rendered.html)


def event_of(workspace_id: int, message: Message) -> dict[str, Any]:
    """The event that a message speaks of."""
    if message.event_id is None or message.event_at is None:
        return {}
    events = Event.objects.filter(
        workspace_id=workspace_id, contact_id=message.contact_id, at=message.event_at, id=message.event_id
    )
    return events.values_list("properties", flat=True).first() or {}


def letter(rendered: Rendered, contact: ContactRow) -> str:
    """The mail with a line above that says for whom and under which subject."""
    head = render_to_string("web/templates/letterhead.html", {"rendered": rendered, "contact": contact})
    before, body, after = rendered.html.partition("<body")
    opening, close, rest = after.partition(">")
    return f"{before}{body}{opening}{close}{head}{rest}" if body else head + rendered.html


def note(text: str) -> str:
    """A sentence in place of the mail."""
    return render_to_string("web/templates/note.html", {"text": text})


def framed(html: str) -> HttpResponse:
    """A page that may only be shown in our own frame, and can do nothing there."""
    response = HttpResponse(html)
    response["Content-Security-Policy"] = PREVIEW_POLICY
    return response
