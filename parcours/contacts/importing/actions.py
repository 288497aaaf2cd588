"""The life of an import: uploaded, its plan confirmed, taken in portion by portion, finished, cancelled or failed.

All run in the caller's scope. Not here: saving a portion's people, which is also events and consent (`events.importing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from parcours.accounts.actions import record_audit
from parcours.accounts.models import Workspace
from parcours.accounts.types import Actor
from parcours.contacts import identities
from parcours.contacts.actions import declare_attribute
from parcours.contacts.importing import plan as plans
from parcours.contacts.importing import queries, reading
from parcours.contacts.importing.columns import Target
from parcours.contacts.importing.errors import FileTooLarge, UnreadableFile, WrongState
from parcours.contacts.importing.plan import Plan
from parcours.contacts.importing.reading import Place, Portion
from parcours.contacts.importing.rows import Reader, Refusal, Row
from parcours.contacts.models import Import
from parcours.contacts.queries import declared_attributes
from parcours.contacts.types import ImportState
from parcours.kernel import sql
from parcours.kernel.errors import DomainError

statements = sql.load("parcours.contacts")
PORTION_ROWS = 5_000
OVERVIEW_ROWS = 50_000
TOO_MANY_UNREADABLE = 10_000
"""From so many lines that cannot be read on, when they are the greater part, a file is in a format of its own."""
LONGEST_SHOWN = 200
DUPLICATE = "duplicate"
DUPLICATE_OPTED_OUT = "duplicate_opted_out"
"""The last row of an address counts, but none of them takes back that another one says no."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An import that this transaction holds."""

    id: UUID
    options: dict[str, Any]
    total: int
    position: int
    offset: int
    line: int
    size: int

    @property
    def plan(self) -> Plan:
        return plans.from_json(self.options["plan"])


@dataclass(frozen=True, slots=True)
class Taken:
    """What a portion came to."""

    created: int = 0
    updated: int = 0
    skipped: int = 0
    suppressed: int = 0
    refusing: int = 0


