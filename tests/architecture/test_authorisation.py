"""Who may open what: every route × every kind of caller, against one table. A route that the table does not know fails.

Objects of another workspace are not there (404), and reading changes nothing, for anybody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.urls.resolvers import URLResolver

from parcours.accounts import actions as accounts
from parcours.accounts.models import Key, Membership, User, Workspace
from parcours.accounts.types import SYSTEM, KeyKind, Role
from parcours.audiences.models import Segment
from parcours.campaigns.models import Campaign
from parcours.catalogue.models import Product
from parcours.consent import actions as consent
from parcours.consent.models import Suppression
from parcours.consent.types import Channel, SuppressionReason
from parcours.contacts.importing import actions as imports
from parcours.contacts.models import Contact, List
from parcours.content.models import Template
from parcours.delivery.models import Message
from parcours.integrations.models import Delivery, Endpoint
from parcours.journeys.models import Journey
from parcours.kernel import tenancy
from parcours.public.hot.application import Application
from parcours.public.hot.intake import KINDS
from tests.tables import digest
from tests.web.furnishing import furnish

V, A, E, O = Role.VIEWER, Role.ANALYST, Role.EDITOR, Role.OWNER  # noqa: E741 - the columns of a table

ACTORS = (
    *("anonymous", "outsider", "viewer", "analyst", "editor", "owner"),
    *("write_key", "api_key", "other_api_key"),
)

# Pages of a workspace: name of the route → (methods, the least role).
PAGES: dict[str, tuple[str, Role]] = {
    "home": ("GET", V),
    "search": ("GET", V),
    "export_days": ("GET", A),
    "contacts": ("GET", V),
    "contacts_export": ("POST", A),
    "contact": ("GET", V),
    "contact_timeline": ("GET", V),
    "add_contact": ("GET POST", E),
    "contact_edit": ("GET POST", E),
    "add_identity": ("POST", E),
    "remove_identity": ("POST", E),
    "change_contact_list": ("POST", E),
    "contact_say": ("GET POST", E),
    "contact_proof": ("GET", V),
    "lists": ("GET", V),
    "add_list": ("POST", E),
    "imports": ("GET", V),
    "upload_import": ("POST", E),
    "import": ("GET", V),
    "import_mapping": ("GET POST", E),
    "import_progress": ("GET", V),
    "cancel_import": ("POST", E),
    "import_refusals": ("GET", A),
    "segments": ("GET", V),
    "new_segment": ("GET POST", E),
    "check_rule": ("POST", E),
    "segment": ("GET", V),
    "edit_segment": ("GET POST", E),
    "delete_segment": ("POST", E),
    "journeys": ("GET", V),
    "recipe": ("GET", V),
    "publish_recipe": ("POST", E),
    "journey": ("GET", V),
    "new_journey": ("GET POST", E),
    "edit_journey": ("GET POST", E),
    "journey_move": ("POST", E),
    "campaigns": ("GET", V),
    "new_campaign": ("GET POST", E),
    "campaign": ("GET", V),
    "campaign_progress": ("GET", V),
    "campaign_send": ("POST", E),
    "edit_campaign": ("GET POST", E),
    "delete_campaign": ("POST", E),
    "campaign_move": ("POST", E),
    "mailing": ("GET", V),
    "export_mailing": ("GET", A),
    "test_campaign": ("POST", E),
    "campaign_tests": ("GET", E),
    "templates": ("GET", V),
    "new_template": ("GET POST", E),
    "preview_draft": ("POST", E),
    "template": ("GET", V),
    "save_template": ("POST", E),
    "preview_template": ("GET", V),
    "catalogue": ("GET", V),
    "add_product": ("GET POST", E),
    "product": ("GET", V),
    "edit_product": ("GET POST", E),
    "remove_product": ("GET POST", E),
    "test_template": ("POST", E),
    "template_tests": ("GET", E),
    "messages": ("GET", V),
    "message": ("GET", V),
    "message_content": ("GET", V),
    "message_settle": ("POST", E),
    "purposes": ("GET", V),
    "purpose": ("GET", V),
    "new_purpose": ("GET POST", E),
    "standard_purposes": ("POST", E),
    "edit_purpose": ("GET POST", E),
    "move_purpose": ("POST", E),
    "suppressions": ("GET", V),
    "add_suppression": ("POST", E),
    "lift_suppression": ("GET POST", E),
    "settings": ("GET", V),
    "change_workspace": ("POST", O),
    "settings_members": ("GET", V),
    "add_member": ("POST", O),
    "change_member": ("POST", O),
    "renew_password": ("POST", O),
    "settings_keys": ("GET", O),
    "add_key": ("POST", O),
    "revoke_key": ("POST", O),
    "settings_attributes": ("GET", V),
    "declare_attribute": ("POST", E),
    "settings_attribute": ("GET POST", E),
    "settings_sending": ("GET", V),
    "change_sending": ("POST", O),
    "hold_sending": ("POST", O),
    "settings_trail": ("GET", O),
    "settings_webhooks": ("GET", E),
    "new_webhook": ("GET POST", O),
    "webhook": ("GET", E),
    "edit_webhook": ("GET POST", O),
    "webhook_move": ("POST", O),
    "rotate_webhook": ("POST", O),
    "remove_webhook": ("GET POST", O),
    "test_webhook": ("POST", E),
    "replay_failed": ("POST", E),
    "replay_delivery": ("POST", E),
}

# Operations of the API: route → methods. A key of the workspace opens all of them, and nothing else opens any.
API: dict[str, str] = {
    "contacts": "GET POST",
    "contacts/export": "GET",
    "contacts/<contact_id>": "GET PATCH",
    "contacts/<contact_id>/identities": "POST",
    "contacts/<contact_id>/timeline": "GET",
    "messages": "GET POST",
    "messages/<message_id>": "GET",
    "lists": "GET POST",
    "lists/<slug>/members": "GET POST",
    "attributes": "GET POST",
    "attributes/<name>": "PATCH",
    "segments": "GET POST",
    "segments/<slug>": "GET PATCH DELETE",
    "segments/<slug>/count": "GET",
    "segments/<slug>/members": "GET",
    "journeys": "GET POST",
    "journeys/<slug>": "GET PUT",
    "journeys/<slug>/steps/<node>/report": "GET",
    "journeys/<slug>/pause": "POST",
    "journeys/<slug>/resume": "POST",
    "journeys/<slug>/archive": "POST",
    "campaigns": "GET POST",
    "campaigns/<campaign_id>": "GET PUT DELETE",
    "campaigns/<campaign_id>/report": "GET",
    "campaigns/<campaign_id>/schedule": "POST",
    "campaigns/<campaign_id>/pause": "POST",
    "campaigns/<campaign_id>/resume": "POST",
    "campaigns/<campaign_id>/cancel": "POST",
    "templates": "GET",
    "templates/<slug>": "GET PUT",
    "templates/<slug>/test": "POST",
    "purposes": "GET",
    "purposes/<code>": "PUT",
    "suppressions": "GET POST",
    "suppressions/<suppression_id>": "DELETE",
    "products": "GET",
    "products/batch": "POST",
    "products/<path:product_id>": "GET PUT DELETE",
    "events": "POST",
    "webhooks": "GET POST",
    "webhooks/<endpoint_id>": "GET PATCH DELETE",
    "webhooks/<endpoint_id>/pause": "POST",
    "webhooks/<endpoint_id>/resume": "POST",
    "webhooks/<endpoint_id>/rotate": "POST",
    "webhooks/<endpoint_id>/test": "POST",
    "webhooks/<endpoint_id>/replay": "POST",
    "webhooks/<endpoint_id>/deliveries": "GET",
    "webhooks/<endpoint_id>/deliveries/<delivery_id>/replay": "POST",
}

# Brevo's calls, with the same keys in Brevo's header: route → methods.
BREVO: dict[str, str] = {
    "account": "GET",
    "contacts": "POST",
    "contacts/<identifier>": "GET PUT",
    "contacts/lists": "GET POST",
    "contacts/lists/<int:list_id>/contacts/add": "POST",
    "contacts/lists/<int:list_id>/contacts/remove": "POST",
    "events": "POST",
    "smtp/email": "POST",
}

# Open to everybody: the token, or nothing, is the permission.
TOKENS = ("public-unsubscribe", "public-preferences", "public-why", "public-confirm")
MARK = "favicon"
OPEN_API = ("openapi", "nowhere")
# Outside a workspace: for oneself only; allauth's own pages are tested by allauth.
OWN = ("start", "profile", "invitations", "choose_language", "choose_theme")
ALLAUTH = ("mfa_", "account_")
# Raw, before Django (see `public.hot`): authenticated by write key, or by signed token. Tested in tests/public.
HOT = {
    "/v1/",
    "/v1/projects/",
    "/t/o/",
    "/t/c/",
    "/parcours.js",
    "/healthz",
    "/u/",
    "/p/",
    "/why/",
    "/confirm/",
}

# What a page cannot do without: the query or the form's fields of its smallest meaningful request.
ASKED_WITH: dict[str, dict[str, str]] = {
    "contact_say": {"purpose": "promotions", "channel": "email"},
    "change_contact_list": {"list": "loyal-clients"},
    "journey_move": {"move": "pause"},
    "campaign_move": {"move": "cancel"},
}
# Settling answers the same 409 whether a message is not in doubt, not ours, or not there.
HIDDEN_OTHERWISE = {"message_settle": 409}

# Reading it writes who took people's data away: the one GET that leaves a trace, in the trail only.
WRITES_THE_TRAIL = {"contacts/export"}


@dataclass(frozen=True)
class Route:
    """One address pattern."""

    pattern: str
    name: str


def routes() -> Iterator[Route]:
    return _walk(get_resolver(), "")


def _walk(resolver: URLResolver, prefix: str) -> Iterator[Route]:
    for part in resolver.url_patterns:
        if isinstance(part, URLPattern):
            yield Route(prefix + str(part.pattern), part.name or "")
        else:
            yield from _walk(part, prefix + str(part.pattern))


def pages() -> dict[str, str]:
    return {one.name: one.pattern for one in routes() if one.pattern.startswith("w/")}


def operations() -> set[str]:
    found = {one.pattern.removeprefix("api/v1/") for one in routes() if one.pattern.startswith("api/v1/")}
    return found - {"openapi.json", ""}


def brevo_calls() -> set[str]:
    found = {one.pattern.removeprefix("v3/") for one in routes() if one.pattern.startswith("v3/")}
    return found - {""}


class Shop:
    """A workspace with something behind every address, and one caller of each kind."""

    def __init__(self, shop: Workspace, other: Workspace, now: datetime) -> None:
        self.owner = furnish(shop, now=now)
        self.workspace, self.other = shop, other
        with tenancy.scope(workspace_id=shop.pk):
            consent.suppress(
                shop.pk, Channel.EMAIL, "gone@example.com", SuppressionReason.MANUAL, detail="letter", now=now
            )
            file = b"email\nnew@example.com\n"
            run = imports.upload(shop.pk, "people.csv", file, actor=SYSTEM, now=now)
            journey = Journey.objects.select_related("live").earliest("pk")
            assert journey.live is not None
            self.values: dict[str, Any] = {
                "contact_id": Contact.objects.first().pk,  # type: ignore[union-attr]
                "message_id": Message.objects.first().pk,  # type: ignore[union-attr]
                "mailing_id": Campaign.objects.exclude(mailing_id=None).get().mailing_id,
                "table": "links",
                "campaign_id": Campaign.objects.first().pk,  # type: ignore[union-attr]
                "member_id": Membership.objects.get(role="viewer").pk,
                "key_id": Key.objects.first().pk,  # type: ignore[union-attr]
                "import_id": run.pk,
                "code": "promotions",
                "suppression_id": Suppression.objects.get().pk,
                "segment": Segment.objects.first().slug,  # type: ignore[union-attr]
                "journey": journey.slug,
                "template": Template.objects.first().slug,  # type: ignore[union-attr]
                "node": next(iter(journey.live.graph["mailings"])),
                "list": "loyal-clients",
                "list_id": List.objects.get(slug="loyal-clients").pk,
                "identifier": Contact.objects.first().number,  # type: ignore[union-attr]
                "name": "city",
                "endpoint_id": Endpoint.objects.get().pk,
                "delivery_id": Delivery.objects.earliest("pk").pk,
                "product_id": "BOL-1",
                "number": Product.objects.get(product_id="BOL-1").pk,
            }
            self.api_key = accounts.create_key(shop.pk, KeyKind.API, "api", actor=SYSTEM, now=now).secret
            self.write_key = accounts.create_key(shop.pk, KeyKind.WRITE, "site", actor=SYSTEM, now=now).secret
        with tenancy.scope(workspace_id=other.pk):
            self.other_key = accounts.create_key(other.pk, KeyKind.API, "x", actor=SYSTEM, now=now).secret
        self.now = now

    def client(self, actor: str) -> Client:
        """A caller: anonymous, outsider, a role, or one with a key."""
        keys = {"write_key": self.write_key, "other_api_key": self.other_key, "api_key": self.api_key}
        if actor in keys:
            headers = {"Authorization": f"Bearer {keys[actor]}", "api-key": keys[actor]}
            return Client(headers=headers, raise_request_exception=False)
        client = Client(raise_request_exception=False)
        if actor == "owner":
            client.force_login(self.owner)
        elif actor == "outsider":
            client.force_login(self._user("outsider", self.other, Role.OWNER))
        elif actor != "anonymous":
            client.force_login(self._user(actor, self.workspace, Role(actor)))
        return client

    def _user(self, name: str, workspace: Workspace, role: Role) -> User:
        user = accounts.create_user(f"{name}@example.net", password=None, now=self.now)
        with tenancy.scope(workspace_id=workspace.pk):
            accounts.set_member(workspace.pk, user, Role.OWNER, actor=SYSTEM, now=self.now)
            if role is not Role.OWNER:
                accounts.set_member(workspace.pk, user, role, actor=SYSTEM, now=self.now)
        return user

    def address(self, pattern: str, slug: str = "shop") -> str:
        """The pattern with the shop's own objects; a slug's meaning follows from the word before it."""

        def value(match: re.Match[str]) -> str:
            name = match[1].split(":")[-1]
            if name == "workspace":
                return slug
            if name == "slug":
                kind = re.sub(
                    r"^recipes$", "journey", pattern[: match.start()].rstrip("/").rsplit("/", 1)[-1]
                )
                return str(self.values[kind.rstrip("s")])
            return str(self.values[name])

        return "/" + re.sub(r"<([^>]+)>", value, pattern)


@pytest.fixture
def shop(workspace: Workspace, other_workspace: Workspace, now: datetime) -> Shop:
    return Shop(workspace, other_workspace, now)


def asked(client: Client, method: str, address: str, data: dict[str, str] | None = None) -> HttpResponse:
    """The answer to a request whose effects are taken back at once."""
    with transaction.atomic():
        call = getattr(client, method.lower())
        if address.startswith(("/api/", "/v3/")) and method != "GET":
            response: HttpResponse = call(address, b"{}", content_type="application/json")
        else:
            response = call(address, data or {})
        transaction.set_rollback(True)
    return response


def hot_addresses() -> set[str]:
    """What the server answers before Django's pages; the calls of the event intake by what they begin with."""
    application = Application(WSGIHandler())
    calls = {address for address in application.addresses if address.startswith("/v1/")}
    assert calls == set(KINDS)
    return {*application.addresses, *application.prefixes} - calls


