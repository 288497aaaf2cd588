"""Webhooks through the API: a program makes one, reads what became of it, and never sees a secret twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.api.models import Replay
from parcours.integrations import actions, queue
from parcours.integrations.models import Delivery
from parcours.integrations.types import Outcome, Wanted
from parcours.kernel import clock, sql, tenancy
from tests.api.conftest import Machine

URL = "https://crm.example.com/hooks"
_WAITS = """
SELECT count(*) FROM pg_locks AS wanted JOIN pg_locks AS held USING (pid)
WHERE NOT wanted.granted AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def make(till: Machine, **fields: Any) -> dict[str, Any]:
    made = till.post("/webhooks", {"url": URL, "events": ["Order Completed"], **fields})
    assert made.status_code == 201, made.content
    told: dict[str, Any] = made.json()
    return told


def try_one(workspace: Workspace, code: int, now: datetime) -> None:
    """What a worker does with the one delivery that is due; it is given up when it is not taken."""
    with tenancy.scope(workspace_id=workspace.pk):
        [tried] = queue.claim(workspace.pk, limit=1, now=now)
        outcome = Outcome(tried.id, tried.fence, tried.endpoint_id, code, "", None)
        queue.tell(workspace.pk, [outcome], now=now)


def later() -> datetime:
    return clock.now() + timedelta(seconds=1)


def test_webhook_is_made_read_changed_and_removed(till: Machine, other_till: Machine) -> None:
    made = make(till, description="CRM")
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    path = f"/webhooks/{made['id']}"
    assert made == till.get(path).json() == till.get("/webhooks").json()["items"][0]
    assert {
        name: made[name] for name in ("url", "description", "events", "state", "pause_reason", "waiting")
    } == {
        "url": URL,
        "description": "CRM",
        "events": ["Order Completed"],
        "state": "active",
        "pause_reason": None,
        "waiting": 0,
    }
    changed = till.send("patch", path, {"events": ["*"]}).json()
    assert (changed["events"], changed["url"], changed["description"]) == (["*"], URL, "CRM")
    assert other_till.get(path).status_code == 404
    assert other_till.send("delete", path).status_code == 404
    assert till.send("delete", path).status_code == 204
    assert till.get(path).status_code == 404
    assert till.get("/webhooks").json()["items"] == []


