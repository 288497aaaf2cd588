"""Signing in with a password, then with an authenticator app, then with a recovery code."""

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from playwright.sync_api import BrowserContext

from tests.browser.watching import Watched, sign_in
from tests.web.conftest import Shop
from tests.web.furnishing import PASSWORD


def code_of(secret: str) -> str:
    """What the authenticator app would show now (RFC 6238)."""
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def test_wrong_password_is_refused_beside_the_form(shop: Shop, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, shop.owner.email, "not the password")
    assert "/account/login/" in page.url
    assert page.get_by_role("alert").count() == 1
    assert page.input_value("input[name=login]") == shop.owner.email


def test_second_factor_is_set_up_and_asked_for(shop: Shop, context: BrowserContext) -> None:
    watched = Watched(context)
    page = watched.page
    sign_in(page, shop.owner.email)
    page.goto("/account/2fa/totp/activate/")
    if "reauthenticate" in page.url:
        page.fill("input[name=password]", PASSWORD)
        page.locator("main form button.btn-primary").click()
    secret = page.locator("#secret").inner_text()
    assert watched.inaccessible() == []
    page.fill("input[name=code]", code_of(secret))
    page.locator("main form button.btn-primary").click()
    page.wait_for_load_state()
    page.goto("/account/2fa/recovery-codes/")
    recovery = page.locator("#codes").inner_text().split()
    assert len(recovery) == 10
    assert watched.inaccessible() == []
    context.clear_cookies()
    sign_in(page, shop.owner.email)
    assert "/account/2fa/authenticate/" in page.url
    assert watched.inaccessible() == []
    page.fill("input[name=code]", recovery[0])
    page.locator("main form button.btn-primary").click()
    page.wait_for_url("**/w/vitrine/")
    assert watched.complaints == []


def test_signing_out_closes_the_pages(shop: Shop, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, shop.owner.email)
    page.get_by_role("button", name="Sign out").first.click()
    page.wait_for_load_state()
    page.goto(shop.path("contacts/"))
    assert "/account/login/" in page.url
