"""One-off sends: everybody once, whatever crashes; pause and cancel at once; the figures always add up."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from parcours.accounts import actions as accounts
from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM, Actor
from parcours.audiences import actions as segments
from parcours.audiences.errors import SegmentInUse
from parcours.audiences.models import Member, Segment
from parcours.campaigns import actions, queries
from parcours.campaigns.errors import CampaignInvalid, UnknownCampaign, WrongState
from parcours.campaigns.models import Campaign
from parcours.campaigns.types import Draft
from parcours.consent import actions as consent
from parcours.contacts import actions as contacts
from parcours.contacts.models import Contact
from parcours.content.models import Template, TemplateVersion
from parcours.delivery import actions as delivery
from parcours.delivery.models import Mailing, Message
from parcours.events import people
from parcours.insights import queries as insights
from parcours.insights.types import MailingFigures
from parcours.kernel import sql, tenancy
from parcours.kernel.ids import uuid7

ALICE = Actor("Alice")
NEWS = Draft(name="Nouveautés de mars", template="news", purpose="newsletter", list="readers")


@pytest.fixture
def shop(workspace: Workspace, now: datetime) -> Iterator[Workspace]:
    """A shop with a template, a purpose and an empty list; the test runs in its scope."""
    with tenancy.scope(workspace_id=workspace.id):
        furnish(workspace, now)
        yield workspace


def furnish(workspace: Workspace, now: datetime) -> None:
    names = {"name_fr": "Lettre", "name_en": "Letter", "basis": "consent", "is_marketing": True}
    consent.save_purpose(workspace.id, "newsletter", names, actor=SYSTEM, now=now)
    mine: dict[str, Any] = {"workspace_id": workspace.id, "created_at": now}
    template = Template.objects.create(slug="news", name="Nouvelles", updated_at=now, **mine)
    TemplateVersion.objects.create(template=template, number=1, bodies={}, actor="test", **mine)
    contacts.create_list(workspace.id, "readers", "Lecteurs", actor=SYSTEM, now=now)


def readers(shop: Workspace, count: int, now: datetime) -> list[UUID]:
    """People on the list."""
    people = [Contact(id=uuid7(), workspace_id=shop.id, created_at=now, updated_at=now) for _ in range(count)]
    Contact.objects.bulk_create(people)
    ids = [one.pk for one in people]
    contacts.add_to_list(shop.id, "readers", ids, now=now)
    return ids


def figures(campaign: Campaign) -> MailingFigures:
    mailing = Campaign.objects.get(pk=campaign.pk).mailing_id
    assert mailing is not None
    return insights.mailing_figures(campaign.workspace_id, [mailing])[mailing]


def counts(campaign: Campaign, **expected: int) -> bool:
    """Whether this is what became of the campaign's messages, and nothing else."""
    found = figures(campaign)
    return found == MailingFigures(found.mailing_id, **expected)


def adds_up(found: MailingFigures) -> bool:
    return found.targeted == sum(
        (
            found.queued,
            found.delayed,
            found.sending,
            found.sent,
            found.failed,
            found.in_doubt,
            found.withheld,
            found.cancelled,
        )
    )


def settle(state: str, count: int, now: datetime) -> None:
    """Let the sender have done some of the queued messages."""
    some = Message.objects.filter(state="queued").order_by("contact_id").values_list("pk", flat=True)[:count]
    facts: dict[str, Any] = {"state": state, "verdict": "withhold" if state == "withheld" else "send"}
    if state == "sent":
        facts["sent_at"] = now
    Message.objects.filter(pk__in=list(some)).update(**facts)


