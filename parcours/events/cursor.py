"""How a consumer reads the log: every committed event once, none skipped, however transactions overlap.

A transaction that began earlier may commit later, and its rows have lower ids than rows that were read already. So each row carries
the id of the transaction that wrote it, and a consumer reads only rows of transactions below the oldest one that is still running
(`pg_snapshot_xmin`): nothing can appear there any more. The order is (xid, id); the position commits with the work.
A long transaction delays consumers, and never makes them miss anything.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import Func, TextField

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


def hold(workspace_id: int, consumer: str) -> None:
    """Lock a consumer's cursor until the caller's transaction ends; waits for whoever works with it."""
    statements.start_cursor.run(workspace_id=workspace_id, consumer=consumer)
    statements.hold_cursor.run(workspace_id=workspace_id, consumer=consumer)


def skip_to_end(workspace_id: int, consumer: str) -> None:
    """Let a consumer pass over everything that was committed before, but for what a running transaction still hides.

    For one that begins to care: `hold` the cursor first, and keep a `Snapshot` to pass over the rest.
    """
    statements.skip_to_end.run(workspace_id=workspace_id, consumer=consumer)


class Snapshot(Func):
    """What is committed when a row is inserted. In SQL, `pg_visible_in_snapshot(xid, kept::pg_snapshot)` is true for these."""

    template = "pg_current_snapshot()::text"
    output_field = TextField()


def rewind(workspace_id: int, consumer: str) -> None:
    """Let a consumer begin again with the first event, in the caller's scope: for what can be rebuilt from the log."""
    statements.drop_cursor.run(workspace_id=workspace_id, consumer=consumer)
