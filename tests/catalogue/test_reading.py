"""Facts about products, whatever they are: what is stated is kept whole or refused with its field, what is seen is kept or left out."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.catalogue import actions, queries, reading
from parcours.catalogue.errors import InvalidProduct
from parcours.catalogue.types import ProductOrigin
from parcours.events.tokens import is_web_address
from tests.conftest import NOW

TEXTS = st.text(max_size=60) | st.sampled_from(
    ["", " ", "a\0b", "\ud800", "Bol", "x" * 301, "12.5", "1e400", "NaN", "-1", "Infinity", "9" * 60]
)
ADDRESSES = TEXTS | st.sampled_from(
    [
        "javascript:alert(1)",
        "https://",
        "//shop.example",
        "https://shop.example/é?a=1#b",
        "https://shop.example/ a",
        'https://shop.example/"x',
        "data:text/html,x",
        "http://shop.example",
        "https://shop.example/" + "é" * 1999,
    ]
)
SCALARS = TEXTS | ADDRESSES | st.none() | st.booleans() | st.integers() | st.floats()
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
FACTS = st.fixed_dictionaries({}, optional=dict.fromkeys(reading.READERS, ANYTHING | ADDRESSES))


@given(FACTS)
def test_what_is_seen_is_kept_only_as_it_could_be_stated(values: dict[str, Any]) -> None:
    seen = reading.shown_by_event(values, "EUR")
    assert set(seen) <= set(reading.READERS) - {"in_stock", "attributes"}
    assert ("price" in seen) == ("currency" in seen)
    again = reading.stated({"name": "x", **seen}, "GBP")
    assert {name: str(getattr(again, name)) for name in seen} == seen
    for name in ("url", "image_url"):
        assert name not in seen or is_web_address(seen[name])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(identity=ANYTHING, values=FACTS)
def test_what_is_stated_is_stored_or_refused_with_its_field(
    in_workspace: Workspace, identity: Any, values: dict[str, Any]
) -> None:
    with transaction.atomic():
        try:
            kept, _ = actions.save(
                in_workspace.pk,
                identity,
                {"name": "Bol", **values},
                origin=ProductOrigin.API,
                actor=SYSTEM,
                now=NOW,
            )
        except InvalidProduct as error:
            refused_for = error.field
            assert refused_for in {"product_id", *reading.READERS}
        else:
            assert kept.name
            assert kept.attributes == json.loads(json.dumps(values.get("attributes") or {}))
            assert queries.product(in_workspace.pk, kept.product_id) == kept
        transaction.set_rollback(True)


def stated(**values: Any) -> Any:
    return reading.stated({"name": "Bol", **values}, "EUR")


def test_price_is_exact_and_has_a_currency() -> None:
    assert (stated(price=12.5).price, stated(price=12.5).currency) == (Decimal("12.5"), "EUR")
    assert (stated(price="0.00005", currency="usd").price, stated(price=0, currency="usd").currency) == (
        Decimal("0.0001"),
        "USD",
    )
    assert stated(currency="USD").currency == ""
    assert stated(price=None).price is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", -0.01),
        ("price", 10**9),
        ("price", True),
        ("price", float("nan")),
        ("currency", "€"),
        ("currency", "EURO"),
        ("url", "javascript:alert(1)"),
        ("url", "https://shop.example/a b\0"),
        ("image_url", "ftp://shop.example/bowl.png"),
        ("name", "\x1b[31mBol"),
        ("name", "   "),
        ("in_stock", "yes"),
        ("attributes", ["red"]),
        ("attributes", {"a": {"b": {"c": {"d": {"e": 1}}}}}),
        ("attributes", {"a": "x" * 8000}),
        ("attributes", {"a": 1e300}),
        ("attributes", {f"n{number}": 1 for number in range(51)}),
    ],
)
def test_wrong_fact_is_refused_with_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidProduct) as refused:
        stated(**{field: value})
    assert refused.value.field == field


@pytest.mark.parametrize("value", ["", " ", "a\nb", "x" * 201, None, 1.5, True, ["A"], "batch"])
def test_wrong_id_is_refused(value: Any) -> None:
    with pytest.raises(InvalidProduct, match="id"):
        reading.product_id(value)


def test_name_is_one_line_and_an_address_is_as_on_the_wire() -> None:
    kept = stated(name=" Bol\n en  grès ", url="https://shop.example/grès?a=1&b=%20")
    assert (kept.name, kept.url) == ("Bol en grès", "https://shop.example/gr%C3%A8s?a=1&b=%20")


@pytest.mark.parametrize(
    "column", ["price = -1", "url = 'javascript:x'", "currency = 'e'", "origin = 'x'", "name = ''"]
)
def test_database_refuses_what_reading_would(in_workspace: Workspace, column: str) -> None:
    values = {"name": "Bol", "price": 1}
    actions.save(in_workspace.pk, "B-1", values, origin=ProductOrigin.HAND, actor=SYSTEM, now=NOW)
    with (
        pytest.raises(Exception, match="violates check constraint"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE catalogue_product SET {column}")
