"""People as a table, through the API: whole, whatever their number; read by spreadsheets; read back by an import."""

import csv
from io import StringIO
from typing import Any

import pytest

from parcours.accounts.models import AuditEntry, Workspace
from parcours.audiences import exporting
from parcours.contacts.models import Contact
from parcours.kernel import tables, tenancy
from tests.api.conftest import Machine, machine_of, till

__all__ = ["till"]


def exported(machine: Machine, **query: str) -> list[dict[str, str]]:
    response: Any = machine.get("/contacts/export", **query)
    assert (response.status_code, response["Content-Type"]) == (200, "text/csv; charset=utf-8")
    text = b"".join(response).decode("utf-8")
    assert text.startswith(tables.BOM)
    return list(csv.DictReader(StringIO(text.removeprefix(tables.BOM))))


def test_row_tells_all_that_is_known_of_a_person(till: Machine, workspace: Workspace) -> None:
    made = till.post(
        "/contacts",
        {
            "email": "zoe@example.com",
            "language": "fr",
            "phone": "+33612345678",
            "external_id": "C-1",
            "attributes": {
                "first_name": "=1+1",
                "balance": -12.5,
                "club": True,
                "sizes": ["S", "M"],
                "phone": "x",
            },
            "consents": [
                {"purpose": "promotions", "granted": True, "source": "till"},
                {"purpose": "promotions", "channel": "sms", "granted": False, "source": "till"},
                {"purpose": "advice", "granted": False, "source": "till"},
            ],
        },
    ).json()
    second = {"kind": "email", "value": "zoe@second.example"}
    till.post(f"/contacts/{made['id']}/identities", {"add": [second]})
    for slug in ("vip", "trade-fair"):
        till.post("/lists", {"slug": slug, "name": slug})
        till.post(f"/lists/{slug}/members", {"add": [made["id"]]})
    [row] = exported(till)
    assert row.pop("created_at").endswith("+00:00")
    assert row == {
        "id": made["id"], "email": "zoe@example.com", "other_emails": "zoe@second.example",
        "phone": "+33612345678", "external_id": "C-1", "language": "fr", "time_zone": "", "source": "",
        "lists": "trade-fair | vip", "consent_order_information": "", "consent_advice": "objected",
        "consent_promotions": "granted | sms: withdrawn", "balance": "-12.5", "club": "true",
        "first_name": "'=1+1", "attribute_phone": "x", "sizes": "S|M",
    }  # fmt: skip
    with tenancy.scope(workspace_id=workspace.pk):
        entry = AuditEntry.objects.get(action="exported")
    assert (entry.actor, entry.detail) == ("API key “till”", {"rows": 1, "filters": {}})


def test_nobody_is_cut_off_and_nobody_comes_twice(
    till: Machine, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, now: Any
) -> None:
    monkeypatch.setattr(exporting, "PORTION", 7)
    with tenancy.scope(workspace_id=workspace.pk):
        Contact.objects.bulk_create(
            Contact(workspace_id=workspace.pk, email=f"p{n}@example.com", created_at=now, updated_at=now)
            for n in range(50)
        )
    rows = exported(till)
    assert len({row["email"] for row in rows}) == len(rows) == 50


def test_list_and_segment_narrow_the_table(till: Machine) -> None:
    ids = [till.post("/contacts", {"email": f"p{n}@example.com"}).json()["id"] for n in range(3)]
    till.post("/lists", {"slug": "vip", "name": "VIP"})
    till.post("/lists/vip/members", {"add": ids[:2]})
    assert {row["id"] for row in exported(till, list="vip")} == set(ids[:2])
    assert exported(till, segment="nowhere") == []
    assert till.get("/contacts/export", lists="vip").status_code == 422


def test_people_of_another_workspace_are_not_in_it(
    till: Machine, other_workspace: Workspace, now: Any
) -> None:
    till.post("/contacts", {"email": "zoe@example.com"})
    assert exported(machine_of(other_workspace, now)) == []


@pytest.mark.parametrize("text", ["-12", "-12.5", "+33612345678", "-0,5", "plain", "a=b", ""])
def test_numbers_and_plain_text_stay_as_they_are(text: str) -> None:
    assert tables.harmless(text) == text


@pytest.mark.parametrize(
    "text",
    ["=1", "+1+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "-", "-1e5=", "--1"],
)
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert tables.harmless(text) == f"'{text}"
