"""Carrying out an import: each portion's people, lists, consents and refusals in one transaction with its progress.

A killed worker's portion is rolled back whole, and the next worker takes it again: nothing is lost, nobody counted twice.
Not here: reading files and plans (`contacts.importing`).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError

from parcours.consent import actions as consent_actions
from parcours.consent import queries as consent
from parcours.consent.types import Act, Channel, Evidence, Statement, SuppressionReason
from parcours.contacts.actions import hold_people
from parcours.contacts.errors import Contended
from parcours.contacts.importing import actions as imports
from parcours.contacts.importing.actions import Claimed, Taken
from parcours.contacts.importing.plan import Claim, Plan, UpdateRule
from parcours.contacts.importing.reading import Portion
from parcours.contacts.importing.rows import Reader, Refusal, Row
from parcours.contacts.queries import declared_attributes
from parcours.contacts.types import IdentityKind
from parcours.events import people
from parcours.kernel import sql, tenancy
from parcours.kernel.errors import DomainError

logger = logging.getLogger(__name__)
contact_statements = sql.load("parcours.contacts")
PORTIONS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Read:
    """A portion's rows: to be taken in, refused, and superseded by others further down (which the report knows already)."""

    rows: list[Row]
    refused: list[Refusal]
    superseded: list[Row | Refusal]

    @property
    def against(self) -> list[Row | Refusal]:
        """All that say that nothing shall be sent to their address. No other cell and no rule takes that back."""
        everything = (*self.rows, *self.refused, *self.superseded)
        return [one for one in everything if one.email and (one.opted_out or one.bounced)]


def tick(workspace_id: int, *, now: datetime) -> int:
    """Take in a few portions, so that one import neither waits between them nor keeps a worker for long. Returns rows."""
    taken = 0
    for _portion in range(PORTIONS_AT_ONCE):
        rows = step(workspace_id, now=now)
        if rows == 0:
            break
        taken += rows
    return taken


def step(workspace_id: int, *, now: datetime) -> int:
    """Take in one portion of one import; returns its number of rows, 0 when nothing waits. Opens its own transaction.

    An import that cannot go on is marked as failed with its reason; a database that is away raises, to be tried again, and so
    do others who change the same people all the while.
    """
    claimed: Claimed | None = None
    try:
        with tenancy.scope(workspace_id=workspace_id):
            claimed = imports.unread(workspace_id)
            if claimed is not None:
                imports.prepare(workspace_id, claimed, now=now)
                return 1
            claimed = imports.claim(workspace_id)
            return 0 if claimed is None else _go_on(workspace_id, claimed, now)
    except (OperationalError, InterfaceError, Contended):
        raise
    except Exception as error:  # whatever else it is, taking the same portion again would fail again
        if claimed is None:
            raise
        logger.exception("Import %s failed", claimed.id)
        reason = error.message if isinstance(error, DomainError) else type(error).__name__
        with tenancy.scope(workspace_id=workspace_id):
            imports.fail(workspace_id, claimed.id, reason, now=now)
        return 1


def _go_on(workspace_id: int, claimed: Claimed, now: datetime) -> int:
    portion = imports.portion(workspace_id, claimed)
    plan = claimed.plan
    read = _read(workspace_id, claimed, plan, portion)
    imports.refuse(workspace_id, claimed.id, read.refused)
    taken = _take_in(workspace_id, claimed, plan, read, now)
    imports.advance(workspace_id, claimed, portion, taken, len(read.refused), now=now)
    return max(portion.rows, 1)


def _read(workspace_id: int, claimed: Claimed, plan: Plan, portion: Portion) -> Read:
    reader = Reader(plan, list(declared_attributes(workspace_id).values()))
    lines = imports.superseded_lines(workspace_id, claimed, portion)
    rows: list[Row] = []
    refused = [Refusal(line, code, "") for line, code in portion.unreadable.items()]
    superseded: list[Row | Refusal] = []
    for one in map(reader.read, portion.records):
        if one.line in lines:
            superseded.append(one)
        elif isinstance(one, Row):
            rows.append(one)
        else:
            refused.append(one)
    noes = imports.opted_out_before(workspace_id, claimed, rows)
    rows = [replace(row, opted_out=True) if row.email in noes else row for row in rows]
    return Read(rows, refused, superseded)


def _take_in(workspace_id: int, claimed: Claimed, plan: Plan, read: Read, now: datetime) -> Taken:
    wanted = _spared(workspace_id, plan.rule, read.rows)
    saved = people.save_people(workspace_id, [row.person for row in wanted], now=now)
    ids = [one.contact_id for one in saved]
    if plan.list_slug and ids:
        people.add_to_list(workspace_id, plan.list_slug, ids, now=now)
    whose = _whose(workspace_id, read.against, dict(zip((row.email for row in wanted), ids, strict=True)))
    _suppress(workspace_id, read.against, whose, now)
    leaving = [whose[one.email] for one in read.against if one.opted_out and one.email in whose]
    refusing = _record(workspace_id, claimed, list(dict.fromkeys(ids)), list(dict.fromkeys(leaving)), now)
    return Taken(
        created=sum(one.created for one in saved),
        updated=sum(bool(one.changes) and not one.created for one in saved),
        skipped=len(read.rows) - len(wanted),
        suppressed=_count_suppressed(workspace_id, wanted),
        refusing=refusing,
    )