def test_draft_is_changed_and_deleted(shop: Workspace, now: datetime) -> None:
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    rule = {"attribute": "email", "is_set": True}
    segments.create_segment(shop.id, "reachable", "Reachable", rule, actor=SYSTEM, now=now)
    wanted = Draft(name="Avril", template="news", purpose="newsletter", segment="reachable")
    actions.change(shop.id, campaign.pk, wanted, actor=ALICE, now=now)
    actions.change(shop.id, campaign.pk, wanted, actor=ALICE, now=now)
    found = queries.access_campaign(shop.id, campaign.pk)
    assert found.segment is not None
    assert (found.name, found.segment.slug, found.list) == ("Avril", "reachable", None)
    with pytest.raises(CampaignInvalid):
        actions.change(
            shop.id, campaign.pk, Draft("x", "none", "newsletter", list="readers"), actor=ALICE, now=now
        )
    actions.delete(shop.id, campaign.pk, actor=ALICE, now=now)
    with pytest.raises(UnknownCampaign):
        queries.access_campaign(shop.id, campaign.pk)
    trail = AuditEntry.objects.filter(subject="campaign").order_by("id")
    assert [entry.action for entry in trail] == ["created", "changed", "deleted"]
    assert trail[1].detail["from"] == {"name": NEWS.name, "list": "readers", "segment": None}


def test_what_is_scheduled_is_neither_changed_nor_deleted(shop: Workspace, now: datetime) -> None:
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    actions.schedule(shop.id, campaign.pk, now + timedelta(days=1), actor=ALICE, now=now)
    with pytest.raises(WrongState):
        actions.change(shop.id, campaign.pk, NEWS, actor=ALICE, now=now)
    with pytest.raises(WrongState):
        actions.delete(shop.id, campaign.pk, actor=ALICE, now=now)


def test_scheduled_campaign_starts_at_its_time_and_reaches_everybody_once(
    shop: Workspace, now: datetime
) -> None:
    people = readers(shop, 12, now)
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    tomorrow = now + timedelta(days=1)
    actions.schedule(shop.id, campaign.pk, tomorrow, actor=ALICE, now=now)
    assert actions.tick(shop.id, now=tomorrow - timedelta(seconds=1)) == 0
    assert actions.tick(shop.id, now=tomorrow) == 12
    assert actions.tick(shop.id, now=tomorrow) == 0
    assert set(Message.objects.values_list("contact_id", flat=True)) == set(people)
    assert counts(campaign, targeted=12, queued=12)


def test_freezing_goes_on_where_it_was(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "CHUNK", 5)
    monkeypatch.setattr(actions, "MOST_CHUNKS", 1)
    people = readers(shop, 12, now)
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    actions.start(shop.id, campaign.pk, actor=ALICE, now=now)
    assert [actions.tick(shop.id, now=now) for _ in range(4)] == [5, 5, 2, 0]
    # A worker that died after the outbox's commit and before the campaign's cannot exist: they are one. Should the place be
    # lost all the same, each person is still taken once.
    Campaign.objects.update(frozen_after=None, frozen_at=None)
    assert sum(actions.tick(shop.id, now=now) for _ in range(4)) == 0
    assert set(Message.objects.values_list("contact_id", flat=True)) == set(people)


def test_finished_exactly_when_everybody_has_an_outcome(shop: Workspace, now: datetime) -> None:
    readers(shop, 5, now)
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    actions.start(shop.id, campaign.pk, actor=ALICE, now=now)
    actions.tick(shop.id, now=now)
    for state, count in (("sent", 2), ("withheld", 1), ("failed", 1), ("in_doubt", 1)):
        settle(state, count, now)
        actions.tick(shop.id, now=now)
        assert Campaign.objects.get(pk=campaign.pk).state == "running"
    assert counts(campaign, targeted=5, sent=2, failed=1, in_doubt=1, withheld=1)
    Message.objects.filter(state="in_doubt").update(state="sent", sent_at=now)
    actions.tick(shop.id, now=now)
    assert Campaign.objects.get(pk=campaign.pk).state == "finished"
    assert adds_up(figures(campaign))


