"""What becomes of memberships when two contacts prove to be one person (see `contacts.merging`)."""

from datetime import datetime
from uuid import UUID

from parcours.kernel import sql

statements = sql.load(__package__)


def move(workspace_id: int, kept: UUID, dropped: UUID, *, now: datetime) -> None:
    """Join the memberships, and have the kept contact judged again. In the caller's transaction, which holds people."""
    statements.move_memberships.run(workspace_id=workspace_id, kept=kept, dropped=dropped)
    statements.forget_rechecks.run(workspace_id=workspace_id, dropped=dropped)
    statements.recheck_merged.run(workspace_id=workspace_id, kept=kept, now=now)
