"""The ready-made scenarios: they bring all that they need, in both languages, and can be installed again without harm."""

from functools import cache
from typing import Any

import pytest
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM
from parcours.catalogue import actions as catalogue
from parcours.catalogue.types import ProductOrigin
from parcours.consent.models import Purpose
from parcours.contacts.models import List
from parcours.content import queries as content
from parcours.content.models import Coupon, Template, TemplateVersion
from parcours.content.template import CompiledTemplate, Rendered, render
from parcours.delivery.models import Mailing
from parcours.journeys import recipes
from parcours.journeys.errors import UnknownRecipe
from parcours.journeys.models import Journey, Version
from parcours.journeys.nodes.exit import OWN_REASONS, told
from tests.journeys.shop import Shop

ORDER = {
    "order_id": "C1042",
    "total": 1234.5,
    "currency": "EUR",
    "products": [{"name": "Théière <bleue>", "price": 29.9, "quantity": 2}, {"sku": "TASSE", "price": 5}],
}


@pytest.mark.parametrize("slug", recipes.SLUGS)
def test_recipe_installs_and_installs_again_without_change(shop: Shop, slug: str) -> None:
    with shop.scope():
        first = recipes.install(shop.workspace_id, slug, actor=SYSTEM, now=shop.now)
        assert (first.state, first.live is not None) == ("published", True)
        trail = AuditEntry.objects.count()
        assert recipes.install(shop.workspace_id, slug, actor=SYSTEM, now=shop.now) == first
        assert AuditEntry.objects.count() == trail
        assert Version.objects.count() == 1


def test_what_the_workspace_changed_stays(shop: Shop) -> None:
    with shop.scope():
        Purpose.objects.filter(code="promotions").update(name_fr="Nos offres")
        for slug in recipes.SLUGS:
            recipes.install(shop.workspace_id, slug, actor=SYSTEM, now=shop.now)
        assert Purpose.objects.get(code="promotions").name_fr == "Nos offres"
        assert set(Purpose.objects.values_list("code", flat=True)) == {
            "order_information",
            "promotions",
            "advice",
        }
        assert Journey.objects.filter(state="published").count() == len(recipes.SLUGS)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_message_renders_for_somebody_of_whom_we_know_nothing(shop: Shop, language: str) -> None:
    stranger = shop.person("stranger@example.com")
    with shop.scope():
        for slug in recipes.SLUGS:
            recipes.install(shop.workspace_id, slug, actor=SYSTEM, now=shop.now)
        slugs = [slug for recipe in recipes.recipes() for slug in recipe.templates]
        for version in TemplateVersion.objects.filter(template__slug__in=slugs):
            rendered = content.preview(
                shop.workspace_id,
                version.pk,
                stranger,
                language,
                event={"order_id": "C1", "total": 5},
                now=shop.now,
            )
            assert not rendered.warnings
            for part in (rendered.subject, rendered.html, rendered.text):
                assert part.strip()
                assert "{{" not in part
                assert "$" not in part
        assert Template.objects.filter(slug__in=slugs).count() == 5


def preview(shop: Shop, slug: str, template: str, language: str, **event: Any) -> Any:
    marc = shop.person("marc@example.com", first_name="Marc")
    with shop.scope():
        recipes.install(shop.workspace_id, slug, actor=SYSTEM, now=shop.now)
        version = content.latest_version(shop.workspace_id, template)
        return content.preview(shop.workspace_id, version.pk, marc, language, event=event, now=shop.now)


def test_confirmation_has_name_lines_and_total(shop: Shop) -> None:
    rendered = preview(shop, "post-purchase", "order-confirmation", "fr", **ORDER)
    assert rendered.subject == "Votre commande C1042 est confirmée"
    for part in (rendered.html, rendered.text):
        assert "Merci, Marc" in part
        assert "59,80\u00a0€" in part
        assert "1\u202f234,50\u00a0€" in part
        assert "TASSE" in part
    assert "Théière &lt;bleue&gt;" in rendered.html


@cache
def confirmation(language: str) -> CompiledTemplate:
    template = recipes.recipe("post-purchase").templates["order-confirmation"]
    return content.made_ready(recipes.body(template[language], recipes.SHOP_URL), language)


def rendered_for(event: dict[str, Any], language: str) -> Rendered:
    """The confirmation of an order as it is sent."""
    data = {
        "contact": {},
        "workspace": {"currency": "EUR"},
        **dict.fromkeys(("event", "data", "params"), event),
    }
    return render(confirmation(language), data, lambda _number, url: url, None, language)


def confirmed(event: dict[str, Any], language: str) -> str:
    """Its text. Nowhere in it are words of Python."""
    made = rendered_for(event, language)
    assert "None" not in made.html + made.text + made.subject
    assert "{'" not in made.html + made.text + made.subject
    return made.text


def lines(text: str) -> list[str]:
    """What stands between the greeting and the button."""
    order = text.partition("getting it ready.")[2].partition("Visit the shop")[0]
    return [line.strip() for line in order.splitlines() if line.strip()]


@pytest.mark.parametrize("total", [None, {"a": 1}, True, [1], "", "49,90", 10**300, 1e30, -1e30])
def test_total_that_is_no_amount_is_left_out(total: object) -> None:
    assert "Total" not in confirmed({"order_id": "C1", "total": total}, "en")
    assert "Total" not in confirmed({"order_id": "C1"}, "en")


@pytest.mark.parametrize(("total", "shown"), [(0, "€0.00"), ("49.90", "€49.90"), (-5, "−€5.00")])
def test_total_that_is_an_amount_is_shown(total: object, shown: str) -> None:
    assert f"Total {shown}" in " ".join(confirmed({"order_id": "C1", "total": total}, "en").split())


