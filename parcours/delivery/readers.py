"""For whom a message is shown or tried out: a contact, with their last order, which the template may speak of.

Not here: making it (`content.queries` for previews, `composing` for what is sent).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from parcours.contacts import queries as contacts
from parcours.contacts.types import ContactRow, IdentityKind
from parcours.content import queries as content
from parcours.events import queries as events
from parcours.events.types import TimelineEntry
from parcours.kernel.errors import DomainError

SPOKEN_OF = "Order Completed"


@dataclass(frozen=True, slots=True)
class Reader:
    """A contact and the event that a message to them may be about."""

    contact: ContactRow
    event: TimelineEntry | None

    @property
    def data(self) -> Mapping[str, Any]:
        """What the template finds under `event`."""
        return self.event.properties if self.event else {}


def reader(workspace_id: int, contact: ContactRow) -> Reader:
    """A contact with their last order."""
    orders = events.timeline(workspace_id, contact.id, names=[SPOKEN_OF], limit=1)
    return Reader(contact, orders[0] if orders else None)


def of_address(workspace_id: int, address: str) -> Reader | None:
    """The contact who has this address; None when nobody has it, or it cannot be one."""
    try:
        found = contacts.contact_of(workspace_id, IdentityKind.EMAIL, address)
    except DomainError:
        return None
    return reader(workspace_id, found) if found else None


def usual(workspace_id: int, sources: Iterable[str]) -> Reader | None:
    """For whoever names none: of a text that speaks of an order the one who placed the latest, else the newest contact."""
    if content.speak_of_event(sources):
        buyer = events.latest_of(workspace_id, SPOKEN_OF)
        if buyer is not None:
            return reader(workspace_id, contacts.contact(workspace_id, buyer))
    found = contacts.list_contacts(workspace_id, limit=1)
    return reader(workspace_id, found[0]) if found else None
