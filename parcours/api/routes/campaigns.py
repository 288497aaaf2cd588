"""One-off campaigns: make, schedule, pause, resume, cancel, and how far they are."""

from collections.abc import Iterable

from ninja import Router, Status

from parcours.api.envelope import ApiRequest
from parcours.api.problems import naming
from parcours.api.routes import reports
from parcours.api.routes.paging import int_in, newest_first, page_size
from parcours.api.routes.reports import Language
from parcours.api.schemas import CampaignIn, CampaignOut, Page, ProgressOut, ReportOut, ScheduleIn
from parcours.campaigns import actions, queries
from parcours.campaigns.models import Campaign
from parcours.campaigns.types import CampaignState, Draft
from parcours.insights import queries as insights
from parcours.insights.types import MailingFigures, MailingReport

router = Router()


@router.get("", response=Page[CampaignOut], summary="List campaigns")
def list_campaigns(request: ApiRequest, after: str = "", limit: int = 50) -> Page[CampaignOut]:
    """Campaigns with their progress, the newest first."""
    workspace_id = request.call.workspace_id
    found = queries.campaigns(workspace_id)
    rows, following = newest_first(found, "created_at", int_in, after, page_size(limit))
    return Page[CampaignOut](items=_out(workspace_id, rows), next=following)


@router.post("", response={201: CampaignOut}, summary="Make a campaign")
def create_campaign(request: ApiRequest, wanted: CampaignIn) -> Status[CampaignOut]:
    """A draft, to a segment or to a list. Nothing leaves before it is scheduled."""
    call = request.call
    draft = Draft(**wanted.model_dump())
    made = actions.create(call.workspace_id, draft, actor=call.actor, now=call.now)
    return Status(201, _read(call.workspace_id, made.pk))


@router.get("/{campaign_id}", response=CampaignOut, summary="Read a campaign")
def read_campaign(request: ApiRequest, campaign_id: int) -> CampaignOut:
    """One campaign with what became of its recipients."""
    return _read(request.call.workspace_id, campaign_id)


@router.get("/{campaign_id}/report", response=ReportOut, summary="Read a campaign's report")
def read_report(request: ApiRequest, campaign_id: int, language: Language = "en") -> ReportOut:
    """Which links were followed, by mail system, by device; all empty before it starts. Links are labelled in `language`."""
    campaign = queries.access_campaign(request.call.workspace_id, campaign_id)
    if campaign.mailing_id is None:
        return reports.told(MailingReport(MailingFigures(0), [], [], []))
    return reports.of_mailing(campaign.workspace_id, campaign.mailing_id, language)


@router.put("/{campaign_id}", response=CampaignOut, summary="Change a draft")
def change_campaign(request: ApiRequest, campaign_id: int, wanted: CampaignIn) -> CampaignOut:
    """What is scheduled or has started is not changed any more."""
    call = request.call
    draft = Draft(**wanted.model_dump())
    actions.change(call.workspace_id, campaign_id, draft, actor=call.actor, now=call.now)
    return _read(call.workspace_id, campaign_id)


@router.delete("/{campaign_id}", response={204: None}, summary="Delete a draft")
def delete_campaign(request: ApiRequest, campaign_id: int) -> Status[None]:
    """What is scheduled or has started can be cancelled, and stays."""
    call = request.call
    actions.delete(call.workspace_id, campaign_id, actor=call.actor, now=call.now)
    return Status(204, None)


@router.post("/{campaign_id}/schedule", response=CampaignOut, summary="Schedule or start a campaign")
def schedule_campaign(request: ApiRequest, campaign_id: int, when: ScheduleIn) -> CampaignOut:
    """Start at an instant, or at once."""
    call = request.call
    if when.at is None:
        actions.start(call.workspace_id, campaign_id, actor=call.actor, now=call.now)
    else:
        with naming(scheduled_at="at"):
            actions.schedule(call.workspace_id, campaign_id, when.at, actor=call.actor, now=call.now)
    return _read(call.workspace_id, campaign_id)


@router.post("/{campaign_id}/pause", response=CampaignOut, summary="Pause a campaign")
def pause_campaign(request: ApiRequest, campaign_id: int) -> CampaignOut:
    """Nothing more leaves until it is resumed."""
    call = request.call
    actions.pause(call.workspace_id, campaign_id, actor=call.actor, now=call.now)
    return _read(call.workspace_id, campaign_id)


@router.post("/{campaign_id}/resume", response=CampaignOut, summary="Resume a campaign")
def resume_campaign(request: ApiRequest, campaign_id: int) -> CampaignOut:
    """Go on with exactly those who have no outcome yet."""
    call = request.call
    actions.resume(call.workspace_id, campaign_id, actor=call.actor, now=call.now)
    return _read(call.workspace_id, campaign_id)


@router.post("/{campaign_id}/cancel", response=CampaignOut, summary="Cancel a campaign")
def cancel_campaign(request: ApiRequest, campaign_id: int) -> CampaignOut:
    """Stop for good; what left has left."""
    call = request.call
    actions.cancel(call.workspace_id, campaign_id, actor=call.actor, now=call.now)
    return _read(call.workspace_id, campaign_id)


def _read(workspace_id: int, campaign_id: int) -> CampaignOut:
    [found] = _out(workspace_id, [queries.access_campaign(workspace_id, campaign_id)])
    return found


def _out(workspace_id: int, campaigns: Iterable[Campaign]) -> list[CampaignOut]:
    """Campaigns as they are told, with their progress from one count for all of them."""
    found = list(campaigns)
    figures = insights.mailing_figures(workspace_id, [one.mailing_id for one in found if one.mailing_id])
    return [_told(one, figures.get(one.mailing_id or 0, MailingFigures(0))) for one in found]


def _told(campaign: Campaign, figures: MailingFigures) -> CampaignOut:
    return CampaignOut(
        id=campaign.pk,
        name=campaign.name,
        template=campaign.template.slug,
        purpose=campaign.purpose.code,
        segment=campaign.segment.slug if campaign.segment else None,
        list=campaign.list.slug if campaign.list else None,
        state=CampaignState(campaign.state),
        scheduled_at=campaign.scheduled_at,
        started_at=campaign.started_at,
        finished_at=campaign.finished_at,
        progress=ProgressOut(
            targeted=figures.targeted,
            queued=figures.waiting,
            delayed=figures.delayed,
            sending=figures.sending,
            sent=figures.sent,
            failed=figures.failed,
            in_doubt=figures.in_doubt,
            withheld=figures.withheld,
            cancelled=figures.cancelled,
        ),
    )
