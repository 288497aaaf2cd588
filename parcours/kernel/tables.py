"""CSV that spreadsheets open as it is meant: marked as UTF-8, and without cells that they would run."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

BOM = "\ufeff"
"""Tells Excel that the file is UTF-8."""

_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")


def harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection). Numbers and telephone numbers stay as they are."""
    bare = text.lstrip("'")  # what has an apostrophe of its own gets another, so that `meant` is sure
    if not bare.startswith(_RUN_BY_SPREADSHEETS) or _PLAIN_NUMBER.fullmatch(bare):
        return text
    return f"'{text}"


def meant(cell: str) -> str:
    """What `harmless` made this cell of; any other cell as it is."""
    if not cell.startswith("'"):
        return cell
    return cell[1:] if harmless(cell[1:]) == cell else cell


def written(rows: Iterable[Sequence[str]], *, delimiter: str = ",", together: int = 500) -> Iterator[str]:
    """The rows as parts of a CSV text, each of some hundred lines; every cell is made harmless."""
    text = StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    text.write(BOM)
    for position, row in enumerate(rows, 1):
        writer.writerow([harmless(cell) for cell in row])
        if position % together == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    if text.tell():
        yield text.getvalue()
