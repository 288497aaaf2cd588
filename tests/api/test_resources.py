"""Lists, segments, journeys, campaigns, templates and messages through the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from parcours.accounts.models import AuditEntry, Workspace
from parcours.audiences import actions as audiences
from parcours.consent.models import Purpose
from parcours.content.models import Template, TemplateVersion
from parcours.delivery import actions as delivery
from parcours.delivery.models import Message
from parcours.delivery.types import Origin
from parcours.kernel import tenancy
from tests.api.conftest import Machine

BODIES = {"fr": {"subject": "Hello", "mjml": "<mjml><mj-body></mj-body></mjml>"}}


def contact(till: Machine, email: str = "marc@example.com") -> str:
    return str(till.post("/contacts", {"email": email}).json()["id"])


def test_list_is_made_filled_and_emptied(till: Machine, other_till: Machine) -> None:
    who = contact(till)
    assert till.post("/lists", {"slug": "vip", "name": "VIP"}).status_code == 201
    assert till.post("/lists", {"slug": "vip", "name": "VIP"}).status_code == 409
    assert till.post("/lists", {"slug": "V I P", "name": "VIP"}).status_code == 422
    assert till.post("/lists/vip/members", {"add": [who, who]}).json() == {"added": 1, "removed": 0}
    assert till.get("/lists").json()["items"][0]["count"] == 1
    assert other_till.post("/lists/vip/members", {"add": [who]}).status_code == 404
    assert till.post("/lists/vip/members", {"remove": [who]}).json() == {"added": 0, "removed": 1}
    assert till.get(f"/contacts/{who}").json()["lists"] == []


def test_list_takes_nobody_from_another_workspace(till: Machine, other_till: Machine) -> None:
    other_till.post("/lists", {"slug": "mine", "name": "Mine"})
    assert other_till.post("/lists/mine/members", {"add": [contact(till)]}).json()["added"] == 0


def test_segment_is_made_and_counted(till: Machine, workspace: Workspace, now: datetime) -> None:
    contact(till)
    till.post("/lists", {"slug": "vip", "name": "VIP"})
    rule = {"not": {"list": "vip"}}
    made = till.post("/segments", {"slug": "others", "name": "Others", "rule": rule})
    assert made.status_code == 201, made.content
    assert made.json()["sentence_en"]
    assert till.post("/segments", {"slug": "others", "name": "O", "rule": rule}).status_code == 409
    audiences.refresh(workspace.pk, now=datetime.now(UTC))
    assert till.get("/segments/others/count").json() == {"count": 1}
    [member] = till.get("/segments/others/members").json()["items"]
    assert member["email"] == "marc@example.com"


def test_segment_is_changed_and_deleted(till: Machine, other_till: Machine, workspace: Workspace) -> None:
    contact(till)
    till.post("/lists", {"slug": "vip", "name": "VIP"})
    rule = {"not": {"list": "vip"}}
    till.post("/segments", {"slug": "others", "name": "Others", "description": "x", "rule": rule})
    till.post("/segments", {"slug": "above", "name": "Above", "rule": {"segment": "others"}})
    renamed = till.send("patch", "/segments/others", {"name": "The others"})
    assert renamed.status_code == 200, renamed.content
    assert (renamed.json()["name"], renamed.json()["description"], renamed.json()["rule"]) == (
        "The others",
        "x",
        rule,
    )
    assert till.send("patch", "/segments/others", {"rule": {"list": "vip"}}).json()["is_current"] is False
    assert till.send("patch", "/segments/others", {"rule": {"list": "nowhere"}}).status_code == 422
    assert till.send("patch", "/segments/others", {"slug": "new"}).status_code == 422
    for method in ("patch", "delete"):
        assert other_till.send(method, "/segments/others", {}).status_code == 404
    in_use = till.send("delete", "/segments/others")
    assert (in_use.status_code, "Above" in in_use.json()["detail"]) == (409, True)
    assert till.send("delete", "/segments/above").status_code == 204
    assert till.send("delete", "/segments/others").status_code == 204
    assert till.get("/segments").json()["items"] == []
    with tenancy.scope(workspace_id=workspace.pk):
        acts = AuditEntry.objects.filter(subject="segment", subject_id="others").order_by("pk")
        assert [(one.action, one.actor) for one in acts][1:] == [
            ("changed", "API key “till”"),
            ("changed", "API key “till”"),
            ("deleted", "API key “till”"),
        ]


def test_address_is_suppressed_found_and_lifted(
    till: Machine, other_till: Machine, workspace: Workspace
) -> None:
    marc = contact(till)
    made = till.post("/suppressions", {"address": " Marc@Example.com ", "detail": "by letter"})
    assert made.status_code == 201, made.content
    entry = made.json()
    assert (entry["reason"], entry["channel"], entry["detail"], entry["contact"]) == (
        "manual",
        "email",
        "by letter",
        marc,
    )
    again = till.post("/suppressions", {"address": "marc@example.com", "detail": "once more"})
    assert (again.status_code, again.json()) == (200, entry)
    assert till.post("/suppressions", {"address": "+33 6 12 34 56 78", "channel": "sms"}).status_code == 201
    assert till.get("/suppressions", address="marc@example.com").json()["items"] == [entry]
    assert till.get("/suppressions", address="+33612345678", channel="sms").json()["items"]
    assert till.get("/suppressions", address="+33612345678").json()["items"] == []
    assert [one["channel"] for one in till.get("/suppressions", limit=1).json()["items"]] == ["sms"]
    after = till.get("/suppressions", limit=1).json()["next"]
    assert till.get("/suppressions", after=after).json() == {"items": [entry], "next": None}
    assert other_till.get("/suppressions").json()["items"] == []
    assert other_till.send("delete", f"/suppressions/{entry['id']}").status_code == 404
    assert till.send("delete", f"/suppressions/{entry['id']}").status_code == 204
    assert till.send("delete", f"/suppressions/{entry['id']}").status_code == 404
    assert till.get("/suppressions", address="marc@example.com").json()["items"] == []
    with tenancy.scope(workspace_id=workspace.pk):
        acts = AuditEntry.objects.filter(subject="suppression").order_by("pk")
        assert [one.action for one in acts] == ["added", "added", "lifted"]


@pytest.mark.parametrize(
    "wanted", [{}, {"address": "marc"}, {"address": "marc@example.com", "channel": "sms"}]
)
def test_what_is_no_address_is_not_suppressed(till: Machine, wanted: dict[str, str]) -> None:
    refused = till.post("/suppressions", wanted)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["address"]


@pytest.mark.parametrize(
    "rule", [{}, {"atribute": "city", "is": "Lyon"}, {"list": "nowhere"}, {"attribute": "x"}]
)
def test_bad_rule_is_explained(till: Machine, rule: dict[str, Any]) -> None:
    response = till.post("/segments", {"slug": "s", "name": "S", "rule": rule})
    assert response.status_code == 422
    assert response.json()["detail"]


def test_journey_is_published_paused_and_resumed(till: Machine, other_till: Machine) -> None:
    made = till.post("/journeys", {"recipe": "post-purchase"})
    assert made.status_code == 201, made.content
    assert made.json()["state"] == "published"
    assert till.post("/journeys/post-purchase/pause").json()["state"] == "paused"
    assert till.post("/journeys/post-purchase/pause").status_code == 409
    assert other_till.post("/journeys/post-purchase/resume").status_code == 404
    assert till.post("/journeys/post-purchase/resume").json()["state"] == "published"
    assert till.post("/journeys", {"recipe": "nonsense"}).status_code in (404, 422)


OWN: dict[str, Any] = {
    "name_fr": "Le mien",
    "name_en": "Mine",
    "graph": {
        "entry": {"event": "Order Completed", "key": "order_id"},
        "start": "tell",
        "nodes": {
            "tell": {"send": {"template": "hello", "purpose": "order_information"}, "next": "end"},
            "end": {"exit": "done"},
        },
    },
}


def test_own_journey_is_published_by_version_and_archived(till: Machine, other_till: Machine) -> None:
    till.put("/templates/hello", {"name": "Hello", "bodies": BODIES})
    first = till.put("/journeys/mine", OWN)
    assert first.status_code == 200, first.content
    assert (first.json()["state"], first.json()["version"]) == ("published", 1)
    shorter = {"entry": OWN["graph"]["entry"], "start": "end", "nodes": {"end": {"exit": "done"}}}
    second = till.put("/journeys/mine", {**OWN, "name_en": "Mine too", "graph": shorter}).json()
    assert (second["name_en"], second["version"], second["graph"]) == ("Mine too", 2, shorter)
    assert [one["number"] for one in second["versions"]] == [2, 1]
    assert second["versions"][0]["actor"] == "API key “till”"
    earlier = till.get("/journeys/mine", version=1).json()
    assert (earlier["version"], earlier["shown_version"], earlier["graph"]) == (2, 1, OWN["graph"])
    assert [(step["node"], step["kind"], step["clicked"]) for step in earlier["steps"]] == [
        ("tell", "send", 0),
        ("end", "exit", 0),
    ]
    assert till.get("/journeys/mine", version=7).status_code == 404
    assert other_till.get("/journeys/mine").status_code == 404
    assert till.post("/journeys/mine/archive").json()["state"] == "archived"
    assert till.put("/journeys/mine", OWN).status_code == 409


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"start": "nowhere"}, "start"),
        ({"entry": {"list": "none"}}, "entry.list"),
        ({"extra": 1}, "graph.extra"),
        ({"nodes": {"tell": {"wait": "7 days"}}}, "nodes.tell.wait"),
    ],
)
def test_journey_that_cannot_run_is_refused_with_its_place(
    till: Machine, change: dict[str, Any], place: str
) -> None:
    till.put("/templates/hello", {"name": "Hello", "bodies": BODIES})
    refused = till.put("/journeys/mine", {**OWN, "graph": {**OWN["graph"], **change}})
    assert refused.status_code == 422
    assert refused.json()["code"] == "journey_graph_invalid"
    assert [error["field"] for error in refused.json()["errors"]] == [place]
    assert till.get("/journeys/mine").status_code == 404
    assert till.put("/journeys/Mine!", OWN).status_code == 422
    assert till.put("/journeys/mine", {**OWN, "name_de": "x"}).status_code == 422


def test_template_is_saved_by_version(till: Machine) -> None:
    first = till.put("/templates/hello", {"name": "Hello", "bodies": BODIES})
    assert first.status_code == 200, first.content
    changed = {"fr": {**BODIES["fr"], "subject": "Hello again"}}
    again = till.put("/templates/hello", {"name": "Hello", "bodies": changed})
    assert (first.json()["version"], again.json()["version"]) == (1, 2)
    broken = {"fr": {**BODIES["fr"], "subject": "{{ contact."}}
    assert till.put("/templates/hello", {"name": "Hello", "bodies": broken}).status_code == 422
    assert till.get("/templates/hello").json()["version"] == 2


def test_campaign_runs_its_course(till: Machine, other_till: Machine) -> None:
    till.put("/templates/hello", {"name": "Hello", "bodies": BODIES})
    till.post("/lists", {"slug": "vip", "name": "VIP"})
    wanted = {"name": "Spring", "template": "hello", "purpose": "promotions", "list": "vip"}
    made = till.post("/campaigns", wanted)
    assert made.status_code == 201, made.content
    path = f"/campaigns/{made.json()['id']}"
    assert till.post("/campaigns", {**wanted, "segment": "x"}).status_code == 422
    assert till.put(path, {**wanted, "name": "Summer"}).json()["name"] == "Summer"
    assert other_till.put(path, wanted).status_code == 404
    other = f"/campaigns/{till.post('/campaigns', wanted).json()['id']}"
    assert (till.send("delete", other).status_code, till.get(other).status_code) == (204, 404)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert till.post(f"{path}/schedule", {"at": tomorrow}).json()["state"] == "scheduled"
    assert till.post(f"{path}/schedule", {"at": "2020-01-01T00:00:00Z"}).status_code == 422
    assert till.post(f"{path}/schedule", {"at": "2020-01-01T00:00:00"}).status_code == 422
    assert till.post(f"{path}/schedule", {}).json()["state"] == "running"
    assert till.post(f"{path}/pause").json()["state"] == "paused"
    assert other_till.post(f"{path}/resume").status_code == 404
    assert till.post(f"{path}/resume").json()["state"] == "running"
    assert till.post(f"{path}/cancel").json()["state"] == "cancelled"
    assert till.post(f"{path}/resume").status_code == 409
    assert till.get("/campaigns/99999999999999999999").status_code == 404


def test_message_says_which_rule_withheld_it(
    till: Machine, other_till: Machine, workspace: Workspace, now: datetime
) -> None:
    who = contact(till)
    till.put("/templates/hello", {"name": "Hello", "bodies": BODIES})
    message_id = withheld(workspace, who, now)
    [message] = till.get("/messages", contact=who).json()["items"]
    assert (message["state"], message["verdict"], message["purpose"]) == (
        "withheld",
        "withhold",
        "promotions",
    )
    [reason] = message["reasons"]
    assert (reason["code"], reason["evidence"]["purpose"]) == ("no_consent", "promotions")
    assert "promotions" in reason["sentence"]
    assert till.get(f"/messages/{message_id}").json() == message
    assert other_till.get(f"/messages/{message_id}").status_code == 404


def withheld(workspace: Workspace, who: str, now: datetime) -> str:
    """A promotion that the gate did not let go."""
    with tenancy.scope(workspace_id=workspace.pk):
        mailing_id = delivery.add_mailing(
            workspace.pk,
            origin=Origin.API,
            origin_id=1,
            purpose_id=Purpose.objects.get(code="promotions").pk,
            template_version_id=TemplateVersion.objects.get(template=Template.objects.get(slug="hello")).pk,
            name="Offer",
            valid_for=timedelta(days=1),
            now=now,
        )
        message = Message.objects.create(
            workspace_id=workspace.pk,
            mailing_id=mailing_id,
            contact_id=who,
            state="withheld",
            verdict="withhold",
            reasons=[{"code": "no_consent", "evidence": {"purpose": "promotions", "channel": "email"}}],
            queued_at=now,
            due_at=now,
            judged_at=now,
            expires_at=now,
        )
        return str(message.pk)


def test_purpose_is_made_changed_and_archived(till: Machine, workspace: Workspace) -> None:
    wanted = {"name_fr": "Partenaires", "name_en": "Partners", "basis": "consent", "is_marketing": True}
    made = till.put("/purposes/partners", {**wanted, "double_opt_in": True, "position": 45})
    assert made.status_code == 200, made.content
    assert made.json() == {
        **wanted, "code": "partners", "description_fr": "", "description_en": "", "is_measuring": False,
        "audience": None, "double_opt_in": True, "position": 45, "archived": False,
    }  # fmt: skip
    changed = till.put("/purposes/partners", {"name_en": "Our partners", "archived": True}).json()
    assert (changed["name_en"], changed["archived"], changed["double_opt_in"]) == ("Our partners", True, True)
    assert till.put("/purposes/partners", {"archived": False}).json()["archived"] is False
    assert till.put("/purposes/measure_opens", {**wanted, "is_marketing": False}).json()["is_measuring"]
    refused = till.put("/purposes/partners", {"basis": "contract"})
    assert (refused.status_code, refused.json()["code"]) == (409, "purpose.fixed")
    assert [one["code"] for one in till.get("/purposes").json()["items"]][-1] == "partners"


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"name_en": "Partners", "basis": "consent", "is_marketing": True}, "name_fr"),
        ({"name_fr": "P", "name_en": "P", "basis": "contract", "is_marketing": True}, "is_marketing"),
        ({"name_fr": "P", "name_en": "P", "basis": "belief", "is_marketing": True}, "basis"),
        (
            {
                **{"name_fr": "P", "name_en": "P", "basis": "legitimate_interest", "is_marketing": True},
                "audience": {"list": "nobody"},
            },
            "audience.list",
        ),
        ({"name_fr": "P", "name_en": "P", "basis": "consent", "is_marketing": True, "code": "x"}, "code"),
        ({"name_fr": "P", "name_en": None, "basis": "consent", "is_marketing": True}, "name_en"),
    ],
)
def test_purpose_that_cannot_be_is_refused(till: Machine, wanted: dict[str, Any], field: str) -> None:
    response = till.put("/purposes/partners", wanted)
    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == [field]
