"""Values that PostgreSQL cannot take (numbers, dates and zones out of range, characters that it stores in no text) are refused near
where they come in: asked of every operation of the API, and of what every page takes in its address. No answer is an error of ours,
and none needs the last net, which is tried apart.
"""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import DataError, transaction
from django.http import HttpResponse
from django.test import Client

from parcours.accounts.models import AuditEntry, Workspace
from parcours.api.service import document
from parcours.contacts import actions as contacts
from parcours.contacts.models import List
from parcours.kernel import sql, tenancy
from tests.architecture.test_authorisation import API, BREVO, Shop, pages

INSTANTS = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-10T10:00:00+23:59")
KEYS = ("1", "9223372036854775808", "00000000-0000-0000-0000-000000000000", "a\0b", "²")
NUMBERS = ("0", "2147483648", "9223372036854775808", "1" * 40, "1" * 5000)
TEXTS = (*NUMBERS, *INSTANTS, "-9223372036854775809", "NaN", "1e400", "a\0b", "\ud800", "é" * 3000, "\\")
PLACES = tuple(f"{at}~{key}" for at in INSTANTS for key in KEYS)
CURSORS = tuple(urlsafe_b64encode(place.replace("~", "|").encode()).decode().rstrip("=") for place in PLACES)
VALUES: tuple[Any, ...] = (
    *(2**31, 2**63, -(2**63) - 1, 10**40, 1e300, 10**290, None, "Infinity", {"\ud800": 1}),
    *(*INSTANTS, "9" * 30, "99999999999d", "a\0b", "\ud800", "x" * 20_000),
)
PROOF = {"purpose": "promotions", "granted": True, "source": "till", "at": "2026-03-01T10:00:00Z"}
RULE = {
    "all": [
        {"attribute": "points", "at_least": 5},
        {"attribute": "created_at", "before": "2026-01-01"},
        {"event": "Order Completed", "count": {"at_least": 2}, "within": "90d"},
        {"event": "Order Completed", "where": [{"property": "total", "more_than": 50}], "within": "90d"},
        {"event": "Order Completed", "last": {"more_than_ago": "60d", "less_than_ago": "1000d"}},
    ]
}
GRAPH = {
    "entry": {"event": "Order Completed", "key": "order_id"},
    "start": "wait",
    "nodes": {"wait": {"wait": "14d", "next": "end"}, "end": {"exit": "done"}},
}
CAMPAIGN = {"name": "Sale", "template": "we-miss-you", "purpose": "promotions", "list": "loyal-clients"}
PRODUCT = {"name": "Bowl", "url": "https://shop.example/x", "price": 3.5, "attributes": {"size": 3}}
PERSON = {
    "email": "new@example.com",
    "language": "fr",
    "time_zone": "Europe/Paris",
    "attributes": {"points": 3},
}
SEGMENT = {"name": "Good", "description": "those", "rule": RULE}
# What every operation that takes a body takes, so that it goes as far as the database.
BODIES: dict[str, Any] = {
    "post contacts": {**PERSON, "external_id": "X-1", "phone": "+33612345678", "consents": [{**PROOF, "ip": "192.0.2.1"}]},
    "patch contacts/{contact_id}": PERSON,
    "post contacts/{contact_id}/identities": {"add": [{"kind": "phone", "value": "+33612345670"}]},
    "post messages": {"template": "we-miss-you", "purpose": "promotions", "email": "client1@mail.example", "data": {"a": 1}, "message_id": "m-1"},
    "post lists": {"slug": "vip", "name": "VIP"},
    "post lists/{slug}/members": {"add": ["01a22186-999d-7f04-84be-f503ec511a29"]},
    "post attributes": {"name": "size", "type": "category", "label_fr": "Taille", "options": ["S"]},
    "patch attributes/{name}": {"label_fr": "Ville", "options": ["Lyon"]},
    "post segments": {"slug": "good", **SEGMENT},
    "patch segments/{slug}": SEGMENT,
    "post journeys": {"recipe": "post-purchase"},
    "put journeys/{slug}": {"name_fr": "Le mien", "name_en": "Mine", "graph": GRAPH},
    "post campaigns": CAMPAIGN,
    "put campaigns/{campaign_id}": CAMPAIGN,
    "post campaigns/{campaign_id}/schedule": {"at": "2026-12-01T00:00:00Z"},
    "put templates/{slug}": {"name": "New", "bodies": {"fr": {"subject": "Bonjour", "mjml": "<mjml><mj-body></mj-body></mjml>"}}},
    "post templates/{slug}/test": {"to": ["olive@shop.example"], "purpose": "promotions"},
    "put purposes/{code}": {"name_fr": "Offres", "position": 3, "archived": False},
    "post suppressions": {"address": "z@example.com", "detail": "by letter"},
    "put products/{product_id}": PRODUCT,
    "post products/batch": {"products": [{"product_id": "P-1", **PRODUCT}]},
    "post events": {"event": "Seen", "email": "client1@mail.example", "properties": {"total": 3}, "timestamp": "2026-03-09T10:00:00Z"},
    "post webhooks": {"url": "https://a.example/", "description": "CRM", "events": ["Order Completed"]},
    "patch webhooks/{endpoint_id}": {"url": "https://a.example/", "description": "CRM"},
    "post v3/contacts": {"email": "new@example.com", "ext_id": "X", "attributes": {"POINTS": 3}, "listIds": []},
    "put v3/contacts/{identifier}": {"ext_id": "X", "attributes": {"POINTS": 3}, "unlinkListIds": []},
    "post v3/contacts/lists": {"name": "New", "folderId": 1},
    "post v3/contacts/lists/{list_id}/contacts/add": {"emails": ["client50@mail.example"]},
    "post v3/contacts/lists/{list_id}/contacts/remove": {"emails": ["client1@mail.example"]},
    "post v3/events": {"event_name": "Seen", "event_date": "2026-03-09T10:00:00Z", "identifiers": {"email_id": "client1@mail.example"}, "event_properties": {"total": 3}},
    "post v3/smtp/email": {"to": [{"email": "client1@mail.example"}], "subject": "Hello", "htmlContent": "<p>x</p>", "params": {"a": 1}, "tags": ["promotions"]},
}  # fmt: skip
# What a page takes in its address.
ASKED: dict[str, tuple[str, ...]] = {
    "home": ("per",),
    "search": ("q",),
    "contacts": ("after", "q", "list", "segment"),
    "contact": ("show", "before"),
    "contact_say": ("purpose", "channel", "act"),
    "segment": ("after",),
    "journey": ("version",),
    "campaigns": ("after",),
    "template": ("person",),
    "preview_template": ("language", "person"),
    "catalogue": ("after", "q", "show"),
    "messages": ("after", "state", "purpose"),
    "purposes": ("address",),
    "purpose": ("after",),
    "suppressions": ("after", "address"),
    "settings_trail": ("after",),
    "webhook": ("after", "state"),
}


