"""Products that events show: known as something seen, never more, whatever the events hold."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.catalogue import actions, queries, seen
from parcours.catalogue.models import Product
from parcours.catalogue.types import ProductOrigin
from parcours.contacts.types import Person
from parcours.events import actions as events
from parcours.events import people
from parcours.events.types import NewEvent, Span
from parcours.kernel import tenancy
from tests.catalogue.test_reading import ANYTHING, FACTS
from tests.conftest import NOW
from tests.settling import settle

BOWL = {
    "product_id": "BOL-1",
    "name": "Bol en grès",
    "price": 24.9,
    "url": "https://shop.example/bol",
    "image_url": "https://shop.example/bol.jpg",
    "category": "Cuisine",
    "brand": "La Boutique",
    "quantity": 2,
}


def marc(workspace: Workspace) -> UUID:
    return people.save_people(workspace.pk, [Person(email="marc@example.com")], now=NOW)[0].contact_id


def happen(workspace: Workspace, *told: tuple[str, dict[str, Any], datetime]) -> None:
    """Events come in, and the worker has read them."""
    with tenancy.scope(workspace_id=workspace.pk):
        who = marc(workspace)
        events.append(workspace.pk, [NewEvent(who, name, given, at) for name, given, at in told], now=NOW)
    settle(workspace.pk)
    while seen.learn(workspace.pk, now=NOW):
        pass


def product(workspace: Workspace, product_id: str = "BOL-1") -> Product:
    with tenancy.scope(workspace_id=workspace.pk):
        return queries.product(workspace.pk, product_id)


def ids(workspace: Workspace) -> list[str]:
    with tenancy.scope(workspace_id=workspace.pk):
        return [one.product_id for one in queries.products(workspace.pk)]


def facts(one: Product) -> tuple[str, str | None, str, str]:
    return one.name, None if one.price is None else f"{one.price:.2f}", one.currency, one.origin


@pytest.mark.django_db(transaction=True)
def test_visit_and_order_make_products_known_as_seen(workspace: Workspace) -> None:
    order = {
        "order_id": "1",
        "currency": "GBP",
        "products": [{"sku": "LAMPE-2", "name": "Lampe", "price": "80"}, {"product_id": 1001}],
    }
    happen(
        workspace,
        ("Product Viewed", BOWL, NOW),
        ("Order Completed", order, NOW),
        ("Article Read", {**BOWL, "product_id": "NOT-ONE"}, NOW),
    )
    assert ids(workspace) == ["1001", "BOL-1", "LAMPE-2"]
    assert facts(product(workspace)) == ("Bol en grès", "24.90", "EUR", "seen")
    assert facts(product(workspace, "LAMPE-2")) == ("Lampe", "80.00", "GBP", "seen")
    assert facts(product(workspace, "1001")) == ("", None, "", "seen")
    bowl = product(workspace)
    assert (bowl.url, bowl.image_url, bowl.category, bowl.brand, bowl.seen_at) == (
        BOWL["url"],
        BOWL["image_url"],
        "Cuisine",
        "La Boutique",
        NOW,
    )


@pytest.mark.django_db(transaction=True)
def test_newer_facts_hold_and_older_ones_fill_what_is_missing(workspace: Workspace) -> None:
    thing = {"product_id": "BOL-1"}
    happen(workspace, ("Product Added", {**thing, "name": "Bol bleu", "price": 20}, NOW))
    happen(workspace, ("Product Viewed", BOWL, NOW - timedelta(days=30)))  # history that comes late
    kept = product(workspace)
    assert (*facts(kept), kept.brand) == ("Bol bleu", "20.00", "EUR", "seen", "La Boutique")
    later = NOW + timedelta(hours=1)
    happen(
        workspace,
        ("Product Added", {**thing, "price": 22}, later),
        ("Product Added", {**thing, "price": 19}, NOW),
    )
    assert facts(product(workspace))[:2] == ("Bol bleu", "22.00")


@pytest.mark.django_db(transaction=True)
def test_what_is_stated_is_never_changed_by_what_is_seen(workspace: Workspace, now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        for number, origin in (("BOL-1", ProductOrigin.API), ("BOL-2", ProductOrigin.HAND)):
            actions.save(workspace.pk, number, {"name": "Ours"}, origin=origin, actor=SYSTEM, now=now)
    before = [product(workspace, number) for number in ("BOL-1", "BOL-2")]
    evil = {**BOWL, "url": "https://evil.example", "name": "Cheaper elsewhere"}
    happen(workspace, ("Order Completed", {"products": [evil, {**evil, "product_id": "BOL-2"}]}, NOW))
    for one in before:
        after = product(workspace, one.product_id)
        assert {**vars(after), "_state": 0} == {**vars(one), "_state": 0}


@pytest.mark.django_db(transaction=True)
def test_what_was_seen_becomes_the_shops_when_it_is_stated(workspace: Workspace, now: datetime) -> None:
    happen(workspace, ("Product Viewed", BOWL, NOW))
    with tenancy.scope(workspace_id=workspace.pk):
        stated, is_new = actions.save(
            workspace.pk, "BOL-1", {"name": "Ours"}, origin=ProductOrigin.API, actor=SYSTEM, now=now
        )
    assert (is_new, facts(stated), stated.image_url, stated.seen_at) == (
        False,
        ("Ours", None, "", "api"),
        "",
        None,
    )


@pytest.mark.django_db(transaction=True)
def test_products_that_were_only_seen_do_not_fill_the_workspace(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "MOST_SEEN", 3)
    crowd = [{"product_id": f"P-{number}", "name": "x"} for number in range(5)]
    happen(workspace, ("Cart Viewed", {"products": crowd}, NOW))
    assert ids(workspace) == ["P-0", "P-1", "P-2"]
    happen(workspace, ("Cart Viewed", {"products": [{**one, "name": "y"} for one in crowd]}, NOW))
    assert ids(workspace) == ["P-0", "P-1", "P-2"]
    assert product(workspace, "P-2").name == "y"


@pytest.mark.django_db(transaction=True)
def test_ten_thousand_products_in_one_event_are_cut_off(workspace: Workspace) -> None:
    crowd = [{"product_id": f"P-{number:05}"} for number in range(10_000)]
    happen(workspace, ("Order Completed", {"products": crowd}, NOW), ("Product Viewed", BOWL, NOW))
    assert len(ids(workspace)) == seen.MOST_LINES + 1


@pytest.mark.django_db(transaction=True)
def test_same_facts_again_write_nothing_before_the_next_day(workspace: Workspace) -> None:
    happen(workspace, ("Product Viewed", BOWL, NOW - timedelta(days=2)))
    for hours, seen_at in ((1, 0), (23, 0), (25, 25)):
        happen(workspace, ("Product Viewed", BOWL, NOW - timedelta(days=2) + timedelta(hours=hours)))
        assert product(workspace).seen_at == NOW - timedelta(days=2) + timedelta(hours=seen_at)


EVERYTHING: dict[str, Any] = {"after_xid": "0", "after_id": 0, "until_xid": str(2**62), "until_id": 2**62}


def take_in(workspace: Workspace, count: int) -> None:
    """What the worker does with a span, of the events that this test's own transaction wrote."""
    whole: dict[str, Any] = {"first_at": NOW - timedelta(days=9), "last_at": NOW + timedelta(days=9)}
    span = Span(**EVERYTHING, **whole, count=count, names=[*seen.NAMES])
    seen.take_in(workspace.pk, span, now=NOW)


