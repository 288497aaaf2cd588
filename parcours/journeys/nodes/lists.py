"""Joining and leaving a static list."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from parcours.events import people
from parcours.journeys.nodes import reading
from parcours.journeys.nodes.base import Change, Description, Surroundings


@dataclass(frozen=True)
class ChangeList(Change):
    """What joining and leaving have in common: the list's slug."""

    list: str
    next: str | None

    @classmethod
    def parse(cls, data: Mapping[str, object], position: str) -> Self:
        return cls(
            list=reading.text(data[cls.keyword], f"{position}.{cls.keyword}"),
            next=reading.optional_text(data.get("next"), f"{position}.next"),
        )

    def validate(self, around: Surroundings, position: str) -> None:
        problem = _("There is no list “%(name)s”.")
        reading.known(self.list, around.vocabulary.lists, problem, f"{position}.{self.keyword}")

    def describe(self, around: Surroundings, language: str) -> Description:
        name = around.vocabulary.lists.get(self.list, self.list)
        with translation.override(language):
            return Description(name, self.sentence() % {"list": name})

    @abstractmethod
    def sentence(self) -> str:
        """The sentence in the active language, with a place for the list's name."""


@dataclass(frozen=True)
class AddToList(ChangeList):
    """Put the person on a list; nothing happens when they are on it already."""

    keyword = "add_to_list"

    def sentence(self) -> str:
        return _("Adds the person to the list “%(list)s”.")

    def apply(self, workspace_id: int, contact_ids: Sequence[UUID], *, now: datetime) -> None:
        people.add_to_list(workspace_id, self.list, contact_ids, now=now)


@dataclass(frozen=True)
class RemoveFromList(ChangeList):
    """Take the person off a list; nothing happens when they are not on it."""

    keyword = "remove_from_list"

    def sentence(self) -> str:
        return _("Takes the person off the list “%(list)s”.")

    def apply(self, workspace_id: int, contact_ids: Sequence[UUID], *, now: datetime) -> None:
        people.remove_from_list(workspace_id, self.list, contact_ids, now=now)