@pytest.mark.django_db(transaction=True)
def test_campaign_that_waits_does_not_read_the_queue_again(workspace: Workspace, now: datetime) -> None:
    """Its last message is due after all those of another: one look finds it, the next ones ask for it alone."""
    with tenancy.scope(workspace_id=workspace.id):
        furnish(workspace, now)
        [*_others, last] = readers(workspace, 300, now)
        small = actions.create(workspace.id, NEWS, actor=ALICE, now=now)
        actions.start(workspace.id, small.pk, actor=ALICE, now=now)
        actions.tick(workspace.id, now=now)
        mine = Message.objects.filter(mailing_id=Campaign.objects.get(pk=small.pk).mailing_id)
        mine.exclude(contact_id=last).update(state="sent", verdict="send", sent_at=now)
        mine.filter(contact_id=last).update(due_at=now + timedelta(days=1))
        large = actions.create(workspace.id, NEWS, actor=ALICE, now=now)
        actions.start(workspace.id, large.pk, actor=ALICE, now=now)
        actions.tick(workspace.id, now=now)
        sql.scalar("SELECT pg_stat_force_next_flush()", {})  # so that the planner is told of these messages
    with tenancy.scope(workspace_id=workspace.id):
        assert messages_read(workspace, now) <= 4
        mine.filter(contact_id=last).update(state="sent", verdict="send", sent_at=now)
        actions.tick(workspace.id, now=now)
        states = {one.pk: one.state for one in Campaign.objects.all()}
        assert states == {small.pk: "finished", large.pk: "running"}


def messages_read(shop: Workspace, now: datetime) -> float:
    """How many messages a look at the running campaigns reads, those that it passes over included."""
    sql.scalar("SELECT kernel_refresh_statistics()", {})
    [row] = sql.records(
        "EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) " + actions.statements.finish.text,
        {"workspace_id": shop.id, "now": now},
    )
    return _messages_in(row["QUERY PLAN"][0]["Plan"])


def _messages_in(node: dict[str, Any]) -> float:
    below = sum(_messages_in(one) for one in node.get("Plans", ()))
    if node.get("Relation Name") != "delivery_message":
        return float(below)
    return float(below + (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])


def test_campaign_to_nobody_is_finished(shop: Workspace, now: datetime) -> None:
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    actions.start(shop.id, campaign.pk, actor=ALICE, now=now)
    actions.tick(shop.id, now=now)
    assert Campaign.objects.get(pk=campaign.pk).state == "finished"


def test_pause_holds_and_resume_sends_exactly_the_rest(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "CHUNK", 5)
    monkeypatch.setattr(actions, "MOST_CHUNKS", 1)
    people = readers(shop, 12, now)
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    actions.start(shop.id, campaign.pk, actor=ALICE, now=now)
    actions.tick(shop.id, now=now)
    settle("sent", 3, now)
    actions.pause(shop.id, campaign.pk, actor=ALICE, now=now)
    assert actions.tick(shop.id, now=now) == 0
    assert Mailing.objects.get().held_at == now
    actions.resume(shop.id, campaign.pk, actor=ALICE, now=now)
    assert Mailing.objects.get().held_at is None
    assert sum(actions.tick(shop.id, now=now) for _ in range(3)) == 7
    assert counts(campaign, targeted=12, queued=9, sent=3)
    assert sorted(Message.objects.values_list("contact_id", flat=True)) == sorted(people)


def test_cancel_gives_up_what_has_not_left(shop: Workspace, now: datetime) -> None:
    readers(shop, 5, now)
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    actions.start(shop.id, campaign.pk, actor=ALICE, now=now)
    actions.tick(shop.id, now=now)
    settle("sent", 2, now)
    actions.cancel(shop.id, campaign.pk, actor=ALICE, now=now)
    assert counts(campaign, targeted=5, sent=2, cancelled=3)
    assert actions.tick(shop.id, now=now) == 0
    with pytest.raises(WrongState):
        actions.resume(shop.id, campaign.pk, actor=ALICE, now=now)


def test_segment_is_an_audience(shop: Workspace, now: datetime) -> None:
    [marc] = readers(shop, 1, now)
    segment = Segment.objects.create(
        workspace_id=shop.id, slug="vips", name="VIPs", rule={"list": "readers"}, created_at=now
    )
    Member.objects.create(workspace_id=shop.id, segment=segment, contact_id=marc, since=now)
    Segment.objects.update(built_revision=1)
    draft = Draft(name="VIPs", template="news", purpose="newsletter", segment="vips")
    campaign = actions.create(shop.id, draft, actor=ALICE, now=now)
    actions.start(shop.id, campaign.pk, actor=ALICE, now=now)
    assert actions.tick(shop.id, now=now) == 1


