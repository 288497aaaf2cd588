"""Compliance: purposes with how many agreed, the ledger of one purpose, making and changing purposes, the proof for an address."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts.types import Role
from parcours.audiences import queries as audiences
from parcours.consent import actions, queries, standard
from parcours.consent.models import Purpose, Record, State
from parcours.consent.types import Act, Basis, Channel
from parcours.contacts import queries as contacts
from parcours.contacts.errors import InvalidIdentity
from parcours.contacts.models import Contact
from parcours.contacts.types import ContactRow, IdentityKind
from parcours.kernel.errors import DomainError, NotFound
from parcours.web import paging
from parcours.web.access import StaffRequest, needs
from parcours.web.forms import put
from parcours.web.pages.segments import read_rule, shown
from parcours.web.rules import Sayer

BASES = {
    Basis.CONSENT.value: _("Consent: only those who said yes"),
    Basis.LEGITIMATE_INTEREST.value: _("Legitimate interest: those whom it covers, until they object"),
    Basis.CONTRACT.value: _("Contract: what an order needs, never advertising"),
}


@needs(Role.VIEWER)
def purposes(request: StaffRequest) -> HttpResponse:
    """May we, and can we prove it? An address in the search leads straight to its proof."""
    own = request.workspace.pk
    address = request.GET.get("address", "").strip().lower()[:254]
    if (person := _whose(own, address)) is not None:
        return redirect("contact_proof", request.workspace.slug, person.id)
    counted = people_said(own).values("purpose_id", "act").annotate(people=Count("pk"))
    said: dict[int, dict[str, int]] = {}
    for row in counted.order_by():
        said.setdefault(row["purpose_id"], {})[row["act"]] = row["people"]
    known = queries.purposes(own)
    context = {
        "rows": [(each, figures(said.get(each.pk, {}))) for each in known],
        "lacks_standard": not standard.purposes().keys() <= {each.code for each in known},
        "address": address,
    }
    return render(request, "web/purposes/list.html", context)


def people_said(workspace_id: int) -> QuerySet[State]:
    """What people said, once for each of them: an SMS counts where the person has not said the same of another channel.

    Not a distinct count, which would sort every statement of the workspace.
    """
    states = State.objects.filter(workspace_id=workspace_id)
    same = states.filter(contact=OuterRef("contact"), purpose=OuterRef("purpose"), act=OuterRef("act"))
    by_sms = Q(channel=Channel.SMS.value)
    return states.filter(~by_sms | ~Exists(same.exclude(by_sms)))


def _whose(workspace_id: int, address: str) -> ContactRow | None:
    """The contact who has an address, now or among others."""
    try:
        return contacts.contact_of(workspace_id, IdentityKind.EMAIL, address)
    except InvalidIdentity:
        return None


def figures(said: dict[str, int]) -> dict[str, int]:
    """How many agreed, wait, and refused."""
    refused = said.get(Act.WITHDRAWN.value, 0) + said.get(Act.OBJECTED.value, 0)
    return {
        "granted": said.get(Act.GRANTED.value, 0),
        "requested": said.get(Act.REQUESTED.value, 0),
        "refused": refused,
    }


@needs(Role.VIEWER)
def purpose(request: StaffRequest, code: str) -> HttpResponse:
    """One purpose: basis, whom it covers, and its ledger, newest first."""
    own = request.workspace.pk
    found = access_purpose(request, code)
    records = Record.objects.filter(workspace_id=own, purpose=found)
    page = paging.newest_first(records, "at", request.GET.get("after", ""))
    people = Contact.objects.in_bulk({each.contact_id for each in page.rows})
    for each in page.rows:
        each.person = people.get(each.contact_id)  # type: ignore[attr-defined]  # for the template
    context = {
        "purpose": found,
        "covers": Sayer(own).rule(found.audience) if found.audience else "",
        "page": page,
        "records": page.rows,
        "people": True,
    }
    return render(request, "web/purposes/one.html", context)


class PurposeForm(forms.Form):
    """What a purpose is called and how it is asked for. The fields that do not change later are in `NewPurposeForm`."""

    name_fr = forms.CharField(label=_("Name in French"), max_length=120)
    name_en = forms.CharField(label=_("Name in English"), max_length=120)
    description_fr = forms.CharField(label=_("Description in French"), max_length=400, required=False)
    description_en = forms.CharField(
        label=_("Description in English"),
        max_length=400,
        required=False,
        help_text=_("People read name and description on the preference page when they decide."),
    )
    double_opt_in = forms.BooleanField(
        label=_("A yes counts once it has been confirmed by e-mail (double opt-in)"), required=False
    )
    audience = forms.CharField(
        label=_("Whom a legitimate interest covers"),
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "font-mono text-sm"}),
        help_text=_("A rule, as in a segment. Empty: everybody who has not objected."),
    )
    position = forms.IntegerField(
        label=_("Place on the preference page"), min_value=0, max_value=100_000, initial=100
    )

    def clean_audience(self) -> Any:
        text = self.cleaned_data["audience"].strip()
        return read_rule(text) if text else None


class NewPurposeForm(PurposeForm):
    """A purpose that does not exist yet."""

    code = forms.SlugField(
        label=_("Code"), max_length=60, help_text=_("For programs: small letters, digits, _ and -. It stays.")
    )
    basis = forms.ChoiceField(
        label=_("Legal basis"),
        choices=BASES.items(),
        initial=Basis.CONSENT.value,
        help_text=_("It stays: people answered to it. For another basis make another purpose."),
    )
    is_marketing = forms.BooleanField(
        label=_("It is marketing: quiet hours and frequency limits apply"), required=False, initial=True
    )
    field_order = ("code", "name_fr", "name_en", "description_fr", "description_en", "basis", "is_marketing")

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"].lower()
        return code


@needs(Role.EDITOR, "GET", "POST")
def new(request: StaffRequest) -> HttpResponse:
    """Make a purpose."""
    form = NewPurposeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        own, said = request.workspace.pk, dict(form.cleaned_data)
        code = said.pop("code")
        if any(each.code == code for each in queries.purposes(own)):
            form.add_error("code", gettext("There is a purpose with this code already."))
        elif save(request, form, code, said):
            messages.success(request, gettext("Made."))
            return redirect("purpose", request.workspace.slug, code)
    return render_form(request, form)


@needs(Role.EDITOR, "GET", "POST")
def edit(request: StaffRequest, code: str) -> HttpResponse:
    """Change a purpose."""
    found = access_purpose(request, code)
    initial = {name: getattr(found, name) for name in PurposeForm.base_fields}
    initial["audience"] = shown(found.audience) if found.audience else ""
    form = PurposeForm(request.POST or None, initial=initial)
    choosable: dict[str, Any] = form.fields
    if found.basis != Basis.CONSENT.value:
        del choosable["double_opt_in"]
    if found.basis != Basis.LEGITIMATE_INTEREST.value:
        del choosable["audience"]
    if request.method == "POST" and form.is_valid() and save(request, form, code, form.cleaned_data):
        messages.success(request, gettext("Saved."))
        return redirect("purpose", request.workspace.slug, code)
    return render_form(request, form, purpose=found)


def save(request: StaffRequest, form: forms.Form, code: str, fields: Mapping[str, Any]) -> bool:
    """Save what the form says, or put what is wrong beside the field that it is about."""
    own = request.workspace.pk
    try:
        with transaction.atomic():
            if fields.get("audience") is not None:
                audiences.rule(own, fields["audience"])
            actions.save_purpose(own, code, fields, actor=request.actor, now=request.now)
    except DomainError as error:
        put(form, error, rest="audience" if "audience" in form.fields else None)
        return False
    return True


def render_form(request: StaffRequest, form: forms.Form, **more: Any) -> HttpResponse:
    """The form of a purpose."""
    status = 422 if form.errors else 200
    return render(request, "web/purposes/edit.html", {"form": form, **more}, status=status)


@needs(Role.EDITOR, "POST")
def move(request: StaffRequest, code: str) -> HttpResponse:
    """Take a purpose out of use, or back into it."""
    own = request.workspace.pk
    access_purpose(request, code)
    if request.POST.get("move") == "restore":
        actions.restore_purpose(own, code, actor=request.actor, now=request.now)
        messages.success(request, gettext("It is in use again."))
    else:
        actions.archive_purpose(own, code, actor=request.actor, now=request.now)
        messages.success(request, gettext("Archived. Nothing is sent for it any more; the ledger stays."))
    return redirect("purpose", request.workspace.slug, code)


@needs(Role.EDITOR, "POST")
def bring_standard(request: StaffRequest) -> HttpResponse:
    """Add the usual purposes that the workspace lacks."""
    standard.bring(request.workspace.pk, actor=request.actor, now=request.now)
    messages.success(request, gettext("Added. Change their words as you like."))
    return redirect("purposes", request.workspace.slug)


def access_purpose(request: StaffRequest, code: str) -> Purpose:
    """The purpose at this address; NotFound when it is not one of this workspace."""
    found = Purpose.objects.filter(workspace_id=request.workspace.pk, code=code).first()
    if found is None:
        raise NotFound(gettext("There is no such purpose."))
    return found
