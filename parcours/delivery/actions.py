"""Writes of the outbox: queueing, claiming with judgement, outcomes with their events, what a lost sender leaves, settling doubts.

All run in the caller's scope and transaction, except where a docstring says otherwise. Not here: the gate's policy (`gate`), the
sending settings of a workspace (`settings`), what comes back from people and providers (`feedback`, `returns`), SMTP (`sender`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from parcours.accounts.actions import record_audit
from parcours.accounts.types import Actor
from parcours.contacts import actions as contacts
from parcours.delivery import composing, gate, queries, returns
from parcours.delivery.errors import NotInDoubt
from parcours.delivery.models import Mailing
from parcours.delivery.replies import ReplyClass
from parcours.delivery.settings import pause_sending, set_up_sending
from parcours.delivery.types import (
    AttemptOutcome,
    Judgement,
    MessageState,
    Moved,
    Origin,
    Outcome,
    Reason,
    ToQueue,
    ToSend,
    ToStart,
    Verdict,
)
from parcours.events import actions as events
from parcours.events import cursor as log
from parcours.events.types import EMAIL_DELAYED, EMAIL_FAILED, EMAIL_SENT, EMAIL_WITHHELD, NewEvent
from parcours.kernel import sql, tenancy

statements = sql.load(__package__)
__all__ = [
    "add_mailing",
    "claim",
    "deliver_nowhere",
    "enqueue",
    "finish",
    "give_back",
    "hold",
    "pause_sending",
    "project",
    "release",
    "renew",
    "set_aside",
    "set_up_sending",
    "settle",
    "start",
    "stop",
    "sweep",
    "withhold_unmade",
]

NOWHERE = "nowhere"
_FRONT = 5000
RETRY_FOR = timedelta(hours=72)
_FIRST_RETRY = timedelta(minutes=5)
_LONGEST_PAUSE = timedelta(hours=6)
_EVENT_OF_STATE = {MessageState.SENT.value: EMAIL_SENT, MessageState.FAILED.value: EMAIL_FAILED}


# Queueing.


def add_mailing(
    workspace_id: int,
    *,
    origin: Origin,
    origin_id: int,
    purpose_id: int,
    template_version_id: int,
    name: str,
    valid_for: timedelta,
    now: datetime,
    name_fr: str = "",
    name_en: str = "",
    origin_version: int = 0,
    step: str = "",
    coupon_id: int | None = None,
    guard: object | None = None,
) -> int:
    """Return the id of the mailing at this place (origin, version, step); make one when there is none. It never changes."""
    parameters = {
        "workspace_id": workspace_id,
        "origin": Origin(origin).value,
        "origin_id": origin_id,
        "origin_version": origin_version,
        "step": step,
        "name": name[:160],
        "name_fr": name_fr[:160],
        "name_en": name_en[:160],
        "purpose_id": purpose_id,
        "template_version_id": template_version_id,
        "coupon_id": coupon_id,
        "guard": None if guard is None else Jsonb(guard),
        "valid_for": valid_for,
        "now": now,
    }
    found = statements.add_mailing.scalar(**parameters)
    if found is None:  # another transaction made it after this statement's snapshot
        found = statements.add_mailing.scalar(**parameters)
    return int(found)


def enqueue(workspace_id: int, rows: Sequence[ToQueue], *, now: datetime) -> int:
    """Queue messages; what is queued already, under (mailing, run, contact), is skipped. Returns how many are new."""
    if not rows:
        return 0
    return statements.enqueue.run(workspace_id=workspace_id, now=now, rows=sql.document(rows))


def hold(workspace_id: int, mailing_ids: Sequence[int], *, now: datetime) -> None:
    """Make the messages of some mailings wait: none of them starts after this commits."""
    Mailing.objects.filter(workspace_id=workspace_id, id__in=mailing_ids, held_at=None).update(held_at=now)


def set_aside(workspace_id: int, *, now: datetime) -> int:
    """Take due messages of held mailings out of the way of claims; 0 when none is in the way. Opens its own scope."""
    with tenancy.scope(workspace_id=workspace_id):
        return statements.set_aside.run(workspace_id=workspace_id, now=now, limit=_FRONT)


def release(workspace_id: int, mailing_ids: Sequence[int], *, now: datetime) -> None:
    """Let held mailings go on, with exactly what is still queued; the time of the hold does not count towards its expiry."""
    statements.release.run(workspace_id=workspace_id, mailing_ids=list(mailing_ids), now=now)


def stop(workspace_id: int, mailing_ids: Sequence[int], *, now: datetime) -> int:
    """Stop some mailings for good. Returns how many messages were cancelled; the gate withholds stragglers."""
    Mailing.objects.filter(workspace_id=workspace_id, id__in=mailing_ids, stopped_at=None).update(
        stopped_at=now
    )
    return int(statements.cancel_queued.scalar(workspace_id=workspace_id, mailing_ids=list(mailing_ids)))


# Claiming and outcomes.


def claim(workspace_id: int, *, now: datetime, limit: int) -> Judgement:
    """Claim due messages and judge them (see `gate.judge`), with the events of those that must wait or not go."""
    contacts.hold_people(workspace_id)
    judgement, changed = gate.judge(workspace_id, now=now, limit=limit)
    if changed:
        about = queries.about_mailings(workspace_id, {one.mailing_id for one in changed})
        names = {Verdict.DELAY: EMAIL_DELAYED, Verdict.WITHHOLD: EMAIL_WITHHELD}
        events.append(
            workspace_id,
            [
                NewEvent(
                    one.contact_id,
                    names[one.verdict],
                    {
                        "message": str(one.message_id),
                        **about[one.mailing_id],
                        "reasons": [reason["code"] for reason in one.reasons],
                    },
                    at=now,
                )
                for one in changed
            ],
            now=now,
        )
    return judgement


def give_back(workspace_id: int, messages: Iterable[ToSend | ToStart]) -> int:
    """Queue claimed messages again that were never started. Those that are not ours any more are left alone."""
    keys = [(_id_of(one), one.fence) for one in messages]
    if not keys:
        return 0
    ids, fences = zip(*keys, strict=True)
    return int(statements.give_back.scalar(workspace_id=workspace_id, ids=list(ids), fences=list(fences)))


def _id_of(one: ToSend | ToStart) -> UUID:
    return one.id if isinstance(one, ToSend) else one.message_id


def renew(workspace_id: int, keys: Sequence[tuple[UUID, int]], *, now: datetime) -> None:
    """Keep the leases of (message, fence) pairs that are being worked on."""
    statements.renew.run(
        workspace_id=workspace_id,
        ids=[key[0] for key in keys],
        fences=[key[1] for key in keys],
        lease_until=now + gate.LEASE,
    )


def start(workspace_id: int, wanted: Sequence[ToStart], *, now: datetime) -> set[UUID]:
    """Write the attempts' rows and return which messages may be handed over once this has committed.

    The others lost their claim, or the facts have changed since the gate judged them: give them back.
    """
    if not wanted:
        return set()
    rows = statements.start_attempts.records(
        workspace_id=workspace_id,
        now=now,
        ids=[one.message_id for one in wanted],
        fences=[one.fence for one in wanted],
        connections=[one.connection for one in wanted],
        hashes=[one.address_hash for one in wanted],
    )
    return {row["message_id"] for row in rows}


def finish(workspace_id: int, outcomes: Sequence[Outcome], *, transport: str, now: datetime) -> set[UUID]:
    """Write how attempts ended, with the events of what was sent or failed. Returns the messages that moved.

    Repeating it changes nothing. A late writer, whose message was claimed by somebody else since, is refused.
    """
    if not outcomes:
        return set()
    contacts.hold_people(workspace_id)
    outcomes = [_weighed(workspace_id, one, now) for one in outcomes]
    again = _retries(workspace_id, outcomes, now)
    moved = statements.finish_attempts.rows(
        Moved,
        workspace_id=workspace_id,
        now=now,
        transport=transport[:20],
        ids=[one.message_id for one in outcomes],
        fences=[one.fence for one in outcomes],
        outcomes=[one.outcome.value for one in outcomes],
        codes=[one.code for one in outcomes],
        replies=[one.reply[:500] for one in outcomes],
        due_at=[one.due_at or again.get(one.message_id) for one in outcomes],
        subjects=[one.subject[:400] for one in outcomes],
    )
    if moved:
        _follow_up(workspace_id, moved, {one.message_id: one for one in outcomes}, now)
    return {one.id for one in moved}


def _weighed(workspace_id: int, one: Outcome, now: datetime) -> Outcome:
    """A refusal that reads like a fault of ours pauses sending, and its message is tried again behind the others.

    If the server has accepted others since it refused this message before, the fault is not in our configuration: the refusal is
    about this message alone, and stops it alone.
    """
    if one.outcome is not AttemptOutcome.REFUSED or one.meaning is not ReplyClass.CONFIGURATION:
        return one
    if not statements.is_refused_alone.scalar(workspace_id=workspace_id, id=one.message_id):
        return replace(one, due_at=now + _FIRST_RETRY)
    is_for_now = one.code is not None and one.code < 500
    outcome = AttemptOutcome.DEFERRED if is_for_now else AttemptOutcome.REFUSED
    return replace(one, outcome=outcome, meaning=ReplyClass.UNKNOWN)


def _retries(workspace_id: int, outcomes: Iterable[Outcome], now: datetime) -> dict[UUID, datetime | None]:
    deferred = [
        one.message_id for one in outcomes if one.outcome is AttemptOutcome.DEFERRED and not one.due_at
    ]
    return retry_at(workspace_id, deferred, now=now) if deferred else {}


def _follow_up(
    workspace_id: int, moved: Sequence[Moved], outcomes: Mapping[UUID, Outcome], now: datetime
) -> None:
    """The events of what ended; what a refusal says about the address, or about us."""
    refused = {one.id: outcomes[one.id] for one in moved if outcomes[one.id].meaning != ReplyClass.ACCEPTED}
    details = {
        key: {"class": one.meaning.value, "code": one.code, "reply": one.reply[:200]}
        for key, one in refused.items()
    }
    _append_outcomes(workspace_id, moved, details, now)
    for one in moved:
        if one.id not in refused:
            continue
        if refused[one.id].meaning is ReplyClass.CONFIGURATION:
            pause_sending(workspace_id, refused[one.id].reply, now=now)
        elif one.state == MessageState.FAILED.value and not one.is_test:
            returns.refuse_address(workspace_id, one, refused[one.id].meaning, refused[one.id].reply, now=now)


def retry_at(workspace_id: int, message_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, datetime | None]:
    """When refused-for-now messages are tried again: after 5 minutes, doubling up to 6 hours; None after 72 hours."""
    tried = {
        row["message_id"]: row
        for row in statements.count_attempts.records(workspace_id=workspace_id, ids=list(message_ids))
    }
    return {
        message_id: _next_try(tried[message_id], now) if message_id in tried else now + _FIRST_RETRY
        for message_id in message_ids
    }


def _next_try(tried: Mapping[str, Any], now: datetime) -> datetime | None:
    if now - tried["first_at"] >= RETRY_FOR:
        return None
    doublings = min(int(tried["tries"]) - 1, 10)
    return now + min(_LONGEST_PAUSE, _FIRST_RETRY * (1 << doublings))


def withhold_unmade(workspace_id: int, one: ToSend, why: str, *, now: datetime) -> None:
    """Withhold a claimed message that cannot be made: its template fails on this person's data. Its place is returned."""
    contacts.hold_people(workspace_id)
    reasons = [{"code": Reason.TEMPLATE_FAILED.value, "evidence": {"failed": why[:300]}}]
    moved = statements.withhold_unmade.rows(
        Moved, workspace_id=workspace_id, id=one.id, fence=one.fence, reasons=Jsonb(reasons), now=now
    )
    about = queries.about_mailings(workspace_id, {one.mailing_id})
    events.append(
        workspace_id,
        [
            NewEvent(
                message.contact_id,
                EMAIL_WITHHELD,
                {
                    "message": str(message.id),
                    **about[message.mailing_id],
                    "reasons": [Reason.TEMPLATE_FAILED.value],
                },
                at=now,
            )
            for message in moved
            if not message.is_test
        ],
        now=now,
    )


