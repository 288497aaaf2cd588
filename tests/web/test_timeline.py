"""One person's timeline: what other programs write into their events harms no page."""

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