def test_segment_that_is_not_built_is_waited_for_and_others_are_not(shop: Workspace, now: datetime) -> None:
    [marc, julie] = readers(shop, 2, now)
    rule = {"attribute": "source", "is": "nowhere"}
    segments.create_segment(shop.id, "vips", "VIPs", rule, actor=ALICE, now=now)
    segments.refresh(shop.id, now=now)
    draft = Draft(name="VIPs", template="news", purpose="newsletter", segment="vips")
    waiting = actions.create(shop.id, draft, actor=ALICE, now=now)
    Member.objects.create(workspace_id=shop.id, segment_id=waiting.segment_id, contact_id=marc, since=now)
    segments.update_segment(shop.id, "vips", rule={"list": "readers"}, actor=ALICE, now=now)
    actions.start(shop.id, waiting.pk, actor=ALICE, now=now)
    going = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    actions.start(shop.id, going.pk, actor=ALICE, now=now)

    assert actions.tick(shop.id, now=now) == 2
    assert (figures(waiting).targeted, figures(going).targeted) == (0, 2)
    assert Campaign.objects.get(pk=waiting.pk).state == "running"

    segments.refresh(shop.id, now=now)
    assert actions.tick(shop.id, now=now) == 2
    to = Message.objects.filter(mailing_id=Campaign.objects.get(pk=waiting.pk).mailing_id)
    assert set(to.values_list("contact_id", flat=True)) == {marc, julie}


def test_pause_of_a_week_does_not_let_messages_expire(shop: Workspace, now: datetime) -> None:
    readers(shop, 3, now)
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    actions.start(shop.id, campaign.pk, actor=ALICE, now=now)
    actions.tick(shop.id, now=now)
    settle("sent", 1, now)
    day = timedelta(days=1)
    actions.pause(shop.id, campaign.pk, actor=ALICE, now=now + day)
    delivery.set_aside(shop.id, now=now + day)
    actions.resume(shop.id, campaign.pk, actor=ALICE, now=now + 8 * day)
    rest = Message.objects.filter(state="queued")
    assert set(rest.values_list("expires_at", "is_held")) == {(now + actions.VALID_FOR + 7 * day, False)}
    assert Message.objects.get(state="sent").expires_at == now + actions.VALID_FOR


def test_segment_of_a_campaign_is_not_deleted(shop: Workspace, now: datetime) -> None:
    segments.create_segment(shop.id, "vips", "VIPs", {"list": "readers"}, actor=ALICE, now=now)
    draft = Draft(name="Offres de mars", template="news", purpose="newsletter", segment="vips")
    actions.create(shop.id, draft, actor=ALICE, now=now)
    with pytest.raises(SegmentInUse, match="Offres de mars"):
        segments.delete_segment(shop.id, "vips", actor=ALICE, now=now)


def test_double_click_starts_once(shop: Workspace, now: datetime) -> None:
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    actions.start(shop.id, campaign.pk, actor=ALICE, now=now)
    with pytest.raises(WrongState):
        actions.start(shop.id, campaign.pk, actor=ALICE, now=now)


def test_every_change_is_in_the_trail(shop: Workspace, now: datetime) -> None:
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    actions.schedule(shop.id, campaign.pk, now, actor=ALICE, now=now)
    actions.tick(shop.id, now=now)
    trail = AuditEntry.objects.filter(subject="campaign").order_by("id").values_list("action", "actor")
    assert list(trail) == [
        ("created", "Alice"),
        ("scheduled", "Alice"),
        ("started", "Parcours"),
        ("finished", "Parcours"),
    ]


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (Draft("", "news", "newsletter", list="readers"), "name"),
        (Draft("x", "none", "newsletter", list="readers"), "template"),
        (Draft("x", "news", "none", list="readers"), "purpose"),
        (Draft("x", "news", "newsletter", list="none"), "list"),
        (Draft("x", "news", "newsletter", segment="none"), "segment"),
        (Draft("x", "news", "newsletter"), "segment"),
        (Draft("x", "news", "newsletter", segment="a", list="readers"), "segment"),
    ],
)
def test_draft_names_what_there_is(shop: Workspace, now: datetime, draft: Draft, field: str) -> None:
    with pytest.raises(CampaignInvalid) as caught:
        actions.create(shop.id, draft, actor=ALICE, now=now)
    assert caught.value.field == field


