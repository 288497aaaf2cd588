"""Products through the API: stated one by one or a thousand at once, found, deleted; each workspace its own."""

from typing import Any

import pytest

from parcours.accounts.models import AuditEntry, Workspace
from parcours.catalogue.models import Product
from parcours.kernel import tenancy
from tests.api.conftest import Machine

BOWL = {
    "name": "Bol en grès",
    "url": "https://shop.example/bol",
    "image_url": "https://shop.example/bol.jpg",
    "price": 24.9,
    "category": "Cuisine",
    "brand": "La Boutique",
    "in_stock": True,
    "attributes": {"colour": "blue", "sizes": [1, 2]},
}


def trail(workspace: Workspace) -> list[tuple[str, str, dict[str, Any]]]:
    with tenancy.scope(workspace_id=workspace.pk):
        found = AuditEntry.objects.filter(subject__in=["product", "catalogue"]).order_by("id")
        return [(one.actor, one.action, one.detail) for one in found]


def test_product_is_stated_read_replaced_and_deleted(till: Machine, workspace: Workspace) -> None:
    made = till.put("/products/BOL-1", BOWL)
    assert made.status_code == 201, made.content
    told = made.json()
    expected = {**BOWL, "product_id": "BOL-1", "price": "24.90", "currency": "EUR", "origin": "api"}
    assert {name: told[name] for name in expected} == expected
    assert till.get("/products/BOL-1").json() == told

    assert till.put("/products/BOL-1", BOWL).status_code == 200  # the same again: no entry in the trail
    replaced = till.put("/products/BOL-1", {"name": "Bol", "price": "19.999", "currency": "gbp"}).json()
    assert (replaced["name"], replaced["price"], replaced["currency"]) == ("Bol", "19.999", "GBP")
    assert (replaced["url"], replaced["in_stock"], replaced["attributes"]) == ("", None, {})

    assert till.send("delete", "/products/BOL-1").status_code == 204
    assert till.get("/products/BOL-1").status_code == 404
    assert till.send("delete", "/products/BOL-1").json()["code"] == "product.unknown"
    actor = "API key “till”"
    entries = trail(workspace)
    assert [(who, action) for who, action, _ in entries] == [
        (actor, "created"),
        (actor, "changed"),
        (actor, "deleted"),
    ]
    assert entries[1][2]["from"]["price"] == "24.9000"
    assert entries[1][2]["to"]["price"] == "19.9990"
    assert "brand" in entries[1][2]["to"]


@pytest.mark.parametrize("identity", ["A/B 12", "ç%-_", "1001", "42/batch"])
def test_id_may_be_any_plain_text(till: Machine, identity: str) -> None:
    address = f"/products/{identity.replace('%', '%25').replace('/', '%2F')}"
    assert till.put(address, {"name": "x"}).json()["product_id"] == identity
    assert till.get(address).json()["product_id"] == identity
    assert [one["product_id"] for one in till.get("/products", q=identity).json()["items"]] == [identity]


def test_product_of_another_workspace_is_not_there(till: Machine, other_till: Machine) -> None:
    till.put("/products/BOL-1", BOWL)
    assert other_till.get("/products/BOL-1").status_code == 404
    assert other_till.get("/products").json()["items"] == []
    assert other_till.put("/products/BOL-1", {"name": "Ours"}).status_code == 201
    assert till.get("/products/BOL-1").json()["name"] == BOWL["name"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"price": -1}, "price"),
        ({"price": "cheap"}, "price"),
        ({"currency": "€€"}, "currency"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"image_url": "//shop.example/x"}, "image_url"),
        ({"colour": "red"}, "colour"),
        ({"name": ""}, "name"),
        ({"in_stock": "perhaps"}, "in_stock"),
        ({"attributes": {"deep": [[[[[1]]]]]}}, "attributes"),
    ],
)
def test_wrong_fact_is_refused(till: Machine, change: dict[str, Any], field: str) -> None:
    refused = till.put("/products/BOL-1", {**BOWL, **change})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert till.get("/products/BOL-1").status_code == 404


def test_list_is_paged_by_id_and_searched_by_the_beginning(till: Machine) -> None:
    names = ["Bol", "Assiette", "bougie", "Élan"]
    rows = [{"product_id": f"P-{number}", "name": name} for number, name in enumerate(names)]
    till.post("/products/batch", {"products": rows})
    first = till.get("/products", limit=3).json()
    assert ([one["product_id"] for one in first["items"]], first["next"]) == (["P-0", "P-1", "P-2"], "P-2")
    second = till.get("/products", limit=3, after=first["next"]).json()
    assert ([one["product_id"] for one in second["items"]], second["next"]) == (["P-3"], None)

    def found(words: str) -> list[str]:
        return [one["name"] for one in till.get("/products", q=words).json()["items"]]

    assert (found("bo"), found("p-1"), found("ÉL"), found("iette")) == (
        ["Bol", "bougie"],
        ["Assiette"],
        ["Élan"],
        [],
    )
    assert (found("%"), found("_")) == ([], [])
    till.put("/products/ÉCRU-1", {"name": "Nappe"})
    assert (found("ÉCRU"), found("écru-1"), found("ecru")) == (["Nappe"], ["Nappe"], ["Nappe"])
    assert found("elan") == ["Élan"]  # as people are found
    assert len(till.get("/products", origin="api").json()["items"]) == 5
    assert till.get("/products", origin="seen").json()["items"] == []
    assert till.get("/products", origin="nobody").status_code == 422


def test_batch_keeps_what_is_right_and_says_what_is_not(till: Machine, workspace: Workspace) -> None:
    till.put("/products/OLD", {"name": "Old"})
    till.put("/products/SAME", {"name": "Same"})
    rows: list[dict[str, Any]] = [
        {"product_id": "NEW", "name": "New", "price": 5},
        {"product_id": "OLD", "name": "Renamed"},
        {"product_id": "SAME", "name": "Same"},
        {"product_id": "NEW", "name": "Twice"},
        {"product_id": "BAD", "name": "Bad", "price": -5},
        {"name": "Nameless id"},
        {"product_id": 7, "name": "Number", "nmae": "x"},
        {"product_id": "batch", "name": "Reserved"},
    ]
    saved = till.post("/products/batch", {"products": rows})
    assert saved.status_code == 200, saved.content
    told = saved.json()
    assert (told["created"], told["changed"], told["unchanged"]) == (1, 1, 1)
    assert [
        (one["index"], one["product_id"], [e["field"] for e in one["errors"]]) for one in told["refused"]
    ] == [
        (3, "NEW", ["product_id"]),
        (4, "BAD", ["price"]),
        (5, None, ["product_id"]),
        (6, None, ["product_id", "nmae"]),
        (7, "batch", ["product_id"]),
    ]
    assert till.get("/products/NEW").json()["price"] == "5.00"
    assert trail(workspace)[-1] == (
        "API key “till”",
        "changed",
        {"new_products": 1, "changed_products": 1},
    )


def test_batch_of_a_thousand_fits_and_one_more_does_not(till: Machine, workspace: Workspace) -> None:
    rows = [{"product_id": f"P-{number}", **BOWL} for number in range(1000)]
    assert till.post("/products/batch", {"products": rows}).json()["created"] == 1000
    assert till.post("/products/batch", {"products": rows}).json()["unchanged"] == 1000
    assert till.post("/products/batch", {"products": [*rows, rows[0]]}).status_code == 422
    assert till.post("/products/batch", {"products": []}).status_code == 422
    with tenancy.scope(workspace_id=workspace.pk):
        assert Product.objects.count() == 1000
