"""What an answer costs does not grow with what is in it: as many reads for one item as for three."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from parcours.accounts.models import Workspace
from parcours.campaigns import actions as campaigns
from parcours.kernel import tenancy
from tests.api.conftest import Machine
from tests.api.test_resources import BODIES

READS = {
    "/campaigns": 12,
    "/contacts": 11,
    "/journeys": 12,
    "/lists": 11,
    "/messages": 11,
    "/products": 12,
    "/segments": 14,
    "/suppressions": 12,
    "/templates": 12,
    "/webhooks": 13,
}


def add(till: Machine, workspace: Workspace, number: int) -> None:
    """One more of everything that is listed: the campaign is running, the journey published."""
    name = f"n{number}"
    graph = {
        "entry": {"event": "Order Completed", "key": "order_id"},
        "start": "end",
        "nodes": {"end": {"exit": "done"}},
    }
    till.put(f"/templates/{name}", {"name": name, "bodies": BODIES})
    till.put(f"/journeys/{name}", {"name_fr": name, "name_en": name, "graph": graph})
    till.put(f"/products/{name}", {"name": name})
    till.post("/lists", {"slug": name, "name": name})
    till.post("/webhooks", {"url": f"https://{name}.example.com/", "events": ["*"]})
    till.post("/segments", {"slug": name, "name": name, "rule": {"list": name}})
    who = till.post("/contacts", {"email": f"{name}@example.com"}).json()["id"]
    till.post(f"/lists/{name}/members", {"add": [who]})
    till.post("/suppressions", {"address": f"{name}@example.net"})
    wanted = {"name": name, "template": name, "purpose": "promotions", "list": name}
    made = till.post("/campaigns", wanted).json()["id"]
    till.post(f"/campaigns/{made}/schedule", {})
    with tenancy.scope(workspace_id=workspace.pk):
        campaigns.tick(workspace.pk, now=datetime.now(UTC))


@pytest.mark.parametrize("path", READS)
def test_list_costs_the_same_for_one_and_for_three(till: Machine, workspace: Workspace, path: str) -> None:
    costs = {}
    for number in range(1, 4):
        add(till, workspace, number)
        with CaptureQueriesContext(connection) as asked:
            items = till.get(path).json()["items"]
        costs[len(items)] = len(asked)
    assert costs == {1: READS[path], 2: READS[path], 3: READS[path]}


def test_campaigns_are_listed_with_the_progress_of_each(till: Machine, workspace: Workspace) -> None:
    for number in (1, 2):
        add(till, workspace, number)
    made = {"name": "Later", "template": "n1", "purpose": "promotions", "list": "n1"}
    till.post("/campaigns", made)
    listed = till.get("/campaigns").json()["items"]
    assert [(one["name"], one["progress"]["targeted"], one["progress"]["queued"]) for one in listed] == [
        ("Later", 0, 0),
        ("n2", 1, 1),
        ("n1", 1, 1),
    ]


def test_purposes_are_read_once_for_all_consents_of_a_contact(till: Machine) -> None:
    def said(*purposes: str) -> dict[str, Any]:
        proof = {"channel": "email", "granted": True, "source": "till", "wording": "Yes"}
        return {"email": "marc@example.com", "consents": [{"purpose": one, **proof} for one in purposes]}

    costs = []
    for purposes in (["promotions"], ["promotions", "advice"]):
        till.post("/contacts", said(*purposes))
        with CaptureQueriesContext(connection) as asked:
            assert till.post("/contacts", said(*purposes)).status_code == 200
        costs.append(len([one for one in asked if 'FROM "consent_purpose"' in one["sql"]]))
    assert costs == [3, 3]
