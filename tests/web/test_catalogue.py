"""The pages of the catalogue: found, added, changed, confirmed, removed with a trace; what was only seen leads nowhere."""

from typing import Any

import pytest
from django.test import Client

from parcours.accounts.models import AuditEntry
from parcours.catalogue import queries
from parcours.catalogue.models import Product
from parcours.kernel import tenancy
from parcours.web import paging
from tests.web.conftest import Shop, signed_in

CUP = {"product_id": "TASSE-9", "name": "Tasse", "price": "12.5", "url": "https://shop.example/tasse-9"}


def product(shop: Shop, product_id: str) -> Product:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return queries.product(shop.workspace.pk, product_id)


def trail(shop: Shop) -> list[tuple[str, dict[str, Any]]]:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        found = AuditEntry.objects.filter(subject="product", user_id=shop.owner.pk).order_by("id")
        return [(one.action, one.detail) for one in found]


def test_list_finds_by_the_beginning_and_shows_what_was_only_seen(shop: Shop, owner: Client) -> None:
    page = owner.get(shop.path("catalogue/")).content.decode()
    assert all(each in page for each in ("Bol en grès", "€10.25", "Lampe", "Tasse", "Seen in events"))
    assert "Bol" not in owner.get(shop.path("catalogue/?q=lampe")).content.decode()
    seen = owner.get(shop.path("catalogue/?show=seen")).content.decode()
    assert "TASSE-3" in seen
    assert "BOL-1" not in seen
    assert "No such product" in owner.get(shop.path("catalogue/?q=%00zzz&after=%00")).content.decode()
    assert "Lampe" in owner.get(shop.path("search/?q=lam")).content.decode()
    assert (
        "Vu dans les événements" in signed_in(shop.owner, "fr").get(shop.path("catalogue/")).content.decode()
    )


def test_what_was_only_seen_is_no_link_before_it_is_confirmed(shop: Shop, owner: Client) -> None:
    seen = product(shop, "TASSE-3")
    address = shop.path(f"catalogue/{seen.pk}/")
    page = owner.get(address).content.decode()
    assert "anybody can send such events" in page
    assert 'href="https://shop.example/tasse"' not in page
    form = owner.get(f"{address}edit/").context["form"].initial
    confirmed = {name: value or "" for name, value in form.items()} | {"price": "9.90"}
    assert owner.post(f"{address}edit/", confirmed).status_code == 302
    kept = product(shop, "TASSE-3")
    assert (kept.origin, kept.name, str(kept.price), kept.currency, kept.seen_at) == (
        "hand",
        "Tasse",
        "9.9000",
        "EUR",
        None,
    )
    page = owner.get(address).content.decode()
    assert 'href="https://shop.example/tasse"' in page
    assert "Stated by hand" in page
    [(action, detail)] = trail(shop)
    assert (action, detail["from"]["origin"], detail["to"]["origin"]) == ("changed", "seen", "hand")


def test_product_is_added_and_removed_with_a_trace(shop: Shop, owner: Client) -> None:
    attributes = '{"colour": "blue"}'
    made = owner.post(shop.path("catalogue/add/"), {**CUP, "in_stock": "no", "attributes": attributes})
    kept = product(shop, "TASSE-9")
    assert made.headers["Location"] == shop.path(f"catalogue/{kept.pk}/")
    assert (kept.in_stock, kept.attributes, kept.origin) == (False, {"colour": "blue"}, "hand")
    again = owner.post(shop.path("catalogue/add/"), CUP)
    assert again.status_code == 422
    assert "There is a product “TASSE-9” already." in again.content.decode()
    remove = shop.path(f"catalogue/{kept.pk}/remove/")
    assert owner.get(remove).status_code == 200
    product(shop, "TASSE-9")  # asking is not removing
    assert owner.post(remove).status_code == 302
    assert owner.post(remove).status_code == 404
    assert [action for action, _ in trail(shop)] == ["created", "deleted"]
    assert "TASSE-9" in owner.get(shop.path("settings/trail/")).content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "javascript:alert(1)"),
        ("image_url", "shop.example/x.png"),
        ("price", "-1"),
        ("price", "much"),
        ("currency", "e"),
        ("attributes", "[1]"),
        ("attributes", "{"),
        ("attributes", '{"a": NaN}'),
        ("attributes", "[" * 5000),
        ("name", ""),
        ("product_id", "batch"),
    ],
)
def test_wrong_fact_is_told_beside_its_field_and_nothing_typed_is_lost(
    shop: Shop, owner: Client, field: str, value: str
) -> None:
    refused: Any = owner.post(shop.path("catalogue/add/"), {**CUP, field: value})
    assert refused.status_code == 422
    assert list(refused.context["form"].errors) == [field]
    assert "https://shop.example/tasse-9" in refused.content.decode() or field == "url"
    with tenancy.scope(workspace_id=shop.workspace.pk):
        assert not Product.objects.filter(product_id=CUP["product_id"]).exists()


def test_viewer_reads_and_changes_nothing(shop: Shop, viewer: Client) -> None:
    bowl = product(shop, "BOL-1")
    page = viewer.get(shop.path(f"catalogue/{bowl.pk}/")).content.decode()
    assert "/edit/" not in page
    assert "/catalogue/add/" not in viewer.get(shop.path("catalogue/")).content.decode()
    assert viewer.post(shop.path(f"catalogue/{bowl.pk}/remove/")).status_code == 403


def test_hostile_names_are_escaped(shop: Shop, owner: Client) -> None:
    owner.post(shop.path("catalogue/add/"), {**CUP, "name": "<script>alert(1)</script>"})
    for address in ("catalogue/", f"catalogue/{product(shop, 'TASSE-9').pk}/"):
        page = owner.get(shop.path(address)).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_long_list_is_paged_by_id(shop: Shop, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "SIZE", 2)
    first: Any = owner.get(shop.path("catalogue/"))
    assert [one.product_id for one in first.context["rows"]] == ["BOL-1", "LAMPE-2"]
    rest: Any = owner.get(shop.path("catalogue/"), {"after": first.context["page"].next})
    assert [one.product_id for one in rest.context["rows"]] == ["TASSE-3"]
    assert (rest.context["page"].next, rest.context["page"].is_first) == ("", False)