@pytest.mark.parametrize(
    ("product", "shown"),
    [
        ({"name": "Bowl", "price": 0}, "Bowl × 1 €0.00"),
        ({"name": "Bowl", "price": "4.50", "quantity": "2"}, "Bowl × 2 €9.00"),
        ({"name": "Bowl"}, "Bowl × 1"),
        ({"name": "Bowl", "price": "49,90"}, "Bowl × 1"),
        ({"name": "Bowl", "price": "€49.90"}, "Bowl × 1"),
        ({"name": "Bowl", "price": 1e30}, "Bowl × 1"),
        ({"name": "Bowl", "price": 10**20, "quantity": 10**20}, f"Bowl × {10**20}"),
        ({"name": "Bowl", "price": 5, "quantity": {"a": 1}}, "Bowl"),
        ({"product_id": "B-1", "price": 5}, "B-1 × 1 €5.00"),
        ({"price": 5}, ""),
        ({"name": " ", "price": 5}, ""),
        (None, ""),
        (7, ""),
    ],
)
def test_line_shows_what_is_known_and_no_wrong_figure(product: object, shown: str) -> None:
    assert " ".join(lines(confirmed({"order_id": "C1", "products": [product]}, "en"))) == shown


def test_products_of_a_wrong_shape_make_no_lines() -> None:
    for products in ("abc", {"name": "Bowl"}, 5, True, [[1]], ["abc"]):
        assert lines(confirmed({"order_id": "C1", "products": products}, "en")) == []


@pytest.mark.parametrize(
    ("count", "french", "english"),
    [
        (1100, "… et 1\u202f000 autres", "… and 1,000 more"),
        (101, "… et 1 autre", "… and 1 more"),
        (100, "", ""),
        (16_000, "… et 15\u202f900 autres", "… and 15,900 more"),
    ],
)
def test_long_order_is_confirmed_with_its_first_lines(count: int, french: str, english: str) -> None:
    event = {"order_id": "C1", "total": 5, "products": [{"name": "Bowl"}] * 100 + [1] * (count - 100)}
    for language, said in (("fr", french), ("en", english)):
        text = confirmed(event, language)
        assert text.count("Bowl") == 100
        found = [line.strip() for line in text.splitlines() if "…" in line]
        assert found == ([said] if said else [])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
LINE = JSON | st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("name", "price", "quantity", "sku", "product_id"), JSON)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    event=st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("order_id", "total", "currency"), JSON),
            "products": JSON | st.lists(LINE, max_size=120),
        },
    ),
    language=st.sampled_from(["fr", "en"]),
)
def test_every_order_is_confirmed_whatever_its_properties(event: dict[str, Any], language: str) -> None:
    assert rendered_for(event, language).text


def test_confirmation_leads_to_the_pages_of_products_that_the_shop_states(shop: Shop) -> None:
    cup = {"name": "Tasse émaillée", "url": "https://shop.example/tasse"}
    with shop.scope():
        catalogue.save(shop.workspace_id, "TASSE", cup, origin=ProductOrigin.API, actor=SYSTEM, now=shop.now)
    lines = [{"sku": "TASSE", "price": 5, "quantity": 2}, {"name": "Théière", "sku": "T-2", "price": 7}]
    rendered = preview(shop, "post-purchase", "order-confirmation", "fr", **{**ORDER, "products": lines})
    assert '<a href="https://shop.example/tasse">Tasse émaillée</a>' in rendered.html
    assert rendered.html.count("https://shop.example/tasse") == 1
    for part in (rendered.html, rendered.text):
        assert "Théière" in part
        assert "Tasse émaillée" in part


def test_coupon_message_has_its_code_and_its_end(shop: Shop) -> None:
    rendered = preview(shop, "first-purchase", "welcome-coupon", "en")
    assert "20% off" in rendered.html
    assert "April 9, 2026" in rendered.text


def test_unknown_recipe_says_so(shop: Shop) -> None:
    with shop.scope(), pytest.raises(UnknownRecipe):
        recipes.install(shop.workspace_id, "nothing", actor=SYSTEM, now=shop.now)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", ("Clients fidèles", "Bienvenue 20 %", "Bon de bienvenue")),
        ("en", ("Loyal clients", "Welcome 20%", "Welcome coupon")),
    ],
)
def test_what_has_one_name_is_named_in_the_workspaces_language(
    shop: Shop, language: str, said: tuple[str, str, str]
) -> None:
    with shop.scope():
        Workspace.objects.filter(pk=shop.workspace_id).update(language=language)
        recipes.install(shop.workspace_id, "first-purchase", actor=SYSTEM, now=shop.now)
        things = (
            List.objects.get(slug="loyal-clients"),
            Coupon.objects.get(slug="welcome-20"),
            Template.objects.get(slug="welcome-coupon"),
        )
        assert tuple(thing.name for thing in things) == said


def test_mailing_is_named_in_both_languages_and_for_machines_in_the_workspaces(shop: Shop) -> None:
    with shop.scope():
        Workspace.objects.filter(pk=shop.workspace_id).update(language="en")
        recipes.install(shop.workspace_id, "post-purchase", actor=SYSTEM, now=shop.now)
        mailing = Mailing.objects.get(step="confirm")
    assert mailing.name == mailing.name_en == "After the purchase · Order confirmation"
    assert mailing.name_fr == "Après l’achat · Order confirmation"


@pytest.mark.parametrize("slug", recipes.SLUGS)
def test_reasons_of_our_own_recipes_are_told_in_french(slug: str) -> None:
    reasons = {node["exit"] for node in recipes.recipe(slug).journey["nodes"].values() if "exit" in node}
    assert reasons <= OWN_REASONS.keys()
    with translation.override("fr"):
        assert not {told(reason) for reason in reasons} & reasons
        assert told("à rappeler") == "à rappeler"
