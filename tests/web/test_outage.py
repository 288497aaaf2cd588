"""While PostgreSQL is away, pages say so with 503 and when to ask again; what went wrong otherwise stays a 500."""

from contextlib import AbstractContextManager
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from parcours.events import tokens
from parcours.web.pages import home
from tests.web.conftest import Shop


def away(error: type[Exception]) -> AbstractContextManager[object]:
    """A time in which nothing can be asked of PostgreSQL."""
    return patch.object(connection, "cursor", side_effect=error("server closed the connection unexpectedly"))


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("asked", ["a page", "the sign-in", "one click of a mail provider"])
def test_page_says_when_to_ask_again(shop: Shop, owner: Client, error: type[Exception], asked: str) -> None:
    owner.raise_request_exception = False
    stranger = Client(raise_request_exception=False)
    named = tokens.MessageToken(shop.workspace.pk, uuid4())
    one_click = f"/u/{tokens.signer().sign(named, tokens.Purpose.UNSUBSCRIBE)}"
    with away(error):
        match asked:
            case "a page":
                page = owner.get(shop.path())
            case "the sign-in":
                page = stranger.post("/account/login/", {"login": "a@b.example", "password": "x"})
            case _:
                page = stranger.post(one_click, {"List-Unsubscribe": "One-Click"})
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "5"
    assert page.headers["Cache-Control"] == "no-store"
    said = page.content.decode()
    assert "Back in a moment" in said
    assert "De retour dans un instant" in said


def test_what_else_fails_is_no_outage(shop: Shop, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    owner.raise_request_exception = False
    monkeypatch.setattr(home, "cards", lambda _: {}["nothing"])
    page = owner.get(shop.path())
    assert page.status_code == 500
    assert "Retry-After" not in page.headers
