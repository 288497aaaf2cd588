"""The send gate: every message, live or history, passes here just before it leaves, with all reasons and their evidence.

A batch is claimed and judged in one transaction: due messages are locked, every rule is asked once for all the people of the batch,
and the verdicts are written. What cannot be judged is withheld. The policy is written out in `docs/concepts/gate.md`.
Not here: handing messages over (`sender`), what happens afterwards (`actions`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import DatabaseError, OperationalError, transaction
from psycopg import sql as composition

from parcours.accounts.models import Workspace
from parcours.audiences import language
from parcours.consent.queries import address_hash
from parcours.consent.types import Channel
from parcours.delivery.hours import LocalClock, Quiet, local_clock, morning, zone_named
from parcours.delivery.models import Sending
from parcours.delivery.types import Judgement, Reason, ToSend, Verdict
from parcours.kernel import sql
from parcours.kernel.errors import DomainError

statements = sql.load(__package__)

FRESH = timedelta(seconds=60)
"""A verdict older than this is not acted upon: the message is judged again."""

LEASE = timedelta(seconds=30)
"""How long a claim holds without being renewed."""

# One probe for each person: a plan that takes a new workspace for an empty one would compare everybody with all these ids.
_FOR_WHOM = composition.SQL(
    "SELECT wanted.id FROM unnest(%(contact_ids)s::uuid[]) AS wanted (id)"
    " WHERE (SELECT {condition} FROM contacts_contact AS contact"
    " WHERE contact.workspace_id = %(workspace_id)s AND contact.id = wanted.id)"
)


class Claimed(NamedTuple):
    """A due message, locked, with what is needed of the person."""

    id: UUID
    mailing_id: int
    run: int
    contact_id: UUID
    event_at: datetime | None
    event_id: int | None
    verdict: str
    reasons: list[dict[str, Any]] | None
    email: str
    time_zone: str
    is_test: bool


class Facts(NamedTuple):
    """What the database says about a claimed message: reasons against it, its ground (JSON), and who holds the day's places."""

    id: UUID
    is_marketing: bool
    against: list[dict[str, Any]] | None
    ground: str | None
    taken: list[UUID]
    copy_due_at: datetime | None
    paused_until: datetime | None
    every_days: int | None
    last_day: date | None
    measured_opens: bool
    measured_clicks: bool


@dataclass(slots=True)
class _Case:
    """One message on its way to a verdict. A delay in `waits` says until when."""

    claimed: Claimed
    facts: Facts
    clock: LocalClock
    hash: bytes
    waits: list[dict[str, Any]] = field(default_factory=list)
    until: datetime | None = None

    @property
    def verdict(self) -> Verdict:
        """Withheld for good when anything speaks against it; else delayed; else it goes."""
        if self.facts.against or self.facts.ground is None:
            return Verdict.WITHHOLD
        return Verdict.DELAY if self.waits else Verdict.SEND

    @property
    def obstacles(self) -> list[dict[str, Any]]:
        """All reasons not to send it now."""
        is_waiting = self.verdict is Verdict.DELAY
        found = [*(self.facts.against or ()), *(self.waits if is_waiting else map(_without_end, self.waits))]
        return found if found or self.facts.ground else [_reason(Reason.NOT_JUDGED)]

    @property
    def reasons(self) -> list[Any]:
        """What is written down: the obstacles, or the ground on which it goes."""
        return list(self.obstacles) or [msgspec.Raw((self.facts.ground or "").encode())]

    def wait(self, reason: Reason, until: datetime, evidence: Mapping[str, Any]) -> None:
        """Add a reason to delay."""
        self.waits.append(_reason(reason, until=until.isoformat(), **evidence))
        self.until = max(until, self.until) if self.until else until


@dataclass(frozen=True, slots=True)
class Changed:
    """A message that was withheld or delayed, or delayed for other reasons than before: worth an event. Tests never are."""

    message_id: UUID
    mailing_id: int
    contact_id: UUID
    verdict: Verdict
    reasons: list[dict[str, Any]]


