"""Roles, kinds of keys, and who is acting. No Django here."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a member may do, from most to least: own, edit, analyse, view."""

    OWNER = "owner"
    EDITOR = "editor"
    ANALYST = "analyst"
    VIEWER = "viewer"

    def may(self, needed: "Role") -> bool:
        """True when this role includes `needed`."""
        order = list(Role)
        return order.index(self) <= order.index(needed)


class KeyKind(StrEnum):
    """What a key opens: `write` sends events (Segment clients), `api` reads and writes through REST."""

    WRITE = "write"
    API = "api"


@dataclass(frozen=True)
class Actor:
    """Who makes a change: a user, a key, or the product itself (both ids None)."""

    label: str
    user_id: int | None = None
    key_id: str | None = None


SYSTEM = Actor("Parcours")
