"""Lists over what grows without end: the order comes from an index, and nothing is counted beyond what is read."""

import pytest
from django.db import connection
from django.db.models import Model, QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext

from parcours.campaigns.models import Campaign
from parcours.consent.models import Purpose, Record
from parcours.delivery.models import Message
from parcours.kernel import sql, tenancy
from parcours.web.pages import campaigns, contacts
from tests.web.conftest import Shop


def plan(rows: QuerySet[Model]) -> str:
    """How a page of these rows would be read from large tables, where sorting and scanning cost too much."""
    for way in ("seqscan", "bitmapscan", "sort"):
        sql.scalar("SELECT set_config(%(name)s, 'off', true)", {"name": f"enable_{way}"})
    return str(rows[:51].explain())


def test_ledger_of_a_purpose_is_read_in_its_order(shop: Shop) -> None:
    own = shop.workspace.pk
    with tenancy.scope(workspace_id=own):
        purpose = Purpose.objects.get(workspace_id=own, code="promotions")
        found = plan(Record.objects.filter(workspace_id=own, purpose=purpose).order_by("-at", "-pk"))
    assert "record_newest" in found
    assert "Sort" not in found


@pytest.mark.parametrize("state", ["failed", "withheld", "cancelled"])
def test_messages_of_a_rare_state_are_read_in_their_order(shop: Shop, state: str) -> None:
    own = shop.workspace.pk
    with tenancy.scope(workspace_id=own):
        found = plan(Message.objects.filter(workspace_id=own, state=state).order_by("-queued_at", "-pk"))
    assert "message_rare_newest" in found
    assert "Sort" not in found


def test_people_found_are_counted_as_far_as_anybody_reads(
    shop: Shop, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "COUNTED", 52)
    page = owner.get(shop.path("contacts/?q=mail.example"))
    assert "more than 52 of" in page.content.decode()
    with CaptureQueriesContext(connection) as asked:
        page = owner.get(shop.path("contacts/?q=client7@"))
    assert page.context["found"] == "1"
    searches = [each for each in asked.captured_queries if 'FROM "contacts_contact"' in each["sql"]]
    searches = [each for each in searches if "client7@" in each["sql"]]
    assert len(searches) == 1  # a page that holds everything has counted it


def test_progress_of_a_large_campaign_is_asked_for_less_often(
    shop: Shop, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        campaign = Campaign.objects.filter(workspace_id=shop.workspace.pk)[0]
    address = shop.path(f"campaigns/{campaign.pk}/progress/")
    assert owner.get(address).context["pace"] == 2
    monkeypatch.setattr(campaigns, "MANY_MESSAGES", -1)
    assert owner.get(address).context["pace"] == 15
