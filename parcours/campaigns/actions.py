"""Writes about campaigns: their life, with its audit trail, and `tick`, the work of the clock.

The life's functions run in the caller's scope. `tick` opens its own short transactions; any number of workers may run it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import F, Model, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from parcours.accounts.actions import record_audit
from parcours.accounts.types import SYSTEM, Actor
from parcours.audiences.models import Segment
from parcours.campaigns import queries
from parcours.campaigns.errors import CampaignInvalid, WrongState
from parcours.campaigns.models import Campaign
from parcours.campaigns.types import CampaignState, Draft
from parcours.consent import queries as consent
from parcours.consent.errors import UnfitPurpose, UnknownPurpose
from parcours.consent.models import Purpose
from parcours.contacts import actions as contacts
from parcours.contacts.models import List
from parcours.content.models import Template, TemplateVersion
from parcours.delivery import actions as delivery
from parcours.delivery.types import Origin, ToQueue
from parcours.kernel import sql, tenancy

CHUNK = 5000
MOST_CHUNKS = 4
"""How many chunks one tick freezes, so that a huge audience does not keep the worker from its other work."""
VALID_FOR = timedelta(days=3)
FARTHEST = timedelta(days=3653)
"""How far ahead a campaign is scheduled: farther is a slip of the keyboard, or no date that every reader's zone can show."""

statements = sql.load(__package__)
_NOBODY = UUID(int=0)
Found = TypeVar("Found", bound=Model)


# Life.


def create(workspace_id: int, draft: Draft, *, actor: Actor, now: datetime) -> Campaign:
    """Make a draft. Raises CampaignInvalid where it names what the workspace does not have."""
    campaign = Campaign.objects.create(
        workspace_id=workspace_id, created_at=now, **_meant(workspace_id, draft)
    )
    _audit(campaign, "created", {"name": campaign.name}, actor=actor, now=now)
    return campaign


def change(workspace_id: int, campaign_id: int, draft: Draft, *, actor: Actor, now: datetime) -> Campaign:
    """Let a draft say something else. Raises CampaignInvalid, and WrongState for what is scheduled or has started."""
    campaign = _locked(workspace_id, campaign_id, CampaignState.DRAFT)
    before, wanted = _spelt(campaign), _meant(workspace_id, draft)
    for field, value in wanted.items():
        setattr(campaign, field, value)
    after = _spelt(campaign)
    changed = [field for field in after if after[field] != before[field]]
    if changed:
        campaign.save(update_fields=list(wanted))
        detail = {"from": {one: before[one] for one in changed}, "to": {one: after[one] for one in changed}}
        _audit(campaign, "changed", detail, actor=actor, now=now)
    return campaign


def delete(workspace_id: int, campaign_id: int, *, actor: Actor, now: datetime) -> None:
    """Remove a draft. Raises WrongState: what was scheduled or started is cancelled, and stays."""
    campaign = _locked(workspace_id, campaign_id, CampaignState.DRAFT)
    _audit(campaign, "deleted", _spelt(campaign), actor=actor, now=now)
    campaign.delete()


def _spelt(campaign: Campaign) -> dict[str, str | None]:
    """What a campaign says, for the trail."""
    return {
        "name": campaign.name,
        "template": campaign.template.slug,
        "purpose": campaign.purpose.code,
        "segment": campaign.segment.slug if campaign.segment else None,
        "list": campaign.list.slug if campaign.list else None,
    }


def _meant(workspace_id: int, draft: Draft) -> dict[str, Any]:
    """The draft's fields, with the things that it names. Raises CampaignInvalid."""
    if not draft.name.strip():
        raise CampaignInvalid(_("A campaign needs a name."), field="name")
    if (draft.segment is None) == (draft.list is None):
        raise CampaignInvalid(_("A campaign is sent to a segment or to a list."), field="segment")
    segments, lists = Segment.objects.filter(slug=draft.segment), List.objects.filter(slug=draft.list)
    return {
        "name": draft.name.strip()[:160],
        "template": _one(workspace_id, Template.objects.filter(slug=draft.template), "template"),
        "purpose": _sendable(workspace_id, draft.purpose),
        "segment": None if draft.segment is None else _one(workspace_id, segments, "segment"),
        "list": None if draft.list is None else _one(workspace_id, lists, "list"),
    }


def _one(workspace_id: int, named: QuerySet[Found], field: str) -> Found:
    """The workspace's thing of that name. Raises CampaignInvalid."""
    found = named.filter(workspace_id=workspace_id).first()
    if found is None:
        raise CampaignInvalid(_("This workspace has no such %(thing)s.") % {"thing": field}, field=field)
    return found