def upload(workspace_id: int, file_name: str, content: bytes, *, actor: Actor, now: datetime) -> Import:
    """Keep a file. Its encoding and delimiter are found out; nothing is taken in before a plan is confirmed.

    Raises FileTooLarge, UnreadableFile.
    """
    if len(content) > reading.MAX_BYTES:
        raise FileTooLarge(
            _("A file has at most %(limit)s MB.") % {"limit": reading.MAX_BYTES // 1024**2},
            field="file",
            hint=_("Split it: the header line begins each part."),
        )
    text, encoding = reading.to_utf8(content)
    delimiter = reading.sniff_delimiter(text)
    reading.header_and_sample(text, delimiter, 1)
    reading.check_has_rows(text, delimiter)
    run = Import.objects.create(
        workspace_id=workspace_id,
        file_name=identities.shown(file_name) or "import.csv",
        content=text,
        options={"encoding": encoding, "delimiter": delimiter},
        actor=actor.label[:200],
        created_at=now,
    )
    _audit(run, "uploaded", {"file": run.file_name, "bytes": len(content)}, actor, now)
    return run


def confirm(workspace_id: int, run: Import, plan: Plan, *, actor: Actor, now: datetime) -> None:
    """Fix the plan, declare the attributes that it adds, and let workers begin. Raises BadPlan, WrongState."""
    preview = queries.preview(workspace_id, run)
    zone = Workspace.objects.values_list("time_zone", flat=True).get(pk=workspace_id)
    today = now.astimezone(ZoneInfo(zone)).date()
    plans.check(plan, has_ambiguous_dates=preview.has_ambiguous_dates, today=today)
    try:
        with transaction.atomic():  # nothing of it stays when an attribute cannot be declared
            _move(run, (ImportState.UPLOADED,), ImportState.MAPPED)
            _declare(workspace_id, plan, actor, now)
    except DomainError:
        run.refresh_from_db(fields=["state"])
        raise
    run.options = run.options | {"plan": plan.to_json()}
    run.save(update_fields=["options"])
    _audit(run, "confirmed", {"file": run.file_name, "plan": run.options["plan"]}, actor, now)


def _declare(workspace_id: int, plan: Plan, actor: Actor, now: datetime) -> None:
    """The attributes that a plan adds."""
    declared = declared_attributes(workspace_id)
    for column in plan.columns:
        if column.target is Target.ATTRIBUTE and column.name not in declared:
            declare_attribute(
                workspace_id,
                column.name,
                column.type,
                label_fr=column.header[:120],
                label_en=column.header[:120],
                actor=actor,
                now=now,
            )


def cancel(run: Import, *, actor: Actor, now: datetime) -> None:
    """Stop an import where it is. What was taken in stays; the rest of the content is thrown away. Raises WrongState."""
    _move(run, (ImportState.UPLOADED, ImportState.MAPPED, ImportState.RUNNING), ImportState.CANCELLED)
    _end(run.workspace_id, run.pk, now)
    _audit(run, "cancelled", {"file": run.file_name}, actor, now)


def _move(run: Import, before: Sequence[ImportState], after: ImportState) -> None:
    moved = Import.objects.filter(
        workspace_id=run.workspace_id, pk=run.pk, state__in=[state.value for state in before]
    ).update(state=after.value)
    if not moved:
        raise WrongState(_("This import is past that point."), hint=_("Reload the page to see where it is."))
    run.state = after.value


def _audit(run: Import, action: str, detail: dict[str, Any], actor: Actor, now: datetime) -> None:
    record_audit(
        run.workspace_id,
        actor=actor,
        action=action,
        subject="import",
        subject_id=run.pk,
        detail=detail,
        now=now,
    )


def unread(workspace_id: int) -> Claimed | None:
    """The next import whose file is to be read, which no other worker does until the transaction ends; its row stays free."""
    return statements.unread_import.row(Claimed, workspace_id=workspace_id)


def claim(workspace_id: int) -> Claimed | None:
    """The next import to take a portion from, held until the transaction ends; None when there is none, or others hold them."""
    return statements.claim_import.row(Claimed, workspace_id=workspace_id)


def prepare(workspace_id: int, claimed: Claimed, *, now: datetime) -> None:
    """Read the file once: count its rows, and refuse every row whose address comes again further down (the last one wins).

    Writes at the end only, so that neither a person who cancels nor a consumer of the log waits while a large file is read.
    """
    header = reading.beginning(
        _slice(workspace_id, claimed, 0, reading.SAMPLE_BYTES + 1), claimed.plan.delimiter, 1
    )
    first = Place().past(header)
    try:
        total, superseded = _overview(workspace_id, claimed, first)
    except UnreadableFile:
        if _is_waiting(workspace_id, claimed):
            raise
        return
    begun = Import.objects.filter(
        workspace_id=workspace_id, pk=claimed.id, state=ImportState.MAPPED.value
    ).update(
        state=ImportState.RUNNING.value,
        started_at=now,
        total=total,
        offset=first.offset,
        line=first.line,
        refused_count=len(superseded),
    )
    if begun:  # it was not cancelled meanwhile
        refuse(workspace_id, claimed.id, superseded)


def _is_waiting(workspace_id: int, claimed: Claimed) -> bool:
    return Import.objects.filter(
        workspace_id=workspace_id, pk=claimed.id, state=ImportState.MAPPED.value
    ).exists()


def _overview(workspace_id: int, claimed: Claimed, place: Place) -> tuple[int, list[Refusal]]:
    """How many rows there are from a place on, and those whose address comes again."""
    reader = Reader(claimed.plan.only(Target.EMAIL, Target.OPT_OUT, Target.OPTED_OUT_AT), [])
    total = unreadable = 0
    last_seen: dict[int, int] = {}
    opted_out: set[int] = set()
    superseded: list[Refusal] = []
    while place.offset < claimed.size:
        portion = _portion(workspace_id, claimed, place, OVERVIEW_ROWS)
        total, unreadable = total + portion.rows, unreadable + len(portion.unreadable)
        if unreadable > max(TOO_MANY_UNREADABLE, total // 2):
            raise UnreadableFile(
                _("Most lines of this file cannot be read: their quotation marks do not match.")
            )
        for row in map(reader.read, portion.records):
            if not row.email:  # it is refused later
                continue
            before = last_seen.get(hash(row.email))
            if before is not None:
                code = DUPLICATE_OPTED_OUT if before in opted_out else DUPLICATE
                superseded.append(Refusal(before, code, row.email))
            last_seen[hash(row.email)] = row.line
            if row.opted_out:
                opted_out.add(row.line)
        place = place.past(portion)
    return total, superseded


def portion(workspace_id: int, claimed: Claimed) -> Portion:
    """The records from where the import stands."""
    return _portion(workspace_id, claimed, Place(claimed.offset, claimed.line), PORTION_ROWS)


def _portion(workspace_id: int, claimed: Claimed, place: Place, rows: int) -> Portion:
    def source(after: int, size: int) -> bytes:
        return _slice(workspace_id, claimed, after, size)

    return reading.portion(source, claimed.size, place, claimed.plan.delimiter, rows)


def _slice(workspace_id: int, claimed: Claimed, after: int, size: int) -> bytes:
    """Some bytes of the content; none when the import was cancelled."""
    found = statements.import_slice.scalar(workspace_id=workspace_id, id=claimed.id, after=after, size=size)
    return bytes(found or b"")


def superseded_lines(workspace_id: int, claimed: Claimed, portion: Portion) -> set[int]:
    """The lines of a portion that `prepare` refused as duplicates."""
    if not portion.records:
        return set()
    rows = statements.superseded_lines.records(
        workspace_id=workspace_id,
        id=claimed.id,
        first=portion.records[0].line,
        last=portion.records[-1].line,
    )
    return {row["line"] for row in rows}


def opted_out_before(workspace_id: int, claimed: Claimed, rows: Sequence[Row]) -> set[str]:
    """The addresses of these rows that opt out in a row further up."""
    wanted = {row.email[:LONGEST_SHOWN]: row.email for row in rows}
    found = statements.opted_out_before.records(
        workspace_id=workspace_id, id=claimed.id, addresses=list(wanted)
    )
    return {wanted[one["value"]] for one in found}


def refuse(workspace_id: int, import_id: UUID, refused: Sequence[Refusal]) -> None:
    """Write rows into the report, with what was at fault, short enough to be read and without NUL."""
    if refused:
        statements.refuse_rows.run(
            workspace_id=workspace_id,
            id=import_id,
            lines=[one.line for one in refused],
            codes=[one.code for one in refused],
            values=[one.value[:LONGEST_SHOWN].replace("\x00", "�") for one in refused],
        )


def advance(
    workspace_id: int, claimed: Claimed, portion: Portion, taken: Taken, refused: int, *, now: datetime
) -> None:
    """Move on past a portion, and finish behind the last one."""
    statements.advance_import.run(
        workspace_id=workspace_id,
        id=claimed.id,
        rows=portion.rows,
        bytes=portion.consumed,
        lines=portion.lines,
        created=taken.created,
        updated=taken.updated,
        skipped=taken.skipped,
        suppressed=taken.suppressed,
        refusing=taken.refusing,
        refused=refused,
    )
    if claimed.offset + portion.consumed >= claimed.size:
        Import.objects.filter(workspace_id=workspace_id, pk=claimed.id).update(
            state=ImportState.FINISHED.value
        )
        _end(workspace_id, claimed.id, now)


def fail(workspace_id: int, import_id: UUID, failure: str, *, now: datetime) -> None:
    """Stop an import that cannot go on; what was taken in stays, and the report says where it stopped. A cancelled one stays so."""
    live = (ImportState.MAPPED.value, ImportState.RUNNING.value)
    failed = Import.objects.filter(workspace_id=workspace_id, pk=import_id, state__in=live).update(
        state=ImportState.FAILED.value, failure=failure
    )
    if failed:
        _end(workspace_id, import_id, now)


def _end(workspace_id: int, import_id: UUID, now: datetime) -> None:
    """Throw the content away: the people are in the base, the refused rows in the report."""
    Import.objects.filter(workspace_id=workspace_id, pk=import_id).update(content=b"", finished_at=now)
