"""What a merge of two contacts means for what they said: one ledger, and the latest act counts."""

from datetime import datetime
from uuid import UUID

from parcours.consent.actions import statements


def move(workspace_id: int, kept: UUID, dropped: UUID, *, now: datetime) -> None:
    """Give the ledger, states and pace of `dropped` to `kept`, in the caller's transaction."""
    parameters = {"workspace_id": workspace_id, "kept": kept, "dropped": dropped}
    statements.move_records.run(**parameters)
    statements.drop_states.run(workspace_id=workspace_id, dropped=dropped)
    statements.move_states.run(workspace_id=workspace_id, kept=kept)
    statements.move_pace.run(**parameters, now=now)
    statements.move_suppressions.run(**parameters)
