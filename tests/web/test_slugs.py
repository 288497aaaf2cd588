"""Names and the addresses made of them: every thing has a page, whatever it is called, in whichever letters."""

import html
import json

import pytest
from django.test import Client

from parcours.web.slugs import slug_for
from tests.web.conftest import Shop

RULE = json.dumps({"attribute": "city", "is": "Lyon"})
TEMPLATE = {"fr.subject": "Bonjour", "fr.mjml": "<mjml><mj-body></mj-body></mjml>"}


@pytest.mark.parametrize("name", ["New", "Preview", "Check", "+", "新しい"])
def test_segment_and_template_have_a_page_whatever_they_are_called(
    shop: Shop, owner: Client, name: str
) -> None:
    for path, fields in (("segments/+/", {"rule": RULE}), ("templates/+/", TEMPLATE)):
        made = owner.post(shop.path(path), {"name": name, **fields})
        assert made.status_code == 302, made.content.decode()
        page = owner.get(made["Location"])
        assert page.status_code == 200
        assert name in page.content.decode()


@pytest.mark.parametrize(
    ("path", "fields"), [("segments/+/", {"rule": RULE}), ("templates/+/", TEMPLATE), ("lists/add/", {})]
)
def test_names_without_latin_letters_are_kept_apart(
    shop: Shop, owner: Client, path: str, fields: dict[str, str]
) -> None:
    for name in ("夏", "冬", "Лето"):
        assert owner.post(shop.path(path), {"name": name, **fields}).status_code == 302
    again = owner.post(shop.path(path), {"name": "冬", **fields})
    assert again.status_code == 422
    assert "already" in again.content.decode()


def test_attribute_and_journey_are_not_hidden_by_a_page_of_the_product(shop: Shop, owner: Client) -> None:
    owner.post(
        shop.path("settings/attributes/+/"), {"label_en": "Declare", "label_fr": "Déclarer", "type": "text"}
    )
    assert owner.get(shop.path("settings/attributes/declare/")).status_code == 200
    assert owner.get(shop.path("journeys/recipes/edit/")).status_code == 404
    assert "There is no journey “recipes”" in html.unescape(
        owner.get(shop.path("journeys/recipes/edit/")).content.decode()
    )


def test_slug_of_another_name_gets_a_number() -> None:
    known = {"sale": "Sale", "sale-2": "SALE!", "list": "夏"}
    assert slug_for("Sale?", known, otherwise="list") == "sale-3"
    assert slug_for("sale", known, otherwise="list") == "sale", "the same name again"
    assert slug_for("冬", known, otherwise="list") == "list-2"
    assert len(slug_for("a" * 90, {"a" * 50: "other"}, otherwise="list")) == 52
