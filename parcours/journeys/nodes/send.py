"""A message: a template, for a purpose, with an optional guard that the gate asks again when the message leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from django.utils import translation
from django.utils.translation import gettext as _

from parcours.audiences import language as rules
from parcours.audiences.language import Rule
from parcours.journeys.nodes import reading
from parcours.journeys.nodes.base import Description, Straight, Surroundings

_VALID_FOR = timedelta(days=3)


@dataclass(frozen=True)
class Send(Straight):
    """Write to the person, and go on at once: whether and when the message leaves is the gate's decision."""

    keyword = "send"
    outcome = "queued"

    template: str
    purpose: str
    guard: Rule | None
    guard_source: object
    coupon: str | None
    valid_for: timedelta
    next: str | None

    @classmethod
    def parse(cls, data: Mapping[str, object], position: str) -> Self:
        here = f"{position}.send"
        what = reading.mapping(data["send"], here)
        reading.only(what, {"template", "purpose", "guard", "coupon", "valid_for"}, here)
        guard = what.get("guard")
        return cls(
            template=reading.text(what.get("template"), f"{here}.template"),
            purpose=reading.text(what.get("purpose"), f"{here}.purpose"),
            guard=None if guard is None else rules.parse(guard, at=f"{here}.guard"),
            guard_source=guard,
            coupon=reading.optional_text(what.get("coupon"), f"{here}.coupon"),
            valid_for=reading.duration(what["valid_for"], f"{here}.valid_for")
            if "valid_for" in what
            else _VALID_FOR,
            next=reading.optional_text(data.get("next"), f"{position}.next"),
        )

    def validate(self, around: Surroundings, position: str) -> None:
        here = f"{position}.send"
        reading.known(
            self.template, around.templates, _("There is no template “%(name)s”."), f"{here}.template"
        )
        known, place = around.vocabulary.purposes, f"{here}.purpose"
        reading.known(self.purpose, known, _("There is no purpose “%(name)s”."), place)
        unfit = _("No message is sent for the purpose “%(name)s”: it is about measuring, or archived.")
        reading.known(self.purpose, around.purposes, unfit, place)
        if self.coupon is not None:
            reading.known(self.coupon, around.coupons, _("There is no coupon “%(name)s”."), f"{here}.coupon")
        if self.guard is not None:
            rules.check(self.guard, around.vocabulary, at=f"{here}.guard")

    def describe(self, around: Surroundings, language: str) -> Description:
        purpose = around.vocabulary.purposes.get(self.purpose)
        names = {
            "template": around.templates.get(self.template, self.template),
            "purpose": purpose.of(language) if purpose else self.purpose,
            "coupon": around.coupons.get(self.coupon or "", self.coupon or ""),
        }
        with translation.override(language):
            sentence = _("Sends “%(template)s”, for the purpose “%(purpose)s”.") % names
            if self.coupon:
                sentence += " " + _("Offers the coupon “%(coupon)s”.") % names
            if self.guard is not None:
                rule = rules.inside(rules.explain(self.guard, around.vocabulary, language))
                sentence += " " + _("Leaves only if the person is then among: %(rule)s.") % {"rule": rule}
            return Description(names["template"], sentence)
