"""Changing people through the API: fields, attributes, what identifies them, lists; declaring attributes."""

from typing import Any

import pytest

from parcours.accounts.models import AuditEntry, Workspace
from parcours.kernel import tenancy
from tests.api.conftest import Machine

MARC = {
    "email": "marc@example.com",
    "language": "fr",
    "time_zone": "Europe/Paris",
    "phone": "+33612345678",
    "external_id": "C-1",
    "attributes": {"city": "Lyon", "points": 12},
}


@pytest.fixture
def marc(till: Machine) -> str:
    return str(till.post("/contacts", MARC).json()["id"])


def patched(till: Machine, who: str, **change: Any) -> dict[str, Any]:
    response = till.send("patch", f"/contacts/{who}", change)
    assert response.status_code == 200, response.content
    return response.json()  # type: ignore[no-any-return, attr-defined]


def changes(till: Machine, who: str) -> list[dict[str, Any]]:
    items = till.get(f"/contacts/{who}/timeline").json()["items"]
    return [one["properties"]["changes"] for one in items if one["name"] == "Attributes Changed"]


def test_what_is_given_changes_and_the_rest_stays(till: Machine, marc: str) -> None:
    body = patched(till, marc, language="en", attributes={"city": None, "Shoe size": 42})
    assert (body["language"], body["time_zone"], body["email"]) == ("en", "Europe/Paris", MARC["email"])
    assert body["attributes"] == {"points": 12, "shoe_size": 42}
    assert changes(till, marc) == [
        {
            "language": {"from": "fr", "to": "en"},
            "city": {"from": "Lyon", "to": None},
            "shoe_size": {"from": None, "to": 42},
        }
    ]


def test_null_empties_a_field_and_the_same_again_changes_nothing(
    till: Machine, workspace: Workspace, marc: str
) -> None:
    for _ in range(2):
        body = patched(till, marc, language=None, time_zone=None)
        assert (body["language"], body["time_zone"]) == ("", "")
    assert patched(till, marc) == body
    assert len(changes(till, marc)) == 1
    with tenancy.scope(workspace_id=workspace.pk):
        entries = AuditEntry.objects.filter(subject="contact", action="changed")
        assert [one.detail for one in entries] == [{"fields": ["language", "time_zone"]}]


def test_new_main_address_leaves_the_old_one_leading_here(till: Machine, marc: str) -> None:
    assert patched(till, marc, email="Marc@New.example")["email"] == "marc@new.example"
    for address in ("marc@example.com", "marc@new.example"):
        assert [one["id"] for one in till.get("/contacts", email=address).json()["items"]] == [marc]


def test_address_of_another_person_is_refused(till: Machine, marc: str) -> None:
    till.post("/contacts", {"email": "zoe@example.com"})
    response = till.send("patch", f"/contacts/{marc}", {"email": "zoe@example.com", "language": "en"})
    assert (response.status_code, response.json()["code"]) == (409, "identity.taken")
    assert till.get(f"/contacts/{marc}").json()["language"] == "fr"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": None}, "email"),
        ({"email": "nobody"}, "email"),
        ({"language": "klingon!"}, "language"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"attributes": {"points": "many"}}, "attributes.points"),
        ({"language": "xx"}, "language"),
        ({"attribute": {}}, "attribute"),
        ({"id": 1}, "id"),
    ],
)
def test_unacceptable_change_is_named_and_nothing_is_kept(
    till: Machine, marc: str, change: dict[str, Any], field: str
) -> None:
    before = till.get(f"/contacts/{marc}").json()
    response = till.send("patch", f"/contacts/{marc}", {"attributes": {"new": 1}, **change})
    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == [field]
    assert till.get(f"/contacts/{marc}").json() == before
    assert [one["name"] for one in till.get("/attributes").json()["items"]] == ["city", "points"]


