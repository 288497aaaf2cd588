"""Choosing by purpose and channel: what is ticked, what is recorded, what cannot be taken over."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.consent.types import Act, Channel, Evidence, Statement
from parcours.contacts.models import Contact
from parcours.delivery.models import Message, Sending
from parcours.events import people, tokens
from parcours.kernel import clock, tenancy
from tests.public.conftest import Marc
from tests.public.forms import as_sent, save

FORM = "application/x-www-form-urlencoded"
DONE = "c’est confirmé"
PREFERENCES = tokens.Purpose.PREFERENCES


@pytest.fixture
def visitor() -> Client:
    return Client(enforce_csrf_checks=True)


def ticked(page: str) -> set[str]:
    """The values of the boxes that are ticked."""
    boxes = [part.split(">")[0] for part in page.split('type="checkbox"')[1:]]
    return {box.split('value="')[1].split('"')[0] for box in boxes if "checked" in box}


def test_nothing_is_ticked_that_was_not_said(marc: Marc, visitor: Client) -> None:
    page = visitor.get(marc.link(PREFERENCES)).content.decode()
    assert ticked(page) == {"advice.email", "advice.sms"}  # a legitimate interest, not objected to
    assert page.count('type="checkbox"') == 5
    assert "m•••@example.com" in page
    assert "marc@example.com" not in page


def test_choices_are_saved_with_what_was_shown(marc: Marc, visitor: Client) -> None:
    chosen = ["promotions.email", "measure_opens.any", "advice.email"]
    page = save(visitor, marc.link(PREFERENCES), yes=chosen)
    assert page.status_code == 200
    assert marc.states() == {
        "promotions.email": "granted",
        "measure_opens.any": "granted",
        "advice.sms": "objected",
    }
    assert ticked(page.content.decode()) == {"promotions.email", "measure_opens.any", "advice.email"}
    record = next(one for one in marc.records() if one.act == "granted")
    assert record.source == "preference page"
    assert "Finalité promotions — Une phrase." in record.wording


def test_saving_the_same_again_records_nothing(marc: Marc, visitor: Client) -> None:
    chosen = ["promotions.email", "advice.email", "advice.sms"]
    save(visitor, marc.link(PREFERENCES), yes=chosen)
    recorded = len(marc.records())
    assert recorded == 1
    save(visitor, marc.link(PREFERENCES), yes=chosen)
    assert len(marc.records()) == recorded


def test_one_button_stops_everything(marc: Marc, visitor: Client, now: datetime) -> None:
    marc.says(Act.GRANTED, "promotions", Channel.EMAIL, now)
    marc.says(Act.GRANTED, "measure_opens", Channel.ANY, now)
    page = save(visitor, marc.link(PREFERENCES), stop="everything", yes=["promotions.email"])
    assert set(marc.states().values()) == {"withdrawn", "objected"}
    assert ticked(page.content.decode()) == set()


def test_visitor_on_the_same_wire_may_refuse_too(marc: Marc, visitor: Client, now: datetime) -> None:
    """A link-local address carries the name of our network card, which the ledger's column does not take."""
    marc.says(Act.GRANTED, "promotions", Channel.EMAIL, now)
    form = {"form": "preferences", "stop": "everything"}
    visitor.post(marc.link(PREFERENCES), form, REMOTE_ADDR="fe80::1%eth0")
    assert marc.states()["promotions.email"] == "withdrawn"
    assert marc.records()[-1].ip == "fe80::1"


def test_box_that_does_not_exist_is_passed_over(marc: Marc, visitor: Client) -> None:
    boxes = [
        "order_information.email",
        "nonsense.email",
        "promotions.letter",
        "promotions.email\x00",
        "advice.email",
    ]
    response = save(visitor, marc.link(PREFERENCES), yes=[*boxes, "advice.sms"])
    assert response.status_code == 200
    assert marc.states() == {}


def test_token_of_another_use_opens_nothing(marc: Marc, visitor: Client) -> None:
    link = marc.link(tokens.Purpose.WHY).replace("/why/", "/p/")
    assert visitor.post(link, {"form": "preferences", "stop": "everything"}).status_code == 404
    assert marc.states() == {}


def test_confirmation_turns_a_request_into_consent(marc: Marc, visitor: Client, now: datetime) -> None:
    marc.says(Act.REQUESTED, "promotions", Channel.EMAIL, now)
    link = marc.link(tokens.Purpose.CONFIRM)
    visitor.get(link)
    assert marc.states() == {"promotions.email": "requested"}
    visitor.post(link)
    assert marc.states() == {"promotions.email": "granted"}
    assert (marc.records()[-1].source, marc.records()[-1].wording) == ("double opt-in", "Oui, je veux bien.")


