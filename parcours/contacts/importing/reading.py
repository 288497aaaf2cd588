"""Reading CSV of any origin: encoding and delimiter are found out, records are read in portions of bounded size.

Cells are text and stay text: a formula is never evaluated. What a cell means is decided in `columns` and `rows`.
"""

import codecs
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from parcours.contacts.importing.errors import UnreadableFile

DELIMITERS = (",", ";", "\t")
MAX_BYTES = 50 * 1024 * 1024
MAX_COLUMNS = 200
LONGEST_CELL = 32_000
SAMPLE_BYTES = 256 * 1024
PORTION_BYTES = 1024 * 1024
"""How much is read at once. A line that does not end within it is given up."""
# A stray quote swallows what follows up to one of these lengths, and every line of a file may hold one.
csv.field_size_limit(LONGEST_CELL)
LONGEST_RECORD = 500
"""Lines of one record."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the file. `line` is where it begins, counted from 1 as an editor does."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Portion:
    """Consecutive records, the lines that could not be read (each with its code in the report), and what they took of the file."""

    records: list[Record]
    unreadable: dict[int, str]
    consumed: int
    lines: int

    @property
    def rows(self) -> int:
        """How many rows of the file these are."""
        return len(self.records) + len(self.unreadable)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record begins: bytes before it, and its line counted from 1."""

    offset: int = 0
    line: int = 1

    def past(self, portion: Portion) -> "Place":
        """The place behind a portion that began here."""
        return Place(self.offset + portion.consumed, self.line + portion.lines)


Source = Callable[[int, int], bytes]
"""Gives the bytes of a file from an offset on, at most as many as asked for."""


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
        widths = [len(record.cells) for record in beginning(content, delimiter, 20).records]
        return len(set(widths)) == 1, min(widths, default=0)

    fits = {delimiter: fit(delimiter) for delimiter in DELIMITERS}
    wide = [delimiter for delimiter in DELIMITERS if fits[delimiter][1] > 1]
    return max(wide, key=lambda one: fits[one], default=",")


def header_and_sample(content: bytes, delimiter: str, rows: int) -> tuple[list[str], list[Record]]:
    """The column names and the first rows. Raises UnreadableFile when there is no header or too many columns."""
    found = beginning(content, delimiter, rows + 1)
    records = found.records
    is_first = bool(records) and min(found.unreadable, default=records[0].line) >= records[0].line
    if not is_first or not any(cell.strip() for cell in records[0].cells):
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


def check_has_rows(content: bytes, delimiter: str) -> None:
    """Raises UnreadableFile when the header is all there is."""
    if len(content) <= SAMPLE_BYTES and beginning(content, delimiter, 2).rows < 2:
        raise UnreadableFile(_("This file has no lines after the header."), field="file")


def beginning(content: bytes, delimiter: str, count: int) -> Portion:
    """The first records of a file, of which at least the first SAMPLE_BYTES and one more are given if there are as many."""
    return read(content[:SAMPLE_BYTES], 1, delimiter, count, is_last=len(content) <= SAMPLE_BYTES)


def portion(source: Source, size: int, place: Place, delimiter: str, limit: int) -> Portion:
    """The next rows of a file of `size` bytes: some, at most `limit`; none at its end.

    Raises UnreadableFile when the file ends before its size.
    """
    if place.offset >= size:
        return Portion([], {}, 0, 0)
    data = source(place.offset, PORTION_BYTES)
    if not data:
        raise UnreadableFile(_("The content of this file is not kept any more."))
    is_last = place.offset + len(data) >= size
    found = read(data, place.line, delimiter, limit, is_last=is_last)
    if found.consumed:
        return found
    return Portion([], {place.line: "too_long"}, _line_end(source, size, place.offset) - place.offset, 1)


def _line_end(source: Source, size: int, offset: int) -> int:
    """Where the line ends that is at `offset`, read by parts: it may be as long as the file."""
    while offset < size and (data := source(offset, PORTION_BYTES)):
        line = data.splitlines(keepends=True)[0]
        offset += len(line)
        if line.endswith(b"\n") or (line.endswith(b"\r") and source(offset, 1) != b"\n"):
            break
    return offset


def read(data: bytes, line: int, delimiter: str, limit: int, *, is_last: bool) -> Portion:
    """Read up to `limit` rows from UTF-8 bytes that begin at a record. Without `is_last`, a record cut off at the end is left.

    A row whose quotes are wrong costs its own line and no other.
    """
    lines = data.splitlines(keepends=True)
    if lines and not is_last and not lines[-1].endswith(b"\n"):
        lines.pop()
    records: list[Record] = []
    unreadable: dict[int, str] = {}
    taken = 0
    while taken < len(lines) and len(records) + len(unreadable) < limit:
        failure = None
        try:
            for cells, end in _records(lines, taken, delimiter):
                if any(cells):
                    records.append(Record(line + taken, cells))
                taken = end
                if len(records) + len(unreadable) == limit:
                    break
        except csv.Error as error:
            failure = error
        if failure is None:
            continue
        if _is_cut_off(failure) and not is_last and taken > 0:
            break
        unreadable[line + taken] = "unreadable"
        taken += 1
    return Portion(records, unreadable, sum(map(len, lines[:taken])), taken)


def _records(lines: list[bytes], start: int, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """The records from line `start` on, each with the index of the line after it."""
    end = start

    def text() -> Iterator[str]:
        for position in range(start, len(lines)):
            if position - end >= LONGEST_RECORD:
                raise csv.Error("a record of too many lines")
            yield lines[position].decode()

    reader = csv.reader(text(), delimiter=delimiter, strict=True)
    for cells in reader:
        end = start + reader.line_num
        yield cells, end


def _is_cut_off(error: csv.Error) -> bool:
    return "unexpected end of data" in str(error)
