"""Pages of bounded size: where one begins, where it is cut, and what the cursor behind it says."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from parcours.api import cursors
from parcours.api.cursors import BadCursor
from parcours.api.problems import FieldError, Unacceptable

Row = TypeVar("Row")
Stored = TypeVar("Stored", bound=Model)
Key = TypeVar("Key")
MOST = 200


def page_size(limit: int) -> int:
    """The limit, if a page may have that many items."""
    if not 1 <= limit <= MOST:
        raise Unacceptable([FieldError("limit", _("A page has 1 to %(most)s items.") % {"most": MOST})])
    return limit


def cut(found: Sequence[Row], size: int, spell: Callable[[Row], str]) -> tuple[Sequence[Row], str | None]:
    """The rows of a page, of which one more was asked for: only then there is a next page, and its cursor."""
    return found[:size], spell(found[size - 1]) if len(found) > size else None


def before(after: str, key_in: Callable[[str], Key]) -> tuple[datetime, Key] | None:
    """Where the page behind this cursor begins, in a list of the newest first; None for the first page."""
    if not after:
        return None
    at, identity = cursors.read(after)
    return at, key_in(identity)


def newest_first(
    rows: QuerySet[Stored], field: str, key_in: Callable[[str], object], after: str, size: int
) -> tuple[Sequence[Stored], str | None]:
    """One page of rows ordered by an instant, then by primary key, and the cursor of the next one."""
    if place := before(after, key_in):
        at, key = place
        rows = rows.filter(Q(**{f"{field}__lt": at}) | Q(**{field: at, "pk__lt": key}))
    found = list(rows.order_by(f"-{field}", "-pk")[: size + 1])
    return cut(found, size, lambda last: cursors.spell(getattr(last, field), last.pk))


def uuid_in(text: str) -> UUID:
    """The id in a cursor."""
    try:
        return UUID(text)
    except ValueError as error:
        raise BadCursor(_("This is not a cursor of ours."), field="after") from error


def int_in(text: str) -> int:
    """The number in a cursor."""
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**63:
        raise BadCursor(_("This is not a cursor of ours."), field="after")
    return int(text)
