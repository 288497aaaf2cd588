"""Settings, Attributes: what the workspace keeps about people, declaring more of it, how people read it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts.types import Role
from parcours.contacts import actions, queries
from parcours.contacts.attributes import name_of
from parcours.contacts.models import Attribute
from parcours.contacts.types import AttributeType
from parcours.kernel.errors import DomainError, NotFound
from parcours.web.access import StaffRequest, needs
from parcours.web.contacts_import.forms import TYPES
from parcours.web.forms import put


class LabelsForm(forms.Form):
    """How an attribute is read, and the values of a category, one a line."""

    label_fr = forms.CharField(label=_("Name in French"), max_length=120)
    label_en = forms.CharField(label=_("Name in English"), max_length=120)
    options = forms.CharField(
        label=_("Values of a category"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line. Without any, a category takes every short text."),
    )

    def clean_options(self) -> list[str]:
        """The values, each once, in their order."""
        lines = (line.strip() for line in self.cleaned_data["options"].splitlines())
        values = list(dict.fromkeys(line for line in lines if line))
        if any(len(value) > 120 for value in values) or len(values) > 200:
            raise forms.ValidationError(gettext("At most 200 values of 120 characters."))
        return values


class DeclareForm(LabelsForm):
    """A new attribute. Its name in rules and templates follows from the English one."""

    type = forms.ChoiceField(
        label=_("Type"), choices=[(each.value, label) for each, label in TYPES.items()], initial="text"
    )
    field_order = ("label_fr", "label_en", "type", "options")


@needs(Role.VIEWER)
def attributes(request: StaffRequest) -> HttpResponse:
    """What is declared."""
    return render_attributes(request, DeclareForm())


def render_attributes(request: StaffRequest, form: DeclareForm) -> HttpResponse:
    """The page of attributes, with the form as it stands."""
    context = {
        "attributes": [
            (each, TYPES[AttributeType(each.type)]) for each in queries.attributes(request.workspace.pk)
        ],
        "form": form,
    }
    return render(request, "web/settings/attributes.html", context, status=422 if form.errors else 200)


@needs(Role.EDITOR, "POST")
def declare(request: StaffRequest) -> HttpResponse:
    """Declare one."""
    form = DeclareForm(request.POST)
    if not form.is_valid():
        return render_attributes(request, form)
    said: dict[str, Any] = form.cleaned_data
    try:
        with transaction.atomic():
            made = actions.declare_attribute(
                request.workspace.pk,
                name_of(said["label_en"]),
                AttributeType(said["type"]),
                label_fr=said["label_fr"],
                label_en=said["label_en"],
                options=said["options"] if said["type"] == AttributeType.CATEGORY.value else (),
                actor=request.actor,
                now=request.now,
            )
    except DomainError as error:
        put(form, error, field="label_en")
        return render_attributes(request, form)
    messages.success(
        request, gettext("Declared. Rules and templates call it “%(name)s”.") % {"name": made.name}
    )
    return redirect("settings_attributes", request.workspace.slug)


@needs(Role.EDITOR, "GET", "POST")
def attribute(request: StaffRequest, name: str) -> HttpResponse:
    """Change how one is read. Its name and type stay: values are kept by them."""
    found = Attribute.objects.filter(workspace_id=request.workspace.pk, name=name).first()
    if found is None:
        raise NotFound(gettext("There is no such attribute in this workspace."))
    initial = {"label_fr": found.label_fr, "label_en": found.label_en, "options": "\n".join(found.options)}
    form = LabelsForm(request.POST if request.method == "POST" else None, initial=initial)
    if found.type != AttributeType.CATEGORY.value:
        del form.fields["options"]
    if request.method == "POST" and form.is_valid():
        actions.describe_attribute(
            request.workspace.pk, name, **form.cleaned_data, actor=request.actor, now=request.now
        )
        messages.success(request, gettext("Saved."))
        return redirect("settings_attributes", request.workspace.slug)
    context = {"form": form, "attribute": found, "type": TYPES[AttributeType(found.type)]}
    return render(request, "web/settings/attribute.html", context, status=422 if form.errors else 200)
