"""The deliveries: made from the log, claimed, told how they ended, cleared away. For workers; nothing here is asked by a person.

Not here: the requests themselves (`poster`), what people do with endpoints and deliveries (`actions`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from parcours.accounts.actions import record_audit
from parcours.accounts.types import SYSTEM
from parcours.events import cursor
from parcours.integrations.types import LONGEST_PAUSE, PAUSES, Claimed, Outcome
from parcours.kernel import sql, tenancy

statements = sql.load(__package__)
CONSUMER = "webhooks"
LEASE = timedelta(seconds=60)
PER_ENDPOINT = 4
"""How many deliveries may be under way for one endpoint. For one that fails: one."""
PATIENCE = timedelta(days=2)
"""An endpoint that gives a last try up after having taken nothing for so long is paused."""
KEPT = timedelta(days=30)
_CLEARED_AT_ONCE = 2000
_READ_AT_ONCE = 5000  # each event makes a row for each endpoint, and transactions are short


def notice(workspace_id: int, *, now: datetime) -> int:
    """Make the deliveries of the next span of the log; returns how many events it held. Opens its own transaction.

    Where nobody listens the log is not read at all: the first endpoint begins at its end (`actions.create`).
    """
    with tenancy.scope(workspace_id=workspace_id):
        if not statements.is_anybody_there.scalar(workspace_id=workspace_id):
            return 0
    with cursor.advance(workspace_id, CONSUMER, limit=_READ_AT_ONCE) as span:
        if span is None:
            return 0
        statements.notice.run(workspace_id=workspace_id, now=now, **span.limits)
        return span.count


def claim(workspace_id: int, *, limit: int, now: datetime) -> list[Claimed]:
    """Claim what is due, in the caller's scope: a fair share for each endpoint."""
    statements.requeue_lost.run(workspace_id=workspace_id, now=now)
    return statements.claim.rows(
        Claimed,
        workspace_id=workspace_id,
        now=now,
        lease_until=now + LEASE,
        places=PER_ENDPOINT,
        limit=limit,
    )


def is_anybody_active(workspace_id: int) -> bool:
    """True when the workspace has an endpoint to write to, in the caller's scope."""
    return bool(statements.is_anybody_active.scalar(workspace_id=workspace_id))


def tell(workspace_id: int, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Write how tries ended, in the caller's scope. Pauses endpoints that are gone, or have failed for long; the trail says so."""
    changed = statements.tell.records(
        workspace_id=workspace_id, outcomes=sql.document(outcomes), now=now, patience=PATIENCE
    )
    for row in changed:
        if row["pause"] is not None:
            record_audit(
                workspace_id,
                actor=SYSTEM,
                action="paused",
                subject="webhook",
                subject_id=row["id"],
                detail={"reason": row["pause"]},
                now=now,
            )


def next_try(tries: int, retry_after: str, *, now: datetime) -> datetime | None:
    """When to try again after so many tries; never earlier than planned, and at most a day later than now. None: no more."""
    if tries > len(PAUSES):
        return None
    planned = PAUSES[tries - 1]
    return now + max(planned, min(_asked(retry_after, now), LONGEST_PAUSE))


def _asked(retry_after: str, now: datetime) -> timedelta:
    """The pause that an answer asks for (RFC 9110 10.2.3), in seconds or as a date; none when it makes no sense."""
    if retry_after.isascii() and retry_after.isdigit():
        return timedelta(seconds=min(int(retry_after), LONGEST_PAUSE.total_seconds()))
    try:
        until = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):  # OverflowError: a day or a year that no calendar holds
        return timedelta()
    return until - now if until.tzinfo is not None else timedelta()


def clear(workspace_id: int, *, now: datetime) -> int:
    """Drop a portion of what is older than thirty days, or belongs to removed endpoints. Opens its own transaction."""
    with tenancy.scope(workspace_id=workspace_id):
        dropped = statements.clear.run(
            workspace_id=workspace_id, before=now - KEPT, limit=_CLEARED_AT_ONCE, now=now
        )
        return dropped + statements.clear_endpoints.run(workspace_id=workspace_id)
