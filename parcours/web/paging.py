"""Long lists by keyset: the next page starts after the last row shown, so that a page costs the same wherever it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)
SIZE = 50


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows of one page. `next` is the `after` parameter of the page that follows, '' on the last one."""

    rows: list[Row]
    next: str
    is_first: bool


def newest_first(rows: QuerySet[Row], field: str, after: str, size: int = SIZE) -> Page[Row]:
    """One page ordered by an instant, newest first, then by primary key. A damaged `after` gives the first page."""
    position = parse(after)
    if position is not None:
        at, key = position
        rows = rows.filter(Q(**{f"{field}__lt": at}) | Q(**{field: at, "pk__lt": key}))
    found = list(rows.order_by(f"-{field}", "-pk")[: size + 1])
    last = found[size - 1] if len(found) > size else None
    following = f"{getattr(last, field).isoformat()}~{last.pk}" if last else ""
    return Page(found[:size], following, position is None)


def parse(after: str) -> tuple[datetime, str] | None:
    """The instant and the key that `after` names, or None."""
    at, _, key = after.partition("~")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (instant, key) if key and instant.tzinfo else None
