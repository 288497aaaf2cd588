"""What needs JavaScript: search by key, filters without reloading, live rule check, charts by keyboard, canvas, live preview."""

import re

from playwright.sync_api import BrowserContext, expect

from parcours.delivery import actions as delivery
from parcours.delivery.models import Message
from parcours.kernel import tenancy
from tests.browser.watching import Watched, sign_in
from tests.web.conftest import Shop


def test_slash_leads_to_the_search(shop: Shop, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, shop.owner.email)
    page.keyboard.press("/")
    page.keyboard.type("client1@")
    page.keyboard.press("Enter")
    expect(page.get_by_text("client1@mail.example").first).to_be_visible()


def test_chart_is_read_by_keyboard(shop: Shop, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, shop.owner.email)
    plot = page.locator("[data-plot]").first
    plot.focus()
    readout = page.locator("[data-readout]").first
    expect(readout).to_contain_text("Revenue")
    before = readout.inner_text()
    page.keyboard.press("ArrowLeft")
    expect(readout).not_to_have_text(before)


def test_timeline_filter_keeps_the_page_and_the_history(shop: Shop, context: BrowserContext) -> None:
    watched = Watched(context)
    page = watched.page
    sign_in(page, shop.owner.email)
    page.goto(shop.path("contacts/?q=client0@"))
    page.get_by_role("link", name="client0@mail.example").first.click()
    page.wait_for_load_state("networkidle")
    page.get_by_role("link", name="Consent", exact=True).click()
    expect(page).to_have_url(re.compile(r"show=consent$"))
    expect(page.locator("#timeline").get_by_text("Withdrew consent")).to_be_visible()
    assert watched.complaints == []


def test_rule_is_explained_while_one_types(shop: Shop, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, shop.owner.email)
    page.goto(shop.path("segments/+/"))
    check = page.locator("#check")
    expect(check).to_contain_text("people now")
    page.fill("textarea[name=rule]", '{"attribute": "city", "is": "Lyon"}')
    expect(check).to_contain_text("15 people now")
    page.fill("textarea[name=rule]", "{")
    expect(check).to_contain_text("line 1")


def test_canvas_shows_the_journey_and_leads_to_its_steps(shop: Shop, context: BrowserContext) -> None:
    watched = Watched(context)
    sign_in(watched.page, shop.owner.email)
    watched.page.goto(shop.path("journeys/first-purchase/"))
    cards = watched.page.locator(".canvas-node")
    expect(cards).to_have_count(6)
    cards.nth(2).click()
    expect(watched.page).to_have_url(re.compile("#step-"))
    assert watched.complaints == []


def test_preview_follows_what_one_types(shop: Shop, context: BrowserContext) -> None:
    watched = Watched(context)
    page = watched.page
    sign_in(page, shop.owner.email)
    page.goto(shop.path("templates/we-miss-you/"))
    frame = page.frame_locator("iframe[name=preview]")
    expect(frame.locator("body")).to_contain_text("Bonjour")
    page.fill("input[name='fr.subject']", "Un objet tout neuf")
    expect(frame.locator("body")).to_contain_text("Un objet tout neuf")
    assert watched.complaints == []


def test_written_journey_is_drawn_before_it_is_published(shop: Shop, context: BrowserContext) -> None:
    watched = Watched(context)
    page = watched.page
    sign_in(page, shop.owner.email)
    page.goto(shop.path("new-journey/"))
    page.fill("input[name=name_fr]", "Le mien")
    page.fill("input[name=name_en]", "My own")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".canvas-node")).to_have_count(5)
    page.get_by_role("button", name="Publish").click()
    expect(page).to_have_url(re.compile("/journeys/my-own/$"))
    assert watched.complaints == []


def test_test_is_seen_to_leave_without_reloading(shop: Shop, context: BrowserContext) -> None:
    watched = Watched(context)
    page = watched.page
    sign_in(page, shop.owner.email)
    page.goto(shop.path("templates/we-miss-you/"))
    page.get_by_role("button", name="Send the test").click()
    shown = page.locator("#recent-tests")
    expect(shown).to_contain_text("Waiting")
    with tenancy.scope(workspace_id=shop.workspace.pk):
        due = Message.objects.get(is_test=True).due_at
        delivery.deliver_nowhere(shop.workspace.pk, now=due)
    expect(shown).to_contain_text("Sent")
    assert watched.complaints == []


def test_secret_is_copied_where_the_browser_has_no_clipboard(shop: Shop, context: BrowserContext) -> None:
    context.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined})"
    )  # as without TLS
    page = context.new_page()
    sign_in(page, shop.owner.email)
    page.goto(shop.path("settings/keys/"))
    page.fill("input[name=name]", "boutique")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("document.getSelection().toString()") == page.locator("#secret").inner_text()