def _sendable(workspace_id: int, code: str) -> Purpose:
    """The purpose, if messages may be sent for it. Raises CampaignInvalid."""
    try:
        return consent.sendable_purpose(workspace_id, code)
    except (UnknownPurpose, UnfitPurpose) as error:
        raise CampaignInvalid(error.message, field="purpose") from error


def schedule(workspace_id: int, campaign_id: int, at: datetime, *, actor: Actor, now: datetime) -> Campaign:
    """Start it at an instant, which may be changed until then. The template is sent as it is at that instant."""
    if at < now:
        raise CampaignInvalid(_("This time is past."), field="scheduled_at")
    if at > now + FARTHEST:
        raise CampaignInvalid(_("This time is more than ten years away."), field="scheduled_at")
    campaign = _locked(workspace_id, campaign_id, CampaignState.DRAFT, CampaignState.SCHEDULED)
    _sendable(workspace_id, campaign.purpose.code)
    _move(campaign, CampaignState.SCHEDULED, scheduled_at=at)
    _audit(campaign, "scheduled", {"at": at.isoformat()}, actor=actor, now=now)
    return campaign


def start(workspace_id: int, campaign_id: int, *, actor: Actor, now: datetime) -> Campaign:
    """Start it now. Starting twice is refused, so that a double click sends once."""
    campaign = _locked(workspace_id, campaign_id, CampaignState.DRAFT, CampaignState.SCHEDULED)
    _start(campaign, actor=actor, now=now)
    return campaign


def _start(campaign: Campaign, *, actor: Actor, now: datetime) -> None:
    _sendable(campaign.workspace_id, campaign.purpose.code)
    newest = TemplateVersion.objects.filter(
        workspace_id=campaign.workspace_id, template_id=campaign.template_id
    ).order_by("-number")
    mailing = delivery.add_mailing(
        campaign.workspace_id,
        origin=Origin.CAMPAIGN,
        origin_id=campaign.pk,
        name=campaign.name,
        purpose_id=campaign.purpose_id,
        template_version_id=newest.values_list("id", flat=True)[0],
        valid_for=VALID_FOR,
        now=now,
    )
    _move(campaign, CampaignState.RUNNING, mailing_id=mailing, started_at=now)
    _audit(campaign, "started", actor=actor, now=now)


def pause(workspace_id: int, campaign_id: int, *, actor: Actor, now: datetime) -> Campaign:
    """Let no further message leave from the moment this commits; those being handed over end as they end."""
    campaign = _locked(workspace_id, campaign_id, CampaignState.RUNNING)
    delivery.hold(workspace_id, _mailings(campaign), now=now)
    _move(campaign, CampaignState.PAUSED)
    _audit(campaign, "paused", actor=actor, now=now)
    return campaign


def resume(workspace_id: int, campaign_id: int, *, actor: Actor, now: datetime) -> Campaign:
    """Go on with exactly those who have no outcome yet: freezing after `frozen_after`, sending what is still queued."""
    campaign = _locked(workspace_id, campaign_id, CampaignState.PAUSED)
    delivery.release(workspace_id, _mailings(campaign), now=now)
    _move(campaign, CampaignState.RUNNING)
    _audit(campaign, "resumed", actor=actor, now=now)
    return campaign


def cancel(workspace_id: int, campaign_id: int, *, actor: Actor, now: datetime) -> Campaign:
    """Stop for good: what is still queued is cancelled, and counted so."""
    campaign = _locked(
        workspace_id,
        campaign_id,
        CampaignState.DRAFT,
        CampaignState.SCHEDULED,
        CampaignState.RUNNING,
        CampaignState.PAUSED,
    )
    cancelled = delivery.stop(workspace_id, _mailings(campaign), now=now)
    _move(campaign, CampaignState.CANCELLED, finished_at=now)
    _audit(campaign, "cancelled", {"messages": cancelled}, actor=actor, now=now)
    return campaign


def _mailings(campaign: Campaign) -> list[int]:
    return [] if campaign.mailing_id is None else [campaign.mailing_id]


_IT_IS = {
    "draft": gettext_noop("This campaign is a draft."),
    "scheduled": gettext_noop("This campaign is scheduled."),
    "running": gettext_noop("This campaign is being sent."),
    "paused": gettext_noop("This campaign is paused."),
    "finished": gettext_noop("This campaign is finished."),
    "cancelled": gettext_noop("This campaign is cancelled."),
}