def test_table_knows_every_route() -> None:
    assert set(pages()) == set(PAGES)
    assert operations() == set(API)
    assert brevo_calls() == set(BREVO)
    rest = {one.name for one in routes() if not one.pattern.startswith(("w/", "api/", "v3/"))}
    rest -= {*TOKENS, *OWN, MARK}
    assert {name for name in rest if not name.startswith(ALLAUTH)} == set()
    assert {one.name for one in routes() if one.pattern.startswith("api/v1/")} >= set(OPEN_API)
    assert hot_addresses() == HOT


def test_pages_open_to_the_roles_of_the_table(shop: Shop) -> None:
    wrong = []
    for actor in ACTORS:
        client = shop.client(actor)
        for name, pattern in pages().items():
            methods, role = PAGES[name]
            for method in ("GET", "POST"):
                status = asked(client, method, shop.address(pattern), ASKED_WITH.get(name)).status_code
                if status not in expected(actor, method in methods.split(), role):
                    wrong.append(f"{actor}: {method} {name}: {status}")
    assert wrong == []


def expected(actor: str, is_taken: bool, role: Role) -> set[int]:
    """The statuses that a caller may get from a page."""
    if actor in ("anonymous", "write_key", "api_key", "other_api_key"):
        return {302}  # to the sign-in page
    if actor == "outsider":
        return {404}
    if not is_taken:
        return {405}
    if not Role(actor).may(role):
        return {403}
    return {200, 302, 409, 422}


