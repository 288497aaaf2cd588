"""Signing in, and watching a page for everything that a browser complains about."""

from pathlib import Path
from typing import Any

from django.conf import settings
from playwright.sync_api import BrowserContext, Page

from tests.web.furnishing import PASSWORD

AXE = Path(settings.ROOT) / "islands" / "node_modules" / "axe-core" / "axe.min.js"


class Watched:
    """A page whose complaints are kept: console errors, exceptions, policy violations, failed requests."""

    def __init__(self, context: BrowserContext, *, with_axe: bool = True) -> None:
        self.complaints: list[str] = []
        self.with_axe = with_axe
        if with_axe:
            context.add_init_script(path=AXE)  # by the debugger, past the policy
        self.page: Page = context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        self.page.on("response", self._answered)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")

    def look_at(self, path: str) -> list[str]:
        """Open a page; return everything that is wrong with it."""
        self.complaints.clear()
        self.page.goto(path)
        if self.page.locator("[data-island=journey-canvas]:visible").count():
            self.page.wait_for_selector(".canvas-node")
        if self.page.locator("#check").count():
            self.page.wait_for_selector("#check > *")
        found = list(self.complaints)
        if self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append("scrolls sideways")
        return [f"{path}: {each}" for each in [*found, *(self.inaccessible() if self.with_axe else [])]]

    def inaccessible(self) -> list[str]:
        """What axe-core finds serious or critical."""
        result = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:160]}"
            for each in result["violations"]
            if each["impact"] in ("serious", "critical")
        ]


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Through the form, as people do."""
    page.goto("/account/login/")
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", password)
    page.locator("main form button.btn-primary").click()
    page.wait_for_load_state()
