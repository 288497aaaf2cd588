"""Names and typed values of attributes: what is accepted, and the form in which it is kept (JSON).

Dates are kept as ISO 8601 days (`2026-03-10`), so that they sort as text; numbers as JSON numbers within a double's range.
Not here: the rows that declare attributes (`contacts.actions`).
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from parcours.contacts.errors import InvalidAttribute, InvalidAttributeName
from parcours.contacts.identities import shown
from parcours.contacts.types import AttributeType, Declared

MAX_TEXT = 4000
MAX_CATEGORY = 120
MAX_ITEMS = 200
TOO_LARGE = 10**15
"""Numbers from here on: a double no longer holds all their digits."""
MAX_DECLARED = 300
MAX_DECLARED_BY_WRITE_KEY = 200
"""The rest is for people and servers: nobody uses up a workspace's attributes with a key that anybody can read."""

RESERVED_NAMES = frozenset(
    {"id", "email", "language", "time_zone", "source", "created_at", "updated_at", "lists", "consents"}
)
"""Fields that every contact has; no attribute may be called that."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.{0,30})?")
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def name_of(text: str) -> str:
    """The name under which a trait is kept: `firstName`, `First name` → `first_name`, `Prénom` → `prenom`.

    Raises InvalidAttributeName when none is left.
    """
    spaced = _WORD_BOUNDARY.sub("_", _without_accents(text[:200]))
    name = _NOT_A_WORD.sub("_", spaced.lower()).strip("_")
    if _NAME.fullmatch(name) is None:
        raise InvalidAttributeName(
            _("“%(text)s” cannot name an attribute.") % {"text": shown(text)},
            field=shown(text),
            hint=_("Begin with a letter; use at most 60 letters, digits and underscores."),
        )
    return name


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


def flattened(traits: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Traits as (name, value); an object's members come as `address_city`, one level deep."""
    for key, value in traits.items():
        if isinstance(value, Mapping) and not prefix:
            yield from flattened(value, f"{key}_")
        else:
            yield prefix + key, value


def type_of(name: str, value: Any) -> AttributeType:
    """The type that a value declares by itself; InvalidAttribute for what no attribute can hold."""
    match value:
        case bool():
            return AttributeType.BOOLEAN
        case int() | float():
            return AttributeType.NUMBER
        case str():
            return AttributeType.DATE if _DAY.fullmatch(value) and _day(value) else AttributeType.TEXT
        case date():
            return AttributeType.DATE
        case list() if all(isinstance(item, str) for item in value):
            return AttributeType.LIST
        case _:
            raise InvalidAttribute(
                _("“%(name)s” holds a value that is neither text, number, date, yes/no nor a list of texts.")
                % {"name": shown(name)},
                field=name,
            )


def list_cell(items: list[str]) -> str:
    """A list as one cell of a table: `S|M`, or JSON where items hold what would part them, so that `items_in` gives them again."""
    text = "|".join(items)
    return text if items_in(text) == items else json.dumps(items, ensure_ascii=False)


def items_in(cell: str) -> list[str]:
    """The items of a cell: texts with commas or bars between, or a list of texts in JSON."""
    if cell.startswith("["):
        try:
            found = json.loads(cell)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list) and all(isinstance(item, str) for item in found):
            return found
    return [item.strip() for item in cell.replace("|", ",").split(",") if item.strip()]


def accepted(attribute: Declared, value: Any) -> Any:
    """The value as it is kept, None to remove it; InvalidAttribute when it is not of the declared type."""
    if value is None:
        return None
    kept = _READERS[attribute.type](value)
    if kept is None:
        raise InvalidAttribute(_fault(attribute, value), field=attribute.name)
    if attribute.type is AttributeType.CATEGORY and attribute.options and kept not in attribute.options:
        raise InvalidAttribute(
            _("“%(name)s” takes one of %(options)s.")
            % {"name": attribute.name, "options": ", ".join(attribute.options)},
            field=attribute.name,
        )
    return kept


def _text(value: Any) -> str | None:
    """A number is written out: many clients send a postal code as one."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > MAX_TEXT or _UNSAFE.search(value):
        return None
    return value


def _category(value: Any) -> str | None:
    text = _text(value)
    return text if text is not None and len(text) <= MAX_CATEGORY else None


def _number(value: Any) -> int | float | None:
    number = _any_number(value)
    return number if number is not None and abs(number) < TOO_LARGE else None


def _any_number(value: Any) -> int | float | None:
    """A number of whatever size."""
    if isinstance(value, str):
        try:
            value = float(value) if len(value) <= 40 else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return None
    return value


def _boolean(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _day(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        return None
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        return None


def _list(value: Any) -> list[str] | None:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        return None
    items = [_category(item) for item in value]
    return None if None in items else [item for item in items if item is not None]


_READERS: dict[AttributeType, Callable[[Any], Any]] = {
    AttributeType.TEXT: _text,
    AttributeType.CATEGORY: _category,
    AttributeType.NUMBER: _number,
    AttributeType.BOOLEAN: _boolean,
    AttributeType.DATE: _day,
    AttributeType.LIST: _list,
}


def _fault(attribute: Declared, value: Any) -> str:
    """Why an attribute does not take a value."""
    named = {"name": attribute.name}
    if attribute.type is AttributeType.NUMBER and _any_number(value) is not None:
        return _("“%(name)s” takes numbers of at most 15 digits; this one is too large.") % named
    texts = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]
    if found := next(filter(None, map(_UNSAFE.search, texts)), None):
        return _("“%(name)s” holds a character that cannot be kept: U+%(code)s.") % {
            **named,
            "code": f"{ord(found[0]):04X}",
        }
    return _("“%(name)s” takes %(wanted)s; “%(value)s” is not.") % {
        **named,
        "wanted": _wanted(attribute.type),
        "value": shown(str(value)),
    }


def _wanted(kind: AttributeType) -> str:
    """What an attribute of this type takes, in the reader's words."""
    match kind:
        case AttributeType.TEXT:
            return _("a text of at most %(limit)s characters") % {"limit": MAX_TEXT}
        case AttributeType.CATEGORY:
            return _("a text of at most %(limit)s characters") % {"limit": MAX_CATEGORY}
        case AttributeType.NUMBER:
            return _("a number")
        case AttributeType.BOOLEAN:
            return _("true or false")
        case AttributeType.DATE:
            return _("a date such as 2026-03-10")
        case AttributeType.LIST:
            return _("a list of at most %(limit)s short texts") % {"limit": MAX_ITEMS}
