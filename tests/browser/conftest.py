"""A browser of the machine, the product served by Django's own test server, and a shop to look at.

`PARCOURS_BROWSER` names the browser; without one the tests are skipped, or fail when `PARCOURS_REQUIRE_BROWSER` is 1.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from parcours.accounts import actions as accounts
from parcours.accounts.models import User
from parcours.kernel import clock
from tests.conftest import act_as
from tests.web.conftest import Shop
from tests.web.furnishing import furnish

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MANIFEST = Path(settings.ROOT) / "parcours" / "web" / "static" / "islands" / "manifest.json"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module (its loop would be in the way of other tests); every test opens contexts of its own."""
    place = os.environ.get("PARCOURS_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    missing = (
        "No Chromium or Chrome here"
        if place is None
        else ""
        if MANIFEST.is_file()
        else "The front end is not built"
    )
    if missing and os.environ.get("PARCOURS_REQUIRE_BROWSER") == "1":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    arguments = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=place, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def shop(
    browser: Browser, transactional_db: None, live_server: LiveServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[Shop]:
    """A furnished shop and its server, whose connections act as the web's role."""
    now = clock.now()
    workspace = accounts.create_workspace("vitrine", name="La Vitrine", language="fr", is_demo=True, now=now)
    owner = furnish(workspace, now=now)
    viewer = User.objects.get(email="victor@shop.example")
    outsider = accounts.create_user("oscar@other.example", password="a password of Oscar's own", now=now)
    cache.clear()  # allauth counts sign-ins there
    act_as("parcours_web", django_db_blocker)
    yield Shop(workspace, owner, viewer, outsider, now)
    act_as("parcours_worker", django_db_blocker)


@pytest.fixture
def context(browser: Browser, live_server: LiveServer) -> Iterator[BrowserContext]:
    """A fresh window for one test."""
    opened = browser.new_context(base_url=live_server.url, locale="en-GB")
    yield opened
    opened.close()
