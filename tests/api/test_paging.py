"""Long lists: every page, each item once, and filters that are never passed over."""

from datetime import datetime, timedelta

import pytest

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.campaigns import actions as campaigns
from parcours.campaigns.types import Draft
from parcours.delivery.models import Message
from parcours.kernel import tenancy
from parcours.kernel.ids import uuid7
from tests.api.conftest import Machine
from tests.api.test_resources import BODIES, contact, withheld


def all_of(till: Machine, path: str, **query: object) -> list[dict[str, object]]:
    """The items of every page, as a program reads them."""
    items, after = [], ""
    while True:
        page = till.get(path, after=after, **query).json()
        items += page["items"]
        if not (after := page["next"] or ""):
            return items


def test_every_campaign_is_found(till: Machine, workspace: Workspace, now: datetime) -> None:
    """More of them than one answer may hold, some made at the same instant."""
    till.put("/templates/hello", {"name": "Hello", "bodies": BODIES})
    till.post("/lists", {"slug": "vip", "name": "VIP"})
    draft = Draft(name="Sale", template="hello", purpose="promotions", segment=None, list="vip")
    with tenancy.scope(workspace_id=workspace.pk):
        made = [
            campaigns.create(workspace.pk, draft, actor=SYSTEM, now=now + timedelta(seconds=number // 2)).pk
            for number in range(205)
        ]
    for size in (50, 200):
        assert [one["id"] for one in all_of(till, "/campaigns", limit=size)] == made[::-1]
    assert till.get("/campaigns", limit=201).status_code == 422
    assert till.get("/campaigns", after="damaged").json()["code"] == "bad_cursor"


def test_state_is_asked_of_one_person_too(till: Machine, workspace: Workspace, now: datetime) -> None:
    marc, julie = contact(till), contact(till, "julie@example.com")
    till.put("/templates/hello", {"name": "Hello", "bodies": BODIES})
    for who in (marc, julie):
        withheld(workspace, who, now)
    with tenancy.scope(workspace_id=workspace.pk):
        another = Message.objects.get(contact_id=marc)
        another.pk, another.state, another.run = uuid7(), "queued", 1
        another.save(force_insert=True)
    [only] = till.get("/messages", contact=marc, state="withheld").json()["items"]
    assert (only["contact"], only["state"]) == (marc, "withheld")
    assert len(till.get("/messages", contact=marc).json()["items"]) == 2
    assert len(till.get("/messages", state="withheld").json()["items"]) == 2
    for query in ({"state": "witheld"}, {"state": "witheld", "contact": marc}):
        refused = till.get("/messages", **query)
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == ["state"]


@pytest.mark.parametrize("filter_", ["list", "segment"])
def test_export_of_what_is_not_there_is_refused(till: Machine, filter_: str) -> None:
    contact(till)
    refused = till.get("/contacts/export", **{filter_: "typo"})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [filter_]
