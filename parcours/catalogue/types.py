"""What is known about a product and who says so. No Django here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple


class ProductOrigin(StrEnum):
    """Who says what is known of a product: events that anybody could have sent, the shop's own program, a member.

    seen → api or hand, never back: what is stated, events do not change any more.
    """

    SEEN = "seen"
    API = "api"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a product; empty or None for what is not. `price` and `currency` are known together or not at all."""

    name: str = ""
    url: str = ""
    image_url: str = ""
    price: Decimal | None = None
    currency: str = ""
    category: str = ""
    brand: str = ""
    in_stock: bool | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """What events up to `seen_at` tell of one product: only the facts that they name, as text."""

    product_id: str
    seen_at: datetime
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of products that were handed in together."""

    created: int
    changed: int
    unchanged: int


class Offered(NamedTuple):
    """A product as customers may be shown it."""

    product_id: str
    name: str
    url: str
    image_url: str
    price: Decimal | None
    currency: str
    category: str
    brand: str
    in_stock: bool | None


def shown_price(price: Decimal | None) -> Decimal | None:
    """A price with two decimals, or as many as it needs."""
    if price is None:
        return None
    cents = round(price, 2)
    return cents if cents == price else price.normalize()