def test_identities_come_and_go_and_the_last_stays(till: Machine, workspace: Workspace, marc: str) -> None:
    path = f"/contacts/{marc}/identities"
    old, new = {"kind": "email", "value": MARC["email"]}, {"kind": "email", "value": "M@new.example"}
    body = till.post(path, {"add": [new], "remove": [old]}).json()
    assert body["email"] == "m@new.example"
    assert {"kind": "email", "value": MARC["email"]} not in body["identities"]
    assert till.post(path, {"remove": [old]}).status_code == 404
    rest = [{"kind": "phone", "value": "+33 6 12 34 56 78"}, {"kind": "external", "value": "C-1"}]
    assert till.post(path, {"remove": rest}).json()["identities"] == [
        {"kind": "email", "value": "m@new.example"}
    ]
    refused = till.post(path, {"remove": [new]})
    assert (refused.status_code, refused.json()["code"]) == (409, "identity.last")
    assert till.get(f"/contacts/{marc}").json()["email"] == "m@new.example"
    with tenancy.scope(workspace_id=workspace.pk):
        entries = AuditEntry.objects.filter(subject="identity").order_by("id")
        told = [(one.action, one.detail) for one in entries]
    assert told == [
        ("added", {"kind": "email"}),
        ("removed", {"kind": "email"}),
        ("removed", {"kind": "phone"}),
        ("removed", {"kind": "external"}),
    ]


def test_identity_of_another_person_stays_theirs(till: Machine, marc: str) -> None:
    till.post("/contacts", {"email": "zoe@example.com", "phone": "0600000000"})
    answer = till.post(
        f"/contacts/{marc}/identities", {"add": [{"kind": "phone", "value": "06 00 00 00 00"}]}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "identity.taken")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (
            {"add": [{"kind": "external", "value": "C-9"}, {"kind": "phone", "value": "call me"}]},
            "add.1.value",
        ),
        ({"add": [{"kind": "email", "value": "nobody"}]}, "add.0.value"),
        ({"remove": [{"kind": "external", "value": "C-404"}]}, "remove.0.value"),
    ],
)
def test_identity_that_cannot_be_is_named_by_its_place(
    till: Machine, marc: str, change: dict[str, Any], field: str
) -> None:
    before = till.get(f"/contacts/{marc}").json()
    refused = till.post(f"/contacts/{marc}/identities", change).json()
    assert [one["field"] for one in refused["errors"]] == [field]
    assert till.get(f"/contacts/{marc}").json() == before


def test_people_of_another_workspace_cannot_be_changed(till: Machine, other_till: Machine, marc: str) -> None:
    assert other_till.send("patch", f"/contacts/{marc}", {"language": "en"}).status_code == 404
    assert other_till.send("patch", f"/contacts/{marc}", {"email": "a@example.com"}).status_code == 404
    assert till.get(f"/contacts/{marc}").json()["language"] == "fr"


def test_attribute_is_declared_and_described(till: Machine, other_till: Machine) -> None:
    wanted = {"name": "Taille préférée", "type": "category", "label_en": "Size", "options": ["S", "M"]}
    made = till.post("/attributes", wanted)
    assert made.status_code == 201, made.content
    assert made.json() == {
        "name": "taille_preferee", "type": "category", "label_fr": "Taille préférée", "label_en": "Size",
        "options": ["S", "M"],
    }  # fmt: skip
    assert till.post("/attributes", wanted).status_code == 409
    assert till.post("/attributes", {"name": "email", "type": "text"}).status_code == 422
    assert till.post("/attributes", {"name": "x", "type": "colour"}).status_code == 422
    described = till.send("patch", "/attributes/taille_preferee", {"options": ["S", "M", "L"]})
    assert described.json()["options"] == ["S", "M", "L"]
    assert other_till.send("patch", "/attributes/taille_preferee", {"label_fr": "x"}).status_code == 404
    refused = till.post("/contacts", {"email": "a@example.com", "attributes": {"taille_preferee": "XXL"}})
    assert (refused.status_code, refused.json()["code"]) == (422, "attribute.invalid")


def test_people_of_a_list_are_paged(till: Machine, other_till: Machine) -> None:
    till.post("/lists", {"slug": "vip", "name": "VIP"})
    ids = [till.post("/contacts", {"email": f"p{n}@example.com"}).json()["id"] for n in range(5)]
    till.post("/lists/vip/members", {"add": ids})
    seen, after = [], ""
    while after is not None:
        page = till.get("/lists/vip/members", limit=2, after=after).json()
        seen += [one["id"] for one in page["items"]]
        after = page["next"]
    assert seen == sorted(ids)
    assert other_till.get("/lists/vip/members").status_code == 404
