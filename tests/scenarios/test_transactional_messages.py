"""A shop's program asks for a message, and the person has it in their inbox: once, with the data, through the gate."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.contacts.models import Contact
from parcours.delivery.models import Message, Request
from parcours.events.models import Event
from parcours.kernel import clock, tenancy
from tests.api.conftest import Machine, machine_of
from tests.delivery.post import Post
from tests.scenarios.conftest import RECEIPT

WANTED = {
    "template": "receipt",
    "purpose": "order_information",
    "email": "Julie@example.com",
    "data": {"order_id": "A-7", "total": 49.9, "lines": [{"name": "Grande <tasse>", "quantity": 2}]},
    "message_id": "order-A-7",
}


def asked(till: Machine, **changes: Any) -> dict[str, Any]:
    response = till.post("/messages", {**WANTED, **changes})
    assert response.status_code == 202, response.content
    return response.json()  # type: ignore[no-any-return, attr-defined]


def send(post: Post) -> None:
    post.now = clock.now()
    post.send()


def test_message_is_in_the_inbox_with_its_data(post: Post, till: Machine, workspace: Workspace) -> None:
    answer = asked(till)
    assert (answer["state"], answer["verdict"]) == ("queued", None)
    send(post)
    [mail] = post.arrived
    assert (mail["To"], mail["Subject"]) == ("julie@example.com", "Votre commande A-7")
    text, html = (str(part.get_content()) for part in mail.iter_parts())
    assert "2 × Grande <tasse> : 49.9 €" in " ".join(text.split())
    assert "Grande &lt;tasse&gt;" in html
    assert mail["DKIM-Signature"]
    told = till.get(f"/messages/{answer['id']}").json()
    assert (told["state"], told["verdict"], told["origin"], told["contact"]) == (
        "sent", "send", "api", answer["contact"],
    )  # fmt: skip
    names = [one["name"] for one in till.get(f"/contacts/{answer['contact']}/timeline").json()["items"]]
    assert sorted(names) == ["Contact Created", "Email Sent", "Message Requested"]
    with tenancy.scope(workspace_id=workspace.pk):
        assert AuditEntry.objects.filter(subject="contact", action="created").count() == 1


def test_same_message_id_sends_once_even_after_the_template_changed(post: Post, till: Machine) -> None:
    first = asked(till)
    send(post)
    till.put("/templates/receipt", {"name": "Receipt", "bodies": {"fr": {**RECEIPT, "subject": "Neu"}}})
    again = asked(till, email="julie@EXAMPLE.com")
    assert (again["id"], again["state"], again["verdict"]) == (first["id"], "sent", "send")
    other = till.post("/messages", {**WANTED, "data": {"order_id": "A-8"}})
    assert (other.status_code, other.json()["code"]) == (409, "delivery.id_reused")
    send(post)
    assert len(post.arrived) == 1


def test_address_at_which_a_person_is_not_written_to_is_refused(post: Post, till: Machine) -> None:
    """Julie has moved: a message for her former address would arrive at the new one."""
    contact = asked(till)["contact"]
    assert till.send("patch", f"/contacts/{contact}", {"email": "julie@new.example"}).status_code == 200
    refused = till.post("/messages", {**WANTED, "message_id": "order-A-9"})
    assert (refused.status_code, refused.json()["code"]) == (409, "delivery.other_address")
    assert asked(till)["contact"] == contact  # the request of before, repeated, is known
    assert asked(till, message_id="order-A-9", email="Julie@NEW.example")["contact"] == contact


def test_two_orders_of_one_person_are_two_messages(post: Post, till: Machine) -> None:
    one, two, three = (asked(till, message_id=key)["id"] for key in ("a", "b", ""))
    assert len({one, two, three, asked(till, message_id="")["id"]}) == 4
    send(post)
    assert len(post.arrived) == 4


def test_simultaneous_requests_with_one_id_queue_one_message(till: Machine, workspace: Workspace) -> None:
    def ask(_n: int) -> str:
        try:
            return str(asked(Machine(till.secret))["id"])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    with tenancy.scope(workspace_id=workspace.pk):
        assert Message.objects.count() == 1


def test_other_purposes_need_what_their_basis_says(post: Post, till: Machine) -> None:
    refused = asked(till, purpose="newsletter")
    send(post)
    assert post.arrived == []
    told = till.get(f"/messages/{refused['id']}").json()
    assert told["state"] == "withheld"
    assert "no_consent" in [one["code"] for one in told["reasons"]]


def test_suppressed_address_gets_not_even_a_receipt(post: Post, till: Machine, workspace: Workspace) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        post.shop.suppress("julie@example.com")
    answer = asked(till)
    send(post)
    assert post.arrived == []
    assert [one["code"] for one in till.get(f"/messages/{answer['id']}").json()["reasons"]] == ["suppressed"]


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"template": "nowhere"}, 422, "template"),
        ({"purpose": "nonsense"}, 422, "purpose"),
        ({"purpose": "measure_opens"}, 422, "purpose"),
        ({"email": "nobody"}, 422, "email"),
        ({"email": "a@example.com\r\nBcc: eve@example.com"}, 422, "email"),
        ({"data": []}, 422, "data"),
        ({"message_id": "x" * 101}, 422, "message_id"),
        ({"to": "julie@example.com"}, 422, "to"),
    ],
)
def test_request_that_cannot_be_carried_out_says_why_and_leaves_nothing(
    till: Machine, workspace: Workspace, change: dict[str, Any], status: int, field: str
) -> None:
    response = till.post("/messages", {**WANTED, **change})
    assert response.status_code == status, response.content
    assert [one["field"] for one in response.json()["errors"]] == [field]
    with tenancy.scope(workspace_id=workspace.pk):
        assert not Contact.objects.exists()
        assert not Request.objects.exists()
        assert not Event.objects.exists()
    assert asked(till)["state"] == "queued"  # the id is still free


def test_archived_purpose_is_told_at_once(till: Machine, workspace: Workspace, now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        consent.archive_purpose(workspace.pk, WANTED["purpose"], actor=SYSTEM, now=now)
    response = till.post("/messages", WANTED)
    assert (response.status_code, response.json()["code"]) == (422, "purpose.unfit")


def test_workspace_that_cannot_send_says_so(
    transactional_db: None, other_workspace: Workspace, now: datetime
) -> None:
    till = machine_of(other_workspace, now)
    till.post("/journeys", {"recipe": "post-purchase"})
    till.put("/templates/receipt", {"name": "Receipt", "bodies": {"en": RECEIPT, "fr": RECEIPT}})
    response = till.post("/messages", WANTED)
    assert (response.status_code, response.json()["code"]) == (409, "delivery.not_set_up")
