"""Reading a JSON body strictly: UTF-8, no NUL, no half surrogate, no NaN, no number past a double, bounded depth.

PostgreSQL stores none of these, so they are refused at the door, with the place where they stand.
"""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.parser import Parser

from parcours.kernel import json_text
from parcours.kernel.errors import Malformed

MAX_DEPTH = 32
LARGEST = 1e300


class StrictParser(Parser):
    """What ninja calls to read a body."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        return read_json(request.body)  # type: ignore[no-any-return]  # ninja's own type; an array is refused later


def read_json(body: bytes) -> Any:
    """The value of a JSON text, or Malformed with what is wrong and where."""
    try:
        value = json_text.read(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Malformed(_("The body is not UTF-8 (byte %(byte)s).") % {"byte": error.start}) from error
    check_values(value)
    return value


def check_values(value: Any, path: str = "", depth: int = 0) -> None:
    """Raise Malformed for text or numbers that cannot be stored."""
    if depth > MAX_DEPTH:
        raise Malformed(_("The body is nested more than %(limit)s deep.") % {"limit": MAX_DEPTH}, field=path)
    if isinstance(value, str):
        check_text(value, path)
    elif isinstance(value, int | float) and abs(value) > LARGEST:
        raise Malformed(_("This number is too large."), field=path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            check_text(name, path)
            check_values(inner, f"{path}.{name}".lstrip("."), depth + 1)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            check_values(inner, f"{path}.{position}".lstrip("."), depth + 1)


def check_text(text: str, path: str) -> None:
    """Raise Malformed for NUL characters and half surrogates."""
    if not is_storable(text):
        raise Malformed(_("This text holds a character that cannot be stored."), field=path)


def is_storable(text: str) -> bool:
    """False for NUL characters and half surrogates."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
