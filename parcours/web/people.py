"""What pages show beside a person's name.

Not here: the name itself (`templatetags.look.person`), a person's page (`pages.contacts`).
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from parcours.contacts import queries


class Person(Protocol):
    """A contact, or a line of a list that stands for one."""

    @property
    def id(self) -> UUID: ...
    @property
    def email(self) -> str | None: ...


def beside(workspace_id: int, people: Sequence[Person]) -> dict[UUID, str]:
    """The address of each, else what they are recognised by, so that no two people look the same.

    Asks nothing when all have an address.
    """
    found = {each.id: each.email for each in people if each.email}
    others = [each.id for each in people if not each.email]
    return found | (queries.known_by(workspace_id, others) if others else {})
