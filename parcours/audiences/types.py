"""What is read about segments and the people in them. No Django here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A segment with the number of people in it. Not yet built since its rule changed: `built_revision < revision`."""

    id: int
    slug: str
    name: str
    description: str
    rule: Any
    revision: int
    built_revision: int
    built_at: datetime | None
    created_at: datetime
    count: int

    @property
    def is_built(self) -> bool:
        return self.built_revision == self.revision


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A contact in a preview."""

    id: UUID
    email: str | None
    attributes: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A contact in a segment, and since when."""

    id: UUID
    email: str | None
    attributes: dict[str, Any]
    created_at: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """A segment that a contact is in, and since when."""

    slug: str
    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Preview:
    """How many people a rule covers now, exactly, and the newest of them."""

    count: int
    people: list[PersonRow]


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A segment's rule as the workers read it."""

    id: int
    slug: str
    name: str
    rule: str
    revision: int
    built_revision: int


@dataclass(frozen=True, slots=True)
class Building:
    """Where the building of a segment stands: everybody up to `after` has been judged, nobody when it is None."""

    slug: str
    revision: int
    after: UUID | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an evaluation changed: who entered, who left (and still exists), how many people were judged."""

    entered: list[UUID]
    left: list[UUID]
    judged: int
