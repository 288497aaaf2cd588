"""The panel from which somebody sends a test of a template or a campaign to themselves and to colleagues, and sees it leave.

Not here: the pages that it stands on (`templates`, `campaigns`), what a test is (`delivery.trials`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts import queries as accounts
from parcours.consent import queries as consent
from parcours.consent.models import Purpose
from parcours.content.errors import TemplateError
from parcours.content.models import TemplateVersion
from parcours.delivery import readers, trials
from parcours.delivery.readers import Reader
from parcours.kernel.errors import DomainError
from parcours.web.access import StaffRequest
from parcours.web.forms import explained, told
from parcours.web.templatetags.look import named

FIELDS = {"contact": "person", "to": "others", "purpose": "purpose"}
"""Where the form shows what the domain says about a field."""


@dataclass(frozen=True)
class Subject:
    """What is tested: what would be sent now, from which page. Without a purpose the form asks for one."""

    kind: str
    id: str
    version: TemplateVersion
    purpose: Purpose | None = None


class TrialForm(forms.Form):
    """For whom a test is made out, in which language, for which purpose, and to which colleagues it goes beside oneself."""

    person = forms.CharField(
        label=_("As seen by (address)"),
        required=False,
        max_length=254,
        help_text=_("Empty: the newest contact; for a message about an order, who placed the latest one."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    language = forms.ChoiceField(label=_("Language"), required=False)
    purpose = forms.ChoiceField(label=_("Purpose"))
    others = forms.MultipleChoiceField(
        label=_("Also to"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(
        self, request: StaffRequest, subject: Subject, data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial={"person": request.GET.get("person", "")}, auto_id="test_%s")
        names = dict(settings.LANGUAGES)
        spoken = [(code, names[code]) for code in subject.version.bodies if code in names]
        self.choose("language", [("", gettext("The contact's own")), *spoken])
        members = accounts.reachable_members(request.workspace.pk).exclude(user_id=request.user.pk)
        if others := [(each.user.email, str(each.user)) for each in members]:
            self.choose("others", others)
        else:
            del self.fields["others"]
        if subject.purpose is None:
            self.choose("purpose", [(each.code, named(each)) for each in purposes(request.workspace.pk)])
        else:
            del self.fields["purpose"]

    def choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        """Offer these choices."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices


def purposes(workspace_id: int) -> list[Purpose]:
    """What a message may be sent for."""
    return consent.sendable_purposes(workspace_id)


def panel(request: StaffRequest, subject: Subject, form: TrialForm | None = None) -> dict[str, Any]:
    """What the panel shows."""
    return {"trial_form": form or TrialForm(request, subject), **progress(request, subject)}


def progress(request: StaffRequest, subject: Subject) -> dict[str, Any]:
    """The tests of the last hour that this person asked for here; `trials_leave` while one is on its way."""
    place = trials.place(subject.kind, subject.id)
    found = trials.recent(request.workspace.pk, place, actor=request.actor, now=request.now)
    return {"trials": found, "trials_leave": any(each.is_open for each in found), "trial_of": subject}


def recent(request: StaffRequest, subject: Subject) -> HttpResponse:
    """The list alone, asked for again while a test is on its way."""
    return render(request, "web/trials/recent.html", progress(request, subject))


def placed(error: DomainError) -> str:
    """What is wrong, in which of the template's texts, which are not on this form."""
    return f"{error.located} {error.hint}".strip() if isinstance(error, TemplateError) else explained(error)


def asked(request: StaffRequest, subject: Subject, form: TrialForm) -> bool:
    """Queue the test that the form asks for; put what stands in its way into the form."""
    if not form.is_valid():
        return False
    said, own = form.cleaned_data, request.workspace.pk
    try:
        purpose = subject.purpose or consent.sendable_purpose(own, said["purpose"])
        wanted = trials.Wanted(
            version=subject.version,
            purpose=purpose,
            reader=reader(own, said["person"], subject.version.sources),
            to=[request.user.email, *said.get("others", [])],
            subject=subject.kind,
            subject_id=subject.id,
            language=said["language"],
        )
        trials.ask(own, wanted, actor=request.actor, now=request.now)
    except DomainError as error:
        field = FIELDS.get(error.field)
        form.add_error(*((field, told(error)) if field in form.fields else (None, placed(error))))
        return False
    messages.success(
        request, gettext("The test is on its way to %(address)s.") % {"address": request.user.email}
    )
    return True


def reader(workspace_id: int, address: str, sources: Iterable[str]) -> Reader | None:
    """Who is meant: nobody, if nobody has the address that was given. `sources` are the texts that are shown to them."""
    given = address.strip()
    return readers.of_address(workspace_id, given) if given else readers.usual(workspace_id, sources)
