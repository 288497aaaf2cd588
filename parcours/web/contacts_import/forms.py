"""What a person decides about a file, and the plan that follows from it. Checking the plan is `contacts.importing.plan`'s."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.consent import queries as consent
from parcours.consent.types import Basis
from parcours.contacts import queries as contacts
from parcours.contacts.importing.columns import Column, DateOrder, Target, new_name
from parcours.contacts.importing.plan import Claim, Plan, UpdateRule
from parcours.contacts.importing.queries import Preview
from parcours.contacts.models import Attribute
from parcours.contacts.types import AttributeType
from parcours.web.templatetags.look import named

TARGETS = {
    Target.EMAIL: _("E-mail address"),
    Target.PHONE: _("Phone number"),
    Target.EXTERNAL: _("Id in the shop or CRM"),
    Target.LANGUAGE: _("Language"),
    Target.TIME_ZONE: _("Time zone"),
    Target.SOURCE: _("Source"),
    Target.OPT_OUT: _("Has unsubscribed (yes / no)"),
    Target.OPTED_OUT_AT: _("Has unsubscribed, if anything is written here"),
    Target.BOUNCED_AT: _("Address does not work, if anything is written here"),
}
TYPES = {
    AttributeType.TEXT: _("text"),
    AttributeType.NUMBER: _("number"),
    AttributeType.DATE: _("date"),
    AttributeType.BOOLEAN: _("yes / no"),
    AttributeType.CATEGORY: _("category"),
    AttributeType.LIST: _("list"),
}


class UploadForm(forms.Form):
    """The file."""

    file = forms.FileField(
        label=_("CSV file"),
        max_length=255,
        help_text=_(
            "Columns separated by comma, semicolon or tab; at most 50 MB. Nothing is taken in before you agree."
        ),
        widget=forms.FileInput(
            attrs={"class": "file-input file-input-sm", "accept": ".csv,.txt,.tsv,text/csv"}
        ),
    )


class PlanForm(forms.Form):
    """One choice for each column, then what holds for all rows."""

    rule = forms.ChoiceField(
        label=_("People who are here already"),
        choices=[
            (UpdateRule.OVERWRITE.value, _("Overwrite what the file says otherwise")),
            (UpdateRule.FILL_EMPTY.value, _("Only fill what is empty")),
            (UpdateRule.ONLY_NEW.value, _("Leave them as they are")),
        ],
        help_text=_(
            "An empty cell never erases anything. Who has unsubscribed in the file is unsubscribed here, whatever you choose."
        ),
    )
    list_slug = forms.ChoiceField(label=_("Put them on a list"), required=False)
    source = forms.CharField(
        label=_("Where they come from"),
        max_length=60,
        required=False,
        help_text=_("Shown as the source of new contacts."),
    )
    purpose = forms.ChoiceField(
        label=_("They have consented to"),
        required=False,
        help_text=_("Leave it empty unless you can prove it: whoever uses a list answers for its consents."),
    )
    collector = forms.CharField(label=_("Who collected the consent"), max_length=120, required=False)
    collected_on = forms.DateField(
        label=_("On which day (the latest)"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    claim_source = forms.CharField(
        label=_("Where"), max_length=120, required=False, help_text=_("The address of the form, or the shop.")
    )
    wording = forms.CharField(
        label=_("The words they agreed to"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, workspace_id: int, preview: Preview, data: Any = None) -> None:
        super().__init__(data)
        self.preview = preview
        known = contacts.attributes(workspace_id)
        for position, column in enumerate(preview.columns):
            self.fields[f"column_{position}"] = forms.ChoiceField(
                label=column.header or gettext("Column %(n)d") % {"n": position + 1},
                choices=list(_targets(column, known)),
                initial=spelt(column),
                widget=forms.Select(attrs={"class": "select select-sm"}),
            )
        if preview.has_ambiguous_dates:
            self.fields["date_order"] = forms.ChoiceField(
                label=_("Dates such as 03/04/2026"),
                choices=[
                    ("", "–"),
                    (DateOrder.DAY_FIRST.value, _("3 April: the day comes first")),
                    (DateOrder.MONTH_FIRST.value, _("March 4: the month comes first")),
                ],
            )
        choosable: dict[str, Any] = dict(self.fields)
        choosable["list_slug"].choices = [
            ("", "–"),
            *contacts.list_names(workspace_id).items(),
        ]
        choosable["purpose"].choices = [
            ("", gettext("nothing: the file proves no consent")),
            *(
                (one.code, named(one))
                for one in consent.offered_purposes(workspace_id)
                if one.basis == Basis.CONSENT.value and not one.is_measuring
            ),
        ]

    def columns(self) -> Iterator[tuple[Any, list[str]]]:
        """Each column's field with the values of the first rows, for the preview."""
        for position in range(len(self.preview.columns)):
            values = [row[position] if position < len(row) else "" for row in self.preview.rows]
            yield self[f"column_{position}"], values

    def others(self) -> Iterator[Any]:
        """The fields that hold for all rows."""
        names = ["rule", "date_order", "list_slug", "source"]
        return (self[name] for name in names if name in self.fields)

    def proof(self) -> Iterator[Any]:
        """The fields of the consent that is claimed."""
        return (self[name] for name in ("purpose", "collector", "collected_on", "claim_source", "wording"))

    def clean(self) -> dict[str, Any]:
        """A claimed consent needs its day; the rest of its proof is checked with the plan."""
        said: dict[str, Any] = super().clean() or {}
        if said.get("purpose") and not said.get("collected_on") and "collected_on" not in self.errors:
            self.add_error("collected_on", gettext("Say when the consent was collected."))
        return said

    def plan(self) -> Plan:
        """The plan as it was decided."""
        said = self.cleaned_data
        order = said.get("date_order") or (self.preview.date_order and self.preview.date_order.value)
        return Plan(
            delimiter=self.preview.delimiter,
            columns=tuple(
                read(column, said[f"column_{position}"])
                for position, column in enumerate(self.preview.columns)
            ),
            rule=UpdateRule(said["rule"]),
            date_order=DateOrder(order) if order else None,
            list_slug=said["list_slug"],
            source=said["source"],
            claim=self._claim(said) if said["purpose"] else None,
        )

    def _claim(self, said: dict[str, Any]) -> Claim:
        return Claim(
            purpose=said["purpose"],
            channel="email",
            collector=said["collector"],
            collected_on=said["collected_on"],
            source=said["claim_source"],
            wording=said["wording"],
        )


