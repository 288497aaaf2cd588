"""What a merge of two contacts means for their coupon codes: the kept person's code counts, else the other's."""

from datetime import datetime
from uuid import UUID

from parcours.kernel import sql

statements = sql.load(__package__)


def move(workspace_id: int, kept: UUID, dropped: UUID, now: datetime) -> None:
    """Give the codes of `dropped` to `kept`, in the caller's transaction. A second code of a coupon stays where it was."""
    statements.move_codes.run(workspace_id=workspace_id, kept=kept, dropped=dropped)