@pytest.mark.parametrize(
    ("wanted", "code", "field"),
    [
        ({"url": "http://crm.example.com/", "events": ["*"]}, "address.refused", "url"),
        ({"url": "https://127.0.0.1/", "events": ["*"]}, "address.refused", "url"),
        ({"url": URL, "events": []}, "invalid", "events"),
        ({"url": URL, "events": [" "]}, "webhook.bad_events", "events"),
        ({"url": URL, "events": ["x"], "secret": "whsec_mine"}, "invalid", "secret"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(
    till: Machine, wanted: dict[str, Any], code: str, field: str
) -> None:
    refused = till.post("/webhooks", wanted)
    assert refused.status_code == 422
    assert refused.json()["code"] == code
    assert [one["field"] for one in refused.json()["errors"]] == [field]


def test_changes_of_two_programs_at_once_both_hold(
    transactional_db: None, till: Machine, workspace: Workspace
) -> None:
    """The later one does not write back what it read before the earlier one was done."""
    number = make(till)["id"]

    def describe() -> int:
        try:
            return till.send("patch", f"/webhooks/{number}", {"description": "CRM"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with tenancy.scope(workspace_id=workspace.pk):
            moved = Wanted("https://new.example.com/", names=("Order Completed",))
            actions.change(workspace.pk, number, moved, actor=SYSTEM, now=clock.now())
            later = pool.submit(describe)
            while not sql.scalar(_WAITS, {}):
                assert not later.done()
        assert later.result() == 200
    read = till.get(f"/webhooks/{number}").json()
    assert (read["url"], read["description"]) == ("https://new.example.com/", "CRM")


def test_webhook_is_paused_and_resumed(till: Machine) -> None:
    path = f"/webhooks/{make(till)['id']}"
    paused = till.post(f"{path}/pause").json()
    assert (paused["state"], paused["pause_reason"]) == ("paused", "by_hand")
    assert till.post(f"{path}/pause").json()["code"] == "webhook.not_active"
    assert till.post(f"{path}/test").status_code == 409
    assert till.post(f"{path}/resume").json()["state"] == "active"
    assert till.post(f"{path}/resume").json()["code"] == "webhook.not_paused"


def test_nobody_keeps_an_answer(till: Machine) -> None:
    made = till.post("/webhooks", {"url": URL, "events": ["*"]})
    for answer in (made, till.get("/webhooks"), till.get("/webhooks/0")):
        assert answer["Cache-Control"] == "no-store"


def test_new_secret_is_another_one(till: Machine) -> None:
    made = make(till)
    rotated = till.post(f"/webhooks/{made['id']}/rotate").json()
    assert rotated["id"] == made["id"]
    assert rotated["secret"] not in ("", made["secret"])


def test_secret_is_sealed_in_what_is_kept_for_a_repeated_request(till: Machine, workspace: Workspace) -> None:
    wanted = {"url": URL, "events": ["*"]}
    first = till.post("/webhooks", wanted, **{"Idempotency-Key": "one"})
    again = till.post("/webhooks", wanted, **{"Idempotency-Key": "one"})
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    with tenancy.scope(workspace_id=workspace.pk):
        kept = Replay.objects.get().body
    assert "whsec" not in kept
    assert URL not in kept


def test_answer_that_an_older_version_kept_is_still_given(till: Machine, workspace: Workspace) -> None:
    wanted = {"url": URL, "events": ["*"]}
    till.post("/webhooks", wanted, **{"Idempotency-Key": "one"})
    with tenancy.scope(workspace_id=workspace.pk):
        Replay.objects.update(body='{"id": 7}')
    assert till.post("/webhooks", wanted, **{"Idempotency-Key": "one"}).json() == {"id": 7}


def test_deliveries_are_listed_and_sent_again(
    till: Machine, other_till: Machine, workspace: Workspace
) -> None:
    path = f"/webhooks/{make(till)['id']}"
    sent = till.post(f"{path}/test")
    assert sent.status_code == 202
    assert (sent.json()["event"], sent.json()["state"], sent.json()["event_id"]) == (
        "Webhook Test",
        "pending",
        None,
    )
    try_one(workspace, 503, later())
    [failed] = till.get(f"{path}/deliveries", state="failed").json()["items"]
    assert (failed["id"], failed["code"], failed["tries"], failed["due_at"]) == (
        sent.json()["id"],
        503,
        1,
        None,
    )
    assert till.get(path).json()["failed"] == 1
    assert till.get(f"{path}/deliveries", state="delivered").json()["items"] == []
    assert till.get(f"{path}/deliveries", state="lost").status_code == 422
    again = till.post(f"{path}/deliveries/{failed['id']}/replay").json()
    assert (again["id"], again["state"], again["tries"]) == (failed["id"], "pending", 0)
    assert till.post(f"{path}/deliveries/{failed['id']}/replay").json()["code"] == "webhook.under_way"
    assert other_till.post(f"{path}/deliveries/{failed['id']}/replay").status_code == 404
    try_one(workspace, 500, later())
    assert till.post(f"{path}/replay").json() == {"count": 1}
    assert till.post(f"{path}/replay").json() == {"count": 0}
    assert till.get(path).json()["waiting"] == 1


def test_deliveries_come_in_pages(till: Machine, workspace: Workspace) -> None:
    path = f"/webhooks/{make(till)['id']}"
    sent = [till.post(f"{path}/test").json()["id"] for _ in range(5)]
    with tenancy.scope(workspace_id=workspace.pk):  # all in the same instant: the id decides
        Delivery.objects.update(created_at=later())
    read: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = till.get(f"{path}/deliveries", limit=2, **after).json()
        read += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert read == sorted(sent, reverse=True)
    assert till.get(f"{path}/deliveries", after="nonsense").json()["code"] == "bad_cursor"
