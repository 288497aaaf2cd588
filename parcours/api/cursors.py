"""Keyset cursors as opaque text: where the last item of a page stands."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from parcours.kernel.errors import Invalid


class BadCursor(Invalid):
    """This is not a cursor that we gave."""

    code = "bad_cursor"


def spell(at: datetime, identity: object) -> str:
    """The cursor behind an item: its instant and its id."""
    return urlsafe_b64encode(f"{at.isoformat()}|{identity}".encode()).decode().rstrip("=")


def read(text: str) -> tuple[datetime, str]:
    """What `spell` was given."""
    try:
        at, _bar, identity = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition("|")
        instant = datetime.fromisoformat(at)
        instant = instant if instant.tzinfo is None else instant.astimezone(UTC)
    except (Base64Error, ValueError, OverflowError) as error:
        raise BadCursor(_("This is not a cursor of ours."), field="after") from error
    if instant.tzinfo is None or not identity:
        raise BadCursor(_("This is not a cursor of ours."), field="after")
    return instant, identity