def deliver_nowhere(workspace_id: int, *, now: datetime, limit: int = 5000) -> int:
    """Claim, judge and mark as sent without a transport, all in sets: a history that is lived through in virtual time.

    Coupons are issued and subjects rendered as in a real sending. Returns how many messages were judged: fewer than `limit` when
    nothing more is due.
    """
    judgement = claim(workspace_id, now=now, limit=limit)
    if judgement.to_send:
        letters = composing.load(workspace_id, judgement.to_send, now=now)
        moved = statements.mark_sent.rows(
            Moved,
            workspace_id=workspace_id,
            now=now,
            transport=NOWHERE,
            told=sql.document(
                [
                    {"id": one.id, "fence": one.fence, "subject": composing.subject(letters, one)[:400]}
                    for one in judgement.to_send
                ]
            ),
        )
        _append_outcomes(workspace_id, moved, {}, now)
    return judgement.count


def _append_outcomes(
    workspace_id: int, moved: Iterable[Moved], details: Mapping[UUID, dict[str, Any]], now: datetime
) -> None:
    ended = [one for one in moved if one.state in _EVENT_OF_STATE and not one.is_test]
    if not ended:
        return
    about = queries.about_mailings(workspace_id, {one.mailing_id for one in ended})
    events.append(
        workspace_id,
        [
            NewEvent(
                one.contact_id,
                _EVENT_OF_STATE[one.state],
                {"message": str(one.id), **about[one.mailing_id], **details.get(one.id, {})},
                at=now,
            )
            for one in ended
        ],
        now=now,
    )


