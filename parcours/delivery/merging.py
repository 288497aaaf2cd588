"""What a merge of two contacts means for their messages: one history, and nobody gets the same message twice."""

from datetime import datetime
from uuid import UUID

from parcours.kernel import sql

statements = sql.load(__package__)


def move(workspace_id: int, kept: UUID, dropped: UUID, now: datetime) -> None:
    """Give messages and places of the day of `dropped` to `kept`, in the caller's transaction; queued twins are cancelled."""
    names = {"workspace_id": workspace_id, "kept": kept, "dropped": dropped}
    statements.move_messages.run(**names)
    statements.cancel_twins.run(**names)
    statements.move_allowances.run(**names)