def _whose(workspace_id: int, against: Sequence[Row | Refusal], saved: Mapping[str, UUID]) -> dict[str, UUID]:
    """The contacts of these rows: those that were just saved, and those who are here, whatever the update rule spares."""
    others = [one for one in against if one.email not in saved]
    if not others:
        return dict(saved)
    hold_people(workspace_id)
    known = _known(workspace_id, others)
    stored = ((one.email, _stored(one, known)) for one in others)
    return {**saved, **{email: found["contact_id"] for email, found in stored if found is not None}}


def _suppress(
    workspace_id: int, against: Sequence[Row | Refusal], whose: Mapping[str, UUID], now: datetime
) -> None:
    """Never write to the addresses that do not work, says the file."""
    dead = {one.email: whose.get(one.email) for one in against if one.bounced}
    if dead:
        consent_actions.suppress_all(
            workspace_id, Channel.EMAIL, dead, SuppressionReason.IMPORT, detail="import", now=now
        )


def _count_suppressed(workspace_id: int, rows: Sequence[Row]) -> int:
    """How many of these addresses are suppressed, and stay so."""
    if not consent.has_suppressions(workspace_id, Channel.EMAIL):
        return 0
    hashes = [consent.address_hash(workspace_id, Channel.EMAIL, row.email) for row in rows]
    return len(consent.suppressed_hashes(workspace_id, Channel.EMAIL, hashes))


def _spared(workspace_id: int, rule: UpdateRule, rows: Sequence[Row]) -> list[Row]:
    """The rows as the update rule lets them through: whole, only where nothing is known, or only new people."""
    if rule is UpdateRule.OVERWRITE or not rows:
        return list(rows)
    known = _known(workspace_id, rows)
    if rule is UpdateRule.ONLY_NEW:
        return [row for row in rows if not _stored(row, known)]
    return [_filling(row, _stored(row, known)) for row in rows]


def _known(workspace_id: int, rows: Sequence[Row | Refusal]) -> dict[tuple[str, str], dict[str, Any]]:
    wanted = [pair for row in rows for pair in _identities(row)]
    found = contact_statements.already_known.records(
        workspace_id=workspace_id, kinds=[kind for kind, _ in wanted], values=[value for _, value in wanted]
    )
    return {(one["kind"], one["value"]): one for one in found}


def _identities(row: Row | Refusal) -> list[tuple[str, str]]:
    by_email = (IdentityKind.EMAIL.value, row.email)
    if isinstance(row, Refusal):
        return [by_email]
    others = row.person.identities
    return [by_email, *((kind.value, value) for kind, value in others if kind is IdentityKind.EXTERNAL)]


def _stored(row: Row | Refusal, known: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any] | None:
    return next((known[pair] for pair in _identities(row) if pair in known), None)


def _filling(row: Row, stored: dict[str, Any] | None) -> Row:
    """The row without what is known already."""
    if stored is None:
        return row
    person = replace(
        row.person,
        language="" if stored["language"] else row.person.language,
        time_zone="" if stored["time_zone"] else row.person.time_zone,
        attributes={
            name: value
            for name, value in row.person.attributes.items()
            if stored["attributes"].get(name) is None
        },
    )
    return replace(row, person=person)


def _record(
    workspace_id: int, claimed: Claimed, saved: Sequence[UUID], leaving: Sequence[UUID], now: datetime
) -> int:
    """Write the consents that the file claims and the refusals that it reports. Returns whose earlier no stands."""
    said = _refusals(workspace_id, claimed, leaving)
    refusing: set[UUID] = set()
    claim = claimed.plan.claim
    if claim is not None:
        refusing = consent.refusers(workspace_id, claim.purpose, Channel(claim.channel), list(saved))
        noes = refusing.union(leaving)
        said += [_grant(claimed, claim, who, now) for who in saved if who not in noes]
    people.record_statements(workspace_id, said, now=now)
    return len(refusing)


def _grant(claimed: Claimed, claim: Claim, who: UUID, now: datetime) -> Statement:
    collected_at = min(datetime.combine(claim.collected_on, time(), UTC), now)
    evidence = Evidence(
        source=claim.source,
        wording=claim.wording,
        detail={"collector": claim.collector, "import": str(claimed.id)},
    )
    return Statement(who, claim.purpose, Channel(claim.channel), Act.GRANTED, evidence, collected_at)


def _refusals(workspace_id: int, claimed: Claimed, leaving: Sequence[UUID]) -> list[Statement]:
    """No to every marketing purpose, for those whom the file calls unsubscribed."""
    if not leaving:
        return []
    evidence = Evidence(source="import: opt-out column", detail={"import": str(claimed.id)})
    return [
        Statement(who, purpose.code, Channel.EMAIL, consent_actions.refusal(purpose), evidence)
        for purpose in consent.purposes(workspace_id)
        if purpose.is_marketing
        for who in leaving
    ]
