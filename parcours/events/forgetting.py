"""Forgetting receipts: after RECEIPTS_KEPT a repeated messageId counts again.

Once a day a pass goes over the whole table of receipts, which nothing orders by time, in portions that are read and committed
apart: an open transaction would hold up everybody who follows the log (see `events.cursor`). All workers share one pass of a
workspace, and a restarted one does not begin it again. Not here: giving receipts (`events.actions`, `events.intake`).
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from parcours.kernel import sql, tenancy

RECEIPTS_KEPT = timedelta(days=90)
"""How long a repeated messageId is recognised."""
EVERY = timedelta(days=1)
BLOCKS_AT_ONCE = 1024
"""8 MB of the table, some 130,000 receipts: read, and where all are old deleted, well within a second."""
statements = sql.load(__package__)


class _Place(NamedTuple):
    """Where a pass stands in the table."""

    block: int
    blocks: int


def forget_receipts(workspace_id: int, *, now: datetime) -> int:
    """Drop the old receipts in the next portion of the table; return how many. Work of the workers, in a transaction of its own."""
    with tenancy.scope(workspace_id=workspace_id):
        place = _place(workspace_id, now)
        if place is None:
            return 0
        until = place.block + BLOCKS_AT_ONCE
        dropped = statements.forget_receipts.run(
            workspace_id=workspace_id,
            before=now - RECEIPTS_KEPT,
            first=f"({place.block},0)",
            until=f"({until},0)",
        )
        is_over = until >= place.blocks
        statements.go_on_forgetting.run(
            workspace_id=workspace_id, block=0 if is_over else until, next_at=now + EVERY if is_over else now
        )
    return dropped


def _place(workspace_id: int, now: datetime) -> _Place | None:
    """Lock the place of the pass; None when it is not time, or another worker is at it."""
    own = {"workspace_id": workspace_id, "now": now}
    place = statements.lock_forgetting.row(_Place, **own)
    if place is None and statements.start_forgetting.run(**own):
        place = statements.lock_forgetting.row(_Place, **own)
    return place
