"""A year of a shop's segments: what people do and what time does, step by step, under the workers' hands."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from parcours.accounts.models import Workspace
from parcours.consent.models import Purpose
from parcours.consent.types import Act, Channel, Evidence, Statement
from parcours.contacts import actions as contacts
from parcours.events import people
from tests.audiences.crowd import declare
from tests.audiences.shop import LEA, Shop

pytestmark = pytest.mark.django_db(transaction=True)

RULES = {
    "faithful": {"event": "Order Completed", "count": {"at_least": 2}, "within": "180d"},
    "asleep": {
        "all": [{"event": "Order Completed", "last": {"more_than_ago": "90d"}}, {"consent": "promotions"}]
    },
    "wake-up": {
        "all": [
            {"segment": "asleep"},
            {"not": {"list": "do-not-disturb"}},
            {"attribute": "city", "is": "Lyon"},
        ]
    },
}


@pytest.fixture
def shop(workspace: Workspace, now: datetime) -> Shop:
    opened = Shop(workspace, now)
    with opened.scope():
        declare(opened.id, "city", "text")
        Purpose.objects.create(
            workspace_id=opened.id,
            code="promotions",
            name_fr="Promotions",
            name_en="Offers",
            basis="consent",
            is_marketing=True,
        )
        contacts.create_list(opened.id, "do-not-disturb", "Do not disturb", actor=LEA, now=now)
    for slug, rule in RULES.items():
        opened.segment(slug, rule)
    return opened


def says(shop: Shop, who: UUID, act: Act) -> None:
    statement = Statement(who, "promotions", Channel.EMAIL, act, Evidence(source="test"))
    with shop.scope():
        people.record_statements(shop.id, [statement], now=shop.now)


def test_year_of_a_client(shop: Shop) -> None:
    alice = shop.person("alice")
    with shop.scope():
        people.change_attribute(shop.id, [alice], "city", "Lyon", now=shop.now)
    says(shop, alice, Act.GRANTED)

    def where() -> set[str]:
        return {slug for slug in RULES if alice in shop.inside(slug)}

    shop.work(seconds=1)
    assert where() == set()

    shop.happens("Order Completed", alice, total=40)
    shop.work(days=10)
    shop.happens("Order Completed", alice, total=60)
    shop.work(seconds=1)
    assert where() == {"faithful"}

    shop.work(days=89)
    assert where() == {"faithful"}
    shop.work(days=1)  # 90 days after the second order: by time alone
    assert where() == {"faithful", "asleep", "wake-up"}

    with shop.scope():
        people.add_to_list(shop.id, "do-not-disturb", [alice], now=shop.now)
    shop.work(seconds=1)
    assert where() == {"faithful", "asleep"}

    shop.work(days=90)  # the first order has left the window of 180 days
    assert where() == {"asleep"}

    says(shop, alice, Act.WITHDRAWN)
    shop.work(seconds=1)
    assert where() == set()

    assert [(name, slug) for name, slug, _who in shop.told()] == [
        ("Segment Entered", "faithful"),
        ("Segment Entered", "asleep"),
        ("Segment Entered", "wake-up"),
        ("Segment Left", "wake-up"),
        ("Segment Left", "faithful"),
        ("Segment Left", "asleep"),
    ]


def test_segment_is_current_after_one_pass(shop: Shop) -> None:
    everyone = [shop.person(f"person{number}") for number in range(30)]
    shop.work(seconds=1)
    shop.happens("Order Completed", *everyone)
    shop.happens("Order Completed", *everyone[::2])
    shop.work(seconds=1)
    assert shop.inside("faithful") == set(everyone[::2])
    shop.now += timedelta(days=400)
    shop.work()
    assert shop.inside("faithful") == set()
