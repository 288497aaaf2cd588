"""Purposes are made, changed and archived on their pages; what people answered to stays."""

import json
import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM
from parcours.cli import main as cli
from parcours.consent import queries, standard
from parcours.consent.models import Purpose
from parcours.consent.types import Act, Channel, Evidence, Statement
from parcours.contacts.types import IdentityKind, Person
from parcours.events import people
from parcours.kernel import tenancy
from tests.web.conftest import Shop

NEW = {
    "code": "partners",
    "name_fr": "Offres de partenaires",
    "name_en": "Partner offers",
    "basis": "consent",
    "is_marketing": "on",
    "double_opt_in": "on",
    "position": "45",
}


def purpose(shop: Shop, code: str) -> Purpose:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return queries.purpose(shop.workspace.pk, code)


def test_purpose_is_made_changed_and_archived(shop: Shop, owner: Client) -> None:
    response = owner.post(shop.path("purposes/+/"), NEW)
    assert (response.status_code, response.headers["Location"]) == (302, shop.path("purposes/partners/"))
    made = purpose(shop, "partners")
    assert (made.basis, made.is_marketing, made.double_opt_in) == ("consent", True, True)
    changed = {**NEW, "name_en": "From our partners", "double_opt_in": "", "basis": "contract", "code": "x"}
    assert owner.post(shop.path("purposes/partners/edit/"), changed).status_code == 302
    made = purpose(shop, "partners")
    assert (made.name_en, made.double_opt_in, made.basis) == ("From our partners", False, "consent")
    owner.post(shop.path("purposes/partners/move/"), {"move": "archive"})
    assert purpose(shop, "partners").archived_at is not None
    assert "partners" not in owner.get(shop.path("campaigns/new/")).content.decode()
    owner.post(shop.path("purposes/partners/move/"), {"move": "restore"})
    assert "partners" in owner.get(shop.path("campaigns/new/")).content.decode()
    with tenancy.scope(workspace_id=shop.workspace.pk):
        trail = AuditEntry.objects.filter(subject="purpose", subject_id="partners").order_by("at", "id")
        assert [one.action for one in trail] == ["created", "changed", "archived", "restored"]
        assert trail[1].detail == {"name_en": "From our partners", "double_opt_in": False}


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"basis": "contract", "double_opt_in": ""}, "is_marketing", "contract"),
        ({"basis": "legitimate_interest"}, "double_opt_in", "confirmed"),
        ({"audience": '{"list": "loyal-clients"}'}, "audience", "legitimate interest"),
        (
            {"basis": "legitimate_interest", "double_opt_in": "", "audience": '{"list": "nobody"}'},
            "audience",
            "nobody",
        ),
        ({"audience": "{"}, "audience", "JSON"),
        ({"code": "promotions"}, "code", "already"),
        ({"name_fr": ""}, "name_fr", ""),
    ],
)
def test_contradiction_is_said_beside_its_field(
    shop: Shop, owner: Client, change: dict[str, str], field: str, said: str
) -> None:
    response: Any = owner.post(shop.path("purposes/+/"), {**NEW, **change})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert said in str(response.context["form"].errors[field])


def test_legitimate_interest_has_its_audience(shop: Shop, owner: Client) -> None:
    rule = '{"list": "loyal-clients"}'
    owner.post(
        shop.path("purposes/+/"),
        {**NEW, "basis": "legitimate_interest", "double_opt_in": "", "audience": rule},
    )
    assert purpose(shop, "partners").audience == {"list": "loyal-clients"}
    page = owner.get(shop.path("purposes/partners/edit/")).content.decode()
    assert "loyal-clients" in page
    assert "double_opt_in" not in page


def test_usual_purposes_are_added_once(shop: Shop, owner: Client) -> None:
    before = purpose(shop, "promotions").pk
    owner.post(shop.path("purposes/+/standard/"))
    with tenancy.scope(workspace_id=shop.workspace.pk):
        assert {one.code for one in queries.purposes(shop.workspace.pk)} >= standard.purposes().keys()
    assert purpose(shop, "promotions").pk == before
    assert "/+/standard/" not in owner.get(shop.path("purposes/")).content.decode()


