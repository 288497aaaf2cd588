"""Waiting until the log may be read to its end.

Consumers read below the oldest transaction that runs anywhere on the server (see `events.cursor`). `./dev test` gives each of its processes
a server of its own, but a server named by DATABASE_URL is shared: what runs beside a test, in any database, may hide the newest events for
a while. So whoever asserts that something *was read* settles first.
"""

import time

from django.db import connection

from parcours.kernel import tenancy


def settle(workspace_id: int, *, seconds: float = 60) -> None:
    """Return when every event of the workspace is below the oldest running transaction. Writers of the test itself have ended."""
    give_up = time.monotonic() + seconds
    while not _is_settled(workspace_id):
        assert time.monotonic() < give_up, "another transaction on this server hides the events"
        time.sleep(0.02)


def _is_settled(workspace_id: int) -> bool:
    with tenancy.scope(workspace_id=workspace_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(bool_and(xid < pg_snapshot_xmin(pg_current_snapshot())), true)"
            " FROM events_event WHERE workspace_id = %s",
            [workspace_id],
        )
        return cursor.fetchone() == (True,)
