"""What a merge of two contacts means for journeys: one person, all runs; nobody is in a journey twice for the same reason.

What the run that ends has written counts for the one that goes on, so that no step writes to the person a second time.
"""

from datetime import datetime
from uuid import UUID

from parcours.delivery import merging as delivery
from parcours.kernel import sql

statements = sql.load(__package__)


def move(workspace_id: int, kept: UUID, dropped: UUID, *, now: datetime) -> None:
    """Give the runs of `dropped` to `kept`, in the caller's transaction."""
    repeated = statements.end_repeated_runs.records(
        workspace_id=workspace_id, kept=kept, dropped=dropped, now=now
    )
    delivery.join_runs(workspace_id, dropped, {row["ended"]: row["going_on"] for row in repeated})
    statements.move_runs.run(workspace_id=workspace_id, kept=kept, dropped=dropped)