# After a crash.


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: messages queued again, and messages that are in doubt."""

    requeued: int
    in_doubt: int


def sweep(workspace_id: int, *, now: datetime) -> Swept:
    """Take up what lost senders left when its lease has run out. Opens its own scope.

    A message whose attempt had begun is in doubt: it is never sent again by itself, whatever its purpose; a person settles it.
    """
    with tenancy.scope(workspace_id=workspace_id):
        found = statements.sweep.row(Swept, workspace_id=workspace_id, now=now)
    return found or Swept(0, 0)


def settle(workspace_id: int, message_id: UUID, *, was_sent: bool, actor: Actor, now: datetime) -> None:
    """Record what a person found out about a message in doubt: it counts as sent, or it is queued again. Raises NotInDoubt."""
    contacts.hold_people(workspace_id)
    moved = statements.settle.rows(
        Moved, workspace_id=workspace_id, id=message_id, was_sent=was_sent, now=now
    )
    if not moved:
        raise NotInDoubt(_("This message is not in doubt."), hint=_("Somebody has settled it already."))
    _append_outcomes(workspace_id, moved, {}, now)
    record_audit(
        workspace_id,
        actor=actor,
        action="settled",
        subject="message",
        subject_id=message_id,
        detail={"was_sent": was_sent},
        now=now,
    )


# What people and providers did.


def project(workspace_id: int, *, now: datetime) -> int:
    """Bring opens, clicks, bounces, complaints and unsubscribes from the log into the messages' columns. Opens its own scope.

    Returns how many events were read; 0 when there is nothing new.
    """
    with log.advance(workspace_id, "delivery") as span:
        if span is None:
            return 0
        statements.project.run(workspace_id=workspace_id, **span.limits)
        return span.count
