"""A pause. It counts from the tick that brought the run here, not from when that tick was due."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from parcours.journeys.nodes import reading
from parcours.journeys.nodes.base import Description, Straight, Surroundings


@dataclass(frozen=True)
class Wait(Straight):
    """Stay for a while."""

    keyword = "wait"
    outcome = "waited"

    length: timedelta
    next: str | None

    @classmethod
    def parse(cls, data: Mapping[str, object], position: str) -> Self:
        return cls(
            length=reading.duration(data["wait"], f"{position}.wait"),
            next=reading.optional_text(data.get("next"), f"{position}.next"),
        )

    def validate(self, around: Surroundings, position: str) -> None:
        """Nothing to look up."""

    @property
    def pause(self) -> timedelta:
        return self.length

    def describe(self, around: Surroundings, language: str) -> Description:
        with translation.override(language):
            length = in_words(self.length)
            return Description(length, _("Waits %(length)s.") % {"length": length})


def in_words(length: timedelta) -> str:
    """A duration in the largest unit that fits it exactly, in the active language."""
    seconds = int(length.total_seconds())
    if seconds % 86_400 == 0:
        days = seconds // 86_400
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if seconds % 3600 == 0:
        hours = seconds // 3600
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    if seconds % 60 == 0:
        minutes = seconds // 60
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
