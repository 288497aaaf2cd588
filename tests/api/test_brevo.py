"""Programs written for Brevo: how they are answered, and that what they do is what our own API does."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from parcours.accounts.models import AuditEntry, Workspace
from parcours.consent.models import State
from parcours.contacts.models import Contact
from parcours.events.models import Event
from parcours.kernel import tenancy
from tests.api.conftest import Machine, machine_of


class Program:
    """A program that knows Brevo's API, with its address changed."""

    def __init__(self, secret: str) -> None:
        self._client = Client(enforce_csrf_checks=True, headers={"api-key": secret})

    def send(self, method: str, path: str, data: Any = None, **headers: str) -> Any:
        body = data if isinstance(data, bytes) else json.dumps(data).encode() if data is not None else b""
        return getattr(self._client, method)(
            f"/v3{path}", body, content_type="application/json", headers=headers
        )

    def get(self, path: str, **query: Any) -> Any:
        return self._client.get(f"/v3{path}", query)

    def post(self, path: str, data: Any = None) -> Any:
        return self.send("post", path, data)

    def put(self, path: str, data: Any = None) -> Any:
        return self.send("put", path, data)


@pytest.fixture
def shop(till: Machine) -> Program:
    return Program(till.secret)


@pytest.fixture
def other_shop(other_workspace: Workspace, now: datetime) -> Program:
    return Program(machine_of(other_workspace, now).secret)


def refused(response: HttpResponse) -> tuple[int, str]:
    told = json.loads(response.content)
    assert set(told) == {"code", "message"}
    assert told["message"]
    return response.status_code, told["code"]


MARC = {
    "email": "Marc@example.com",
    "ext_id": "C-7",
    "attributes": {
        "PRENOM": "Marc",
        "LASTNAME": "Petit",
        "SMS": "33612345678",
        "VILLE": "Lyon",
        "POINTS": 12,
    },
}


def test_contact_is_made_with_its_attributes_and_found_by_each_name(shop: Program, till: Machine) -> None:
    made = shop.post("/contacts", MARC)
    assert made.status_code == 201, made.content
    number = made.json()["id"]
    [ours] = till.get("/contacts", email="marc@example.com").json()["items"]
    assert ours["attributes"] == {"first_name": "Marc", "last_name": "Petit", "ville": "Lyon", "points": 12}
    for name in (f"/contacts/{number}", "/contacts/marc%40example.com", "/contacts/C-7"):
        shown = shop.get(name).json()
        assert (shown["id"], shown["email"]) == (number, "marc@example.com")
    assert shop.get("/contacts/C-7", identifierType="ext_id").status_code == 200
    assert shop.get("/contacts/33612345678", identifierType="phone_id").status_code == 200
    assert shown["attributes"] == {
        "FIRSTNAME": "Marc", "PRENOM": "Marc", "LASTNAME": "Petit", "NOM": "Petit",
        "VILLE": "Lyon", "POINTS": 12, "SMS": "33612345678", "EXT_ID": "C-7",
    }  # fmt: skip
    assert (shown["emailBlacklisted"], shown["smsBlacklisted"], shown["listIds"]) == (False, False, [])


def test_known_contact_is_refused_unless_it_may_be_updated(shop: Program, till: Machine) -> None:
    shop.post("/contacts", MARC)
    again = {**MARC, "attributes": {"VILLE": "Nice"}}
    assert refused(shop.post("/contacts", again)) == (400, "duplicate_parameter")
    assert till.get("/contacts", email="marc@example.com").json()["items"][0]["attributes"]["ville"] == "Lyon"
    changed = shop.post("/contacts", {**again, "updateEnabled": True})
    assert (changed.status_code, changed.content) == (204, b"")
    assert till.get("/contacts", email="marc@example.com").json()["items"][0]["attributes"]["ville"] == "Nice"


def test_contact_is_changed_and_one_number_takes_the_place_of_another(
    shop: Program, till: Machine, workspace: Workspace
) -> None:
    shop.post("/contacts", MARC)
    change = {"attributes": {"NOM": "Grand", "SMS": "0033699999999", "EMAIL": "m@example.com", "VILLE": None}}
    assert shop.put("/contacts/C-7", change).status_code == 204
    shown = shop.get("/contacts/m@example.com").json()
    assert shown["attributes"]["SMS"] == "33699999999"
    assert shown["attributes"]["LASTNAME"] == "Grand"
    assert "VILLE" not in shown["attributes"]
    [ours] = till.get("/contacts", email="m@example.com").json()["items"]
    known = till.get(f"/contacts/{ours['id']}").json()["identities"]
    assert [one["value"] for one in known if one["kind"] == "phone"] == ["+33699999999"]
    with tenancy.scope(workspace_id=workspace.pk):
        assert set(AuditEntry.objects.filter(subject_id=ours["id"]).values_list("action", "actor")) >= {
            ("created", "API key “till”"), ("changed", "API key “till”"), ("removed", "API key “till”"),
        }  # fmt: skip


