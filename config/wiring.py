"""The one list of parts that rooms cannot name themselves, and the call that hands them down when a process starts."""

from parcours.audiences import merging as audiences
from parcours.audiences.usage import Users, set_users
from parcours.campaigns import usage as campaigns_usage
from parcours.consent import merging as consent
from parcours.contacts.merging import Holder, set_holders
from parcours.content import merging as content
from parcours.delivery import merging as delivery
from parcours.events import merging as events
from parcours.journeys import merging as journeys
from parcours.journeys import usage as journeys_usage

MERGE_HOLDERS: tuple[Holder, ...] = (consent, events, audiences, content, journeys, delivery)
"""Every room that keeps something about a contact. A test compares them with the tables that have a `contact_id`.

Journeys come before `delivery`, which has to know by then which runs are one.
"""

SEGMENT_USERS: tuple[Users, ...] = (journeys_usage, campaigns_usage)
"""Every room above `audiences` that refers to segments."""


def connect() -> None:
    """Hand the parts down. Every entry point calls this once, before anything else."""
    set_holders(MERGE_HOLDERS)
    set_users(SEGMENT_USERS)
