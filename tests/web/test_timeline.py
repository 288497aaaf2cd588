"""One person's timeline: what other programs write into their events harms no page."""

import re

import pytest
from django.test import Client

from parcours.contacts.models import Contact
from parcours.events import actions as events
from parcours.events.types import NewEvent
from parcours.kernel import tenancy
from tests.web.conftest import Shop

VALUES = [None, True, 3, 2.5, "spring-sale", [], [1], ["x"], [[1]], {}, {"a": 1}, {"a": {"from": {}}}]
READ = [
    "changes",
    "products",
    "mailing",
    "name",
    "total",
    "currency",
    "purpose",
    "list",
    "order_id",
    "class",
    "url",
]


@pytest.mark.parametrize("event", ["Settings Saved", "Order Completed", "Product Viewed"])
def test_any_property_of_any_kind_gives_a_page(shop: Shop, owner: Client, event: str) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        person = Contact.objects.filter(workspace_id=shop.workspace.pk).order_by("email")[0]
        told = [NewEvent(person.pk, event, {name: value}, shop.now) for name in READ for value in VALUES]
    for begin in range(0, len(told), 30):  # so that each of them is among the newest
        with tenancy.scope(workspace_id=shop.workspace.pk):
            events.append(shop.workspace.pk, told[begin : begin + 30], now=shop.now)
        page = owner.get(shop.path(f"contacts/{person.pk}/"))
        assert page.status_code == 200
        assert len(page.context["entries"]) >= 30


@pytest.mark.parametrize(
    ("total", "shown"),
    [
        (5, "€5.00"),
        ("5.50", "€5.50"),
        (0, "€0.00"),
        (None, ""),
        ({"a": 1}, ""),
        (True, ""),
        ([1], ""),
        ("5,50", ""),
        (1e30, ""),
    ],
)
def test_order_is_told_with_its_amount_or_with_none(
    shop: Shop, owner: Client, total: object, shown: str
) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        person = Contact.objects.filter(workspace_id=shop.workspace.pk).order_by("email")[0]
        told = NewEvent(person.pk, "Order Completed", {"total": total, "currency": "EUR"}, shop.now)
        events.append(shop.workspace.pk, [told], now=shop.now)
    page = owner.get(shop.path(f"contacts/{person.pk}/"), headers={"accept-language": "en"}).content.decode()
    amounts = re.findall(r'<span class="font-medium">Ordered</span>(.*?)</p>', page)
    assert amounts[0] == (f" · {shown}" if shown else "")


def test_property_that_is_called_as_ours_is_told_as_theirs(shop: Shop, owner: Client) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        person = Contact.objects.filter(workspace_id=shop.workspace.pk).order_by("email")[0]
        told = NewEvent(person.pk, "Settings Saved", {"changes": {"theme": {"to": "dark"}}}, shop.now)
        events.append(shop.workspace.pk, [told], now=shop.now)
    [told_of] = [
        each
        for each in owner.get(shop.path(f"contacts/{person.pk}/")).context["entries"]
        if each.happening and each.happening.text == "Settings Saved"
    ]
    assert [label for label, _value in told_of.happening.details] == ["changes"]
