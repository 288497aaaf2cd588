"""A first order earns a coupon of one's own, if one agreed to offers; later ones make a loyal client."""

from datetime import datetime

import pytest

from parcours.accounts import actions as accounts
from parcours.contacts.models import ListMember
from parcours.content.models import CouponCode
from tests.scenarios.living import LivingShop, start

OFFER = "20 % pour votre prochaine commande"


@pytest.fixture
def shop(transactional_db: None, now: datetime) -> LivingShop:
    return start(accounts.create_workspace("shop", name="La Boutique", now=now).id, now, "first-purchase")


def test_first_order_earns_a_code_and_the_second_a_place_among_the_loyal(shop: LivingShop) -> None:
    marc, alice = shop.client("Marc"), shop.client("Alice")
    for who in (marc, alice):
        shop.happens(who, order_id=f"{who}-1", total=10)
    shop.work()
    for who in (marc, alice):
        assert shop.letters(who) == [(OFFER, "sent", ["basis_consent"])]
    with shop.scope():
        assert len(set(CouponCode.objects.values_list("code", flat=True))) == 2
        assert not ListMember.objects.exists()
    shop.pass_time(days=10)
    shop.happens(marc, order_id=f"{marc}-2", total=10)
    shop.work()
    with shop.scope():
        assert list(ListMember.objects.values_list("contact_id", flat=True)) == [marc]
    assert len(shop.letters(marc)) == 1


def test_without_consent_the_offer_is_withheld_and_says_why(shop: LivingShop) -> None:
    marc = shop.client("Marc", agrees=False)
    shop.happens(marc, order_id="A1", total=10)
    shop.work()
    assert [(state, reasons) for _, state, reasons in shop.letters(marc)] == [("withheld", ["no_consent"])]
    with shop.scope():
        assert not CouponCode.objects.exists()


def test_who_buys_again_before_the_offer_leaves_does_not_get_it(shop: LivingShop) -> None:
    marc = shop.client("Marc")
    shop.now = shop.now.replace(hour=21)  # 22:00 in Paris: quiet hours
    shop.happens(marc, order_id="A1", total=10)
    shop.work()
    assert [(state, reasons) for _, state, reasons in shop.letters(marc)] == [("queued", ["quiet_hours"])]
    shop.happens(marc, order_id="A2", total=10)
    shop.pass_time(hours=12)
    assert [(state, reasons) for _, state, reasons in shop.letters(marc)] == [("withheld", ["guard"])]