def test_sign_in_page_is_where_anonymous_callers_are_sent(shop: Shop) -> None:
    client = shop.client("anonymous")
    for pattern in pages().values():
        response = asked(client, "GET", shop.address(pattern))
        assert response.headers["Location"].startswith("/account/login/")


def test_objects_of_another_workspace_are_not_there(shop: Shop) -> None:
    client = shop.client("outsider")
    wrong = []
    for name, pattern in pages().items():
        if "<" not in pattern.removeprefix("w/<slug:workspace>/") or name in ("recipe", "publish_recipe"):
            continue  # recipes belong to the product
        for method in PAGES[name][0].split():
            address = shop.address(pattern, slug="other")
            status = asked(client, method, address, ASKED_WITH.get(name)).status_code
            if status != HIDDEN_OTHERWISE.get(name, 404):
                wrong.append(f"{method} {name}: {status}")
    assert wrong == []


def test_api_opens_to_keys_of_its_workspace_only(shop: Shop) -> None:
    wrong = []
    for actor in ACTORS:
        client = shop.client(actor)
        for pattern, methods in API.items():
            for method in methods.split():
                status = asked(client, method, shop.address(f"api/v1/{pattern}")).status_code
                if not fits_api(actor, method, pattern, status):
                    wrong.append(f"{actor}: {method} {pattern}: {status}")
    assert wrong == []