def storable(value: Any) -> Any:
    """What the intake lets into the log: no NUL, no half surrogates, no number beyond a double."""
    if isinstance(value, str):
        return "".join(each for each in value if each != "\0" and not "\ud800" <= each <= "\udfff")
    if isinstance(value, float):
        return value if abs(value) < 1e300 else None
    if isinstance(value, dict):
        return {storable(name): storable(each) for name, each in value.items()}
    return [storable(each) for each in value] if isinstance(value, list) else value


IDENTITIES = st.sampled_from(["BOL-1", "BOL-2", 7, "batch"]) | ANYTHING
LINES = st.builds(lambda given, identity: {**given, "product_id": identity}, FACTS, IDENTITIES) | ANYTHING
ORDERS = st.builds(
    lambda given, lines, currency: {**given, "products": lines, "currency": currency},
    FACTS,
    st.lists(LINES, max_size=6) | ANYTHING,
    ANYTHING,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.tuples(ORDERS | LINES, st.integers(-48, 48)), max_size=6))
def test_whatever_events_hold_is_read_without_harm(
    in_workspace: Workspace, told: list[tuple[Any, int]]
) -> None:
    with transaction.atomic():
        rows = [
            NewEvent(marc(in_workspace), "Order Completed", storable(one), NOW + timedelta(hours=hours))
            for one, hours in told
            if isinstance(one, dict)
        ]
        events.append(in_workspace.pk, rows, now=NOW)
        take_in(in_workspace, len(rows))
        known = list(queries.products(in_workspace.pk))
        assert {one.origin for one in known} <= {"seen"}
        assert all(one.seen_at is not None and one.seen_at <= NOW for one in known)
        before = [(one.product_id, facts(one)) for one in known]
        take_in(in_workspace, len(rows))  # the same again changes nothing
        assert [(one.product_id, facts(one)) for one in queries.products(in_workspace.pk)] == before
        transaction.set_rollback(True)


def test_span_without_products_asks_the_database_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    span = Span(**EVERYTHING, first_at=NOW, last_at=NOW, count=9, names=["Email Opened", "Page Viewed"])
    monkeypatch.setattr(seen, "statements", None)
    seen.take_in(1, span, now=NOW)