def test_mail_confirms_neither_a_telephone_nor_another_address(
    marc: Marc, visitor: Client, now: datetime
) -> None:
    marc.says(Act.REQUESTED, "promotions", Channel.EMAIL, now)
    marc.says(Act.REQUESTED, "promotions", Channel.SMS, now)
    link = marc.link(tokens.Purpose.CONFIRM)
    with tenancy.scope(workspace_id=marc.workspace.pk):
        Message.objects.filter(contact_id=marc.contact_id).update(address="before@example.com")
    visitor.post(link)
    assert marc.states() == {"promotions.email": "requested", "promotions.sms": "requested"}

    with tenancy.scope(workspace_id=marc.workspace.pk):
        Message.objects.filter(contact_id=marc.contact_id).update(address="marc@example.com")
    visitor.post(link)
    assert marc.states() == {"promotions.email": "granted", "promotions.sms": "requested"}


def test_confirmation_does_not_undo_a_later_no(marc: Marc, visitor: Client, now: datetime) -> None:
    marc.says(Act.REQUESTED, "promotions", Channel.EMAIL, now)
    marc.says(Act.WITHDRAWN, "promotions", Channel.EMAIL, now)
    visitor.post(marc.link(tokens.Purpose.CONFIRM))
    assert marc.states() == {"promotions.email": "withdrawn"}


def test_confirmation_says_what_it_did(marc: Marc, visitor: Client, now: datetime) -> None:
    link = marc.link(tokens.Purpose.CONFIRM)
    marc.says(Act.REQUESTED, "promotions", Channel.EMAIL, now)
    marc.says(Act.WITHDRAWN, "promotions", Channel.EMAIL, now)
    assert DONE not in visitor.post(link).content.decode(), "there was nothing to confirm any more"
    marc.says(Act.REQUESTED, "promotions", Channel.EMAIL, now)
    assert DONE in visitor.post(link).content.decode()
    assert DONE in visitor.post(link).content.decode(), "pressed twice"
    marc.says(Act.WITHDRAWN, "promotions", Channel.EMAIL, clock.now())
    assert DONE not in visitor.post(link).content.decode()


def test_unticking_every_box_is_saved(marc: Marc, visitor: Client) -> None:
    assert save(visitor, marc.link(PREFERENCES), yes=[]).status_code == 200
    assert marc.states() == {"advice.email": "objected", "advice.sms": "objected"}


WHOLE = "shown=advice.email&shown=advice.sms&pause=none&frequency=any"
NOT_OURS = {
    "empty": ("", FORM),
    "json": (b'{"yes": []}', "application/json"),
    "cut off": (WHOLE, FORM),
    "one click": ("List-Unsubscribe=One-Click", FORM),
    "pause": ("form=preferences&shown=advice.email&pause=9999", FORM),
    "frequency": ("form=preferences&shown=advice.email&frequency=1", FORM),
    "stop": ("form=preferences&stop=some", FORM),
    "large": ("form=preferences&x=" + "x" * 6_000_000, FORM),
    "many fields": ("form=preferences" + "&yes=a" * 2000, FORM),
    "other encoding": ("form=preferences", f"{FORM}; charset=utf-16"),
    "no parts": (b"form=preferences", "multipart/form-data"),
}


@pytest.mark.parametrize(("body", "kind"), NOT_OURS.values(), ids=NOT_OURS)
def test_what_is_not_the_pages_own_form_changes_nothing_and_says_so(
    marc: Marc, visitor: Client, body: str | bytes, kind: str
) -> None:
    for language, told in (("fr", "Rien n’a été modifié"), ("en", "Nothing was changed")):
        with tenancy.scope(workspace_id=marc.workspace.pk):
            Contact.objects.filter(pk=marc.contact_id).update(language=language)
        answer = visitor.post(marc.link(PREFERENCES), body, content_type=kind)
        page = answer.content.decode()
        assert (answer.status_code, marc.records(), told in page) == (400, [], True)
        assert f'href="{marc.link(PREFERENCES)}"' in page
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_box_that_was_not_on_the_page_is_not_refused(marc: Marc, visitor: Client, now: datetime) -> None:
    link = marc.link(PREFERENCES)
    morning = as_sent(visitor.get(link).content.decode())
    fields = {"name_fr": "Salons", "name_en": "Fairs", "basis": "legitimate_interest", "is_marketing": True}
    with tenancy.scope(workspace_id=marc.workspace.pk):
        consent.save_purpose(marc.workspace.pk, "fairs", fields, actor=SYSTEM, now=now)
    visitor.post(link, {**morning, "yes": ["advice.sms"]})
    assert marc.states() == {"advice.email": "objected"}
    evening = as_sent(visitor.get(link).content.decode())
    visitor.post(link, {**evening, "yes": ["advice.sms", "fairs.email"]})
    assert marc.states() == {"advice.email": "objected", "fairs.sms": "objected"}
    visitor.post(link, {**morning, "stop": "everything"})
    assert marc.states()["fairs.email"] == "objected", "everything is everything"


