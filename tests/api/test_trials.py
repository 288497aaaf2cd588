"""A program asks for a test of a template: who has it, what is answered, what is refused."""

import json
from datetime import datetime, time
from typing import Any

import pytest
from django.http import HttpResponse

from parcours.accounts import actions as accounts
from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM, Role
from parcours.delivery.dkim import generate_key
from parcours.delivery.models import Sending
from parcours.kernel import crypto, tenancy
from tests.api.conftest import Machine

BODY = {"subject": "Bonjour {{ contact.email }}", "mjml": "<mjml><mj-body></mj-body></mjml>"}
OLIVE = "olive@shop.example"


@pytest.fixture
def shop(till: Machine, workspace: Workspace, now: datetime) -> Machine:
    """The till, of a shop that sends, with a member, two contacts and a template."""
    olive = accounts.create_user(OLIVE, password=None, now=now)
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.set_member(workspace.pk, olive, Role.OWNER, actor=SYSTEM, now=now)
        Sending.objects.create(
            workspace=workspace,
            from_name="La Boutique",
            from_email="bonjour@shop.example",
            dkim_domain="shop.example",
            dkim_selector="parcours",
            dkim_key=crypto.seal("dkim", generate_key()),
            quiet_from=time(21),
            quiet_until=time(8),
        )
    for name in ("ada", "julie"):
        till.post("/contacts", {"email": f"{name}@example.com"})
    till.put("/templates/hello", {"name": "Hello", "bodies": {"fr": BODY}})
    return till


def ask(shop: Machine, **wanted: Any) -> HttpResponse:
    return shop.post("/templates/hello/test", {"to": [OLIVE], **wanted})


def told(response: HttpResponse) -> Any:
    return json.loads(response.content)


def test_test_is_on_its_way_and_can_be_asked_about(shop: Machine, workspace: Workspace) -> None:
    ada = told(shop.get("/contacts", email="ada@example.com"))["items"][0]["id"]
    answer = ask(shop, contact=ada, purpose="promotions", language="fr")
    assert answer.status_code == 202, answer.content
    [item] = told(answer)["items"]
    assert (item["to"], item["state"]) == (OLIVE, "queued")
    found = told(shop.get(f"/messages/{item['id']}"))
    assert (found["origin"], found["contact"], found["purpose"]) == ("test", ada, "promotions")
    assert told(shop.get("/messages", contact=ada))["items"] == []
    with tenancy.scope(workspace_id=workspace.pk):
        entry = AuditEntry.objects.get(action="tested")
    assert entry.actor == "API key “till”"


def test_newest_contact_and_first_purpose_are_meant_unless_said(shop: Machine) -> None:
    [item] = told(ask(shop))["items"]
    found = told(shop.get(f"/messages/{item['id']}"))
    julie = told(shop.get("/contacts", email="julie@example.com"))["items"][0]["id"]
    assert (found["contact"], found["purpose"]) == (julie, "order_information")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"to": []}, "delivery.not_a_member"),
        ({"to": ["julie@example.com"]}, "delivery.not_a_member"),
        ({"to": [OLIVE] * 7}, "invalid"),
        ({"contact": "0198f0c2-8f0e-7d3c-9d57-3f8a0c1b2d4e"}, "delivery.no_reader"),
        ({"purpose": "no_such"}, "purpose.unknown"),
        ({"language": "it"}, "invalid"),
        ({"recipient": OLIVE}, "invalid"),
    ],
)
def test_what_is_wrong_is_answered(shop: Machine, wanted: dict[str, Any], code: str) -> None:
    answer = ask(shop, **wanted)
    assert (answer.status_code, told(answer)["code"]) == (422, code)


def test_unknown_template_is_not_found(shop: Machine) -> None:
    assert shop.post("/templates/nothing/test", {"to": [OLIVE]}).status_code == 404


def test_too_many_in_an_hour_are_told_to_come_back(shop: Machine) -> None:
    for _ in range(20):
        assert ask(shop).status_code == 202
    answer = ask(shop)
    assert (answer.status_code, told(answer)["code"]) == (429, "delivery.too_many_tests")
