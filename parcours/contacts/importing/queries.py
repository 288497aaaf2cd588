"""Reads about imports: one, the recent ones, the plan, the refused rows. Nothing here reads a file's content but `preview`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from parcours.contacts.importing import columns, profiles, reading
from parcours.contacts.importing.columns import Column, DateOrder
from parcours.contacts.models import Import, ImportRefusal
from parcours.contacts.queries import attributes
from parcours.contacts.types import AttributeType, ImportState
from parcours.kernel import sql
from parcours.kernel.errors import NotFound

statements = sql.load("parcours.contacts")
PREVIEW_ROWS = 20
SAMPLE_ROWS = 1000


@dataclass(frozen=True)
class Preview:
    """The first rows of a file, and what its columns are taken for. `product`: whose export it is, if that is known."""

    rows: list[list[str]]
    columns: tuple[Column, ...]
    delimiter: str
    date_order: DateOrder | None
    has_ambiguous_dates: bool
    product: str = ""


@dataclass(frozen=True)
class Pace:
    """How fast an import runs: rows a second, and the time left (None before there is a pace)."""

    rate: float
    left: timedelta | None


def imports(workspace_id: int) -> QuerySet[Import]:
    """Imports without their content, newest first."""
    return Import.objects.filter(workspace_id=workspace_id).defer("content").order_by("-created_at", "-id")


def import_of(workspace_id: int, import_id: UUID | str) -> Import:
    """One import, without its content; NotFound when there is none here."""
    try:
        return imports(workspace_id).get(pk=import_id)
    except (Import.DoesNotExist, ValidationError) as error:
        raise NotFound(_("There is no such import.")) from error


def preview(workspace_id: int, run: Import) -> Preview:
    """The first rows with a proposal for each column. Raises NotFound when the content is gone already."""
    beginning = statements.import_slice.scalar(
        workspace_id=workspace_id, id=run.pk, after=0, size=reading.SAMPLE_BYTES + 1
    )
    if not beginning:
        raise NotFound(_("The content of this file is not kept any more."))
    delimiter = run.options["delimiter"]
    header, records = reading.header_and_sample(bytes(beginning), delimiter, SAMPLE_ROWS)
    rows = [record.cells for record in records]
    known = [
        columns.Known(one.name, AttributeType(one.type), (one.label_fr, one.label_en))
        for one in attributes(workspace_id)
    ]
    profile = profiles.recognised(header)
    guessed = columns.guess(header, rows, known, profile.stated(header) if profile else None)
    dates = list(_dates(guessed, rows))
    order = columns.date_order(dates)
    return Preview(
        rows[:PREVIEW_ROWS],
        guessed,
        delimiter,
        order,
        order is None and columns.needs_date_order(dates),
        profile.product if profile else "",
    )


def _dates(guessed: tuple[Column, ...], rows: list[list[str]]) -> Iterator[str]:
    places = [position for position, column in enumerate(guessed) if column.type is AttributeType.DATE]
    for row in rows:
        for position in places:
            if position < len(row):
                yield row[position]


def refusals(run: Import) -> QuerySet[ImportRefusal]:
    """The rows that were not taken in, in the order of the file."""
    return ImportRefusal.objects.filter(workspace_id=run.workspace_id, run=run).order_by("line", "id")


def pace(run: Import, now: datetime) -> Pace:
    """How fast a running import is and when it will be done."""
    if run.state != ImportState.RUNNING.value or run.started_at is None or not run.position:
        return Pace(0.0, None)
    seconds = max((now - run.started_at).total_seconds(), 0.001)
    rate = run.position / seconds
    return Pace(rate, timedelta(seconds=round((run.total - run.position) / rate)))
