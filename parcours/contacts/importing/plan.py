"""The plan of an import: what each column becomes, what happens to people who exist, the list, the consent that is claimed.

A plan is data (kept as JSON with the import). It is checked here once; the worker trusts it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from parcours.contacts.importing.columns import Column, DateOrder, Target
from parcours.contacts.importing.errors import BadPlan
from parcours.contacts.types import AttributeType
from parcours.kernel.clock import EARLIEST


class UpdateRule(StrEnum):
    """What the file may do to a contact who is there already. An empty cell never erases anything."""

    OVERWRITE = "overwrite"
    FILL_EMPTY = "fill_empty"
    ONLY_NEW = "only_new"


@dataclass(frozen=True)
class Claim:
    """A consent that the file's owner claims for all its people, with where it comes from (compliance C5, C6)."""

    purpose: str
    channel: str
    collector: str
    collected_on: date
    source: str
    wording: str


@dataclass(frozen=True)
class Plan:
    """Everything that a person decided about a file."""

    delimiter: str
    columns: tuple[Column, ...]
    rule: UpdateRule = UpdateRule.OVERWRITE
    date_order: DateOrder | None = None
    list_slug: str = ""
    source: str = ""
    claim: Claim | None = None

    def only(self, *targets: Target) -> "Plan":
        """The same plan with all other columns left out."""
        kept = (one if one.target in targets else Column(one.header, Target.IGNORE) for one in self.columns)
        return replace(self, columns=tuple(kept))

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self) | {
            "claim": self.claim and asdict(self.claim) | {"collected_on": self.claim.collected_on.isoformat()}
        }


def from_json(data: Mapping[str, Any]) -> Plan:
    """The plan that `Plan.to_json` gave."""
    claim = data["claim"]
    return Plan(
        delimiter=data["delimiter"],
        columns=tuple(_column(one) for one in data["columns"]),
        rule=UpdateRule(data["rule"]),
        date_order=DateOrder(data["date_order"]) if data["date_order"] else None,
        list_slug=data["list_slug"],
        source=data["source"],
        claim=Claim(**claim | {"collected_on": date.fromisoformat(claim["collected_on"])}) if claim else None,
    )


def _column(data: Mapping[str, Any]) -> Column:
    return Column(
        data["header"], Target(data["target"]), data["name"], AttributeType(data["type"]), data["is_new"]
    )


def check(plan: Plan, *, has_ambiguous_dates: bool, today: date) -> None:
    """Raise BadPlan for what cannot be carried out, naming the field to mend."""
    _check_columns(plan.columns)
    if has_ambiguous_dates and plan.date_order is None:
        raise BadPlan(
            _("Some dates can be read two ways."),
            field="date_order",
            hint=_("Say whether the day comes first."),
        )
    if plan.claim is not None:
        _check_claim(plan.claim, today)


def _check_columns(columns: Sequence[Column]) -> None:
    targets = [column.target for column in columns]
    if Target.EMAIL not in targets:
        raise BadPlan(_("No column is the e-mail address."), field="columns", hint=_("Choose it."))
    for target in set(targets) - {Target.ATTRIBUTE, Target.IGNORE}:
        if targets.count(target) > 1:
            problem = _("Two columns are said to be the same thing: %(columns)s.")
            raise BadPlan(problem % {"columns": _headers(columns, target)}, field="columns")
    names = [column.name for column in columns if column.target is Target.ATTRIBUTE]
    if not all(names):
        raise BadPlan(_("An attribute needs a name."), field="columns")
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadPlan(_("Two columns become “%(name)s”.") % {"name": min(twice)}, field="columns")


def _headers(columns: Sequence[Column], target: Target) -> str:
    return ", ".join(f"“{column.header}”" for column in columns if column.target is target)


def _check_claim(claim: Claim, today: date) -> None:
    missing = [
        field
        for field, value in (
            ("collector", claim.collector),
            ("source", claim.source),
            ("wording", claim.wording),
        )
        if not value.strip()
    ]
    if missing:
        raise BadPlan(
            _(
                "A consent needs its proof: who collected it, when, where, and the words that people agreed to."
            ),
            field=missing[0],
            hint=_("Without proof, import the people without consent: they can be asked."),
        )
    if claim.collected_on > today:
        raise BadPlan(_("A consent cannot have been collected in the future."), field="collected_on")
    if claim.collected_on < EARLIEST.date():
        raise BadPlan(
            _("A consent cannot have been given before %(year)s.") % {"year": EARLIEST.year},
            field="collected_on",
        )
