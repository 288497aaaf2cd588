"""A message that comes back is told on its page, on the person's, and on the page of the message that is withheld for it."""

from uuid import uuid4

import pytest
from django.test import Client

from parcours.delivery.models import Message
from parcours.delivery.receiving import receive
from parcours.delivery.types import ReturnKind
from parcours.kernel import tenancy
from tests.delivery.mails import delivery_report, recipient_status, return_path
from tests.web.conftest import Shop, signed_in

HOSTILE = "550 5.1.1 <script>alert(1)</script> User unknown"
WORDS = {
    "fr": ["Ce qui est revenu par e-mail", "l’adresse n’existe pas", "Plus rien ne lui est envoyé"],
    "en": ["What came back by mail", "there is no such address", "Never written to"],
}


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def came_back(shop: Shop) -> Message:
    """A message of the shop whose address does not exist, as its mail server says in hostile words."""
    with tenancy.scope(workspace_id=shop.workspace.pk):
        sent = Message.objects.filter(state="sent").order_by("id")[0]
    path = return_path(shop.workspace.pk, sent.pk)
    report = delivery_report(path, recipient_status(HOSTILE, who=sent.address))
    assert receive(report, now=shop.now, recipient=path).told.kind is ReturnKind.BOUNCED
    return sent


@pytest.mark.parametrize("language", ["fr", "en"])
def test_pages_of_message_and_person_say_it(shop: Shop, came_back: Message, language: str) -> None:
    reader = signed_in(shop.owner, language)
    back, cause, excluded = WORDS[language]
    message = text_of(reader, shop.path(f"messages/{came_back.pk}/"))
    assert back in message
    assert cause in message
    person = text_of(reader, shop.path(f"contacts/{came_back.contact_id}/"))
    assert excluded in person
    assert cause in person
    for page in (message, person):
        assert "550 5.1.1 &lt;script&gt;" in page
        assert "<script>alert" not in page


def test_other_pages_say_nothing_of_it(shop: Shop, came_back: Message, owner: Client) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        other = Message.objects.filter(state="sent").exclude(contact_id=came_back.contact_id)[0]
    assert WORDS["en"][0] not in text_of(owner, shop.path(f"messages/{other.pk}/"))
    assert WORDS["en"][2] not in text_of(owner, shop.path(f"contacts/{other.contact_id}/"))


def test_home_raises_the_alarm_when_bounces_blame_our_own_configuration(shop: Shop, owner: Client) -> None:
    assert "refuse how we send" not in text_of(owner, shop.path())
    with tenancy.scope(workspace_id=shop.workspace.pk):
        sent = [each.pk for each in Message.objects.filter(state="sent").order_by("id")[:2]]
    for each in (*sent, sent[0]):
        path = return_path(shop.workspace.pk, each)
        group = recipient_status("550 5.7.26 unauthenticated", status="5.7.26")
        receive(delivery_report(path, group) + uuid4().bytes, now=shop.now, recipient=path)
    page = text_of(owner, shop.path())
    assert "2 messages came back since yesterday because mail systems refuse how we send" in page


def test_settings_name_the_domain_of_what_comes_back(shop: Shop, owner: Client) -> None:
    assert "bounce.shop.example" in text_of(owner, shop.path("settings/sending/"))
