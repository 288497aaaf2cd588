"""Two contacts that are one person: every room that keeps something about a contact moves it to the one that is kept.

Each room with rows about contacts has a module `merging` with a function `move`; `config.wiring` lists them and hands the
list down when a process starts. Not here: who is proven to be one person (`contacts.matching`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from parcours.kernel import sql

statements = sql.load(__package__)


class Holder(Protocol):
    """A room's module `merging`."""

    def move(self, workspace_id: int, kept: UUID, dropped: UUID, *, now: datetime) -> None:
        """Make all that this room keeps about `dropped` belong to `kept`, in the caller's transaction."""


class _Inheritance(NamedTuple):
    email: str | None
    language: str
    time_zone: str
    source: str
    attributes: str
    created_at: datetime


class _Holders:
    """The list that `config.wiring` hands down. A merge before that would lose data, so it is refused."""

    listed: tuple[Holder, ...] | None = None


def set_holders(holders: Sequence[Holder]) -> None:
    """Name the rooms that hold something about contacts. Called once, when a process starts."""
    _Holders.listed = tuple(holders)


def merge_into(workspace_id: int, kept: UUID, dropped: UUID, *, now: datetime) -> None:
    """Move everything from `dropped` to `kept` and delete `dropped`. Idempotent. The caller holds people for merging."""
    if _Holders.listed is None:
        raise RuntimeError(
            "config.wiring.connect() was not called: who holds data about contacts is not known."
        )
    for holder in _Holders.listed:
        holder.move(workspace_id, kept, dropped, now=now)
    names: dict[str, Any] = {"workspace_id": workspace_id, "kept": kept, "dropped": dropped}
    statements.move_identities.run(**names)
    statements.move_memberships.run(**names)
    left = statements.remove_dropped.row(_Inheritance, workspace_id=workspace_id, dropped=dropped)
    if left is not None:
        statements.inherit.run(workspace_id=workspace_id, kept=kept, now=now, **left._asdict())
