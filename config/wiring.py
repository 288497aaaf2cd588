"""The one list of parts that rooms cannot name themselves, and the call that hands them down when a process starts."""

from parcours.audiences import merging as audiences
from parcours.consent import merging as consent
from parcours.contacts.merging import Holder, set_holders
from parcours.events import merging as events

MERGE_HOLDERS: tuple[Holder, ...] = (consent, events, audiences)
"""Every room that keeps something about a contact. A test compares them with the tables that have a `contact_id`."""


def connect() -> None:
    """Hand the parts down. Every entry point calls this once, before anything else."""
    set_holders(MERGE_HOLDERS)
