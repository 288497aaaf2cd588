"""What staff change about a person: adding one by hand, fields and attributes, what identifies them, lists.

Not here: the person's page, and what is recorded about consent (`web.pages.contacts`).
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts.types import Role
from parcours.contacts import queries
from parcours.contacts.attributes import MAX_TEXT
from parcours.contacts.changing import Wanted
from parcours.contacts.models import Attribute, Contact
from parcours.contacts.types import AttributeType, IdentityKind, Person
from parcours.events import audited
from parcours.kernel.errors import DomainError
from parcours.web.access import StaffRequest, needs
from parcours.web.forms import put
from parcours.web.pages.contacts import IdentityForm, access_contact, render_contact
from parcours.web.preferences import ZONES
from parcours.web.templatetags.look import named

# Fields of a person


class PlainText(forms.CharField):
    """A text to the letter: blanks at its ends stay, and what a browser makes of line breaks is taken back."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)

    def to_python(self, value: Any) -> str:
        return in_lines(super().to_python(value) or "")


def in_lines(text: str) -> str:
    """The text with its line breaks as we write them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


class PersonForm(forms.Form):
    """A person's address, language and time zone, and the declared attributes, each with the field of its type.

    Only what somebody has changed on the page is a change: a value that no field can show exactly stays as it is.
    No attribute can be called as a field of every contact is (`contacts.attributes.RESERVED_NAMES`).
    """

    email = forms.EmailField(label=_("E-mail address"), max_length=254)
    language = forms.CharField(
        label=_("Language"), max_length=5, required=False, help_text=_("Two letters, such as fr.")
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=ZONES, required=False)

    def __init__(
        self, declared: Iterable[Attribute], known: Contact | None, data: Mapping[str, Any] | None = None
    ) -> None:
        fields = ("email", "language", "time_zone")
        super().__init__(data, initial={name: getattr(known, name) for name in fields} if known else None)
        self.fields["email"].required = known is None or known.email is not None
        choosable: dict[str, Any] = self.fields
        choosable["time_zone"].choices = with_present(ZONES, known.time_zone if known else "")
        self.declared = list(declared)
        self.values = (known.attributes or {}) if known else {}
        for each in self.declared:
            self.fields[each.name] = field_of(each, self.values.get(each.name))

    def attributes(self) -> dict[str, Any]:
        """The values that are no longer what they were; None removes one."""
        return {
            each.name: stored_value(each, self.cleaned_data[each.name])
            for each in self.declared
            if each.name in self.changed_data
        }

    def wanted(self) -> Wanted:
        """What shall be different about the person who is known."""
        said = {name: self.cleaned_data[name] for name in self.changed_data}
        return Wanted(
            said.get("email") or None, said.get("language"), said.get("time_zone"), self.attributes()
        )


def with_present(choices: list[tuple[str, Any]], value: str) -> list[tuple[str, Any]]:
    """The choices, and what is chosen already though it is not offered any more."""
    return choices if value in dict(choices) else [*choices, (value, value)]


class NewPersonForm(PersonForm):
    """Somebody who is added by hand. The names of its own fields hold a hyphen, which no attribute's does."""

    def __init__(self, declared: Iterable[Attribute], data: Mapping[str, Any] | None = None) -> None:
        super().__init__(declared, None, data)
        own: dict[str, forms.Field] = {
            "new-phone": forms.CharField(label=_("Phone number"), max_length=40, required=False),
            "new-external": forms.CharField(label=_("Id in the shop or CRM"), max_length=254, required=False),
            "new-source": forms.CharField(label=_("Where they come from"), max_length=60, required=False),
        }
        self.fields.update(own)
        self.order_fields(["email", *own, "language", "time_zone"])

    def person(self) -> Person:
        """The person as they are told."""
        said = self.cleaned_data
        known = ((IdentityKind.PHONE, said["new-phone"]), (IdentityKind.EXTERNAL, said["new-external"]))
        return Person(
            email=said["email"],
            identities=tuple((kind, value) for kind, value in known if value),
            language=said["language"],
            time_zone=said["time_zone"],
            attributes=self.attributes(),
            source=said["new-source"],
        )


# The fields' names in errors, where they differ from the form's.
_PLACES = {"phone": "new-phone", "external": "new-external"}


LONG = 120
"""From how many characters on a text is written in several lines."""


