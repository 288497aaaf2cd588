"""What a merge of two contacts means for their messages: one history, and nobody gets the same message twice.

Every message stays the person's, also the second of two that are the same: the links in it lead to the person for ever.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from parcours.kernel import sql

statements = sql.load(__package__)


def move(workspace_id: int, kept: UUID, dropped: UUID, now: datetime) -> None:
    """Give messages and places of the day of `dropped` to `kept`, in the caller's transaction; of twins only one leaves."""
    names = {"workspace_id": workspace_id, "kept": kept, "dropped": dropped}
    statements.hold_messages.run(**names)
    statements.part_twins.run(**names)
    statements.move_messages.run(**names)
    statements.move_allowances.run(**names)


def join_runs(workspace_id: int, dropped: UUID, going_on: Mapping[int, int]) -> None:
    """Count what `dropped` was written by ended runs of journeys as written by those that go on in their place (ended: going on).

    Call it before `move`: then what both were written is seen to be the same, and what one was written is not written again.
    """
    if going_on:
        statements.join_runs.run(
            workspace_id=workspace_id,
            dropped=dropped,
            ended=list(going_on),
            going_on=list(going_on.values()),
        )
