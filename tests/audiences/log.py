"""Reading the log to its end, although another test's open transaction may hide its newest events for a while.

Consumers read below the oldest transaction that runs anywhere on the server, so tests beside this one delay them.
"""

import time
from collections.abc import Callable

from parcours.kernel import sql, tenancy

_UNREAD = """
SELECT EXISTS (
    SELECT FROM events_event AS event
    LEFT JOIN events_cursor AS cursor ON cursor.workspace_id = event.workspace_id AND cursor.consumer = %(consumer)s
    WHERE event.workspace_id = %(workspace_id)s
      AND (cursor.xid IS NULL OR (event.xid, event.id) > (cursor.xid, cursor.event_id)))"""


def read_all(workspace_id: int, consumer: str, consume: Callable[[], object], *, seconds: float = 60) -> None:
    """Call `consume` until it has read every event that is there now."""
    give_up = time.monotonic() + seconds
    while True:
        consume()
        with tenancy.scope(workspace_id=workspace_id):
            if not sql.scalar(_UNREAD, {"workspace_id": workspace_id, "consumer": consumer}):
                return
        assert time.monotonic() < give_up, "another transaction on this server hides the events"
        time.sleep(0.02)
