"""How a consumer reads the log: every committed event once, none skipped, however transactions overlap.

A transaction that began earlier may commit later, and its rows have lower ids than rows that were read already. So each row carries
the id of the transaction that wrote it, and a consumer reads only rows of transactions below the oldest one that is still running
(`pg_snapshot_xmin`): nothing can appear there any more. The order is (xid, id); the position commits with the work.
A long transaction delays consumers, and never makes them miss anything.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from parcours.events.types import Span
from parcours.kernel import sql, tenancy

statements = sql.load(__package__)


@contextmanager
def advance(workspace_id: int, consumer: str, *, limit: int = 10_000) -> Iterator[Span | None]:
    """Open the workspace's scope and give the next span of events; move the cursor past it when the block ends well.

    None when there is nothing new, or another worker is at it. The block's writes and the position commit together.
    """
    with tenancy.scope(workspace_id=workspace_id):
        span = _next_span(workspace_id, consumer, limit)
        yield span
        if span is not None:
            statements.move_cursor.run(
                workspace_id=workspace_id,
                consumer=consumer,
                until_xid=span.until_xid,
                until_id=span.until_id,
            )


def _next_span(workspace_id: int, consumer: str, limit: int) -> Span | None:
    """Lock the cursor and look ahead. A consumer that was never seen begins with the first event."""
    names = {"workspace_id": workspace_id, "consumer": consumer}
    position = statements.lock_cursor.records(**names)
    if not position:
        if not statements.start_cursor.run(**names):
            return None
        position = statements.lock_cursor.records(**names)
    found = statements.next_span.records(workspace_id=workspace_id, limit=limit, **position[0])
    return Span(**position[0], **found[0]) if found else None


def rewind(workspace_id: int, consumer: str) -> None:
    """Let a consumer begin again with the first event, in the caller's scope: for what can be rebuilt from the log."""
    statements.drop_cursor.run(workspace_id=workspace_id, consumer=consumer)
