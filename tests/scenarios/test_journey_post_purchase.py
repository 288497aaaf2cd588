"""After an order: its confirmation at once, a word a week later, once for each order, and never to somebody who objected."""

from datetime import datetime

import pytest

from parcours.accounts import actions as accounts
from parcours.consent.types import Act
from tests.scenarios.living import LivingShop, start

CONFIRMED = "Votre commande {} est confirmée"
CHECK_IN = "Tout va bien avec votre commande ?"


@pytest.fixture
def shop(transactional_db: None, now: datetime) -> LivingShop:
    return start(accounts.create_workspace("shop", name="La Boutique", now=now).id, now, "post-purchase")


def test_order_is_confirmed_at_once_and_followed_up_after_a_week(shop: LivingShop) -> None:
    marc = shop.client("Marc", agrees=False)
    shop.happens(marc, order_id="A1", total=49.9, currency="EUR")
    shop.work()
    assert shop.letters(marc) == [(CONFIRMED.format("A1"), "sent", ["basis_contract"])]
    shop.pass_time(days=6)
    assert len(shop.letters(marc)) == 1
    shop.pass_time(days=1)
    assert shop.letters(marc)[1] == (CHECK_IN, "sent", ["basis_legitimate_interest"])
    assert shop.happened("Journey Finished") == [{"journey": "post-purchase", "reason": "followed up"}]


def test_same_order_told_twice_is_confirmed_once_and_two_orders_twice(shop: LivingShop) -> None:
    marc = shop.client("Marc", agrees=False)
    for order in ("A1", "A1", "A2"):
        shop.happens(marc, order_id=order, total=10)
    shop.work()
    shop.happens(marc, order_id="A2", total=10)
    shop.work()
    assert sorted(letter[0] for letter in shop.letters(marc)) == [
        CONFIRMED.format("A1"),
        CONFIRMED.format("A2"),
    ]


def test_objection_stops_the_check_in_and_not_the_confirmation(shop: LivingShop) -> None:
    marc = shop.client("Marc", agrees=False)
    shop.says(marc, "advice", Act.OBJECTED)
    shop.happens(marc, order_id="A1", total=10)
    shop.work()
    shop.pass_time(days=7)
    assert [(state, reasons) for _, state, reasons in shop.letters(marc)] == [
        ("sent", ["basis_contract"]),
        ("withheld", ["objected"]),
    ]