def judge(workspace_id: int, *, now: datetime, limit: int) -> tuple[Judgement, list[Changed]]:
    """Claim up to `limit` due messages and judge them. Runs in the caller's scope; nothing is claimed until it commits.

    Returns what may be sent (claimed until `now + LEASE`), and what the caller has to record as events. Nothing is judged while
    sending is paused or not set up.
    """
    sending = Sending.objects.filter(workspace_id=workspace_id, paused_at=None).first()
    if sending is None:
        return Judgement([]), []
    claimed = statements.claim_due.rows(Claimed, workspace_id=workspace_id, now=now, limit=limit)
    if not claimed:
        return Judgement([]), []
    zone = Workspace.objects.only("time_zone").get(pk=workspace_id).time_zone
    cases = _examine(workspace_id, claimed, _clocks(claimed, zone, sending, now), now)
    _keep_single(cases, now)
    _keep_quiet(cases, sending)
    _keep_wishes(cases, zone, sending)
    _keep_cap(workspace_id, cases, zone, sending)
    return _conclude(workspace_id, cases, now)


def _reason(code: Reason, **evidence: Any) -> dict[str, Any]:
    return {"code": code.value, "evidence": evidence}


def _without_end(wait: Mapping[str, Any]) -> dict[str, Any]:
    """A reason to wait of a message that never leaves: there is nothing that it waits for."""
    evidence = {name: value for name, value in wait["evidence"].items() if name != "until"}
    return {"code": wait["code"], "evidence": evidence}


def _clocks(
    claimed: Iterable[Claimed], workspace_zone: str, sending: Sending, now: datetime
) -> dict[str, LocalClock]:
    """The local clock of every zone in the batch, each computed once."""
    quiet = Quiet(sending.quiet_from, sending.quiet_until)
    return {
        name: local_clock(now, zone_named(name, workspace_zone), quiet)
        for name in {one.time_zone for one in claimed}
    }


def _examine(
    workspace_id: int, claimed: list[Claimed], clocks: Mapping[str, LocalClock], now: datetime
) -> list[_Case]:
    """Ask the database for everything that speaks for and against, one statement for the batch."""
    outside, unguarded = _ask_rules(workspace_id, claimed, now)
    hashes = [address_hash(workspace_id, Channel.EMAIL, one.email) if one.email else None for one in claimed]
    rows = [
        {
            "n": n,
            "id": one.id,
            "hash": hashed.hex() if hashed else None,
            "day": clocks[one.time_zone].day,
            "outside": outside.get(one.id),
            "unguarded": unguarded.get(one.id),
        }
        for n, (one, hashed) in enumerate(zip(claimed, hashes, strict=True))
    ]
    facts = statements.examine.rows(Facts, workspace_id=workspace_id, now=now, cases=sql.document(rows))
    return [
        _Case(one, found, clocks[one.time_zone], hashed or b"")
        for one, found, hashed in zip(claimed, facts, hashes, strict=True)
    ]


Left = dict[UUID, dict[str, Any]]
"""By message: why a rule leaves the person out."""


def _ask_rules(workspace_id: int, claimed: list[Claimed], now: datetime) -> tuple[Left, Left]:
    """Who is outside the audience of the purpose, and whom the mailing's guard leaves out."""
    by_mailing: dict[int, list[Claimed]] = {}
    for one in claimed:
        by_mailing.setdefault(one.mailing_id, []).append(one)
    outside: Left = {}
    unguarded: Left = {}
    for row in statements.list_rules.records(workspace_id=workspace_id, mailing_ids=list(by_mailing)):
        people = by_mailing[row["mailing_id"]]
        if row["audience"] is not None:
            outside |= _left_out(workspace_id, row["audience"], people, now)
        if row["guard"] is not None:
            unguarded |= _left_out(workspace_id, row["guard"], people, now)
    return outside, unguarded


