"""What came of a campaign or of a journey's message, as a program reads it."""

from datetime import datetime

import pytest

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.campaigns import actions as campaigns
from parcours.campaigns.models import Campaign
from parcours.campaigns.types import Draft
from parcours.contacts import actions as contacts
from parcours.delivery import settings as sending
from parcours.events.types import EMAIL_OPENED
from parcours.journeys import recipes
from parcours.kernel import tenancy
from tests.api.conftest import Machine, machine_of
from tests.insights.sale import Sale, follow


@pytest.mark.django_db(transaction=True)
def test_campaign_tells_its_links_mail_systems_and_devices(
    workspace: Workspace, other_workspace: Workspace, now: datetime
) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        sale = Sale.open(workspace, now)
        contacts.create_list(workspace.pk, "vip", "VIP", actor=SYSTEM, now=now)
        draft = Draft("Spring", "bonjour", "promotions", list="vip")
        made = campaigns.create(workspace.pk, draft, actor=SYSTEM, now=now)
    till, other = machine_of(workspace, now), machine_of(other_workspace, now)
    before = till.get(f"/campaigns/{made.pk}/report").json()
    assert (before["sent"], before["links"], before["domains"], before["devices"]) == (0, [], [], [])
    with tenancy.scope(workspace_id=workspace.pk):
        Campaign.objects.filter(pk=made.pk).update(mailing_id=sale.mailing.pk)
        sale.to("Julie", measured_opens=True, measured_clicks=True, opened_at=now, clicked_at=now)
        sale.did("Julie", EMAIL_OPENED)
        sale.clicks("Julie", 0)
        sale.unnamed(0)
    follow(workspace, now)
    report = till.get(f"/campaigns/{made.pk}/report", language="fr").json()
    assert (report["sent"], report["opened"], report["click_measured"], report["unnamed_clicks"]) == (
        1,
        1,
        1,
        1,
    )
    assert report["links"][0] == {
        "number": 0,
        "label": "Voir les soldes",
        "addresses": ["https://shop.example/soldes?utm_source=mail", "https://shop.example/en/sale"],
        "people": 1,
        "clicks": 2,
        "named_clicks": 1,
        "unnamed_clicks": 1,
        "machine_clicks": 0,
    }
    assert [(each["domain"], each["sent"], each["clicked"]) for each in report["domains"]] == [
        ("mail.example", 1, 1)
    ]
    assert report["devices"] == [{"device": "phone", "opened": 1, "clicked": 1}]
    assert till.get(f"/campaigns/{made.pk}/report").json()["links"][0]["label"] == "See the sale"
    assert till.get(f"/campaigns/{made.pk}/report", language="de").status_code == 422
    assert other.get(f"/campaigns/{made.pk}/report").status_code == 404


def test_message_of_a_journey_has_a_report_and_other_steps_have_none(
    till: Machine, other_till: Machine, workspace: Workspace, now: datetime
) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        sending.set_up_sending(
            workspace.pk, from_name="La Boutique", from_email="bonjour@shop.example", actor=SYSTEM, now=now
        )
        journey = recipes.install(workspace.pk, "post-purchase", actor=SYSTEM, now=now)
        assert journey.live is not None
        node = next(iter(journey.live.graph["mailings"]))
    path = f"/journeys/post-purchase/steps/{node}/report"
    report = till.get(path, version=1)
    assert report.status_code == 200, report.content
    assert (report.json()["targeted"], report.json()["devices"]) == (0, [])
    assert till.get("/journeys/post-purchase/steps/nowhere/report").status_code == 404
    assert till.get(path, version=7).status_code == 404
    assert other_till.get(path).status_code == 404
