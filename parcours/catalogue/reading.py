"""What a fact about a product may look like, and the one form in which it is kept.

One way of reading for what the shop states (a wrong fact refuses the product, with its field) and for what events show (a wrong
fact is left out). Not here: who may state something (`actions`), finding facts in the log (`seen`).
"""

import json
import math
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _

from parcours.catalogue.errors import InvalidProduct
from parcours.catalogue.types import Facts
from parcours.contacts.identities import has_control_characters, shown
from parcours.events.tokens import is_web_address

MAX_ID = 200
MAX_ATTRIBUTES = 50
MAX_ATTRIBUTES_SIZE = 8_000
MAX_ATTRIBUTES_DEPTH = 4
HIGHEST_PRICE = Decimal(10) ** 9
RESERVED_IDS = frozenset({"batch"})
"""`/products/batch` is an address of its own."""

_LARGEST_NUMBER, _SMALLEST_NUMBER = 10**30, 1e-15  # jsonb keeps a number with all its digits
_SMALLEST = Decimal("0.0001")
_URL_SAFE = "%/:?#[]@!$&'()*+,;=~"


def product_id(value: Any) -> str:
    """The shop's id as it is kept. A whole number is one, too."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30:
        value = str(value)
    text = value.strip() if isinstance(value, str) else ""
    if not 1 <= len(text) <= MAX_ID or has_control_characters(text) or text in RESERVED_IDS:
        raise InvalidProduct(
            _("A product's id is a plain text of 1 to %(limit)s characters, and not “batch”.")
            % {"limit": MAX_ID},
            field="product_id",
        )
    return text


def stated(values: Mapping[str, Any], currency: str) -> Facts:
    """What somebody states of a product, its amounts in `currency` unless they name one. Raises InvalidProduct."""
    facts = {name: read(values[name]) for name, read in READERS.items() if values.get(name) is not None}
    if not facts.get("name"):
        raise InvalidProduct(_("A product needs a name."), field="name")
    if facts.get("price") is None:
        facts["currency"] = ""
    else:
        facts["currency"] = facts.get("currency") or currency
    return Facts(**facts)


def shown_by_event(values: Mapping[str, Any], currency: str) -> dict[str, str]:
    """The facts that an event shows and that can be kept, as text; whatever else it holds is left out."""
    facts: dict[str, str] = {}
    for name in ("name", "url", "image_url", "price", "category", "brand"):
        value = _or_none(READERS[name], values.get(name))
        if value is not None and value != "":
            facts[name] = str(value)
    if "price" in facts:
        facts["currency"] = _or_none(READERS["currency"], values.get("currency")) or currency
    return facts


def _or_none(read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return None if value is None else read(value)
    except InvalidProduct:
        return None


def _line(field: str, limit: int) -> Callable[[Any], str]:
    """A reader of one line of plain text."""

    def read(value: Any) -> str:
        text = " ".join(value.split()) if isinstance(value, str) else None
        if text is None or len(text) > limit or has_control_characters(text):
            raise InvalidProduct(
                _("A plain text of at most %(limit)s characters.") % {"limit": limit}, field=field
            )
        return text

    return read


def _address(field: str) -> Callable[[Any], str]:
    """A reader of a web address; letters beyond ASCII are kept as the wire has them."""

    def read(value: Any) -> str:
        if value == "":
            return ""
        text = value.strip() if isinstance(value, str) and len(value) <= 2000 else ""
        address = "" if has_control_characters(text) else quote(text, safe=_URL_SAFE)
        if len(address) > 2000 or not is_web_address(address):
            raise InvalidProduct(
                _("“%(url)s” is not a web address.") % {"url": shown(str(value))},
                field=field,
                hint=_("Begin it with https:// or http://."),
            )
        return address

    return read


def _price(value: Any) -> Decimal:
    amount = _number(value)
    if amount is None or not amount.is_finite() or not 0 <= amount < HIGHEST_PRICE:
        raise InvalidProduct(
            _("A price is a number from 0 to below %(highest)s, such as 12.50.") % {"highest": HIGHEST_PRICE},
            field="price",
        )
    return amount.quantize(_SMALLEST, ROUND_HALF_UP)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        return None if isinstance(value, str) and len(value) > 40 else Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None


def _currency(value: Any) -> str:
    code = value.strip().upper() if isinstance(value, str) else None
    if code is None or (code and not (len(code) == 3 and code.isascii() and code.isalpha())):
        raise InvalidProduct(
            _("A currency is three letters, such as EUR (ISO 4217)."),
            field="currency",
        )
    return code


def _in_stock(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidProduct(_("Yes, no or unknown (true, false or null)."), field="in_stock")
    return value


def _attributes(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not _is_plain(value, MAX_ATTRIBUTES_DEPTH) or not _is_small(value):
        raise InvalidProduct(
            _("An object of at most %(count)s names, %(depth)s levels deep and %(size)s bytes long.")
            % {"count": MAX_ATTRIBUTES, "depth": MAX_ATTRIBUTES_DEPTH, "size": MAX_ATTRIBUTES_SIZE},
            field="attributes",
        )
    return dict(value)


def _is_small(value: Mapping[str, Any]) -> bool:
    return len(value) <= MAX_ATTRIBUTES and len(json.dumps(value)) <= MAX_ATTRIBUTES_SIZE


def _is_plain(value: Any, depth: int) -> bool:
    """Whether it is JSON that can be stored: no control characters, no number that is none, not nested deeply."""
    if isinstance(value, str):
        return not has_control_characters(value.replace("\n", " ").replace("\t", " "))
    if isinstance(value, float):
        return math.isfinite(value) and (value == 0 or _SMALLEST_NUMBER < abs(value) < _LARGEST_NUMBER)
    if isinstance(value, int):
        return abs(value) < _LARGEST_NUMBER
    if isinstance(value, Mapping):
        return depth > 0 and all(
            isinstance(name, str) and _is_plain(name, 0) and _is_plain(each, depth - 1)
            for name, each in value.items()
        )
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(each, depth - 1) for each in value)
    return value is None


READERS: dict[str, Callable[[Any], Any]] = {
    "name": _line("name", 300),
    "url": _address("url"),
    "image_url": _address("image_url"),
    "price": _price,
    "currency": _currency,
    "category": _line("category", 300),
    "brand": _line("brand", 200),
    "in_stock": _in_stock,
    "attributes": _attributes,
}
