"""Reading CSV of any origin: encoding and delimiter are found out, records are read in portions of bounded size.

Cells are text and stay text: a formula is never evaluated. What a cell means is decided in `columns` and `rows`.
"""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from parcours.contacts.importing.errors import UnreadableFile

DELIMITERS = (",", ";", "\t")
MAX_BYTES = 50 * 1024 * 1024
MAX_COLUMNS = 200
LONGEST_CELL = 10_000
SAMPLE_BYTES = 256 * 1024
# A stray quote swallows what follows up to this length; a small bound keeps a file full of them readable in linear time.
csv.field_size_limit(LONGEST_CELL)


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the file. `line` is where it begins, counted from 1 as an editor does."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Portion:
    """Consecutive records, the lines that could not be read, and how many bytes and lines they took."""

    records: list[Record]
    unreadable: list[int]
    consumed: int
    lines: int


def to_utf8(content: bytes) -> tuple[bytes, str]:
    """The content as UTF-8 without a byte order mark, and the encoding that it was in. Raises UnreadableFile."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(content, "utf-16").encode(), "utf-16"
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return _decoded(content, "cp1252").encode(), "cp1252"
    return content, "utf-8"


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            _("The encoding of this file is unknown."), field="file", hint=_("Save it as “CSV UTF-8”.")
        ) from error


def sniff_delimiter(content: bytes) -> str:
    """The delimiter under which the first records have the most columns, all of them alike; a comma when there is one column."""

    def fit(delimiter: str) -> tuple[bool, int]:
        widths = [len(record.cells) for record in _first(content, delimiter, 20)]
        return len(set(widths)) == 1, min(widths, default=0)

    fits = {delimiter: fit(delimiter) for delimiter in DELIMITERS}
    wide = [delimiter for delimiter in DELIMITERS if fits[delimiter][1] > 1]
    return max(wide, key=lambda one: fits[one], default=",")


def header_and_sample(content: bytes, delimiter: str, rows: int) -> tuple[list[str], list[Record]]:
    """The column names and the first rows. Raises UnreadableFile when there is no header or too many columns."""
    records = _first(content, delimiter, rows + 1)
    if not records or not any(cell.strip() for cell in records[0].cells):
        raise UnreadableFile(
            _("This file has no header line."), field="file", hint=_("Name the columns in line 1.")
        )
    header = [cell.strip() for cell in records[0].cells]
    if len(header) > MAX_COLUMNS:
        raise UnreadableFile(
            _("This file has more than %(limit)s columns.") % {"limit": MAX_COLUMNS}, field="file"
        )
    if any("\x00" in cell for cell in header):
        raise UnreadableFile(_("This file is not text."), field="file", hint=_("Export it as CSV."))
    return header, records[1:]


def _first(content: bytes, delimiter: str, count: int) -> list[Record]:
    sample = content[:SAMPLE_BYTES]
    return read(sample, 1, delimiter, count, is_last=len(content) <= SAMPLE_BYTES).records


def read(data: bytes, line: int, delimiter: str, limit: int, *, is_last: bool) -> Portion:
    """Read up to `limit` records from UTF-8 bytes that begin at a record. Without `is_last`, a record cut off at the end is left.

    A row whose quotes are wrong costs its own line and no other.
    """
    lines = data.splitlines(keepends=True)
    if not is_last and lines:
        lines.pop()
    records: list[Record] = []
    unreadable: list[int] = []
    taken = 0
    while taken < len(lines) and len(records) < limit:
        start, failure = taken, None
        try:
            for cells, end in _records(lines, start, delimiter):
                if any(cells):
                    records.append(Record(line + taken, cells))
                taken = end
                if len(records) == limit:
                    break
        except csv.Error as error:
            failure = error
        if failure is None:
            continue
        if _is_cut_off(failure) and not is_last and taken > 0:
            break
        unreadable.append(line + taken)
        taken += 1
    return Portion(records, unreadable, sum(map(len, lines[:taken])), taken)


def _records(lines: list[bytes], start: int, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """The records from line `start` on, each with the index of the line after it."""
    reader = csv.reader((line.decode() for line in lines[start:]), delimiter=delimiter, strict=True)
    for cells in reader:
        yield cells, start + reader.line_num


def _is_cut_off(error: csv.Error) -> bool:
    return "unexpected end of data" in str(error)
