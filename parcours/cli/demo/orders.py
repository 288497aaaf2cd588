"""The shop's real orders and refunds, shifted in time so that the last one was yesterday."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
FILE = "online_retail_ii_orders.csv.gz"


@dataclass(frozen=True)
class Order:
    """One order or refund. `at` is UTC; `total` is in pounds, negative for a refund."""

    order_id: str
    at: datetime
    customer: str
    is_refund: bool
    domestic: bool
    distinct_items: int
    quantity: int
    total: Decimal

    @property
    def event_name(self) -> str:
        return "Order Refunded" if self.is_refund else "Order Completed"

    @property
    def properties(self) -> dict[str, Any]:
        """As Segment's e-commerce specification names them; the data set has no product lines."""
        return {
            "order_id": self.order_id,
            "total": float(self.total),
            "currency": "GBP",
            "quantity": self.quantity,
            "distinct_items": self.distinct_items,
        }


def read(last_day: date) -> list[Order]:
    """Every order and refund by time, the last one on `last_day`. Times of day stay what they were in London."""
    rows = list(_rows())
    shift = last_day - max(datetime.fromisoformat(row["ordered_at"]).date() for row in rows)
    return sorted((_order(row, shift) for row in rows), key=lambda order: (order.at, order.order_id))


def _rows() -> Iterator[dict[str, str]]:
    packed = resources.files(__package__).joinpath(FILE)
    with packed.open("rb") as raw, gzip.open(raw, "rt", encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


def _order(row: dict[str, str], shift: timedelta) -> Order:
    local = datetime.fromisoformat(row["ordered_at"]) + shift
    return Order(
        order_id=row["order_id"],
        at=local.replace(tzinfo=LONDON).astimezone(UTC),
        customer=row["customer_id"],
        is_refund=row["kind"] == "refund",
        domestic=row["domestic"] == "True",
        distinct_items=int(row["distinct_items"]),
        quantity=int(row["quantity"]),
        total=Decimal(row["total_gbp"]),
    )