def _left_out(workspace_id: int, rule: str, people: list[Claimed], now: datetime) -> Left:
    """The messages whose people a rule does not hold for; all of them when it cannot be evaluated (the gate fails closed).

    Raises OperationalError (a deadlock, a full disk): that says nothing about the rule, so nothing is concluded from it.
    """
    evidence: dict[str, Any] = {"rule": msgspec.json.decode(rule)}
    try:
        with transaction.atomic():
            inside = _for_whom(workspace_id, rule, [one.contact_id for one in people], now)
    except OperationalError:
        raise
    except (DatabaseError, DomainError) as error:
        inside = set()
        evidence["failed"] = str(error)[:300]
    return {one.id: evidence for one in people if one.contact_id not in inside}


def _for_whom(workspace_id: int, rule: str, contact_ids: list[UUID], now: datetime) -> set[UUID]:
    statement, bound = _question(rule)
    parameters = {
        **bound,
        "workspace_id": workspace_id,
        "contact_ids": sql.uuids(contact_ids),
        "now": now,
    }
    with sql.cursor() as cursor:
        return {row[0] for row in cursor.execute(statement, parameters)}


@lru_cache(maxsize=1024)
def _question(rule: str) -> tuple[composition.SQL, Mapping[str, Any]]:
    """The statement that asks a rule (JSON) of given people, with what it binds. Made once for each rule."""
    compiled = language.compile(language.parse(msgspec.json.decode(rule)), "gate")
    return sql.written_out(_FOR_WHOM.format(condition=compiled.condition)), compiled.parameters


def _keep_single(cases: Iterable[_Case], now: datetime) -> None:
    """What two contacts had, who are one, waits until it is known what becomes of the copy that goes before it."""
    for case in cases:
        if case.facts.copy_due_at is not None:
            case.wait(Reason.HAD_ALREADY, max(case.facts.copy_due_at, now + LEASE), {})


def _keep_quiet(cases: Iterable[_Case], sending: Sending) -> None:
    """Marketing waits until the quiet hours of the person end."""
    for case in cases:
        if case.facts.is_marketing and case.clock.quiet_until is not None:
            evidence = {
                "from": _shown(sending.quiet_from),
                "to": _shown(sending.quiet_until),
                "zone": case.claimed.time_zone,
            }
            case.wait(Reason.QUIET_HOURS, case.clock.quiet_until, evidence)


def _keep_wishes(cases: Iterable[_Case], zone: str, sending: Sending) -> None:
    """Marketing waits as long as the person asked for: until the end of a pause, or of the days for which one message is enough."""
    for case in cases:
        if not case.facts.is_marketing:
            continue
        if case.facts.paused_until is not None:
            case.wait(Reason.PAUSED, case.facts.paused_until, {})
        if case.facts.last_day is not None:
            _wait_for_turn(case, case.facts.last_day, zone, sending)


def _wait_for_turn(case: _Case, last_day: date, zone: str, sending: Sending) -> None:
    """Wait for the morning after the days for which the message of `last_day` was enough."""
    every = case.facts.every_days or 0
    quiet = Quiet(sending.quiet_from, sending.quiet_until)
    until = morning(last_day + timedelta(days=every), zone_named(case.claimed.time_zone, zone), quiet)
    case.wait(Reason.CHOSEN_FREQUENCY, until, {"every_days": every, "day": last_day.isoformat()})


def _shown(at: time) -> str:
    return at.strftime("%H:%M")


