"""Names as long as one word can be, on a telephone and on a wide screen: no page scrolls sideways, nothing is cut."""

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from parcours.accounts import actions as accounts
from parcours.accounts.models import User, Workspace
from parcours.accounts.types import SYSTEM, KeyKind, Role
from parcours.audiences import actions as segments
from parcours.campaigns import actions as campaigns
from parcours.campaigns.types import Draft
from parcours.catalogue import actions as catalogue
from parcours.consent import actions as consent
from parcours.contacts import actions as contacts
from parcours.contacts.importing import actions as imports
from parcours.contacts.types import AttributeType, Person
from parcours.content import actions as content
from parcours.events import people
from parcours.integrations import actions as webhooks
from parcours.integrations.types import Wanted
from parcours.journeys import actions as journeys
from parcours.journeys.types import Texts
from parcours.kernel import clock, tenancy
from tests.browser.watching import sign_in
from tests.conftest import act_as
from tests.web.furnishing import PASSWORD

WORD = "Anticonstitutionnellement" * 4
SLUG = WORD[:50].lower()
ADDRESS = f"{SLUG}@{SLUG[:25]}.example"
PAGES = (
    *("contacts/", "lists/", "imports/", "segments/", "journeys/", "campaigns/", "templates/", "catalogue/"),
    *("purposes/", "settings/members/", "settings/keys/", "settings/attributes/", "settings/webhooks/"),
    *("settings/trail/", "search/?q=anti"),
)
CUT = """[...document.querySelectorAll('main *')].filter((each) => {
  const look = getComputedStyle(each);
  const hides = look.overflowX === 'hidden' && look.textOverflow !== 'ellipsis' && !each.closest('.sr-only, svg');
  return hides && each.scrollWidth > each.clientWidth + 1;
}).map((each) => each.textContent.trim().slice(0, 40))"""


def name_everything(workspace: Workspace, owner: User) -> str:
    """One of everything that is listed; returns the person's address."""
    own, now = workspace.pk, clock.now()
    body = {"fr": {"subject": WORD, "mjml": "<mjml><mj-body></mj-body></mjml>"}}
    graph = {"entry": {"event": "Order Completed"}, "start": "end", "nodes": {"end": {"exit": "done"}}}
    named = {"name_fr": WORD, "name_en": WORD}
    with tenancy.scope(workspace_id=own):
        accounts.set_member(own, owner, Role.OWNER, actor=SYSTEM, now=now)
        contacts.declare_attribute(
            own, SLUG[:40], AttributeType.TEXT, label_fr=WORD, label_en=WORD, actor=SYSTEM, now=now
        )
        contacts.create_list(own, SLUG, WORD, actor=SYSTEM, now=now)
        [person] = people.save_people(own, [Person(email=ADDRESS, attributes={SLUG[:40]: WORD})], now=now)
        contacts.add_to_list(own, SLUG, [person.contact_id], now=now)
        segments.create_segment(own, SLUG, WORD, {"list": SLUG}, actor=SYSTEM, now=now)
        fields = {**named, "basis": "legitimate_interest", "is_marketing": True}
        consent.save_purpose(own, SLUG[:40], fields, actor=SYSTEM, now=now)
        catalogue.add(own, WORD, {"name": WORD, "price": 1234567.89}, actor=SYSTEM, now=now)
        content.save_template(own, SLUG, WORD, body, actor=SYSTEM, now=now)
        journeys.create(own, SLUG, Texts(**named), actor=SYSTEM, now=now)
        journeys.save(own, SLUG, Texts(**named), graph, actor=SYSTEM, now=now)
        campaigns.create(own, Draft(WORD, SLUG, SLUG[:40], list=SLUG), actor=SYSTEM, now=now)
        imports.upload(own, f"{WORD}.csv", b"email\nnew@example.com\n", actor=SYSTEM, now=now)
        webhooks.create(
            own,
            Wanted(f"https://{SLUG}.example/{SLUG}", WORD, names=("Order Completed",)),
            actor=SYSTEM,
            now=now,
        )
        accounts.create_key(own, KeyKind.API, WORD[:80], actor=SYSTEM, now=now)
    return f"contacts/{person.contact_id}/"


@pytest.mark.usefixtures("transactional_db")
def test_nothing_is_cut(
    browser: Browser, live_server: LiveServer, django_db_blocker: DjangoDbBlocker
) -> None:
    workspace = accounts.create_workspace("long", name=WORD, language="fr", now=clock.now())
    owner = accounts.create_user(ADDRESS, password=PASSWORD, name=WORD[:80], now=clock.now())
    person = name_everything(workspace, owner)
    cache.clear()  # allauth counts sign-ins there
    act_as("parcours_web", django_db_blocker)
    try:
        wrong = [
            each
            for width in (390, 1440)
            for each in seen(browser, live_server, owner, [*PAGES, person], width)
        ]
    finally:
        act_as("parcours_worker", django_db_blocker)
    assert wrong == []


def seen(browser: Browser, live_server: LiveServer, owner: User, paths: list[str], width: int) -> list[str]:
    """What is wrong with these pages on a screen of this width."""
    wrong = []
    context = browser.new_context(
        base_url=live_server.url, locale="fr-FR", viewport={"width": width, "height": 844}
    )
    page = context.new_page()
    sign_in(page, owner.email)
    for path in paths:
        page.goto(f"/w/long/{path}")
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wrong.append(f"{path} at {width} scrolls sideways")
        wrong += [f"{path} at {width} cuts {each}" for each in page.evaluate(CUT)]
    context.close()
    return wrong
