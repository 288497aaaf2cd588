"""People through the API: created once, with their consents and proofs, found, and their time line."""

from typing import Any

import pytest

from parcours.accounts.models import AuditEntry, Workspace
from parcours.consent.models import Record
from parcours.contacts.models import Attribute, Contact
from parcours.kernel import tenancy
from tests.api.conftest import Machine

CONSENT = {"purpose": "promotions", "channel": "email", "granted": True, "source": "till", "wording": "Yes."}
MARC = {"email": "Marc@Example.com", "language": "fr-FR", "consents": [CONSENT]}


def saved(till: Machine, **fields: Any) -> dict[str, Any]:
    response = till.post("/contacts", {**MARC, **fields})
    assert response.status_code in (200, 201), response.content
    return response.json()  # type: ignore[no-any-return, attr-defined]


def test_contact_is_created_then_updated(till: Machine) -> None:
    first = till.post("/contacts", MARC)
    again = till.post("/contacts", {**MARC, "time_zone": "Europe/Paris"})
    assert (first.status_code, again.status_code) == (201, 200)
    body = again.json()
    assert (body["email"], body["language"], body["time_zone"]) == ("marc@example.com", "fr", "Europe/Paris")
    assert body["consents"][0] | {"since": None} == {
        "purpose": "promotions", "channel": "email", "act": "granted", "since": None, "source": "till",
        "wording": "Yes.",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("0202-05-01T00:00:00Z", 422),
        ("1998-05-01T00:00:00Z", 422),
        ("2000-01-01T00:30:00+02:00", 422),
        ("1999-12-31T23:30:00-05:00", 201),
        ("2000-01-01T00:00:00Z", 201),
    ],
)
def test_consent_is_not_older_than_the_log(till: Machine, at: str, status: int) -> None:
    response = till.post("/contacts", {**MARC, "consents": [CONSENT | {"at": at}]})
    assert response.status_code == status, response.content
    if status == 422:
        [error] = response.json()["errors"]
        assert (error["field"], error["message"]) == (
            "consents.0.at",
            "A consent cannot have been given before 2000.",
        )


def test_new_attribute_is_declared_by_the_type_of_its_value(till: Machine, workspace: Workspace) -> None:
    told = {
        "firstName": "Marc", "Fidélité depuis": "2024-05-01", "points": 12, "club": True, "sizes": ["S", "M"],
        "address": {"city": "Lyon"}, "nothing": None,
    }  # fmt: skip
    assert saved(till, attributes=told)["attributes"] == {
        "first_name": "Marc", "fidelite_depuis": "2024-05-01", "points": 12, "club": True, "sizes": ["S", "M"],
        "address_city": "Lyon",
    }  # fmt: skip
    with tenancy.scope(workspace_id=workspace.pk):
        types = dict(Attribute.objects.values_list("name", "type"))
    assert types == {
        "first_name": "text", "fidelite_depuis": "date", "points": "number", "club": "boolean", "sizes": "list",
        "address_city": "text",
    }  # fmt: skip


def test_value_of_another_type_than_declared_is_refused_and_changes_nothing(till: Machine) -> None:
    made = saved(till, attributes={"points": 12})
    response = till.post(
        "/contacts", {**MARC, "language": "en", "attributes": {"points": "many", "shoe": 42}}
    )
    assert (response.status_code, response.json()["code"]) == (422, "attribute.invalid")
    assert [one["field"] for one in response.json()["errors"]] == ["attributes.points"]
    assert "a number" in response.json()["detail"]
    now_known = till.get(f"/contacts/{made['id']}").json()
    assert (now_known["language"], now_known["attributes"]) == ("fr", {"points": 12})


def test_trail_says_which_key_changed_what(till: Machine, workspace: Workspace) -> None:
    made = saved(till, attributes={"city": "Lyon"})
    saved(till, consents=[], attributes={"city": "Nantes"})
    saved(till, consents=[], attributes={"city": "Nantes"})
    till.post("/lists", {"slug": "vip", "name": "VIP"})
    till.post("/lists/vip/members", {"add": [made["id"]]})
    till.post("/lists/vip/members", {"add": [made["id"]]})
    with tenancy.scope(workspace_id=workspace.pk):
        entries = AuditEntry.objects.filter(key_id__isnull=False).order_by("id")
        told = [(one.actor, one.subject, one.action, one.subject_id, one.detail) for one in entries]
    key = "API key “till”"
    assert told == [
        (key, "contact", "created", made["id"], {"fields": ["city", "email", "language"]}),
        (key, "consent", "granted", made["id"], {"purpose": "promotions", "channel": "email"}),
        (key, "contact", "changed", made["id"], {"fields": ["city"]}),
        (key, "list", "created", "vip", {}),
        (key, "list_member", "added", "vip", {"count": 1, "contacts": [made["id"]]}),
    ]