def test_brevos_calls_open_to_keys_of_their_workspace_only(shop: Shop) -> None:
    wrong = []
    for actor in ACTORS:
        client = shop.client(actor)
        for pattern, methods in BREVO.items():
            for method in methods.split():
                status = asked(client, method, shop.address(f"v3/{pattern}")).status_code
                if not fits_brevo(actor, pattern, status):
                    wrong.append(f"{actor}: {method} {pattern}: {status}")
    assert wrong == []


def fits_brevo(actor: str, pattern: str, status: int) -> bool:
    """True when Brevo's calls may be answered so: 400 is a body that lacks what it needs."""
    if actor == "api_key":
        return status in {200, 204, 400}
    if actor == "other_api_key":
        return status == 404 if "<" in pattern else status in {200, 400}
    return status == 401


def fits_api(actor: str, method: str, pattern: str, status: int) -> bool:
    """True when the API may answer this caller so."""
    if actor == "api_key":
        return status in {200, 201, 202, 204, 409, 422}
    if actor == "other_api_key":
        names_an_object = "<" in pattern and method != "PUT"
        return status == 404 if names_an_object else status in {200, 201, 202, 422}
    return status == 401


def test_public_pages_ask_for_a_token_whoever_comes(shop: Shop) -> None:
    for actor in ACTORS:
        client = shop.client(actor)
        for prefix in ("u", "p", "why", "confirm"):
            for method in ("GET", "POST"):
                assert asked(client, method, f"/{prefix}/{'A' * 56}").status_code == 404


