"""A shop begins with events alone, then states what it sells: its confirmations lead to the products' pages, and nowhere else."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from parcours.accounts.types import SYSTEM
from parcours.catalogue import actions, queries, seen
from parcours.catalogue.types import ProductOrigin
from parcours.events import actions as events
from parcours.events.types import NewEvent
from parcours.journeys import actions as journeys
from parcours.journeys import recipes
from parcours.kernel import tenancy
from tests.delivery.post import Post
from tests.settling import settle

MUG = {
    "product_id": "MUG",
    "name": "Grande tasse",
    "price": 24.95,
    "quantity": 2,
    "url": "https://evil.example/mug",
}


@pytest.fixture
def post(post: Post, now: datetime) -> Post:
    """A shop that confirms orders."""
    with tenancy.scope(workspace_id=post.shop.id):
        recipes.install(post.shop.id, "post-purchase", actor=SYSTEM, now=now)
    return post


def confirmation(post: Post, who: UUID, order_id: str) -> str:
    """Somebody orders; the HTML of the mail that arrives."""
    order: dict[str, Any] = {"order_id": order_id, "total": 49.9, "currency": "EUR", "products": [MUG]}
    with tenancy.scope(workspace_id=post.shop.id):
        events.append(post.shop.id, [NewEvent(who, "Order Completed", order, post.now)], now=post.now)
    settle(post.shop.id)
    seen.learn(post.shop.id, now=post.now)
    journeys.enter(post.shop.id, now=post.now)
    journeys.tick(post.shop.id, now=post.now)
    post.send()
    html = next(mail for mail in post.arrived if order_id in str(mail["Subject"])).get_body(("html",))
    assert html is not None
    return str(html.get_content())


def test_confirmation_leads_to_what_the_shop_states(post: Post) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        julie = post.shop.person("Julie")
    first = confirmation(post, julie, "A-1")
    assert "Grande tasse" in first
    assert "evil.example" not in first
    with tenancy.scope(workspace_id=post.shop.id):
        assert queries.product(post.shop.id, "MUG").origin == "seen"
        facts = {"name": "Grande tasse", "url": "https://shop.example/tasse", "price": "24.95"}
        actions.save(post.shop.id, "MUG", facts, origin=ProductOrigin.API, actor=SYSTEM, now=post.now)
    second = confirmation(post, julie, "A-2")
    assert "u=https%3A%2F%2Fshop.example%2Ftasse" in second
    assert "evil.example" not in second
    with tenancy.scope(workspace_id=post.shop.id):
        kept = queries.product(post.shop.id, "MUG")
    assert (kept.origin, kept.url) == ("api", "https://shop.example/tasse")
