"""The one list of parts that rooms cannot name themselves, and the call that hands them down when a process starts."""

from parcours.audiences import merging as audiences
from parcours.consent import merging as consent
from parcours.contacts.merging import Holder, set_holders
from parcours.content import merging as content
from parcours.delivery import merging as delivery
from parcours.events import merging as events
from parcours.journeys import merging as journeys

MERGE_HOLDERS: tuple[Holder, ...] = (consent, events, audiences, content, delivery, journeys)
"""Every room that keeps something about a contact. A test compares them with the tables that have a `contact_id`."""


def connect() -> None:
    """Hand the parts down. Every entry point calls this once, before anything else."""
    set_holders(MERGE_HOLDERS)
