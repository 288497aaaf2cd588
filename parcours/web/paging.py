"""Long lists by keyset: the next page starts after the last row shown, so that a page costs the same wherever it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet

Row = TypeVar("Row")
Stored = TypeVar("Stored", bound=Model)
SIZE = 50


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows of one page. `next` is the `after` parameter of the page that follows, '' on the last one."""

    rows: list[Row]
    next: str
    is_first: bool


def newest_first(rows: QuerySet[Stored], field: str, after: str, size: int = SIZE) -> Page[Stored]:
    """One page ordered by an instant, newest first, then by primary key. A damaged `after` gives the first page."""
    rest = older(rows, field, "pk", after)
    found = list((rows if rest is None else rest).order_by(f"-{field}", "-pk")[: size + 1])
    return cut(found, size, lambda last: place(getattr(last, field), last.pk), is_first=rest is None)


def cut(found: Sequence[Row], size: int, spell: Callable[[Row], str], *, is_first: bool) -> Page[Row]:
    """One page of rows, of which one more was asked for: only then there is a next page. `spell` says where a row stands."""
    following = spell(found[size - 1]) if len(found) > size else ""
    return Page(list(found[:size]), following, is_first)


def place(at: datetime, key: object) -> str:
    """The place of a row in a list ordered by an instant and a key, for an address."""
    return f"{at.isoformat()}~{key}"


def older(rows: QuerySet[Stored], field: str, key_field: str, after: str) -> QuerySet[Stored] | None:
    """The rows after a place, or None when it is damaged or empty: whatever an address says, it is no error."""
    at, _, text = after.partition("~")
    column = rows.model._meta.pk if key_field == "pk" else rows.model._meta.get_field(key_field)
    assert isinstance(column, Field)
    try:
        instant, key = datetime.fromisoformat(at), column.to_python(text or None)
        if key is None or instant.tzinfo is None:
            return None
        instant = instant.astimezone(UTC)  # PostgreSQL takes no zone as far from it as ISO 8601 does
    except (ValueError, OverflowError, ValidationError):
        return None
    return rows.filter(Q(**{f"{field}__lt": instant}) | Q(**{field: instant, f"{key_field}__lt": key}))
