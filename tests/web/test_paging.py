"""Long lists in pages: every row once, whatever shares its instant, and no address is an error."""

import re
from datetime import datetime

import pytest
from django.test import Client

from parcours.contacts.models import Contact
from parcours.events import actions as events
from parcours.events.types import NewEvent
from parcours.kernel import tenancy
from tests.web.conftest import Shop

INSTANT = "2026-03-10T10:00:00%2B00:00"


@pytest.mark.parametrize(
    "page", ["contacts/", "messages/", "campaigns/", "settings/trail/", "purposes/promotions/"]
)
@pytest.mark.parametrize(
    "after", ["x", INSTANT, f"{INSTANT}~", f"{INSTANT}~rubbish", f"{INSTANT}~{'9' * 40}", "9999-99-99~1"]
)
def test_damaged_place_gives_a_page(shop: Shop, owner: Client, page: str, after: str) -> None:
    assert owner.get(shop.path(f"{page}?after={after}")).status_code == 200


@pytest.mark.parametrize(
    "before", ["x", INSTANT, f"{INSTANT}~rubbish+{INSTANT}~rubbish", "+", f"+{INSTANT}~1"]
)
def test_damaged_place_in_a_timeline_gives_its_beginning(shop: Shop, owner: Client, before: str) -> None:
    person = someone(shop)
    first = owner.get(shop.path(f"contacts/{person.pk}/timeline/"))
    damaged = owner.get(shop.path(f"contacts/{person.pk}/timeline/?before={before}"))
    assert len(damaged.context["entries"]) == len(first.context["entries"])


def someone(shop: Shop) -> Contact:
    """Whoever has the most to tell does not matter: anybody."""
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return Contact.objects.filter(workspace_id=shop.workspace.pk).order_by("email")[0]


def test_timeline_loses_nothing_of_one_instant(shop: Shop, owner: Client) -> None:
    person = someone(shop)
    at = datetime.fromisoformat("2026-03-01T10:00:00+00:00")
    with tenancy.scope(workspace_id=shop.workspace.pk):
        many = [NewEvent(person.pk, f"Seen {number}", {}, at) for number in range(95)]
        events.append(shop.workspace.pk, many, now=shop.now)

    address: str | None = shop.path(f"contacts/{person.pk}/timeline/")
    seen: list[str] = []
    while address:
        page = owner.get(address).content.decode()
        seen += re.findall(r"Seen \d+", page)
        more = re.search(r'hx-get="([^"]*before=[^"]*)"', page)
        address = more[1].replace("&amp;", "&") if more else None

    assert len(seen) == len(set(seen)) == 95
