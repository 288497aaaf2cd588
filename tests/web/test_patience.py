"""A page that asks too much of the database ends with a page, not with everybody waiting."""

import pytest
from django.test import Client

from parcours.kernel import sql
from parcours.web import middleware
from parcours.web.pages import home
from tests.web.conftest import Shop


def test_page_that_takes_too_long_says_so(shop: Shop, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(middleware.SECONDS, "GET", 0.1)
    monkeypatch.setattr(home, "cards", lambda _: sql.scalar("SELECT pg_sleep(30)", {}))
    page = owner.get(shop.path())
    assert page.status_code == 503
    assert "This page takes too long" in page.content.decode()


def test_change_has_longer_than_a_page(shop: Shop, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(middleware.SECONDS, "GET", 0.001)
    assert owner.post(shop.path("lists/add/"), {"name": "Salon"}).status_code == 302