def field_of(attribute: Attribute, value: Any) -> forms.Field:
    """The form field for an attribute's type, filled in."""
    usual: dict[str, Any] = {"label": named(attribute, "label"), "required": False, "initial": value}
    match AttributeType(attribute.type):
        case AttributeType.NUMBER:
            return forms.FloatField(**usual)
        case AttributeType.DATE:
            return forms.CharField(widget=forms.DateInput(attrs={"type": "date"}), **usual)
        case AttributeType.BOOLEAN:
            choices = [("", "–"), ("true", _("yes")), ("false", _("no"))]
            return forms.ChoiceField(
                choices=choices, **{**usual, "initial": {True: "true", False: "false"}.get(value, "")}
            )
        case AttributeType.CATEGORY if attribute.options:
            options = [("", "–"), *((option, option) for option in attribute.options)]
            return forms.ChoiceField(choices=with_present(options, value or ""), **usual)
        case AttributeType.LIST:
            hint, text = _("Several values, each on a line of its own."), "\n".join(map(str, value or ()))
            return PlainText(
                help_text=hint,
                widget=forms.Textarea(attrs={"rows": 3}),
                **{**usual, "initial": in_lines(text)},
            )
        case _:
            text = "" if value is None else in_lines(str(value))
            is_long = "\n" in text or len(text) > LONG
            widget = forms.Textarea(attrs={"rows": 5}) if is_long else forms.TextInput()
            return PlainText(max_length=MAX_TEXT, widget=widget, **{**usual, "initial": text})


def stored_value(attribute: Attribute, value: Any) -> Any:
    """What a field gave, as the attribute keeps it."""
    if value in ("", None):
        return None
    if attribute.type == AttributeType.BOOLEAN.value:
        return value == "true"
    if attribute.type == AttributeType.LIST.value:
        return [line.strip() for line in str(value).splitlines() if line.strip()]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _refuse(form: forms.Form, error: DomainError) -> None:
    """Show an error beside its field, if the form has that."""
    put(form, error, field=_PLACES.get(error.field, error.field))


@needs(Role.EDITOR, "GET", "POST")
def add(request: StaffRequest) -> HttpResponse:
    """Add a person by hand. Somebody with this address already is completed, never added twice."""
    declared = queries.attributes(request.workspace.pk)
    form = NewPersonForm(declared, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                saved = audited.save_person(
                    request.workspace.pk, form.person(), actor=request.actor, now=request.now
                )
        except DomainError as error:
            _refuse(form, error)
        else:
            known = gettext("This person was here already: what you wrote was added to what is known.")
            messages.success(request, gettext("Added.") if saved.created else known)
            return redirect("contact", request.workspace.slug, saved.contact_id)
    return render(request, "web/contacts/add.html", {"form": form}, status=422 if form.errors else 200)


@needs(Role.EDITOR, "GET", "POST")
def edit(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """Change the address, language, time zone and attributes of a person."""
    found = access_contact(request, contact_id)
    declared = queries.attributes(request.workspace.pk)
    form = PersonForm(declared, found, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                audited.change_contact(
                    request.workspace.pk, contact_id, form.wanted(), actor=request.actor, now=request.now
                )
        except DomainError as error:
            _refuse(form, error)
        else:
            messages.success(request, gettext("Saved."))
            return redirect("contact", request.workspace.slug, contact_id)
    context = {"contact": found, "form": form}
    return render(request, "web/contacts/edit.html", context, status=422 if form.errors else 200)


# What identifies a person, and their lists


@needs(Role.EDITOR, "POST")
def add_identity(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """Let one more address, number or id lead to a person. What is another person's is refused."""
    found = access_contact(request, contact_id)
    form = IdentityForm(request.POST)
    if form.is_valid():
        identity = (IdentityKind(form.cleaned_data["kind"]), form.cleaned_data["value"])
        try:
            with transaction.atomic():
                audited.change_identities(
                    request.workspace.pk, contact_id, add=[identity], actor=request.actor, now=request.now
                )
        except DomainError as error:
            put(form, error, field="value")
        else:
            messages.success(request, gettext("Added."))
            return redirect("contact", request.workspace.slug, contact_id)
    return render_contact(request, found, form)


@needs(Role.EDITOR, "POST")
def remove_identity(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """Let an address, number or id lead to a person no more. The last one stays."""
    access_contact(request, contact_id)
    kind = request.POST.get("kind", "")
    if kind in {each.value for each in IdentityKind}:
        identity = (IdentityKind(kind), request.POST.get("value", ""))
        audited.change_identities(
            request.workspace.pk, contact_id, remove=[identity], actor=request.actor, now=request.now
        )
        messages.success(request, gettext("Removed."))
    return redirect("contact", request.workspace.slug, contact_id)


@needs(Role.EDITOR, "POST")
def change_list(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """Put a person on a list, or take them off it."""
    access_contact(request, contact_id)
    add, remove = ((), (contact_id,)) if request.POST.get("move") == "remove" else ((contact_id,), ())
    audited.change_list(
        request.workspace.pk,
        request.POST.get("list", ""),
        add=add,
        remove=remove,
        actor=request.actor,
        now=request.now,
    )
    messages.success(request, gettext("Removed from the list.") if remove else gettext("Put on the list."))
    return redirect("contact", request.workspace.slug, contact_id)
