"""A change of one of the person's attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from parcours.contacts import attributes
from parcours.contacts.errors import InvalidAttribute
from parcours.contacts.types import Declared
from parcours.events import people
from parcours.journeys.errors import GraphInvalid
from parcours.journeys.nodes import reading
from parcours.journeys.nodes.base import Change, Description, Surroundings


@dataclass(frozen=True)
class SetAttribute(Change):
    """Give the attribute this value, or take it away with None."""

    keyword = "set"

    attribute: str
    value: str | int | float | bool | None
    next: str | None

    @classmethod
    def parse(cls, data: Mapping[str, object], position: str) -> Self:
        here = f"{position}.set"
        what = reading.mapping(data["set"], here)
        reading.only(what, {"attribute", "value"}, here)
        value = what.get("value")
        if not isinstance(value, str | int | float | bool | None):
            message = _("The value must be a text, a number, true, false or null.")
            raise GraphInvalid(message, field=f"{here}.value")
        return cls(
            attribute=reading.text(what.get("attribute"), f"{here}.attribute"),
            value=value,
            next=reading.optional_text(data.get("next"), f"{position}.next"),
        )

    def validate(self, around: Surroundings, position: str) -> None:
        declared = around.vocabulary.attributes
        problem = _("There is no attribute “%(name)s”.")
        reading.known(self.attribute, declared, problem, f"{position}.set.attribute")
        word = declared[self.attribute]
        try:
            attributes.accepted(Declared(self.attribute, word.type, word.options), self.value)
        except InvalidAttribute as error:
            raise GraphInvalid(error.message, field=f"{position}.set.value", hint=error.hint) from None

    def describe(self, around: Surroundings, language: str) -> Description:
        declared = around.vocabulary.attributes.get(self.attribute)
        name = declared.label.of(language) if declared else self.attribute
        with translation.override(language):
            sentence = _("Sets “%(attribute)s” to “%(value)s”.")
            return Description(name, sentence % {"attribute": name, "value": self.value})

    def apply(self, workspace_id: int, contact_ids: Sequence[UUID], *, now: datetime) -> None:
        people.change_attribute(workspace_id, contact_ids, self.attribute, self.value, now=now)
