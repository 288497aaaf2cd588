"""What happened to a contact that is merged happened to the one that is kept."""

from datetime import datetime
from uuid import UUID

from parcours.kernel import sql

statements = sql.load(__package__)


def move(workspace_id: int, kept: UUID, dropped: UUID, *, now: datetime) -> None:
    """Give the dropped contact's events to the kept one. Their place in the log, and so every cursor, stays as it is."""
    statements.move_events.run(workspace_id=workspace_id, kept=kept, dropped=dropped)
