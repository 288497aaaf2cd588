"""`/parcours.js` in a shop's page, under a strict policy: silent until consent, then page, track and identify reach the timeline.

The shop and Parcours are two origins. What the browser asks of them is answered in this process, by the application of the hot paths.
"""

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, KeyKind
from parcours.contacts import queries as contacts
from parcours.contacts.types import IdentityKind
from parcours.events import queries
from parcours.kernel import tenancy
from parcours.public.hot.application import Application
from tests.browser.watching import Watched
from tests.public.asking import Answer, Client, no_pages

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "wk_shop"
SHOP, PARCOURS = "http://shop.test", "http://parcours.test"
POLICY = f"default-src 'none'; img-src data:; script-src {PARCOURS}; connect-src {PARCOURS}"
QUIET = 200
HTML = f"""<!doctype html><html lang="fr"><title>Boutique</title><link rel="icon" href="data:,">
<script defer src="{PARCOURS}/parcours.js" data-key="{KEY}"></script><h1>Lanternes</h1></html>"""


class Server:
    """The application on a loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.application = Application(no_pages)
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.loop.call_soon_threadsafe(self.application.start, self.loop)
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.away = 0

    def do(self, what: Coroutine[Any, Any, Any]) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(what, self.loop)
        return done.result(20)

    def answer(self, route: Route, request: Request) -> None:
        """The shop's page, or what the application answers; `away` times nothing."""
        if request.url.startswith(SHOP):
            route.fulfill(body=HTML, content_type="text/html", headers={"content-security-policy": POLICY})
            return
        if request.method == "POST":
            assert request.headers["content-type"].startswith("text/plain")
            if self.away:
                self.away -= 1
                route.abort()
                self._note(request)
                return
        client = Client(self.application)
        body = request.post_data_buffer or b""
        path = request.url.removeprefix(PARCOURS)
        answer: Answer = self.do(client.ask(request.method, path, body, request.headers, is_chunked=True))
        route.fulfill(status=answer.status, headers=dict(answer.headers), body=answer.body)
        if request.method == "POST":
            self._note(request)

    def _note(self, request: Request) -> None:
        self.posts.append((request.url, json.loads(request.post_data or "")))

    def stop(self) -> None:
        self.do(self.application.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def shop(transactional_db: None, workspace: Workspace, now: datetime) -> Workspace:
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.create_key(workspace.pk, KeyKind.WRITE, "site", actor=SYSTEM, now=now, secret=KEY)
        wanted = {"tracking_consent": "analytics"}
        accounts.change_workspace(workspace, wanted, actor=SYSTEM, now=now)
    return workspace


@pytest.fixture
def server(shop: Workspace) -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def visitor(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="fr-FR", timezone_id="Europe/Paris")
    context.route("**/*", server.answer)
    yield context
    context.close()


def timeline(shop: Workspace, kind: IdentityKind, value: str) -> list[tuple[str, dict[str, Any]]]:
    with tenancy.scope(workspace_id=shop.pk):
        found = contacts.contact_of(shop.pk, kind, value)
        assert found
        return [(each.name, each.properties) for each in queries.timeline(shop.pk, found.id)]


def sent(page: Page, server: Server, count: int) -> list[str]:
    """The calls that were sent, once there are `count`, and a moment for one too many."""
    for _ in range(100):
        if len(server.posts) >= count:
            break
        page.wait_for_timeout(100)
    page.wait_for_timeout(QUIET)
    return [url.removeprefix(f"{PARCOURS}/v1/") for url, _ in server.posts]


def test_nothing_is_sent_nor_stored_before_consent(visitor: BrowserContext, server: Server) -> None:
    watched = Watched(visitor, with_axe=False)
    watched.page.goto(f"{SHOP}/")
    answers = watched.page.evaluate(
        "[parcours.consent(), parcours.page(), parcours.track('Seen'), parcours.identify('u1', {email: 'a@b.fr'})]"
    )

    assert answers == [False] * 4
    assert sent(watched.page, server, 0) == []
    assert watched.page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert watched.complaints == []


def test_visitor_who_consents_is_followed_to_the_order(
    shop: Workspace, visitor: BrowserContext, server: Server
) -> None:
    watched = Watched(visitor, with_axe=False)
    page = watched.page
    page.goto(f"{SHOP}/lanterns?utm_source=letter&token=secret#top")
    assert page.evaluate("parcours.consent(true)") is True
    sent(page, server, 1)
    page.goto(f"{SHOP}/cart")
    sent(page, server, 2)
    page.evaluate("parcours.identify('u1', {email: 'ada@example.org'})")
    sent(page, server, 3)
    page.evaluate("parcours.track('Cart Viewed', {total: 12})")

    assert sent(page, server, 4) == ["page", "page", "identify", "track"]
    happened = timeline(shop, IdentityKind.EXTERNAL, "u1")
    assert sorted(name for name, _ in happened) == [
        "Attributes Changed",
        "Cart Viewed",
        "Contact Created",
        "Page Viewed",
        "Page Viewed",
    ]
    [_, first] = [properties for name, properties in happened if name == "Page Viewed"]
    assert (first["url"], first["utm_source"], first["title"]) == (f"{SHOP}/lanterns", "letter", "Boutique")
    assert "secret" not in json.dumps(server.posts)
    with tenancy.scope(workspace_id=shop.pk):
        ada = contacts.contact_of(shop.pk, IdentityKind.EMAIL, "ada@example.org")
    assert ada
    assert (ada.language, ada.time_zone) == ("fr", "Europe/Paris")
    assert watched.complaints == []


def test_consent_that_is_taken_back_ends_it(visitor: BrowserContext, server: Server) -> None:
    page = visitor.new_page()
    page.goto(f"{SHOP}/")
    page.evaluate("parcours.consent(true)")
    sent(page, server, 1)

    assert page.evaluate("[parcours.consent(false), parcours.track('Seen')]") == [False, False]
    page.goto(f"{SHOP}/again")
    assert sent(page, server, 1) == ["page"]
    assert page.evaluate("localStorage.length") == 0


@pytest.mark.parametrize(("signal", "value"), [("globalPrivacyControl", "true"), ("doNotTrack", "'1'")])
def test_browser_that_objects_is_obeyed(
    visitor: BrowserContext, server: Server, signal: str, value: str
) -> None:
    page = visitor.new_page()
    page.goto(f"{SHOP}/")
    page.evaluate("parcours.consent(true)")
    sent(page, server, 1)
    visitor.add_init_script(f"Object.defineProperty(navigator, '{signal}', {{value: {value}}})")
    page.goto(f"{SHOP}/again")

    assert (
        page.evaluate("[parcours.consent(), parcours.consent(true), parcours.track('Seen')]") == [False] * 3
    )
    assert sent(page, server, 1) == ["page"]


def test_another_person_at_the_browser_is_another_visitor(
    shop: Workspace, visitor: BrowserContext, server: Server
) -> None:
    page = visitor.new_page()
    page.goto(f"{SHOP}/")
    page.evaluate("parcours.consent(true), parcours.identify('u1'), parcours.identify('u2')")
    sent(page, server, 3)
    page.evaluate("parcours.reset(), parcours.track('Seen')")
    sent(page, server, 4)

    first, second, third = (server.posts[place][1] for place in (1, 2, 3))
    assert (first["userId"], second["userId"], "userId" in third) == ("u1", "u2", False)
    assert len({each["anonymousId"] for each in (first, second, third)}) == 3


def test_call_that_did_not_arrive_is_sent_again_and_counts_once(
    shop: Workspace, visitor: BrowserContext, server: Server
) -> None:
    page = visitor.new_page()
    page.goto(f"{SHOP}/")
    server.away = 1
    page.evaluate("parcours.consent(true)")

    assert sent(page, server, 2) == ["page", "page"]
    lost, again = (call for _, call in server.posts)
    assert lost["messageId"] == again["messageId"]
    happened = timeline(shop, IdentityKind.ANONYMOUS, again["anonymousId"])
    assert sorted(name for name, _ in happened) == ["Contact Created", "Page Viewed"]
