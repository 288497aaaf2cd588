"""Who uses a segment: other segments, purposes, and what the rooms above send or steer by it. What is used is not deleted.

Each room above that refers to segments has a module `usage` with a function `users`; `config.wiring` lists them and hands the list
down when a process starts, as it does for merging. Not here: deleting (`actions`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from django.utils.translation import gettext as _

from parcours.audiences import language, queries
from parcours.audiences.errors import RuleInvalid
from parcours.audiences.language import Rule, tree
from parcours.audiences.types import StoredRule
from parcours.consent import queries as consent


class Users(Protocol):
    """A room's module `usage`."""

    def users(self, workspace_id: int, slug: str) -> Iterable[str]:
        """What of this room uses a segment, each as a person calls it."""


class _Listed:
    """The list that `config.wiring` hands down. Before that nobody knows what a deletion would break, so it is refused."""

    rooms: tuple[Users, ...] | None = None


def set_users(rooms: Sequence[Users]) -> None:
    """Name the rooms above that refer to segments. Called once, when a process starts."""
    _Listed.rooms = tuple(rooms)


def users(workspace_id: int, slug: str) -> list[str]:
    """Everything that uses a segment, in words; empty when it can go."""
    if _Listed.rooms is None:
        raise RuntimeError("config.wiring.connect() was not called: who uses segments is not known.")
    found = [_("segment “%(name)s”") % {"name": one.name} for one in referring(workspace_id, slug)]
    found += [_("purpose “%(name)s”") % {"name": name} for name in _purposes(workspace_id, slug)]
    for room in _Listed.rooms:
        found += room.users(workspace_id, slug)
    return found


def referring(workspace_id: int, slug: str) -> Iterator[StoredRule]:
    """The segments whose rules refer to a segment, directly or through others; those too whose rules cannot be used any more."""
    words = queries.vocabulary(workspace_id).segments
    named = {each: segments_of(word.rule) for each, word in words.items()}
    for stored in queries.stored_rules(workspace_id):
        if stored.slug != slug and slug in _reached(stored.slug, named):
            yield stored


def _reached(start: str, named: Mapping[str, set[str]]) -> set[str]:
    """The segments to which references lead from one, in any number of steps."""
    reached: set[str] = set()
    ahead = {start}
    while ahead:
        ahead = {each for slug in ahead for each in named.get(slug, ())} - reached
        reached |= ahead
    return reached


def segments_of(*rules: Rule) -> set[str]:
    """The segments that rules name, by their slugs."""
    return {leaf.slug for rule in rules for leaf in tree.leaves(rule) if isinstance(leaf, tree.InSegment)}


def _purposes(workspace_id: int, slug: str) -> Iterator[str]:
    for purpose in consent.purposes(workspace_id):
        try:
            if purpose.audience is not None and slug in segments_of(language.parse(purpose.audience)):
                yield purpose.code
        except RuleInvalid:
            continue
