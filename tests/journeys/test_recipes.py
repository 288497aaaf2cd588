"""The ready-made scenarios: they bring all that they need, in both languages, and can be installed again without harm."""

from typing import Any

import pytest

from parcours.accounts.models import AuditEntry
from parcours.accounts.types import SYSTEM
from parcours.consent.models import Purpose
from parcours.content import queries as content
from parcours.content.models import Template, TemplateVersion
from parcours.journeys import recipes
from parcours.journeys.errors import UnknownRecipe
from parcours.journeys.models import Journey, Version
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


def test_coupon_message_has_its_code_and_its_end(shop: Shop) -> None:
    rendered = preview(shop, "first-purchase", "welcome-coupon", "en")
    assert "20% off" in rendered.html
    assert "April 9, 2026" in rendered.text


def test_unknown_recipe_says_so(shop: Shop) -> None:
    with shop.scope(), pytest.raises(UnknownRecipe):
        recipes.install(shop.workspace_id, "nothing", actor=SYSTEM, now=shop.now)
