"""The only writes of this room: its own roll-ups of the log."""

from datetime import datetime

from parcours.accounts.models import Workspace
from parcours.events import cursor
from parcours.insights.models import Basis, Daily, Reaction
from parcours.kernel import sql, tenancy

statements = sql.load(__package__)
CONSUMER = "insights"
REVISION = 2
"""Rises when the roll-ups count otherwise: then they are made anew everywhere."""


def roll_up(workspace_id: int, *, now: datetime) -> int:
    """Take in the next span of the log; returns how many events it held. Opens its own transaction.

    When the workspace has another zone or currency than the roll-ups were made with, they begin anew with the first event.
    """
    with tenancy.scope(workspace_id=workspace_id):
        basis = _basis(workspace_id)
        with cursor.advance(workspace_id, CONSUMER) as span:
            if span is None:
                return 0
            statements.roll_up.run(
                workspace_id=workspace_id,
                zone=basis.time_zone,
                currency=basis.currency,
                **span.limits,
            )
            statements.note_reactions.run(workspace_id=workspace_id, **span.limits)
            return span.count


def _basis(workspace_id: int) -> Basis:
    """What the roll-ups are made with, locked, so that no two workers count with different ones."""
    zone, currency = Workspace.objects.values_list("time_zone", "currency").get(id=workspace_id)
    wanted = {"time_zone": zone, "currency": currency, "revision": REVISION}
    Basis.objects.bulk_create(
        [Basis(workspace_id=workspace_id, **{**wanted, "revision": 0})], ignore_conflicts=True
    )
    basis = Basis.objects.select_for_update().get(workspace_id=workspace_id)
    if any(getattr(basis, name) != value for name, value in wanted.items()):
        _begin_anew(workspace_id)
        Basis.objects.filter(workspace_id=workspace_id).update(**wanted)
        basis.refresh_from_db()
    return basis


def _begin_anew(workspace_id: int) -> None:
    cursor.rewind(workspace_id, CONSUMER)
    for each in (Daily, Reaction):
        each.objects.filter(workspace_id=workspace_id).delete()
