"""Tables as files for a reader's spreadsheet. Not here: what is in them, how CSV is written (`kernel.tables`)."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.http import StreamingHttpResponse
from django.utils.translation import get_language

from parcours.kernel import tables


def table(rows: Iterable[Sequence[str]], name: str) -> StreamingHttpResponse:
    """The rows as `<name>.csv`, streamed, parted as Excel expects it in the reader's country."""
    delimiter = ";" if get_language() == "fr" else ","
    response = StreamingHttpResponse(
        tables.written(rows, delimiter=delimiter), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def amount(value: Decimal) -> str:
    """A number with the decimal mark of the reader's country: with the other one Excel reads a date or a text."""
    return str(value).replace(".", ",") if get_language() == "fr" else str(value)
