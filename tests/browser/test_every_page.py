"""Every page, in both languages, wide and narrow, light and dark: a clean console, nothing inaccessible, no sideways scroll."""

from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from parcours.campaigns.models import Campaign
from parcours.catalogue.models import Product
from parcours.consent import actions as consent
from parcours.consent.models import Record, Suppression
from parcours.consent.types import Channel, SuppressionReason
from parcours.delivery.models import Mailing, Message
from parcours.integrations.models import Endpoint
from parcours.kernel import tenancy
from tests.browser.watching import Watched, sign_in
from tests.web.conftest import Shop

STATIC = (
    "", "?per=day", "search/", "search/?q=marc", "search/?q=zzz", "contacts/", "contacts/?q=zzz", "lists/", "imports/",
    "segments/", "segments/+/", "segments/silent-90-days/", "segments/silent-90-days/edit/", "journeys/",
    "new-journey/", "journeys/post-purchase/edit/", "journeys/post-purchase/", "journeys/first-purchase/", "journeys/re-engagement/", "journeys/+/recipes/post-purchase/",
    "campaigns/", "campaigns/new/", "templates/", "templates/+/", "templates/order-confirmation/", "messages/",
    "messages/?state=failed", "purposes/", "purposes/?address=ghost@mail.example", "purposes/promotions/",
    "purposes/advice/", "purposes/+/", "purposes/advice/edit/", "suppressions/", "settings/", "settings/members/", "settings/keys/", "settings/sending/", "settings/trail/", "settings/webhooks/", "settings/webhooks/new/",
    "settings/attributes/", "settings/attributes/city/", "contacts/add/",
    "catalogue/", "catalogue/?show=seen", "catalogue/?q=zzz", "catalogue/add/",
)  # fmt: skip
ACCOUNT = ("/account/me/", "/account/password/change/", "/account/2fa/")


def paths(shop: Shop) -> list[str]:
    """Every page there is something to see on."""
    with tenancy.scope(workspace_id=shop.workspace.pk):
        consent.suppress(
            shop.workspace.pk, Channel.EMAIL, "gone@mail.example", SuppressionReason.MANUAL, now=shop.now
        )
        lifted = Suppression.objects.get().pk
        messages = Message.objects.order_by("state", "id").distinct("state")
        states = [str(each.pk) for each in messages]
        campaigns = [each.pk for each in Campaign.objects.all()]
        mailings = Mailing.objects.exclude(origin="test").values_list("pk", flat=True)
        reports = [shop.path(f"mailings/{each}/") for each in mailings]
        webhooks = [each.pk for each in Endpoint.objects.all()]
        products = [each.pk for each in Product.objects.all()]
        person = Record.objects.filter(act="withdrawn").values_list("contact_id", flat=True)[0]
    own = [shop.path(each) for each in STATIC]
    own += [shop.path(f"messages/{each}/") for each in states]
    own += [shop.path(f"campaigns/{each}/{rest}") for each in campaigns for rest in ("", "edit/")]
    own += [shop.path(f"contacts/{person}/{each}") for each in ("", "?show=messages", "edit/", "proof/")]
    own += reports
    own.append(shop.path(f"contacts/{person}/say/?purpose=promotions&channel=email&act=granted"))
    own += [shop.path(f"catalogue/{each}/{rest}") for each in products for rest in ("", "edit/", "remove/")]
    own += [
        shop.path(f"settings/webhooks/{each}/{rest}")
        for each in webhooks
        for rest in ("", "edit/", "remove/")
    ]
    own.append(shop.path(f"suppressions/{lifted}/lift/"))
    return [*own, *ACCOUNT]


@dataclass(frozen=True)
class Reader:
    """How somebody looks at the pages."""

    language: str
    width: int
    is_dark: bool


READERS = [
    Reader("fr-FR", 1280, False),
    Reader("en-GB", 1280, True),
    Reader("fr-FR", 390, True),
    Reader("en-GB", 390, False),
]


@pytest.mark.parametrize("reader", READERS, ids=lambda each: f"{each.language}-{each.width}")
def test_every_page_is_clean(shop: Shop, browser: Browser, live_server: LiveServer, reader: Reader) -> None:
    context = browser.new_context(
        base_url=live_server.url,
        locale=reader.language,
        viewport={"width": reader.width, "height": 844},
        color_scheme="dark" if reader.is_dark else "light",
        reduced_motion="reduce",
    )
    watched = Watched(context, with_axe=reader.width > 1000)
    wrong = watched.look_at("/account/login/")
    sign_in(watched.page, shop.owner.email)
    assert watched.page.url.endswith("/w/vitrine/")
    for path in paths(shop):
        wrong += watched.look_at(path)
    context.close()
    assert wrong == []


def test_empty_workspace_teaches(shop: Shop, browser: Browser, live_server: LiveServer) -> None:
    context = browser.new_context(
        base_url=live_server.url, locale="en-GB", viewport={"width": 390, "height": 844}
    )
    watched = Watched(context)
    sign_in(watched.page, shop.outsider.email, "a password of Oscar's own")
    assert "No workspace yet" in watched.page.content()
    assert watched.inaccessible() == []
    watched.page.goto(shop.path())
    assert "Not found" in watched.page.content()
    context.close()