@pytest.fixture
def shop(workspace: Workspace, other_workspace: Workspace, now: datetime) -> Shop:
    return Shop(workspace, other_workspace, now)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every operation of our API."""
    for path, methods in json.loads(document())["paths"].items():
        for method, operation in methods.items():
            yield method, path.removeprefix("/api/v1/"), operation


def patterns() -> dict[str, str]:
    """The address patterns of both APIs by how their paths are written in documents."""
    found = {**{one: f"api/v1/{one}" for one in API}, **{f"v3/{one}": f"v3/{one}" for one in BREVO}}
    return {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", written): pattern for written, pattern in found.items()}


def asked(client: Client, method: str, address: str, body: Any = None) -> HttpResponse:
    """The answer to a request whose effects are taken back at once, with all of it."""
    given = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    with transaction.atomic():
        response: HttpResponse = getattr(client, method)(address, **given)
        if response.streaming:
            b"".join(response)
        transaction.set_rollback(True)
    return response


def is_refused_late(response: HttpResponse) -> bool:
    """True for an error of ours, and for a value that only the database has refused."""
    is_told = not response.streaming and (
        b'"unstorable"' in response.content or b"neither store nor compare" in response.content
    )
    return response.status_code >= 500 or is_told


def spelt(value: str) -> str:
    return quote(value.encode("utf-8", "surrogatepass"), safe="")


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a body there is something, from its fields down to its leaves."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        yield (*at, key)
        yield from places(inner, (*at, key))


def with_value(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    changed = deepcopy(body)
    inner = changed
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return changed


def test_table_knows_every_operation_with_a_body() -> None:
    ours = {f"{method} {path}" for method, path, operation in operations() if "requestBody" in operation}
    brevos = {f"{method.lower()} v3/{path}" for path, methods in BREVO.items() for method in methods.split()}
    brevos = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", one) for one in brevos if not one.startswith("get")}
    assert {one for one in BODIES if " v3/" in one} == brevos
    assert ours - set(BODIES) == set()


def test_api_refuses_what_cannot_be_in_an_address(shop: Shop) -> None:
    client, wrong = shop.client("api_key"), []
    for method, path, operation in operations():
        pattern = patterns()[path]
        taken = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        for name in taken if method == "get" else ():
            for value in (*TEXTS, *(CURSORS if name == "after" else ())):
                address = f"{shop.address(pattern)}?{name}={spelt(value)}"
                if is_refused_late(asked(client, method, address)):
                    wrong.append(f"{method} {path}?{name}={value[:40]!a}")
    assert wrong == []


@pytest.mark.parametrize("api", ["api/v1/", "v3/"])
def test_api_refuses_what_no_object_has_as_its_id(shop: Shop, api: str) -> None:
    client, wrong = shop.client("api_key"), []
    methods = {f"api/v1/{path}": one for path, one in API.items()} | {
        f"v3/{path}": one for path, one in BREVO.items()
    }
    for pattern in (one for one in methods if one.startswith(api)):
        for found in re.finditer(r"<[^>]+>", pattern):
            for value in (*NUMBERS, "-1", "a" * 3000, "%00", "%ED%A0%80", "%2B" + "1" * 50):
                address = shop.address(f"{pattern[: found.start()]}@{pattern[found.end() :]}").replace(
                    "@", value
                )
                for method in methods[pattern].lower().split():
                    body = None if method == "get" else {}
                    if is_refused_late(asked(client, method, address, body)):
                        wrong.append(f"{method} {pattern} {value[:40]}")
    assert wrong == []


def test_api_takes_the_bodies_of_the_table(shop: Shop) -> None:
    client = shop.client("api_key")
    answers = {
        one: asked(client, one.split()[0], shop.address(patterns()[one.split()[1]]), body)
        for one, body in BODIES.items()
    }
    assert {one: answer.content for one, answer in answers.items() if answer.status_code >= 300} == {}


def test_api_refuses_what_cannot_be_in_a_body(shop: Shop) -> None:
    client, wrong = shop.client("api_key"), []
    for operation, body in BODIES.items():
        method, path = operation.split()
        address = shop.address(patterns()[path])
        for at in places(body):
            wrong += [
                f"{operation} {at}: {ascii(value)[:40]}"
                for value in VALUES
                if is_refused_late(asked(client, method, address, with_value(body, at, value)))
            ]
    assert wrong == []


def test_table_knows_what_pages_take() -> None:
    room = Path(settings.ROOT) / "parcours" / "web" / "pages"
    read = {
        name
        for module in room.glob("*.py")
        for name in re.findall(r'request\.GET\.get\("(\w+)"', module.read_text(encoding="utf-8"))
    }
    assert {name for names in ASKED.values() for name in names} >= read


def test_pages_show_something_whatever_their_address_says(shop: Shop) -> None:
    client, wrong = shop.client("owner"), []
    for page, name in ((page, name) for page, names in ASKED.items() for name in names):
        for value in (*TEXTS, *(PLACES if name in ("after", "before") else ())):
            address = f"{shop.address(pages()[page])}?{name}={spelt(value)}"
            if is_refused_late(asked(client, "get", address)):
                wrong.append(f"{page}?{name}={value[:40]!a}")
    assert wrong == []


# The last net: a value that nothing before the database has refused.


def make_and_fail(workspace_id: int, slug: str, name: str, **named: Any) -> List:
    """Make a list as it should be, and only then meet a number that PostgreSQL does not take."""
    made = MAKE(workspace_id, slug, name, **named)
    sql.scalar("SELECT (%(number)s)::numeric::int", {"number": 2**31})
    return made


MAKE = contacts.create_list


def lists_and_entries(workspace: Workspace) -> tuple[int, int]:
    with tenancy.scope(workspace_id=workspace.pk):
        return List.objects.count(), AuditEntry.objects.count()


@pytest.fixture
def meeting_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "create_list", make_and_fail)


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [("/api/v1/lists", 422, "unstorable"), ("/v3/contacts/lists", 400, "invalid_parameter")],
)
@pytest.mark.usefixtures("meeting_it")
def test_api_says_so_and_changes_nothing(shop: Shop, address: str, status: int, code: str) -> None:
    before = lists_and_entries(shop.workspace)
    body = {"name": "VIP"} if address.startswith("/v3/") else {"slug": "vip", "name": "VIP"}
    refused = shop.client("api_key").post(address, body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert "neither store nor compare" in refused.content.decode()
    assert lists_and_entries(shop.workspace) == before


@pytest.mark.usefixtures("meeting_it")
def test_page_says_so_and_changes_nothing(shop: Shop) -> None:
    before = lists_and_entries(shop.workspace)
    refused = shop.client("owner").post("/w/shop/lists/add/", {"name": "VIP", "slug": "vip"})
    assert refused.status_code == 422
    assert "neither store nor compare" in refused.content.decode()
    assert lists_and_entries(shop.workspace) == before


def test_page_outside_workspaces_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*args: Any, **named: Any) -> None:
        raise DataError("out of range")

    monkeypatch.setattr("parcours.web.preferences.change_profile", failing)
    refused = shop.client("owner").post("/account/language/", {"language": "fr"})
    assert refused.status_code == 422
    assert "could not be read" in refused.content.decode()