@pytest.mark.parametrize(
    ("own", "workspace_zone", "told"),
    [
        ("America/Montreal", "Europe/Paris", "9 mars 2026"),
        ("", "Europe/Paris", "10 mars 2026"),
        ("", "America/Montreal", "9 mars 2026"),
    ],
)
def test_days_are_those_of_the_person(
    marc: Marc, visitor: Client, own: str, workspace_zone: str, told: str
) -> None:
    night = datetime(2026, 3, 10, 0, 30, tzinfo=ZoneInfo("Europe/Paris"))
    marc.says(Act.GRANTED, "promotions", Channel.EMAIL, night)
    with tenancy.scope(workspace_id=marc.workspace.pk):
        Contact.objects.filter(pk=marc.contact_id).update(time_zone=own)
    Workspace.objects.filter(pk=marc.workspace.pk).update(time_zone=workspace_zone)
    assert f"votre choix du {told}" in visitor.get(marc.link(PREFERENCES)).content.decode()


def test_english_pages_write_days_as_the_rest_does(marc: Marc, visitor: Client, now: datetime) -> None:
    marc.says(Act.GRANTED, "promotions", Channel.EMAIL, now)
    with tenancy.scope(workspace_id=marc.workspace.pk):
        Contact.objects.filter(pk=marc.contact_id).update(language="en")
    assert "your choice of 10 March 2026" in visitor.get(marc.link(PREFERENCES)).content.decode()
    assert "<dd>10 March 2026</dd>" in visitor.get(marc.link(tokens.Purpose.WHY)).content.decode()


def test_why_tells_source_basis_proof_and_data(marc: Marc, visitor: Client, now: datetime) -> None:
    marc.says(Act.GRANTED, "promotions", Channel.EMAIL, now)
    page = visitor.get(marc.link(tokens.Purpose.WHY)).content.decode()
    for told in (
        "Bienvenue",
        "Finalité promotions",
        "sign-up form",
        "Oui, je veux bien.",
        "Marc &lt;b&gt;",
        "Prénom",
    ):
        assert told in page, told
    assert "/u/" in page
    assert "/p/" in page
    assert visitor.post(marc.link(tokens.Purpose.WHY)).status_code == 200


def test_why_tells_in_the_readers_language_how_a_no_reached_us(
    marc: Marc, visitor: Client, now: datetime
) -> None:
    with tenancy.scope(workspace_id=marc.workspace.pk):
        proof = Evidence("one-click unsubscribe")
        said = Statement(marc.contact_id, "promotions", Channel.EMAIL, Act.WITHDRAWN, proof, now)
        people.record_statements(marc.workspace.pk, [said], now=now)
    page = visitor.get(marc.link(tokens.Purpose.WHY)).content.decode()
    assert "désabonnement en un clic" in page
    assert "one-click" not in page


def test_nothing_is_said_to_be_sent_for_measuring(marc: Marc, visitor: Client) -> None:
    page = visitor.get(marc.link(PREFERENCES)).content.decode()
    assert page.count("Envoyé seulement si vous avez dit oui.") == 1  # promotions
    assert page.count("Mesuré seulement si vous avez dit oui.") == 1


@pytest.mark.parametrize(
    ("tracking", "sentence"),
    [
        ("consented", "Vous nous avez permis de voir quels liens"),
        ("everyone", "Nous voyons quels liens de nos messages sont suivis."),
    ],
)
def test_why_names_no_permission_where_none_is_asked(
    marc: Marc, visitor: Client, tracking: str, sentence: str
) -> None:
    with tenancy.scope(workspace_id=marc.workspace.pk):
        Sending.objects.create(
            workspace_id=marc.workspace.pk,
            click_tracking=tracking,
            quiet_from="21:00",
            quiet_until="08:00",
            dkim_key=b"x",
        )
        Message.objects.update(measured_clicks=True)
    assert sentence in visitor.get(marc.link(tokens.Purpose.WHY)).content.decode()


def test_archived_purpose_is_not_shown_but_stops_with_the_rest(
    marc: Marc, visitor: Client, now: datetime
) -> None:
    marc.says(Act.GRANTED, "promotions", Channel.EMAIL, now)
    with tenancy.scope(workspace_id=marc.workspace.pk):
        consent.archive_purpose(marc.workspace.pk, "promotions", actor=SYSTEM, now=now)
    link = marc.link(PREFERENCES)
    assert "promotions" not in visitor.get(link).content.decode()
    save(visitor, link, yes=["advice.email", "advice.sms"])
    assert marc.states() == {"promotions.email": "granted"}
    save(visitor, link, stop="everything")
    assert marc.states()["promotions.email"] == "withdrawn"


def test_page_reads_the_purposes_once(marc: Marc, visitor: Client) -> None:
    link = marc.link(PREFERENCES)
    with CaptureQueriesContext(connection) as asked:
        assert visitor.get(link).status_code == 200
    assert len([one for one in asked if 'FROM "consent_purpose"' in one["sql"]]) == 1
