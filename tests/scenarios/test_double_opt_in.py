"""Somebody asks for offers in a form: a message to confirm arrives, one click, and only then an offer may leave."""

import re
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.consent import queries as ledger
from parcours.consent.types import Act
from parcours.content import actions as content
from parcours.content import queries as templates
from parcours.content.errors import TemplateError
from parcours.delivery.models import Message
from parcours.kernel import tenancy
from tests.api.conftest import Machine, machine_of
from tests.delivery.post import Post
from tests.delivery.stories import codes
from tests.public.forms import save

pytestmark = pytest.mark.usefixtures("one_clock")
FORM = {"source": "newsletter form", "wording": "Send me offers.", "ip": "192.0.2.7"}


@pytest.fixture
def form(post: Post, workspace: Workspace) -> Machine:
    return machine_of(workspace, post.now)


def asks(form: Machine, purpose: str = "promotions", email: str = "julie@example.com", **more: Any) -> UUID:
    said = {"purpose": purpose, "granted": True, "double_opt_in": True, **FORM, **more}
    response: Any = form.post("/contacts", {"email": email, "language": "en", "consents": [said]})
    assert response.status_code in (200, 201), response.content
    return UUID(response.json()["id"])


def act(post: Post, who: UUID, purpose: str = "promotions") -> str:
    with tenancy.scope(workspace_id=post.shop.id):
        found = {one.purpose.code: one.act for one in ledger.states(post.shop.id, who)}
    return found.get(purpose, "")


def link(mail: EmailMessage) -> str:
    """The address behind the button, without the host."""
    html = str(mail.get_body(("html",)).get_content())  # type: ignore[union-attr]
    return re.findall(r'href="[^"]*?(/confirm/[^"]+)"', html)[0]


def offer(post: Post, who: UUID) -> UUID:
    with tenancy.scope(workspace_id=post.shop.id):
        return post.shop.queue(post.shop.mailing("promotions"), who, at=post.now)


def reasons(post: Post, message_id: UUID) -> list[str]:
    with tenancy.scope(workspace_id=post.shop.id):
        return codes(message_id)


def test_request_is_confirmed_by_its_message_and_then_offers_may_leave(post: Post, form: Machine) -> None:
    julie = asks(form)
    early = offer(post, julie)
    post.send()
    [mail] = post.arrived
    assert (mail["To"], mail["Subject"]) == ("julie@example.com", "Confirm your subscription to “promotions”")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert reasons(post, early) == ["consent_pending"]

    visitor = Client(enforce_csrf_checks=True)
    page = visitor.get(link(mail)).content.decode()
    assert "promotions" in page
    assert act(post, julie) == "requested"  # reading changes nothing
    assert visitor.post(link(mail)).status_code == 200
    assert act(post, julie) == "granted"
    with tenancy.scope(workspace_id=post.shop.id):
        proof, request = ledger.ledger(post.shop.id, julie)
    assert (request.act, request.source, request.ip) == ("requested", "newsletter form", "192.0.2.7")
    assert (proof.act, proof.source, proof.wording) == ("granted", "double opt-in", "Send me offers.")
    assert proof.ip == "127.0.0.1"
    assert proof.detail["message"]

    late = offer(post, julie)
    post.send()
    assert reasons(post, late) == ["basis_consent"]
    assert len(post.arrived) == 2


def test_asking_again_writes_once_a_day(post: Post, form: Machine) -> None:
    for _ in range(3):
        julie = asks(form)
        post.send()
    assert len(post.arrived) == 1
    asks(form, "newsletter")
    post.send()
    assert len(post.arrived) == 2  # another purpose
    post.later(days=1)
    for _ in range(2):
        asks(form)
        post.send()
    assert len(post.arrived) == 3
    assert act(post, julie) == "requested"


def test_who_has_agreed_cannot_be_asked_out_of_it(post: Post, form: Machine) -> None:
    julie = asks(form, double_opt_in=False)
    assert asks(form) == julie
    post.send()
    assert (act(post, julie), post.arrived) == ("granted", [])


def test_request_taken_back_is_not_written_about_but_may_be_made_anew(post: Post, form: Machine) -> None:
    julie = asks(form)
    with tenancy.scope(workspace_id=post.shop.id):
        post.shop.says(julie, "promotions", Act.WITHDRAWN)
        [waiting] = Message.objects.values_list("pk", flat=True)
    post.send()
    assert (reasons(post, waiting), post.arrived) == (["nothing_to_confirm"], [])
    asks(form)
    post.send()
    assert len(post.arrived) == 1


def test_suppressed_address_is_not_asked(post: Post, form: Machine) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        post.shop.suppress("julie@example.com")
    asks(form)
    post.send()
    assert post.arrived == []


def test_request_at_night_is_answered_at_once(post: Post, form: Machine) -> None:
    post.later(hours=13)
    asks(form)
    post.send()
    assert len(post.arrived) == 1


def flag(post: Post, code: str) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        consent.save_purpose(post.shop.id, code, {"double_opt_in": True}, actor=SYSTEM, now=post.now)


@pytest.mark.parametrize("code", ["promotions", "measure_opens"])
def test_purpose_may_ask_for_it(post: Post, form: Machine, code: str) -> None:
    flag(post, code)
    julie = asks(form, code, double_opt_in=False)
    assert act(post, julie, code) == "requested"
    post.send()
    [mail] = post.arrived
    Client().post(link(mail))
    assert act(post, julie, code) == "granted"


def test_tick_on_the_preference_page_waits_too(post: Post, form: Machine) -> None:
    flag(post, "promotions")
    julie = asks(form, "newsletter")
    post.send()
    html = str(post.arrived[0].get_body(("html",)).get_content())  # type: ignore[union-attr]
    page = re.findall(r'href="[^"]*?(/p/[^"]+)"', html)[0]
    shown = save(Client(), page, yes=["promotions.email", "advice.email"]).content.decode()
    assert "waits for your confirmation" in shown
    assert act(post, julie) == "requested"
    post.send()
    assert [str(mail["Subject"]) for mail in post.arrived][1:] == [
        "Confirm your subscription to “promotions”"
    ]


@pytest.mark.parametrize(
    "more", [{"channel": "sms"}, {"granted": False}, {"purpose": "advice"}, {"purpose": "order_information"}]
)
def test_only_a_yes_by_mail_can_be_confirmed(form: Machine, more: dict[str, Any]) -> None:
    said = {"purpose": "promotions", "granted": True, "double_opt_in": True, **FORM, **more}
    response: Any = form.post("/contacts", {"email": "julie@example.com", "consents": [said]})
    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == ["consents.0.double_opt_in"]


def test_its_template_can_be_edited_but_keeps_its_link(post: Post, form: Machine) -> None:
    asks(form)
    own = post.shop.id
    with tenancy.scope(workspace_id=own):
        bodies = templates.latest_version(own, content.CONFIRMATION).bodies
        for body in bodies.values():
            body["subject"] = "Oui ?"
        content.save_template(own, content.CONFIRMATION, "Confirmer", bodies, actor=SYSTEM, now=post.now)
        bodies["fr"]["mjml"] = bodies["fr"]["mjml"].replace("{{ confirm_url }}", "https://shop.example/")
        with pytest.raises(TemplateError) as refused:
            content.save_template(own, content.CONFIRMATION, "Confirmer", bodies, actor=SYSTEM, now=post.now)
        assert refused.value.field == "fr.mjml"
    asks(form, email="marc@example.com")
    post.send()
    assert sorted(str(mail["Subject"]) for mail in post.arrived) == [
        "Confirm your subscription to “promotions”",
        "Oui ?",
    ]
