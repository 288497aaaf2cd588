"""Pages of bounded size, and what cursors carry."""

from uuid import UUID

from django.utils.translation import gettext as _

from parcours.api.cursors import BadCursor
from parcours.api.problems import FieldError, Unacceptable

MOST = 200


def page_size(limit: int) -> int:
    """The limit, if a page may have that many items."""
    if not 1 <= limit <= MOST:
        raise Unacceptable([FieldError("limit", _("A page has 1 to %(most)s items.") % {"most": MOST})])
    return limit


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
