"""Ninety silent days, a message, two weeks, a last one; and whoever comes back is left in peace."""

from datetime import datetime, timedelta

import pytest

from parcours.accounts import actions as accounts
from tests.scenarios.living import LivingShop, start

MISSED, LAST = "Cela fait un moment, {}", "Préférez-vous que nous n’écrivions plus ?"


@pytest.fixture
def shop(transactional_db: None, now: datetime) -> LivingShop:
    return start(accounts.create_workspace("shop", name="La Boutique", now=now).id, now, "re-engagement")


def live(shop: LivingShop, days: int) -> None:
    shop.pass_time(days=days, step=timedelta(days=1))


def test_silence_brings_two_messages_and_an_order_in_between_only_one(shop: LivingShop) -> None:
    marc, alice, charlie = (shop.client(name) for name in ("Marc", "Alice", "Charlie"))
    for who in (marc, alice):
        shop.happens(who, order_id="A1", total=10)
    shop.work()
    live(shop, 89)
    assert shop.letters(marc) == []
    live(shop, 2)
    assert [letter[0] for letter in shop.letters(marc)] == [MISSED.format("Marc")]
    shop.happens(alice, order_id="A2", total=10)
    live(shop, 15)
    assert [letter[0] for letter in shop.letters(marc)] == [MISSED.format("Marc"), LAST]
    assert [letter[0] for letter in shop.letters(alice)] == [MISSED.format("Alice")]
    assert shop.letters(charlie) == []
    ends = sorted(end["reason"] for end in shop.happened("Journey Finished"))
    assert ends == ["came back", "still silent"]


def test_silence_after_coming_back_begins_again(shop: LivingShop) -> None:
    alice = shop.client("Alice")
    shop.happens(alice, order_id="A1", total=10)
    live(shop, 91)
    shop.happens(alice, order_id="A2", total=10)
    live(shop, 92)
    assert [letter[0] for letter in shop.letters(alice)] == [MISSED.format("Alice")] * 2