def test_blacklisting_refuses_marketing_and_nothing_else_is_ever_granted(
    shop: Program, workspace: Workspace
) -> None:
    shop.post("/contacts", {"email": "zoe@example.com", "emailBlacklisted": False})
    assert shop.get("/contacts/zoe@example.com").json()["emailBlacklisted"] is False
    with tenancy.scope(workspace_id=workspace.pk):
        assert not State.objects.exists()
    shop.put("/contacts/zoe@example.com", {"emailBlacklisted": True})
    shown = shop.get("/contacts/zoe@example.com").json()
    assert (shown["emailBlacklisted"], shown["smsBlacklisted"]) == (True, False)
    with tenancy.scope(workspace_id=workspace.pk):
        said = set(State.objects.values_list("purpose__code", "channel", "act"))
    assert said == {("advice", "email", "objected"), ("promotions", "email", "withdrawn")}
    shop.put("/contacts/zoe@example.com", {"emailBlacklisted": False})
    assert shop.get("/contacts/zoe@example.com").json()["emailBlacklisted"] is True


def test_lists_are_made_filled_and_emptied(shop: Program, other_shop: Program) -> None:
    made = shop.post("/contacts/lists", {"name": "Clients fidèles", "folderId": 1})
    assert made.status_code == 201, made.content
    number = made.json()["id"]
    assert refused(shop.post("/contacts/lists", {"name": "Clients fidèles"})) == (400, "duplicate_parameter")
    shop.post("/contacts", {"email": "ann@example.com", "listIds": [number]})
    ben = shop.post("/contacts", {"email": "ben@example.com", "ext_id": "B"}).json()["id"]
    add, remove = f"/contacts/lists/{number}/contacts/add", f"/contacts/lists/{number}/contacts/remove"
    emails = {"emails": ["Ben@example.com", "ann@example.com", "nobody@example.com", "not an address"]}
    assert shop.post(add, emails).json() == {
        "contacts": {
            "success": ["Ben@example.com"],
            "failure": ["ann@example.com", "nobody@example.com", "not an address"],
            "total": 1,
        }
    }
    [row] = shop.get("/contacts/lists").json()["lists"]
    assert (row["id"], row["name"], row["totalSubscribers"]) == (number, "Clients fidèles", 2)
    assert shop.get(f"/contacts/{ben}").json()["listIds"] == [number]
    assert shop.post(remove, {"ids": [ben, 2**70]}).json()["contacts"]["success"] == [ben]
    assert refused(shop.post(remove, {"extIds": ["B"]})) == (400, "invalid_parameter")
    assert refused(shop.post(remove, {})) == (400, "missing_parameter")
    assert refused(other_shop.post(add, emails)) == (404, "document_not_found")
    unlinked = shop.put("/contacts/ann@example.com", {"unlinkListIds": [number]})
    assert unlinked.status_code == 204
    assert shop.get("/contacts/lists", limit=1, sort="asc").json()["lists"][0]["totalSubscribers"] == 0


def test_event_is_stored_with_what_it_says_of_the_person(shop: Program, workspace: Workspace) -> None:
    told = {
        "event_name": "cart_updated",
        "event_date": "2026-01-05T10:00:00+01:00",
        "identifiers": {"email_id": "lea@example.com", "ext_id": "L-1"},
        "contact_properties": {"FIRSTNAME": "Léa"},
        "event_properties": {"total": 12.5, "lines": [{"name": "Tasse"}]},
    }
    response = shop.post("/events", told)
    assert (response.status_code, response.content) == (204, b"")
    with tenancy.scope(workspace_id=workspace.pk):
        [lea] = Contact.objects.all()
        assert lea.attributes == {"first_name": "Léa"}
        event = Event.objects.get(name="cart_updated")
        assert (event.contact_id, event.properties) == (lea.pk, told["event_properties"])
        assert not State.objects.exists()


