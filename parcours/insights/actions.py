"""The only writes of this room: its own roll-up of the log."""

from datetime import datetime

from parcours.accounts.models import Workspace
from parcours.events import cursor
from parcours.insights.models import Daily
from parcours.kernel import sql, tenancy

statements = sql.load(__package__)
CONSUMER = "insights"


def roll_up(workspace_id: int, *, now: datetime) -> int:
    """Take in the next span of the log; returns how many events it held. Opens its own transaction."""
    with cursor.advance(workspace_id, CONSUMER) as span:
        if span is None:
            return 0
        statements.roll_up.run(
            workspace_id=workspace_id,
            zone=Workspace.objects.values_list("time_zone", flat=True).get(id=workspace_id),
            **span.limits,
        )
        return span.count


def rebuild(workspace_id: int, *, now: datetime) -> int:
    """Make the roll-up anew from the whole log, for example after the workspace's zone changed."""
    with tenancy.scope(workspace_id=workspace_id):
        Daily.objects.filter(workspace_id=workspace_id).delete()
        cursor.rewind(workspace_id, CONSUMER)
    total = 0
    while done := roll_up(workspace_id, now=now):
        total += done
    return total