def _keep_cap(workspace_id: int, cases: Iterable[_Case], zone: str, sending: Sending) -> None:
    """Marketing that could leave now takes one of the person's places of the day; without one, it waits for the next morning.

    For somebody who chose a lower frequency there is one place, and the others wait for their turn.
    """
    places = sending.marketing_per_day
    marketing = [case for case in cases if case.facts.is_marketing]
    waiting = [case for case in marketing if case.verdict is Verdict.SEND and len(case.facts.taken) < places]
    winners: set[UUID] = set()
    for place in range(1, places + 1):
        winners |= _take_place(
            workspace_id,
            [
                case
                for case in waiting
                if case.claimed.id not in winners and (place == 1 or case.facts.every_days is None)
            ],
            place,
        )
    for case in marketing:
        if case.claimed.id in winners or (
            case.verdict is not Verdict.SEND and len(case.facts.taken) < places
        ):
            continue
        if case.facts.every_days is not None and case.verdict is Verdict.SEND:
            _wait_for_turn(case, case.clock.day, zone, sending)
            continue
        evidence = {
            "day": case.clock.day.isoformat(),
            "per_day": places,
            "messages": [str(one) for one in case.facts.taken],
        }
        case.wait(Reason.FREQUENCY_CAP, case.clock.next_morning, evidence)


def _take_place(workspace_id: int, waiting: Iterable[_Case], place: int) -> set[UUID]:
    """Each person's first waiting message tries for this place of the day."""
    firsts: dict[UUID, _Case] = {}
    for case in waiting:
        firsts.setdefault(case.claimed.contact_id, case)
    if not firsts:
        return set()
    wishes = [
        {"id": case.claimed.id, "contact_id": contact_id, "day": case.clock.day}
        for contact_id, case in firsts.items()
    ]
    rows = statements.take_places.records(workspace_id=workspace_id, place=place, wishes=sql.document(wishes))
    return {row["message_id"] for row in rows}


def _conclude(workspace_id: int, cases: list[_Case], now: datetime) -> tuple[Judgement, list[Changed]]:
    verdicts = [case.verdict for case in cases]
    written = [
        {
            "id": case.claimed.id,
            "verdict": verdict.value,
            "reasons": case.reasons,
            "due_at": case.until if verdict is Verdict.DELAY else None,
            "address": case.claimed.email,
            "opens": case.facts.measured_opens,
            "clicks": case.facts.measured_clicks,
        }
        for case, verdict in zip(cases, verdicts, strict=True)
    ]
    rows = statements.conclude.records(
        workspace_id=workspace_id, now=now, lease_until=now + LEASE, verdicts=sql.document(written)
    )
    fences = {row["id"]: row["fence"] for row in rows}
    to_send = [
        _to_send(workspace_id, case, fences[case.claimed.id], now)
        for case, verdict in zip(cases, verdicts, strict=True)
        if verdict is Verdict.SEND
    ]
    changed = [
        Changed(case.claimed.id, case.claimed.mailing_id, case.claimed.contact_id, verdict, case.obstacles)
        for case, verdict in zip(cases, verdicts, strict=True)
        if verdict is not Verdict.SEND and not case.claimed.is_test and _is_news(case, verdict)
    ]
    counts = Counter(verdicts)
    return Judgement(to_send, counts[Verdict.DELAY], counts[Verdict.WITHHOLD]), changed


def _is_news(case: _Case, verdict: Verdict) -> bool:
    """Waiting on for the same reasons is not news."""
    before = {one["code"] for one in case.claimed.reasons or ()}
    return case.claimed.verdict != verdict.value or before != {one["code"] for one in case.obstacles}


def _to_send(workspace_id: int, case: _Case, fence: int, now: datetime) -> ToSend:
    one = case.claimed
    closes_at = now + FRESH
    if case.facts.is_marketing:
        closes_at = min(closes_at, case.clock.closes_at)
    return ToSend(
        workspace_id=workspace_id,
        id=one.id,
        fence=fence,
        mailing_id=one.mailing_id,
        run=one.run,
        contact_id=one.contact_id,
        event_at=one.event_at,
        event_id=one.event_id,
        address=one.email,
        address_hash=case.hash,
        measured_opens=case.facts.measured_opens,
        measured_clicks=case.facts.measured_clicks,
        closes_at=closes_at.astimezone(UTC),
    )