def test_nothing_is_sent_for_a_purpose_that_is_archived_or_about_measuring(
    shop: Workspace, now: datetime
) -> None:
    """Neither drawn up, nor scheduled, nor started; and nothing is lost: what was scheduled is a draft again."""
    names = {"name_fr": "Mesure", "name_en": "Measuring", "basis": "consent", "is_marketing": False}
    consent.save_purpose(shop.id, "measure_opens", names, actor=SYSTEM, now=now)
    readers(shop, 3, now)
    tomorrow = now + timedelta(days=1)
    scheduled, draft = (actions.create(shop.id, NEWS, actor=ALICE, now=now) for _ in range(2))
    actions.schedule(shop.id, scheduled.pk, tomorrow, actor=ALICE, now=now)
    consent.archive_purpose(shop.id, "newsletter", actor=ALICE, now=now)
    for refused in (
        lambda: actions.create(shop.id, replace(NEWS, purpose="measure_opens"), actor=ALICE, now=now),
        lambda: actions.create(shop.id, NEWS, actor=ALICE, now=now),
        lambda: actions.schedule(shop.id, draft.pk, tomorrow, actor=ALICE, now=now),
        lambda: actions.start(shop.id, draft.pk, actor=ALICE, now=now),
    ):
        with pytest.raises(CampaignInvalid) as caught:
            refused()
        assert caught.value.field == "purpose"

    assert actions.tick(shop.id, now=tomorrow) == 0
    scheduled.refresh_from_db()
    assert (scheduled.state, scheduled.scheduled_at) == ("draft", None)
    assert "newsletter" in AuditEntry.objects.get(action="halted").detail["trouble"]
    consent.restore_purpose(shop.id, "newsletter", actor=ALICE, now=now)
    actions.start(shop.id, scheduled.pk, actor=ALICE, now=tomorrow)
    assert actions.tick(shop.id, now=tomorrow) == 3


def test_past_far_future_and_unknown_are_refused(shop: Workspace, now: datetime) -> None:
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    for at in (now - timedelta(seconds=1), now + timedelta(days=3654), datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(CampaignInvalid):
            actions.schedule(shop.id, campaign.pk, at, actor=ALICE, now=now)
    with pytest.raises(UnknownCampaign):
        actions.start(shop.id, campaign.pk + 1, actor=ALICE, now=now)


def test_template_of_another_workspace_is_not_there(shop: Workspace, now: datetime) -> None:
    other = accounts.create_workspace("elsewhere", name="Elsewhere", now=now)
    with tenancy.scope(workspace_id=other.id), pytest.raises(CampaignInvalid):
        actions.create(other.id, NEWS, actor=ALICE, now=now)


@pytest.mark.parametrize("is_kept_first", [True, False])
@pytest.mark.parametrize("when", ["between two chunks", "when all are queued", "when one was sent"])
def test_person_who_was_two_recipients_gets_one_message(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch, is_kept_first: bool, when: str
) -> None:
    monkeypatch.setattr(actions, "CHUNK", 1)
    monkeypatch.setattr(actions, "MOST_CHUNKS", 1)
    first, second = readers(shop, 2, now)
    campaign = actions.create(shop.id, NEWS, actor=ALICE, now=now)
    actions.start(shop.id, campaign.pk, actor=ALICE, now=now)
    actions.tick(shop.id, now=now)
    if when != "between two chunks":
        actions.tick(shop.id, now=now)
    if when == "when one was sent":
        settle("sent", 1, now)
    kept, dropped = (first, second) if is_kept_first else (second, first)
    people.merge(shop.id, kept, dropped, now=now)
    for _tick in range(3):
        actions.tick(shop.id, now=now)
    going = Message.objects.filter(state__in=["queued", "sent"])
    assert [(one.contact_id, one.state) for one in going] == [
        (kept, "sent" if when == "when one was sent" else "queued")
    ]
    found = figures(campaign)
    assert adds_up(found)
    assert found.cancelled == (0 if when == "between two chunks" else 1)
