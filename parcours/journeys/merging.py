"""What a merge of two contacts means for journeys: one person, all runs; nobody is in a journey twice for the same reason."""

from datetime import datetime
from uuid import UUID

from parcours.kernel import sql

statements = sql.load(__package__)


def move(workspace_id: int, kept: UUID, dropped: UUID, *, now: datetime) -> None:
    """Give the runs of `dropped` to `kept`, in the caller's transaction."""
    statements.end_repeated_runs.run(workspace_id=workspace_id, kept=kept, dropped=dropped, now=now)
    statements.move_runs.run(workspace_id=workspace_id, kept=kept, dropped=dropped)
