"""What every kind of node has in common: how it is parsed, validated, compiled and described.

A node is immutable. Where it may lead is data (`ways`), so that the graph's checks and the compiler treat all kinds alike;
only the choice between its ways is a kind's own SQL.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

from psycopg import sql

from parcours.audiences.language import Rule, Vocabulary


@dataclass(frozen=True)
class Way:
    """One way out of a node. `outcome` is what the step log says; `target` the next node, or None where the journey ends."""

    outcome: str
    target: str | None


@dataclass(frozen=True)
class Choice:
    """A node as SQL: the text expression that gives the outcome of a row `arrived`.

    It may use `contact.id`, and when `asks_contact`, the other columns of `contact`, that person's row of contacts_contact.
    """

    outcome: sql.Composable
    parameters: Mapping[str, Any] = field(default_factory=dict)
    asks_contact: bool = False


@dataclass(frozen=True)
class Description:
    """A node as people read it: a short title for its card, and a sentence."""

    title: str
    sentence: str


@dataclass(frozen=True)
class Surroundings:
    """What a workspace has that a graph may name, by slug, with what people call it; `purposes`: those that messages may have."""

    vocabulary: Vocabulary
    purposes: Collection[str]
    templates: Mapping[str, str]
    coupons: Mapping[str, str]


class Node(ABC):
    """One step of a scenario."""

    keyword: ClassVar[str]
    """The key that makes a JSON object a node of this kind."""
    more: ClassVar[frozenset[str]] = frozenset({"next"})
    """The keys that may stand beside it."""

    @classmethod
    @abstractmethod
    def parse(cls, data: Mapping[str, object], position: str) -> Self:
        """Read the node's JSON; raises GraphInvalid with the place."""

    @abstractmethod
    def validate(self, around: Surroundings, position: str) -> None:
        """Refuse what the workspace does not have or cannot take; raises GraphInvalid with the place."""

    @abstractmethod
    def compile(self, prefix: str) -> Choice:
        """The node as SQL; its parameters are named from `prefix`."""

    @abstractmethod
    def describe(self, around: Surroundings, language: str) -> Description:
        """The node in words, `language` being `fr` or `en`."""

    @property
    def rules(self) -> Sequence[Rule]:
        """The rules that the node's SQL asks."""
        return ()

    def resolved(self, vocabulary: Vocabulary) -> Self:
        """The node with its rules' references to segments looked up, which `compile` needs."""
        return self

    @property
    @abstractmethod
    def ways(self) -> Sequence[Way]:
        """Every way out, in the order in which the canvas draws them."""

    @property
    def pause(self) -> timedelta | None:
        """How long a run stays here before it goes on; None when it passes at once."""
        return None


class Straight(Node):
    """A node with one way out: its outcome is always the same word."""

    outcome: ClassVar[str]
    next: str | None

    def compile(self, prefix: str) -> Choice:
        return Choice(sql.Literal(self.outcome))

    @property
    def ways(self) -> Sequence[Way]:
        return (Way(self.outcome, self.next),)


class Change(Straight):
    """A node that changes people. The walk stops there, because what follows may ask about the change."""

    outcome = "changed"

    @abstractmethod
    def apply(self, workspace_id: int, contact_ids: Sequence[UUID], *, now: datetime) -> None:
        """Change them all at once, in the caller's transaction."""
