"""An order comes in, the right mails go out: through journeys, gate and sender to a mail server, with a clock of our own."""

from datetime import UTC, datetime
from email.message import EmailMessage
from uuid import UUID

import pytest

from parcours.accounts.types import SYSTEM
from parcours.consent.types import Act
from parcours.delivery import queries
from parcours.delivery.models import Message
from parcours.events import actions as events
from parcours.events.types import NewEvent
from parcours.journeys import actions as journeys
from parcours.journeys import recipes
from parcours.kernel import tenancy
from tests.delivery.post import Post
from tests.settling import settle

ORDER = {
    "order_id": "A-1001",
    "total": 49.9,
    "currency": "EUR",
    "products": [{"sku": "MUG", "name": "Grande tasse", "price": 24.95, "quantity": 2}],
}


@pytest.fixture
def post(post: Post, now: datetime) -> Post:
    """A shop with its first journeys."""
    with tenancy.scope(workspace_id=post.shop.id):
        for slug in ("post-purchase", "first-purchase"):
            recipes.install(post.shop.id, slug, actor=SYSTEM, now=now)
    return post


def orders(post: Post, who: UUID, **changes: object) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        told = NewEvent(who, "Order Completed", {**ORDER, **changes}, at=post.now)
        events.append(post.shop.id, [told], now=post.now)


def work(post: Post, messages: int) -> None:
    """What the workers do, until that many messages have been queued in all; then the sender."""
    settle(post.shop.id)
    journeys.enter(post.shop.id, now=post.now)
    journeys.tick(post.shop.id, now=post.now)
    with tenancy.scope(workspace_id=post.shop.id):
        assert Message.objects.count() == messages
    post.send()


def subjects(post: Post) -> list[str]:
    return sorted(str(mail["Subject"]) for mail in post.arrived)


def parts(mail: EmailMessage) -> tuple[str, str]:
    text, html = (str(part.get_content()) for part in mail.iter_parts())
    return text, html


def test_order_is_confirmed_and_the_coupon_goes_only_with_consent(post: Post) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        julie, marc = post.shop.person("Julie"), post.shop.person("Marc", language="en")
        post.shop.says(julie, "promotions", Act.GRANTED)
    orders(post, julie)
    orders(post, marc, order_id="A-1002")
    work(post, 4)
    by_person = {(str(mail["To"]), str(mail["Subject"])): mail for mail in post.arrived}
    assert sorted(by_person) == [
        ("julie@example.com", "20 % pour votre prochaine commande"),
        ("julie@example.com", "Votre commande A-1001 est confirmée"),
        ("marc@example.com", "Your order A-1002 is confirmed"),
    ]
    text, html = parts(by_person["julie@example.com", "Votre commande A-1001 est confirmée"])
    for part in (text, html):
        assert "Grande tasse" in part
        assert "Julie" in part
        assert "49,90" in part
    with tenancy.scope(workspace_id=post.shop.id):
        [withheld] = [
            row for row in queries.messages_of_contact(post.shop.id, marc) if row.state == "withheld"
        ]
        assert (withheld.purpose, [reason["code"] for reason in withheld.reasons]) == (
            "promotions",
            ["no_consent"],
        )


def test_same_order_twice_is_confirmed_once(post: Post) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        julie = post.shop.person("Julie")
    orders(post, julie)
    orders(post, julie)
    work(post, 1)
    work(post, 1)
    assert subjects(post) == ["Votre commande A-1001 est confirmée"]


def test_order_at_night_is_confirmed_at_once_and_the_coupon_waits_for_the_morning(post: Post) -> None:
    post.now = datetime(2026, 3, 10, 22, 0, tzinfo=UTC)
    with tenancy.scope(workspace_id=post.shop.id):
        julie = post.shop.person("Julie")
        post.shop.says(julie, "promotions", Act.GRANTED)
    orders(post, julie)
    work(post, 2)
    assert subjects(post) == ["Votre commande A-1001 est confirmée"]
    post.now = datetime(2026, 3, 11, 7, 0, tzinfo=UTC)
    post.send()
    assert subjects(post) == ["20 % pour votre prochaine commande", "Votre commande A-1001 est confirmée"]


def test_withdrawing_while_the_message_waits_stops_it(post: Post) -> None:
    post.now = datetime(2026, 3, 10, 22, 0, tzinfo=UTC)
    with tenancy.scope(workspace_id=post.shop.id):
        julie = post.shop.person("Julie")
        post.shop.says(julie, "promotions", Act.GRANTED)
    orders(post, julie)
    work(post, 2)
    post.now = datetime(2026, 3, 11, 7, 0, tzinfo=UTC)
    with tenancy.scope(workspace_id=post.shop.id):
        post.shop.says(julie, "promotions", Act.WITHDRAWN, post.now)
    post.send()
    assert subjects(post) == ["Votre commande A-1001 est confirmée"]
    with tenancy.scope(workspace_id=post.shop.id):
        [row] = queries.list_messages(post.shop.id, state="withheld")
        assert [reason["code"] for reason in row.reasons] == ["consent_withdrawn"]
