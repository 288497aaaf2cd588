"""Learning from the log: which products events show, with which facts. A consumer of events, with its own cursor.

Anybody who reads a write key in the shop's page can send such events, and the log does not tell who did. So what is seen is kept
apart as that (decision 16): it never changes what is stated, and is shown to no customer.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from parcours.catalogue import reading
from parcours.catalogue.actions import currency_of
from parcours.catalogue.errors import InvalidProduct
from parcours.catalogue.types import Seen
from parcours.events import cursor
from parcours.events.types import Span
from parcours.kernel import sql

statements = sql.load(__package__)
CONSUMER = "catalogue"
NAMES = frozenset({
    "Product List Viewed", "Product List Filtered", "Product Clicked", "Product Viewed", "Product Added", "Product Removed",
    "Cart Viewed", "Cart Shared", "Checkout Started", "Order Updated", "Order Completed", "Order Refunded", "Order Cancelled",
    "Product Added to Wishlist", "Product Removed from Wishlist", "Wishlist Product Added to Cart", "Product Shared",
    "Product Reviewed",
})  # fmt: skip
"""Events of Segment's e-commerce specification that are about products."""

SPAN = 2_000
"""Events that are read together, where others wait for our transaction."""
MOST_LINES = 100
"""Products that one event can show; those after are passed over."""
MOST_TOGETHER = 20_000
"""Products that the events of a span show together; those after are passed over, until they are seen again."""
MOST_SEEN = 100_000
"""Products of a workspace that are known from events only: nobody fills it up with a key that anybody can read."""


class Shown(NamedTuple):
    """Facts as an event shows them, whatever they are, and when it happened."""

    identity: Any
    at: datetime
    facts: dict[str, Any]


def learn(workspace_id: int, *, now: datetime, limit: int = SPAN) -> int:
    """Take in the next span of the log; returns how many events it held. Opens its own transaction."""
    with cursor.advance(workspace_id, CONSUMER, limit=limit) as span:
        if span is None:
            return 0
        take_in(workspace_id, span, now=now)
        return span.count


def take_in(workspace_id: int, span: Span, *, now: datetime) -> None:
    """Keep what a span of the log shows of products: two statements, and none when its events are about something else."""
    names = sorted(NAMES.intersection(span.names))
    if not names:
        return
    shown = statements.list_shown.rows(
        Shown,
        workspace_id=workspace_id,
        names=names,
        most_lines=MOST_LINES,
        most_together=MOST_TOGETHER,
        **span.limits,
    )
    seen = together(shown, currency_of(workspace_id), now)
    if seen:
        statements.keep_seen.run(workspace_id=workspace_id, rows=sql.document(seen), most=MOST_SEEN, now=now)


def together(shown: Iterable[Shown], currency: str, now: datetime) -> list[Seen]:
    """What facts that come oldest first say about each product: the newest of each. What cannot be kept is left out."""
    found: dict[str, Seen] = {}
    for one in shown:
        try:
            identity = reading.product_id(one.identity)
        except InvalidProduct:
            continue
        before = found.get(identity)
        facts = reading.shown_by_event(one.facts, currency)
        found[identity] = Seen(identity, min(one.at, now), {**before.facts, **facts} if before else facts)
    return list(found.values())