def test_no_is_recorded_as_the_basis_wants_it(till: Machine) -> None:
    said = [
        {**CONSENT, "granted": False},
        {"purpose": "advice", "granted": False, "source": "till"},
    ]
    acts = {one["purpose"]: one["act"] for one in saved(till, consents=said)["consents"]}
    assert acts == {"promotions": "withdrawn", "advice": "objected"}


def test_contact_is_found_by_any_spelling_of_the_address(till: Machine) -> None:
    made = saved(till)
    found = till.get("/contacts", email=" MARC@example.com").json()
    assert [one["id"] for one in found["items"]] == [made["id"]]
    assert till.get("/contacts", email="nobody@example.com").json()["items"] == []
    assert till.get(f"/contacts/{made['id']}").json()["lists"] == []


def test_timeline_is_paged_without_gaps(till: Machine) -> None:
    made = saved(till)
    for n in range(5):
        till.post(
            "/events", {"event": "Order Completed", "email": "marc@example.com", "properties": {"n": n}}
        )
    names, after = [], ""
    while after is not None:
        page = till.get(f"/contacts/{made['id']}/timeline", limit=2, after=after).json()
        assert len(page["items"]) <= 2
        names += [one["name"] for one in page["items"]]
        after = page["next"]
    assert sorted(names) == ["Consent Granted", "Contact Created", *["Order Completed"] * 5]


def test_contacts_are_paged(till: Machine) -> None:
    for n in range(5):
        saved(till, email=f"p{n}@example.com", consents=[])
    first = till.get("/contacts", limit=3).json()
    second = till.get("/contacts", limit=3, after=first["next"]).json()
    addresses = {one["email"] for page in (first, second) for one in page["items"]}
    assert (len(addresses), second["next"]) == (5, None)


def test_event_counts_once(till: Machine) -> None:
    made = saved(till, consents=[])
    event = {"event": "Order Completed", "email": "marc@example.com", "message_id": "m-1"}
    assert [till.post("/events", event).status_code for _ in range(2)] == [202, 202]
    names = [one["name"] for one in till.get(f"/contacts/{made['id']}/timeline").json()["items"]]
    assert names.count("Order Completed") == 1


def test_people_of_another_workspace_are_not_there(till: Machine, other_till: Machine) -> None:
    made = saved(till)
    for path in (f"/contacts/{made['id']}", f"/contacts/{made['id']}/timeline"):
        assert other_till.get(path).status_code == 404
    assert other_till.get("/contacts", email="marc@example.com").json()["items"] == []
    assert other_till.get("/messages", contact=made["id"]).status_code == 404


def test_idempotency_key_answers_the_same_once(till: Machine, workspace: Workspace) -> None:
    first = till.post("/contacts", MARC, **{"Idempotency-Key": "k1"})
    again = till.post("/contacts", MARC, **{"Idempotency-Key": "k1"})
    other = till.post("/contacts", {**MARC, "language": "en"}, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.json()["code"] == "idempotency_key_reused"
    with tenancy.scope(workspace_id=workspace.pk):
        assert Record.objects.count() == 1


def test_refused_request_can_be_mended_under_its_key(till: Machine) -> None:
    key = {"Idempotency-Key": "k2"}
    assert till.post("/contacts", {"email": "nobody"}, **key).status_code == 422
    assert till.post("/contacts", MARC, **key).status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"consents": [{**CONSENT, "purpose": "nonsense"}]}, "consents.0.purpose"),
        ({"consents": [{**CONSENT, "source": " "}]}, "consents.0.source"),
        ({"consents": [{**CONSENT, "at": "2999-01-01T00:00:00Z"}]}, "consents.0.at"),
        ({"consents": [{**CONSENT, "ip": "nowhere"}]}, "consents.0.ip"),
        ({"consents": [{**CONSENT, "ip": "fe80::1%eth0"}]}, "consents.0.ip"),
        ({"consents": [{**CONSENT, "channel": "letter"}]}, "consents.0.channel"),
        ({"consents": [{**CONSENT, "channel": "any"}]}, "consents.0.channel"),
        ({"consents": [CONSENT, {**CONSENT, "purpose": "order_information"}]}, "consents.1.granted"),
        ({"email": "nobody"}, "email"),
        ({"email": "marc@example.com\r\nBcc: eve@example.com"}, "email"),
        ({"language": "klingon!"}, "language"),
        ({"language": "xx"}, "language"),
        ({"external_id": "a\nb"}, "external_id"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"attributes": {"email": "eve@example.com"}}, "attributes.email"),
        ({"attributes": {"2nd": 1}}, "attributes.2nd"),
        ({"attributes": {"size": {"a": {"b": 1}}}}, "attributes.size_a"),
        ({"attributs": {}}, "attributs"),
    ],
)
def test_unacceptable_value_is_named_and_nothing_is_kept(
    till: Machine, workspace: Workspace, change: dict[str, Any], field: str
) -> None:
    response = till.post("/contacts", {**MARC, **change})
    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == [field]
    with tenancy.scope(workspace_id=workspace.pk):
        assert not Contact.objects.exists()