def test_standard_purposes_agree_with_themselves(in_workspace: Workspace, now: datetime) -> None:
    codes = standard.bring(in_workspace.pk, actor=SYSTEM, now=now)
    assert codes == [
        *("order_information", "advice", "newsletter", "promotions", "measure_opens", "measure_clicks")
    ]
    assert standard.bring(in_workspace.pk, actor=SYSTEM, now=now) == []
    assert [one.code for one in queries.purposes(in_workspace.pk)] == codes
    assert {one.code for one in queries.purposes(in_workspace.pk) if one.is_measuring} == {
        "measure_opens",
        "measure_clicks",
    }


def test_new_workspace_begins_with_them(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    made = ["workspace", "atelier", "--name", "L’Atelier", "--owner", "o@atelier.example"]
    assert cli.main([*made, "--from-email", "bonjour@atelier.example", "--json"]) == 0
    assert "api_key" in json.loads(capsys.readouterr().out)
    workspace = Workspace.objects.get(slug="atelier")
    with tenancy.scope(workspace_id=workspace.pk):
        assert [one.code for one in queries.purposes(workspace.pk)] == list(standard.purposes())


def chosen(page: str, field: str) -> str:
    """What a browser shows as chosen in a select: the option that is marked, else the first."""
    options = re.findall(
        r'<option value="([^"]*)"( selected)?',
        page.partition(f'<select name="{field}"')[2].partition("</select>")[0],
    )
    return next((value for value, mark in options if mark), options[0][0])


def test_new_campaign_has_nothing_chosen_beforehand(shop: Shop, owner: Client) -> None:
    page = owner.get(shop.path("campaigns/new/")).content.decode()
    assert [chosen(page, field) for field in ("template", "purpose", "audience")] == ["", "", ""]
    sent = {"name": "Sale", "template": "we-miss-you", "purpose": "", "audience": "list:loyal-clients"}
    refused = owner.post(shop.path("campaigns/new/"), sent)
    assert refused.status_code == 422
    assert list(refused.context["form"].errors) == ["purpose"]


def test_archived_purpose_of_a_draft_is_told_and_never_becomes_another(shop: Shop, owner: Client) -> None:
    owner.post(shop.path("purposes/+/"), NEW)
    form = {
        "name": "Frends",
        "template": "we-miss-you",
        "purpose": "partners",
        "audience": "list:loyal-clients",
    }
    draft = owner.post(shop.path("campaigns/new/"), form)["Location"]
    owner.post(shop.path("purposes/partners/move/"), {"move": "archive"})
    page = owner.get(f"{draft}edit/").content.decode()
    assert chosen(page, "purpose") == "partners"
    assert ", archived" in page
    refused = owner.post(f"{draft}edit/", {**form, "name": "Friends"})
    assert refused.status_code == 422
    assert "This purpose is archived" in refused.content.decode()
    assert owner.post(f"{draft}edit/", {**form, "purpose": "promotions"}).status_code == 302


def test_who_agreed_on_two_channels_is_one_person(shop: Shop, owner: Client) -> None:
    def agreed() -> int:
        rows = owner.get(shop.path("purposes/")).context["rows"]
        return next(int(said["granted"]) for each, said in rows if each.code == "promotions")

    before = agreed()
    proof = Evidence("sign-up form", "Yes.")
    with tenancy.scope(workspace_id=shop.workspace.pk):
        person = Person(email="two@mail.example", identities=((IdentityKind.PHONE, "+33612345678"),))
        [saved] = people.save_people(shop.workspace.pk, [person], now=shop.now)
        said = [
            Statement(saved.contact_id, "promotions", channel, Act.GRANTED, proof, shop.now)
            for channel in (Channel.EMAIL, Channel.SMS)
        ]
        people.record_statements(shop.workspace.pk, said, now=shop.now)
    assert agreed() == before + 1