def test_event_of_nobody_is_refused(shop: Program) -> None:
    assert refused(shop.post("/events", {"event_name": "x", "identifiers": {}})) == (400, "missing_parameter")
    reserved = {"event_name": "Email Sent", "identifiers": {"ext_id": "1"}}
    assert refused(shop.post("/events", reserved)) == (400, "invalid_parameter")


@pytest.mark.parametrize(
    ("method", "path", "data", "answer"),
    [
        ("post", "/contacts", {}, (400, "missing_parameter")),
        ("post", "/contacts", {"email": "nonsense"}, (400, "invalid_parameter")),
        ("post", "/contacts", {"email": "a@example.com", "emial": 1}, (400, "invalid_parameter")),
        ("post", "/contacts", {"email": "a@example.com", "listIds": [999999]}, (404, "document_not_found")),
        ("post", "/contacts", {"email": "a@example.com", "listIds": [2**40]}, (400, "invalid_parameter")),
        ("post", "/contacts", b"{", (400, "invalid_parameter")),
        ("post", "/contacts/lists", {}, (400, "missing_parameter")),
        ("get", "/contacts/nobody@example.com", None, (404, "document_not_found")),
        ("get", "/contacts/99999999999999999999999", None, (404, "document_not_found")),
        ("get", "/contacts/lists?limit=51", None, (400, "out_of_range")),
        ("get", "/contacts/lists?offset=-1", None, (400, "out_of_range")),
        ("get", "/contacts/lists?sort=up", None, (400, "invalid_parameter")),
        ("get", "/contacts/C-7?identifierType=shoe_size", None, (400, "invalid_parameter")),
        ("delete", "/contacts/C-7", None, (405, "method_not_allowed")),
        ("post", "/emailCampaigns", {}, (404, "document_not_found")),
        ("post", "/smtp/email", {"to": [{"email": "a@example.com"}]}, (400, "missing_parameter")),
    ],
)
def test_refusals_are_told_in_brevos_words(
    shop: Program, method: str, path: str, data: Any, answer: tuple[int, str]
) -> None:
    assert refused(shop.send(method, path, data)) == answer


def test_nothing_is_kept_of_a_refused_contact(shop: Program, workspace: Workspace) -> None:
    shop.post("/contacts", {"email": "a@example.com", "listIds": [999999]})
    with tenancy.scope(workspace_id=workspace.pk):
        assert not Contact.objects.exists()


def test_key_is_asked_for_in_brevos_header_only(till: Machine, db: None) -> None:
    assert refused(Client().get("/v3/account")) == (401, "unauthorized")  # type: ignore[arg-type]
    bearer = Client(headers={"Authorization": f"Bearer {till.secret}"})
    assert refused(bearer.get("/v3/account")) == (401, "unauthorized")  # type: ignore[arg-type]
    assert refused(Program("ak_wrong").get("/account")) == (401, "unauthorized")


def test_account_names_the_workspace(shop: Program, workspace: Workspace) -> None:
    shown = shop.get("/account").json()
    assert (shown["companyName"], shown["user_id"], shown["plan"]) == (workspace.name, workspace.pk, [])


def test_numbers_of_another_workspace_lead_nowhere(shop: Program, other_shop: Program) -> None:
    number = shop.post("/contacts", MARC).json()["id"]
    assert refused(other_shop.get(f"/contacts/{number}")) == (404, "document_not_found")
    assert refused(other_shop.put(f"/contacts/{number}", {})) == (404, "document_not_found")


def test_repeated_request_is_answered_and_not_carried_out(shop: Program, workspace: Workspace) -> None:
    first = shop.send("post", "/contacts", MARC, **{"Idempotency-Key": "k"})
    again = shop.send("post", "/contacts", MARC, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)


def test_answers_hold_what_brevos_older_client_cannot_do_without(shop: Program) -> None:
    shop.post("/contacts", MARC)
    contact = shop.get("/contacts/C-7").json()
    assert set(contact) >= {
        "email", "id", "emailBlacklisted", "smsBlacklisted", "createdAt", "modifiedAt", "listIds", "attributes", "statistics",
    }  # fmt: skip
    account = shop.get("/account").json()
    assert set(account) >= {"email", "firstName", "lastName", "companyName", "address", "plan", "relay"}
    assert set(account["address"]) == {"street", "city", "zipCode", "country"}
    assert (account["relay"]["enabled"], set(account["relay"]["data"])) == (
        False,
        {"userName", "relay", "port"},
    )
