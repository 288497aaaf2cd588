"""Brevo's own Python client, pointed at a web process of ours, does a shop's day: people, lists, events, a receipt in the inbox."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from brevo import Brevo
from brevo.contacts import AddContactToListRequestBodyEmails
from brevo.core.api_error import ApiError
from brevo.event import CreateEventRequestIdentifiers
from brevo.transactional_emails import SendTransacEmailRequestToItem
from django.test import Client
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, Role
from parcours.content.models import Template
from parcours.delivery.models import Message
from parcours.kernel import clock, tenancy
from tests.api.conftest import Machine
from tests.conftest import act_as
from tests.delivery.post import Post


@pytest.fixture
def brevo(till: Machine, live_server: LiveServer, django_db_blocker: DjangoDbBlocker) -> Iterator[Brevo]:
    act_as("parcours_web", django_db_blocker)
    with httpx.Client() as connections:
        yield Brevo(api_key=till.secret, base_url=f"{live_server.url}/v3", httpx_client=connections)
    act_as("parcours_worker", django_db_blocker)


def test_client_of_brevo_does_a_shops_day(
    brevo: Brevo, post: Post, till: Machine, workspace: Workspace, django_db_blocker: DjangoDbBlocker
) -> None:
    assert brevo.account.get_account().company_name == workspace.name
    vip = brevo.contacts.create_list(name="VIP", folder_id=1).id
    made = brevo.contacts.create_contact(
        email="julie@example.com",
        ext_id="J-1",
        attributes={"PRENOM": "Julie", "SMS": "33612345678"},
        update_enabled=True,
    )
    assert made is not None
    julie = brevo.contacts.get_contact_info(made.id)
    assert (julie.id, julie.email, julie.email_blacklisted) == (made.id, "julie@example.com", False)
    brevo.contacts.update_contact("J-1", identifier_type="ext_id", attributes={"NOM": "Martin"})
    people = AddContactToListRequestBodyEmails(emails=["julie@example.com"])
    changed = brevo.contacts.add_contact_to_list(vip, request=people)
    assert changed.contacts.success == ["julie@example.com"]
    told = brevo.contacts.get_contact_info("julie@example.com")
    assert (told.list_ids, told.attributes.model_dump()["LASTNAME"]) == ([vip], "Martin")
    [row] = brevo.contacts.get_lists().lists or []
    assert (row.id, row.name, row.total_subscribers) == (vip, "VIP", 1)
    brevo.event.create_event(
        event_name="order_completed",
        identifiers=CreateEventRequestIdentifiers(email_id="julie@example.com"),
        event_properties={"total": 49.9},
    )
    with tenancy.scope(workspace_id=workspace.pk):
        template = Template.objects.get(slug="receipt").pk
    sent = brevo.transactional_emails.send_transac_email(
        to=[SendTransacEmailRequestToItem(email="julie@example.com")],
        template_id=template,
        params={"order_id": "A-7", "total": 49.9},
        headers={"Idempotency-Key": "order-A-7"},
    )
    act_as("parcours_worker", django_db_blocker)
    post.now = clock.now()
    post.send()
    [mail] = post.arrived
    assert (mail["To"], mail["Subject"], mail["Message-ID"]) == (
        "julie@example.com", "Votre commande A-7", sent.message_id,
    )  # fmt: skip
    [ours] = till.get("/contacts", email="julie@example.com").json()["items"]
    names = {one["name"] for one in till.get(f"/contacts/{ours['id']}/timeline").json()["items"]}
    assert names >= {"Contact Created", "order_completed", "Message Requested", "Email Sent"}


def test_client_of_brevo_understands_our_refusals(brevo: Brevo) -> None:
    with pytest.raises(ApiError) as refused:
        brevo.contacts.get_contact_info("nobody@example.com")
    assert refused.value.status_code == 404
    assert refused.value.body["code"] == "document_not_found"


def test_words_of_the_program_are_sent_with_our_footer_and_shown_on_the_messages_page(
    brevo: Brevo, post: Post, workspace: Workspace, django_db_blocker: DjangoDbBlocker
) -> None:
    sent = brevo.transactional_emails.send_transac_email(
        to=[SendTransacEmailRequestToItem(email="julie@example.com", name="Julie")],
        subject="Votre commande {{ params.order_id }}",
        html_content=(
            "<!DOCTYPE html><html><head><title>x</title><style>p { color: #222; }</style></head>"
            '<body><p>Merci, {{ params.name }} !</p><p><a href="https://shop.example/suivi">Suivre</a><br></p></body></html>'
        ),
        params={"order_id": "A-8", "name": "Julie & Co <3"},
    )
    act_as("parcours_worker", django_db_blocker)
    post.now = clock.now()
    post.send()
    [mail] = post.arrived
    assert (mail["Subject"], mail["Message-ID"]) == ("Votre commande A-8", sent.message_id)
    text, html = (str(part.get_content()) for part in mail.iter_parts())
    assert "Merci, Julie & Co <3 !" in text
    assert "Suivre (http" in text
    assert "<p>Merci, Julie &amp; Co &lt;3 !</p>" in html
    assert "color: #222" in html
    assert "/u/" in html
    assert "/why/" in html
    owner = accounts.create_user("olga@example.com", password=None, now=post.now)
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.set_member(workspace.pk, owner, Role.OWNER, actor=SYSTEM, now=post.now)
        message = Message.objects.get()
    member = Client()
    member.force_login(owner)
    shown = member.get(f"/w/{workspace.slug}/messages/{message.pk}/content/")
    assert "Merci, Julie &amp; Co &lt;3 !" in shown.content.decode()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"html_content": "<p>Bonjour</p>"}, "missing_parameter"),
        ({"subject": "Bonjour"}, "missing_parameter"),
        ({"subject": "Bonjour", "html_content": "<p>Bonjour"}, "invalid_parameter"),
        ({"subject": "Bonjour", "html_content": "<script>alert(1)</script>"}, "invalid_parameter"),
        ({"subject": "Bonjour", "html_content": "<p>{{ params.name</p>"}, "invalid_parameter"),
        (
            {"subject": "Bonjour", "text_content": "Bonjour", "cc": [{"email": "b@example.com"}]},
            "invalid_parameter",
        ),
        ({"subject": "B", "text_content": "B", "sender": {"email": "else@example.com"}}, "invalid_parameter"),
        ({"subject": "B", "text_content": "B", "tags": ["purpose:nonsense"]}, "invalid_parameter"),
        ({"template_id": 99999}, "invalid_parameter"),
    ],
)
def test_words_that_cannot_be_sent_are_refused(
    brevo: Brevo, workspace: Workspace, words: dict[str, Any], code: str
) -> None:
    with pytest.raises(ApiError) as refused:
        brevo.transactional_emails.send_transac_email(
            to=[SendTransacEmailRequestToItem(email="julie@example.com")], **words
        )
    body = refused.value.body
    assert (refused.value.status_code, getattr(body, "code", None) or body["code"]) == (400, code)
    with tenancy.scope(workspace_id=workspace.pk):
        assert not Message.objects.exists()


def test_plain_text_and_a_purpose_named_by_a_tag(
    brevo: Brevo, post: Post, workspace: Workspace, django_db_blocker: DjangoDbBlocker
) -> None:
    for tags in (["receipt"], ["purpose:promotions"]):
        brevo.transactional_emails.send_transac_email(
            to=[SendTransacEmailRequestToItem(email="julie@example.com")],
            subject="Bonjour",
            text_content="Bonjour <Julie>,\nà demain.",
            tags=tags,
        )
    act_as("parcours_worker", django_db_blocker)
    post.now = clock.now()
    post.send()
    [mail] = post.arrived
    text, html = (str(part.get_content()) for part in mail.iter_parts())
    assert "Bonjour <Julie>,\nà demain." in text.replace("\r\n", "\n")
    assert "Bonjour &lt;Julie&gt;,<br" in html
    with tenancy.scope(workspace_id=workspace.pk):
        states = dict(Message.objects.values_list("mailing__purpose__code", "state"))
    assert states == {"order_information": "sent", "promotions": "withheld"}
