"""The end of the journey, with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from psycopg import sql

from parcours.journeys.nodes import reading
from parcours.journeys.nodes.base import Choice, Description, Node, Surroundings, Way

# The reasons in our own recipes, so that they are read in both languages. What a team writes stays as it is.
OWN_REASONS = {
    "followed up": gettext_noop("we have checked in with them"),
    "coupon offered": gettext_noop("the coupon was offered"),
    "loyal client": gettext_noop("a loyal client"),
    "came back": gettext_noop("the person came back"),
    "still silent": gettext_noop("still no sign of the person"),
}


def told(reason: str) -> str:
    """A reason in the reader's language, if it is one of ours."""
    return _(OWN_REASONS[reason]) if reason in OWN_REASONS else reason


@dataclass(frozen=True)
class Exit(Node):
    """Leave. The reason is kept in the event `Journey Finished`."""

    keyword = "exit"
    more = frozenset()

    reason: str

    @classmethod
    def parse(cls, data: Mapping[str, object], position: str) -> Self:
        return cls(reason=reading.text(data["exit"], f"{position}.exit"))

    def validate(self, around: Surroundings, position: str) -> None:
        """Nothing to look up."""

    def compile(self, prefix: str) -> Choice:
        return Choice(sql.Literal("exit"))

    def describe(self, around: Surroundings, language: str) -> Description:
        with translation.override(language):
            return Description(
                _("Exit"), _("The journey ends here: %(reason)s.") % {"reason": told(self.reason)}
            )

    @property
    def ways(self) -> Sequence[Way]:
        return (Way("exit", None),)
