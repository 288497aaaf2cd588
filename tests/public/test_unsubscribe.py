"""One click stops it (RFC 8058), and nothing else does."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from parcours.consent.types import Evidence
from parcours.contacts.types import Person
from parcours.delivery import leaving
from parcours.delivery.models import Message
from parcours.events import people, tokens
from parcours.events.models import Event, Receipt
from parcours.kernel import tenancy
from parcours.kernel.ids import uuid7
from tests.public.conftest import Marc

UNSUBSCRIBE = tokens.Purpose.UNSUBSCRIBE
ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def stranger() -> Client:
    """A mail program: no cookie, no CSRF token, another origin; checks are on as in production."""
    return Client(enforce_csrf_checks=True, headers={"Origin": "https://mail.example.org"})


def test_form_post_stops_the_purpose_at_once(marc: Marc, stranger: Client) -> None:
    response = stranger.post(marc.link(UNSUBSCRIBE), ONE_CLICK, content_type=FORM)
    assert response.status_code == 200
    assert "Location" not in response.headers
    assert not response.cookies
    assert marc.states() == {"promotions.email": "withdrawn"}
    [record] = marc.records()
    assert (record.source, record.ip) == ("one-click unsubscribe", "127.0.0.1")
    assert "promotions" in record.wording


@pytest.mark.parametrize("use", [UNSUBSCRIBE, tokens.Purpose.PREFERENCES, tokens.Purpose.WHY])
def test_links_of_both_copies_live_on_when_two_contacts_prove_to_be_one(
    marc: Marc, stranger: Client, now: datetime, use: tokens.Purpose
) -> None:
    """He had the campaign at both addresses; either message is his, and an objection is never lost."""
    with tenancy.scope(workspace_id=marc.workspace.pk):
        [other] = people.save_people(marc.workspace.pk, [Person(email="m.martin@example.com")], now=now)
        copy = Message.objects.get(pk=marc.messages["promotions"])
        copy.pk, copy.contact_id, copy.address = uuid7(), other.contact_id, "m.martin@example.com"
        copy.save(force_insert=True)
        people.merge(marc.workspace.pk, marc.contact_id, other.contact_id, now=now)
    marc.messages["promotions"] = copy.pk
    assert stranger.get(marc.link(use)).status_code == 200
    stranger.post(marc.link(UNSUBSCRIBE), ONE_CLICK, content_type=FORM)
    assert marc.states() == {"promotions.email": "withdrawn"}


def test_old_link_tells_nothing_again(marc: Marc, stranger: Client, now: datetime) -> None:
    """Links never expire, receipts do."""
    own, message = marc.workspace.pk, marc.messages["promotions"]
    proof = Evidence(source="one-click unsubscribe")
    stranger.post(marc.link(UNSUBSCRIBE), ONE_CLICK, content_type=FORM)
    with tenancy.scope(workspace_id=own):
        Receipt.objects.all().delete()  # as after 90 days
        assert leaving.unsubscribe(own, message, proof, now=now + timedelta(days=91))
        assert leaving.unsubscribe(own, marc.messages["advice"], proof, now=now + timedelta(days=91))
        told = Event.objects.filter(contact_id=marc.contact_id, name="Unsubscribed")
        assert sorted(each.properties["message"] for each in told) == sorted(
            str(marc.messages[purpose]) for purpose in ("promotions", "advice")
        )


def test_multipart_post_is_the_same(marc: Marc, stranger: Client) -> None:
    response = stranger.post(marc.link(UNSUBSCRIBE), {"List-Unsubscribe": "One-Click"})
    assert response.status_code == 200
    assert marc.states() == {"promotions.email": "withdrawn"}


def test_legitimate_interest_is_objected_to(marc: Marc, stranger: Client) -> None:
    stranger.post(marc.link(UNSUBSCRIBE, "advice"), ONE_CLICK, content_type=FORM)
    assert marc.states() == {"advice.email": "objected"}


def test_message_of_a_contract_offers_to_stop_all_advertising(marc: Marc, stranger: Client) -> None:
    page = stranger.get(marc.link(UNSUBSCRIBE, "order_information")).content.decode()
    assert "cannot be unsubscribed from" in page or "commande" in page
    stranger.post(marc.link(UNSUBSCRIBE, "order_information"), ONE_CLICK, content_type=FORM)
    assert marc.states() == {"promotions.email": "withdrawn", "advice.email": "objected"}


def test_twice_is_as_once(marc: Marc, stranger: Client) -> None:
    answers = [stranger.post(marc.link(UNSUBSCRIBE), ONE_CLICK, content_type=FORM) for _ in range(2)]
    assert answers[0].content == answers[1].content
    with tenancy.scope(workspace_id=marc.workspace.pk):
        names = list(Event.objects.filter(contact_id=marc.contact_id).values_list("name", flat=True))
    assert names.count("Unsubscribed") == 1
    assert names.count("Consent Withdrawn") == 1


def test_event_names_the_message(marc: Marc, stranger: Client) -> None:
    stranger.post(marc.link(UNSUBSCRIBE), ONE_CLICK, content_type=FORM)
    with tenancy.scope(workspace_id=marc.workspace.pk):
        event = Event.objects.get(contact_id=marc.contact_id, name="Unsubscribed")
    assert event.properties["message"] == str(marc.messages["promotions"])
    assert event.properties["purpose"] == "promotions"


def test_reading_changes_nothing_however_often(
    marc: Marc, stranger: Client, hash_of_everything: Callable[[], str]
) -> None:
    before = hash_of_everything()
    for use in (UNSUBSCRIBE, tokens.Purpose.PREFERENCES, tokens.Purpose.WHY, tokens.Purpose.CONFIRM):
        for _ in range(10):
            assert stranger.get(marc.link(use)).status_code == 200
            assert stranger.head(marc.link(use)).status_code == 200
    assert hash_of_everything() == before


def test_every_changed_token_is_refused_and_tells_nothing(marc: Marc, stranger: Client) -> None:
    link = marc.link(UNSUBSCRIBE)
    known_shape = stranger.post("/u/" + "A" * 56, ONE_CLICK, content_type=FORM)
    assert known_shape.status_code == 404
    gone = tokens.MessageToken(marc.workspace.pk, marc.contact_id)
    nowhere = tokens.MessageToken(987654, marc.messages["promotions"])
    candidates = [
        link[:-1] + ("A" if link[-1] != "A" else "B"),
        link[:10] + ("A" if link[10] != "A" else "B") + link[11:],
        link + "A",
        link[:-4],
        marc.link(tokens.Purpose.WHY).replace("/why/", "/u/"),
        "/u/" + tokens.signer().sign(gone, UNSUBSCRIBE),
        "/u/" + tokens.signer().sign(nowhere, UNSUBSCRIBE),
        "/u/%00",
        "/u/%F0%9F%92%A9",
    ]
    for candidate in candidates:
        response = stranger.post(candidate, ONE_CLICK, content_type=FORM)
        assert (response.status_code, response.content) == (404, known_shape.content), candidate
    assert marc.states() == {}


def test_answers_are_never_stored_indexed_framed_or_scripted(marc: Marc, stranger: Client) -> None:
    for response in (stranger.get(marc.link(UNSUBSCRIBE)), stranger.get("/u/nothing")):
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in response.headers["X-Robots-Tag"]
        assert response.headers["Cache-Control"] == "no-store"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert b"<script" not in response.content
        assert not response.cookies


def test_page_speaks_the_persons_language(marc: Marc, stranger: Client, now: datetime) -> None:
    response = stranger.get(marc.link(UNSUBSCRIBE), headers={"Accept-Language": "en"})
    assert response.headers["Content-Language"] == "fr"
    assert "Finalité promotions" in response.content.decode()


def test_unknown_method_is_refused(marc: Marc, stranger: Client) -> None:
    assert stranger.delete(marc.link(UNSUBSCRIBE)).status_code == 405
