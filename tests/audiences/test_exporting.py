"""People as a table, through the API: whole, whatever their number; read by spreadsheets; read back by an import."""

import csv
from io import StringIO
from typing import Any

import pytest

from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM
from parcours.audiences import exporting
from parcours.contacts.importing import actions as imports
from parcours.contacts.importing import queries
from parcours.contacts.importing.plan import Plan
from parcours.contacts.models import Contact, Identity, Import
from parcours.contacts.queries import declared_attributes
from parcours.events import importing
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
    assert till.get("/contacts/export", segment="nowhere").status_code == 422
    assert till.get("/contacts/export", lists="vip").status_code == 422


def test_people_of_another_workspace_are_not_in_it(
    till: Machine, other_workspace: Workspace, now: Any
) -> None:
    till.post("/contacts", {"email": "zoe@example.com"})
    assert exported(machine_of(other_workspace, now)) == []


def known(workspace: Workspace) -> dict[str, tuple[Any, set[tuple[str, str]]]]:
    """Everybody's attributes and identities."""
    with tenancy.scope(workspace_id=workspace.pk):
        return {
            one.email or "": (
                one.attributes,
                set(Identity.objects.filter(contact_id=one.pk).values_list("kind", "value")),
            )
            for one in Contact.objects.all()
        }


def imported(workspace: Workspace, content: bytes, now: Any) -> Import:
    with tenancy.scope(workspace_id=workspace.pk):
        run = imports.upload(workspace.pk, "export.csv", content, actor=SYSTEM, now=now)
        preview = queries.preview(workspace.pk, run)
        plan = Plan(preview.delimiter, preview.columns, date_order=preview.date_order)
        imports.confirm(workspace.pk, run, plan, actor=SYSTEM, now=now)
    while importing.tick(workspace.pk, now=now):
        pass
    with tenancy.scope(workspace_id=workspace.pk):
        return queries.import_of(workspace.pk, run.pk)


def test_export_is_read_back_without_a_change(till: Machine, workspace: Workspace, now: Any) -> None:
    till.post(
        "/contacts",
        {
            "email": "zoe@example.com",
            "phone": "+33612345678",
            "external_id": "@C-1",
            "attributes": {
                "handle": "@zoe",
                "felt": "-5 °C",
                "quoted": "'=1",
                "apostrophe": "'tis",
                "balance": -12.5,
                "member_since": "2024-05-01",
                "club": True,
                "sizes": ["S", "M"],
                "towns": ["Paris, 11e", "Lyon|Villeurbanne", " Nice ", '["x"]', "=1+1"],
                "one": ["[S]"],
                "phone": "an attribute of that name",
                "many": [f"{n:03}, {'x' * 110}" for n in range(200)],
            },
            "consents": [{"purpose": "promotions", "granted": True, "source": "till"}],
        },
    )
    marc = till.post("/contacts", {"email": "marc@example.com", "phone": "0612345678"}).json()
    others = [{"kind": "phone", "value": "0712345678"}, {"kind": "external", "value": "C-2"}]
    others += [{"kind": "external", "value": "C-3"}, {"kind": "email", "value": "marc@second.example"}]
    assert till.post(f"/contacts/{marc['id']}/identities", {"add": others}).status_code == 200
    before = known(workspace)
    response: Any = till.get("/contacts/export")
    run = imported(workspace, b"".join(response), now)
    assert (run.state, run.refused_count, run.created_count) == ("finished", 0, 0)
    assert known(workspace) == before
    with tenancy.scope(workspace_id=workspace.pk):
        assert set(declared_attributes(workspace.pk)) == set(before["zoe@example.com"][0])
    assert run.updated_count == 0


@pytest.mark.parametrize(
    "text", ["", "plain", "-5", "'-5", "=1", "'=1", "''=1", "'", "''", "'tis", "+33 6", "'+33 6"]
)
def test_harmless_cell_gives_its_text_again(text: str) -> None:
    assert tables.meant(tables.harmless(text)) == text


@pytest.mark.parametrize("text", ["-12", "-12.5", "+33612345678", "-0,5", "plain", "a=b", ""])
def test_numbers_and_plain_text_stay_as_they_are(text: str) -> None:
    assert tables.harmless(text) == text


@pytest.mark.parametrize(
    "text",
    ["=1", "+1+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "-", "-1e5=", "--1"],
)
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert tables.harmless(text) == f"'{text}"