def _locked(workspace_id: int, campaign_id: int, *states: CampaignState) -> Campaign:
    """The campaign, locked, in one of the states. Raises UnknownCampaign or WrongState."""
    queries.access_campaign(workspace_id, campaign_id)
    campaign = Campaign.objects.select_for_update(no_key=True).get(workspace_id=workspace_id, pk=campaign_id)
    if campaign.state not in states:
        raise WrongState(
            _("%(it_is)s This cannot be done any more, or not yet.") % {"it_is": _(_IT_IS[campaign.state])},
            field="state",
        )
    return campaign


def _move(campaign: Campaign, state: CampaignState, **fields: Any) -> None:
    campaign.state = state.value
    for name, value in fields.items():
        setattr(campaign, name, value)
    campaign.save(update_fields=["state", *fields])


def _audit(
    campaign: Campaign, action: str, detail: Mapping[str, Any] | None = None, *, actor: Actor, now: datetime
) -> None:
    record_audit(
        campaign.workspace_id,
        actor=actor,
        action=action,
        subject="campaign",
        subject_id=campaign.pk,
        detail=detail,
        now=now,
    )


# The clock.


def tick(workspace_id: int, *, now: datetime) -> int:
    """Start what is scheduled, freeze audiences chunk by chunk, end what is done; returns how many messages were queued.

    The audience is who is in the segment or list while it is being frozen; a segment whose rule is not built yet is waited for.
    A crash between two chunks goes on where it was, and the
    outbox takes each person once in any case.
    """
    while _start_next(workspace_id, now=now):
        pass
    queued = 0
    for _chunk in range(MOST_CHUNKS):
        frozen = _freeze_chunk(workspace_id, now=now)
        if frozen is None:
            break
        queued += frozen
    _finish(workspace_id, now=now)
    return queued


def _start_next(workspace_id: int, *, now: datetime) -> bool:
    with tenancy.scope(workspace_id=workspace_id):
        due = Campaign.objects.filter(
            workspace_id=workspace_id, state=CampaignState.SCHEDULED.value, scheduled_at__lte=now
        )
        campaign = due.select_for_update(skip_locked=True, no_key=True).order_by("scheduled_at").first()
        if campaign is not None:
            _start_or_give_back(campaign, now=now)
    return campaign is not None


def _start_or_give_back(campaign: Campaign, *, now: datetime) -> None:
    """Start it; what may not be sent any more is a draft again, so that somebody decides."""
    try:
        _start(campaign, actor=SYSTEM, now=now)
    except CampaignInvalid as error:
        _move(campaign, CampaignState.DRAFT, scheduled_at=None)
        _audit(campaign, "halted", {"trouble": error.message}, actor=SYSTEM, now=now)


def _freeze_chunk(workspace_id: int, *, now: datetime) -> int | None:
    """Queue the next chunk of one campaign, and remember where it ends; None when no audience is left to freeze."""
    with tenancy.scope(workspace_id=workspace_id):
        contacts.hold_people(workspace_id)
        unfrozen = Campaign.objects.filter(
            Q(segment=None) | Q(segment__built_revision=F("segment__revision")),
            workspace_id=workspace_id,
            state=CampaignState.RUNNING.value,
            frozen_at=None,
        )
        campaign = (
            unfrozen.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .order_by("started_at", "id")
            .first()
        )
        if campaign is None or campaign.mailing_id is None:
            return None
        people = _next_people(campaign)
        rows = [ToQueue(campaign.mailing_id, 0, contact_id, None, None, now) for contact_id in people]
        queued = delivery.enqueue(workspace_id, rows, now=now)
        if people:
            campaign.frozen_after = people[-1]
        if len(people) < CHUNK:
            campaign.frozen_at = now
        campaign.save(update_fields=["frozen_after", "frozen_at"])
    return queued


def _next_people(campaign: Campaign) -> list[UUID]:
    mine: dict[str, Any] = {
        "workspace_id": campaign.workspace_id,
        "after": campaign.frozen_after or _NOBODY,
        "limit": CHUNK,
    }
    if campaign.segment_id is not None:
        rows = statements.next_of_segment.records(segment_id=campaign.segment_id, **mine)
    else:
        rows = statements.next_of_list.records(list_id=campaign.list_id, **mine)
    return [row["contact_id"] for row in rows]


def _finish(workspace_id: int, *, now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace_id):
        for row in statements.finish.records(workspace_id=workspace_id, now=now):
            campaign = Campaign.objects.get(workspace_id=workspace_id, pk=row["id"])
            _audit(campaign, "finished", actor=SYSTEM, now=now)
