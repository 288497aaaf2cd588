"""Addresses that only a form can use: whatever one does on the page that they show, one comes back to the page with the form."""

import re

import pytest
from django.test import Client
from django.urls import resolve

from parcours.web.access import page_of
from tests.web.conftest import BACKEND, Shop

FORMS = {
    "lists/add/": "lists/",
    "settings/members/add/": "settings/members/",
    "settings/keys/add/": "settings/keys/",
    "settings/change/": "settings/",
    "settings/attributes/+/": "settings/attributes/",
    "suppressions/add/": "suppressions/",
    "imports/upload/": "imports/",
    "templates/we-miss-you/save/": "templates/we-miss-you/",
    "campaigns/7/send/": "campaigns/7/",
    "contacts/01a22186-999d-7f04-84be-f503ec511a29/identities/add/": "contacts/01a22186-999d-7f04-84be-f503ec511a29/",
}


@pytest.mark.parametrize(("form", "page"), FORMS.items())
def test_form_belongs_to_the_page_above_it(shop: Shop, form: str, page: str) -> None:
    assert page_of(shop.path(form)) == shop.path(page)
    assert "GET" in getattr(resolve(shop.path(page)).func, "methods", ())


def test_language_after_a_refused_form_leads_to_the_form(shop: Shop, owner: Client) -> None:
    refused = owner.post(shop.path("settings/keys/add/"), {"name": ""})
    assert refused.status_code == 422
    assert f'name="next" value="{shop.path("settings/keys/")}"' in refused.content.decode()
    read = owner.get(shop.path("contacts/?q=a&list=b")).content.decode()
    assert f'name="next" value="{shop.path("contacts/")}?q=a&amp;list=b"' in read


def test_ended_session_leads_back_to_the_form(shop: Shop) -> None:
    sent = Client().post(shop.path("settings/keys/add/"), {"name": "shop"})
    assert sent["Location"] == f"/account/login/?next={shop.path('settings/keys/')}"
    read = Client().get(shop.path("contacts/?q=a"))
    assert read["Location"] == f"/account/login/?next={shop.path('contacts/')}%3Fq%3Da"


def test_address_of_a_form_opened_by_itself_shows_the_way(shop: Shop, owner: Client) -> None:
    opened = owner.get(shop.path("settings/keys/add/"))
    assert (opened.status_code, opened.headers["Allow"]) == (405, "POST")
    assert f'href="{shop.path("settings/keys/")}">To the page with the form' in opened.content.decode()


def test_address_of_nothing_keeps_a_member_inside_the_workspace(shop: Shop, owner: Client) -> None:
    for address in (shop.path("nonsense/"), shop.path("contacts/01a22186-999d-7f04-84be-f503ec511a29/")):
        found = owner.get(address)
        assert found.status_code == 404
        assert f'href="{shop.path("contacts/")}"' in found.content.decode()


def test_address_of_nothing_shows_nothing_of_a_workspace_to_others(shop: Shop, outsider: Client) -> None:
    for client in (outsider, Client()):
        found = client.get(shop.path("nonsense/"))
        assert found.status_code == 404
        assert shop.workspace.name not in found.content.decode()


def test_what_cannot_be_done_leads_back(shop: Shop, owner: Client) -> None:
    refused = owner.post(shop.path("campaigns/1/move/"), {"move": "fly"})
    assert refused.status_code == 422
    assert f'href="{shop.path("campaigns/1/")}">Back' in refused.content.decode()


@pytest.mark.parametrize("form", ["account/language/", "account/theme/"])
@pytest.mark.parametrize("who", ["owner", "nobody"])
def test_language_after_a_refused_choice_leads_to_a_page(shop: Shop, form: str, who: str) -> None:
    reader = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    if who == "owner":
        reader.force_login(shop.owner, backend=BACKEND)
    refused = reader.post(f"/{form}", {"language": "fr", "theme": "dark", "next": shop.path("lists/")})
    assert refused.status_code == 403
    page = refused.content.decode()
    assert 'name="next" value="/"' in page
    sent = {"language": "fr", "next": "/", "csrfmiddlewaretoken": token_in(page)}
    switched = reader.post("/account/language/", sent, follow=True)
    assert switched.status_code == 200
    assert 'lang="fr"' in switched.content.decode()


def token_in(page: str) -> str:
    return re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]


@pytest.mark.parametrize("form", ["account/language/", "account/theme/"])
def test_choice_opened_by_itself_shows_the_way(shop: Shop, owner: Client, form: str) -> None:
    for reader in (owner, Client()):
        opened = reader.get(f"/{form}")
        assert (opened.status_code, opened.headers["Allow"]) == (405, "POST")
        assert 'href="/">To the home page' in opened.content.decode()