def spelt(column: Column) -> str:
    """A column's choice as the form's value."""
    if column.target is not Target.ATTRIBUTE:
        return column.target.value
    return f"{'new' if column.is_new else 'known'}:{column.type.value}:{column.name}"


def read(column: Column, value: str) -> Column:
    """The column as the form's value decides it."""
    kind, _colon, rest = value.partition(":")
    if kind not in ("new", "known"):
        return Column(column.header, Target(value))
    type_, _colon, name = rest.partition(":")
    return Column(column.header, Target.ATTRIBUTE, name, AttributeType(type_), kind == "new")


def _targets(column: Column, known: list[Attribute]) -> Iterator[tuple[str, Any]]:
    yield Target.IGNORE.value, _("Leave out")
    yield gettext("Fields of a contact"), [(target.value, label) for target, label in TARGETS.items()]
    if known:
        yield (
            gettext("Attributes"),
            [
                (
                    spelt(Column(column.header, Target.ATTRIBUTE, one.name, AttributeType(one.type))),
                    f"{named(one, 'label')} ({TYPES[AttributeType(one.type)]})",
                )
                for one in known
            ],
        )
    name = new_name(column.header)
    if name and name not in {one.name for one in known}:
        yield (
            gettext("New attribute “%(name)s”") % {"name": name},
            [(f"new:{type_.value}:{name}", f"{name} ({label})") for type_, label in TYPES.items()],
        )
