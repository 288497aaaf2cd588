"""States of a journey, and the shapes that pages and the API read. No Django here."""

from dataclasses import dataclass
from enum import StrEnum


class JourneyState(StrEnum):
    """draft ──► published ⇄ paused; published and paused ──► archived."""

    DRAFT = "draft"
    PUBLISHED = "published"
    PAUSED = "paused"
    ARCHIVED = "archived"


@dataclass(frozen=True)
class Texts:
    """What a journey is called, and what it is for, in both languages."""

    name_fr: str
    name_en: str
    description_fr: str = ""
    description_en: str = ""


@dataclass(frozen=True)
class NodeView:
    """A node on the canvas. `here` are people who stand at it now; `passed` runs that left it; the rest are today's messages."""

    name: str
    number: int
    kind: str
    title: str
    sentence: str
    here: int
    passed: int
    sent: int = 0
    withheld: int = 0
    delayed: int = 0
    mailing_id: int | None = None


@dataclass(frozen=True)
class EdgeView:
    """A way between two nodes: how many runs took it, and their share of those that left `source` (None when nobody did)."""

    source: str
    target: str | None
    outcome: str
    passed: int
    share: float | None


@dataclass(frozen=True)
class GraphView:
    """A version as the canvas draws it."""

    version: int
    start: str
    entry: str
    entered: int
    nodes: list[NodeView]
    edges: list[EdgeView]


@dataclass(frozen=True)
class JourneyCount:
    """How many people are inside a journey, and how many ever entered."""

    inside: int = 0
    entered: int = 0