def test_mark_is_for_everybody_and_takes_nothing(shop: Shop) -> None:
    for actor in ACTORS:
        client = shop.client(actor)
        answer = asked(client, "GET", "/favicon.ico")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/x-icon")
        assert answer.content.startswith(b"\x00\x00\x01\x00")
        assert asked(client, "POST", "/favicon.ico").status_code == 405


def test_reading_as_owner_changes_nothing(shop: Shop) -> None:
    client, machine = shop.client("owner"), shop.client("api_key")
    addresses = [shop.address(pattern) for name, pattern in pages().items() if name not in WRITES_THE_TRAIL]
    addresses += [
        shop.address(f"api/v1/{pattern}")
        for pattern, methods in API.items()
        if "GET" in methods and pattern not in WRITES_THE_TRAIL
    ]
    addresses += [shop.address(f"v3/{pattern}") for pattern, methods in BREVO.items() if "GET" in methods]
    before = digest()
    for read in (client.get, client.head):
        for address in addresses:
            (machine.get if address.startswith(("/api/", "/v3/")) else read)(address)
    if digest() != before:
        assert [address for address in addresses if wrote(client, address)] == []
        raise AssertionError("a first visit wrote something")


def wrote(client: Client, address: str) -> bool:
    """True when reading this address changes a row: to name the culprit."""
    before = digest()
    client.get(address)
    client.head(address)
    return digest() != before
