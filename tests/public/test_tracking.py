"""Pixels and clicks: who is measured, what is recorded, where the person arrives."""

from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
from django.test import Client as Browser

from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.consent.types import Act, Channel
from parcours.delivery.models import AnonymousClick, Mailing, Sending
from parcours.events import queries, tokens
from parcours.events.tokens import ClickToken, MessageToken
from parcours.events.types import TimelineEntry
from parcours.kernel import tenancy
from parcours.public.hot.tracking import PIXEL, Bursts, ascii_url
from tests.api.conftest import machine_of
from tests.public.asking import Client, visit
from tests.public.conftest import Marc
from tests.public.forms import save

pytestmark = pytest.mark.django_db(transaction=True)
HUMAN = {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Mobile/15E148"}
URL = "https://shop.example/tea?size=1&lang=fr"


@pytest.fixture
def reader(transactional_db: None, marc: Marc, now: datetime) -> Marc:
    with tenancy.scope(workspace_id=marc.workspace.pk):
        fields = {
            "name_fr": "Clics", "name_en": "Clicks", "description_fr": "", "description_en": "",
            "basis": "consent", "is_marketing": False, "is_measuring": True, "position": 9,
        }  # fmt: skip
        consent.save_purpose(marc.workspace.pk, "measure_clicks", fields, actor=SYSTEM, now=now)
    return marc


def pixel(marc: Marc, purpose: str = "promotions") -> str:
    named = MessageToken(marc.workspace.pk, marc.messages[purpose])
    return f"/t/o/{tokens.signer().sign(named, tokens.Purpose.OPEN)}.gif"


def click(marc: Marc, *, link: int = 3, is_anonymous: bool = False, url: str = URL) -> str:
    named = ClickToken(
        marc.workspace.pk, None if is_anonymous else marc.messages["promotions"], version(marc), link
    )
    return f"/t/c/{tokens.signer().sign_click(named, url)}?u={quote(url, safe='')}"


def version(marc: Marc) -> int:
    with tenancy.scope(workspace_id=marc.workspace.pk):
        return int(Mailing.objects.values_list("template_version_id", flat=True)[0])


def told(marc: Marc, name: str) -> list[TimelineEntry]:
    with tenancy.scope(workspace_id=marc.workspace.pk):
        return queries.timeline(marc.workspace.pk, marc.contact_id, names=[name])


def anonymous_clicks(marc: Marc) -> list[int]:
    with tenancy.scope(workspace_id=marc.workspace.pk):
        return list(AnonymousClick.objects.values_list("link", flat=True))


def ask(*addresses: str, method: str = "GET", status: int = 200, body: bytes | None = PIXEL) -> None:
    async def story(client: Client) -> None:
        for address in addresses:
            answer = await client.ask(method, address, headers=HUMAN)
            assert answer.status == status
            assert body is None or answer.body == body

    visit(story)


def test_open_of_who_agreed_is_an_event_with_its_message(reader: Marc, now: datetime) -> None:
    reader.says(Act.GRANTED, "measure_opens", Channel.ANY, now)

    ask(pixel(reader))

    [entry] = told(reader, "Email Opened")
    assert entry.properties["message"] == str(reader.messages["promotions"])
    assert (entry.properties["purpose"], entry.properties["origin"]) == ("promotions", "api")
    assert (entry.properties["device"], entry.properties["machine"]) == ("phone", False)


def test_open_of_who_did_not_agree_or_withdrew_leaves_no_trace(reader: Marc, now: datetime) -> None:
    ask(pixel(reader))
    reader.says(Act.GRANTED, "measure_opens", Channel.ANY, now)
    reader.says(Act.WITHDRAWN, "measure_opens", Channel.ANY, now)
    ask(pixel(reader))

    assert told(reader, "Email Opened") == []


def test_head_records_nothing(reader: Marc, now: datetime) -> None:
    reader.says(Act.GRANTED, "measure_opens", Channel.ANY, now)

    ask(pixel(reader), method="HEAD", body=None)
    ask(click(reader), method="HEAD", status=302, body=None)

    assert told(reader, "Email Opened") == []
    assert anonymous_clicks(reader) == []


def test_forged_pixel_looks_like_a_real_one(reader: Marc) -> None:
    ask("/t/o/AAAA.gif", "/t/o/", pixel(reader)[:-6] + "AA.gif")

    assert told(reader, "Email Opened") == []


def test_machine_is_recorded_as_one(reader: Marc, now: datetime) -> None:
    reader.says(Act.GRANTED, "measure_opens", Channel.ANY, now)

    async def story(client: Client) -> None:
        await client.ask("GET", pixel(reader), headers={"user-agent": "Mozilla/5.0"})

    visit(story)
    assert [entry.properties["machine"] for entry in told(reader, "Email Opened")] == [True]


def test_click_leads_to_the_signed_address_and_is_recorded_with_consent(reader: Marc, now: datetime) -> None:
    reader.says(Act.GRANTED, "measure_clicks", Channel.ANY, now)

    address = click(reader)

    async def story(client: Client) -> None:
        answer = await client.ask("GET", address, headers=HUMAN)
        assert (answer.status, answer.header("location")) == (302, URL)

    visit(story)
    [entry] = told(reader, "Email Link Clicked")
    assert (entry.properties["url"], entry.properties["link"], entry.properties["machine"]) == (URL, 3, False)


def test_click_without_consent_is_counted_without_a_name(reader: Marc) -> None:
    ask(click(reader, link=1), click(reader, link=2, is_anonymous=True), status=302, body=b"")

    assert told(reader, "Email Link Clicked") == []
    assert sorted(anonymous_clicks(reader)) == [1, 2]


def test_click_without_a_name_counts_for_the_mailing_of_its_link(reader: Marc) -> None:
    """Also when a newer mailing sends the same version; a link of former times counts for that newer one."""
    with tenancy.scope(workspace_id=reader.workspace.pk):
        [older, *_others, newer] = Mailing.objects.order_by("id").values_list("pk", flat=True)
    of_former_times = ClickToken(reader.workspace.pk, None, version(reader), 1)
    for named in (replace(of_former_times, mailing_id=older), of_former_times):
        ask(f"/t/c/{tokens.signer().sign_click(named, URL)}?u={quote(URL, safe='')}", status=302, body=b"")
    with tenancy.scope(workspace_id=reader.workspace.pk):
        counted = AnonymousClick.objects.order_by("id").values_list("mailing_id", flat=True)
        assert list(counted) == [older, newer]


def test_click_without_a_name_is_judged_too(reader: Marc) -> None:
    address = click(reader, is_anonymous=True)

    async def story(client: Client) -> None:
        for agent in ("python-requests/2.32", HUMAN["user-agent"]):
            await client.ask("GET", address, headers={"user-agent": agent})

    visit(story)
    with tenancy.scope(workspace_id=reader.workspace.pk):
        assert sorted(AnonymousClick.objects.values_list("is_machine", flat=True)) == [False, True]


def test_workspace_may_record_everybodys_clicks(reader: Marc) -> None:
    with tenancy.scope(workspace_id=reader.workspace.pk):
        Sending.objects.update_or_create(
            workspace_id=reader.workspace.pk,
            defaults={
                "click_tracking": "everyone",
                "quiet_from": "21:00",
                "quiet_until": "08:00",
                "dkim_key": b"x",
            },
        )

    ask(click(reader), status=302, body=b"")

    assert len(told(reader, "Email Link Clicked")) == 1


@pytest.mark.parametrize(
    "other", ["https://evil.example/", "javascript:alert(1)", "", "https://shop.example/tea?size=1"]
)
def test_changed_target_is_not_followed(reader: Marc, other: str) -> None:
    signed = click(reader)
    address = signed.partition("?")[0]

    async def story(client: Client) -> None:
        answer = await client.ask("GET", f"{address}?u={quote(other, safe='')}", headers=HUMAN)
        assert (answer.status, answer.header("location")) == (404, None)
        assert (await client.ask("GET", f"{address}?u=%FF%FE", headers=HUMAN)).status == 404
        assert (await client.ask("POST", signed, headers=HUMAN)).status == 405

    visit(story)
    assert anonymous_clicks(reader) == []


def test_scanner_that_follows_every_link_at_once_is_a_machine(reader: Marc, now: datetime) -> None:
    reader.says(Act.GRANTED, "measure_clicks", Channel.ANY, now)

    ask(*[click(reader, link=link) for link in range(5)], status=302, body=b"")

    machines = {
        entry.properties["link"]: entry.properties["machine"] for entry in told(reader, "Email Link Clicked")
    }
    assert machines == {0: False, 1: False, 2: True, 3: True, 4: True}


def test_bursts_forget_after_ten_seconds(now: datetime, reader: Marc) -> None:
    bursts, message = Bursts(), reader.messages["promotions"]
    assert [bursts.count(message, link, now) for link in (1, 2, 2, 3)] == [1, 2, 2, 3]
    assert bursts.count(message, 4, now + timedelta(seconds=11)) == 1


def test_address_beyond_ascii_is_percent_encoded() -> None:
    assert ascii_url("https://shop.example/thé?q=ü") == "https://shop.example/th%C3%A9?q=%C3%BC"


def test_consent_given_by_api_is_shown_and_withdrawn_on_the_preference_page(
    reader: Marc, now: datetime
) -> None:
    said = {"purpose": "measure_opens", "granted": True, "source": "till", "wording": "Yes, measure."}
    response = machine_of(reader.workspace, now).post(
        "/contacts", {"email": "marc@example.com", "consents": [said]}
    )
    assert response.json()["consents"][0]["channel"] == "any"  # type: ignore[attr-defined]

    async def story(client: Client) -> None:
        await client.ask("GET", pixel(reader), headers=HUMAN)

    visit(story)
    assert len(told(reader, "Email Opened")) == 1
    page = Browser().get(reader.link(tokens.Purpose.PREFERENCES)).content.decode()
    assert 'value="measure_opens.any" checked' in page
    save(Browser(), reader.link(tokens.Purpose.PREFERENCES), yes=["advice.email", "advice.sms"])
    assert reader.states() == {"measure_opens.any": "withdrawn"}
    visit(story)
    assert len(told(reader, "Email Opened")) == 1
