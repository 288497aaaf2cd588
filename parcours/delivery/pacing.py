"""A pause or a lower frequency that a person chooses, and what that means for what waits for them already.

Not here: keeping to it (`gate`), the page where it is chosen (`public.pages.preferences`).
"""

from datetime import datetime
from uuid import UUID

from parcours.consent.types import Wish
from parcours.delivery.actions import statements
from parcours.delivery.types import Reason
from parcours.events import people

_CHOSEN = [Reason.PAUSED.value, Reason.CHOSEN_FREQUENCY.value]


def choose(workspace_id: int, contact_id: UUID, wish: Wish, *, now: datetime) -> bool:
    """Keep what the person wants; what waited for an earlier wish is judged again now. True when something changed."""
    if not people.choose_pace(workspace_id, contact_id, wish, now=now):
        return False
    statements.reconsider.run(workspace_id=workspace_id, contact_id=contact_id, codes=_CHOSEN, now=now)
    return True
