"""Journeys: what runs with how many people, publishing one's own or a ready-made one, pausing, resuming, archiving."""

from typing import Any

from django.utils.translation import gettext as _
from ninja import Router, Status

from parcours.api.envelope import ApiRequest
from parcours.api.routes import reports
from parcours.api.routes.reports import Language
from parcours.api.schemas import (
    JourneyGraphIn,
    JourneyGraphOut,
    JourneyIn,
    JourneyOut,
    Page,
    ReportOut,
    Slug,
    StepOut,
    VersionOut,
)
from parcours.insights import queries as insights
from parcours.journeys import actions, queries, recipes
from parcours.journeys.models import Journey, Version
from parcours.journeys.types import JourneyCount, JourneyState, Texts
from parcours.kernel.errors import NotFound

router = Router()


@router.get("", response=Page[JourneyOut], summary="List journeys")
def list_journeys(request: ApiRequest) -> Page[JourneyOut]:
    """Every journey with its people, those that run first."""
    workspace_id = request.call.workspace_id
    counts = queries.counts(workspace_id)
    nobody = JourneyCount()
    facts = [_facts(workspace_id, one, counts.get(one.pk, nobody)) for one in queries.journeys(workspace_id)]
    return Page[JourneyOut](items=[JourneyOut(**one) for one in facts])


@router.post("", response={201: JourneyOut}, summary="Publish a ready-made journey")
def publish_recipe(request: ApiRequest, wanted: JourneyIn) -> Status[JourneyOut]:
    """Bring what the recipe needs (purposes, templates, lists, segments) and publish it. One that is there stays as it is."""
    call = request.call
    made = recipes.install(call.workspace_id, wanted.recipe, actor=call.actor, now=call.now)
    return Status(201, _out(call.workspace_id, made))


@router.get("/{slug}", response=JourneyGraphOut, summary="Read a journey")
def read_journey(request: ApiRequest, slug: str, version: int | None = None) -> JourneyGraphOut:
    """One journey with its graph, its versions and the figures of every step: of the live version, or of the one asked for."""
    call = request.call
    journey = queries.access_journey(call.workspace_id, slug)
    shown = journey.live if version is None else queries.access_version(call.workspace_id, journey, version)
    steps = [] if shown is None else _steps(request, shown)
    return JourneyGraphOut(
        **_facts(call.workspace_id, journey),
        shown_version=shown.number if shown else None,
        graph=shown.graph["graph"] if shown else None,
        steps=steps,
        versions=[
            VersionOut(number=one.number, actor=one.actor, created_at=one.created_at)
            for one in queries.versions(call.workspace_id, journey)
        ],
    )


@router.get(
    "/{slug}/steps/{node}/report",
    response=ReportOut,
    summary="Read the report of a journey's message",
)
def read_report(
    request: ApiRequest, slug: str, node: str, version: int | None = None, language: Language = "en"
) -> ReportOut:
    """What came of a sending step of the live version, or of the one asked for. Links are labelled in `language`."""
    workspace_id = request.call.workspace_id
    journey = queries.access_journey(workspace_id, slug)
    shown = journey.live if version is None else queries.access_version(workspace_id, journey, version)
    mailing_id = shown.graph["mailings"].get(node) if shown else None
    if mailing_id is None:
        raise NotFound(_("No step “%(step)s” of this journey sends a message.") % {"step": node})
    return reports.of_mailing(workspace_id, mailing_id, language)


@router.put("/{slug}", response=JourneyGraphOut, summary="Publish a journey")
def save_journey(request: ApiRequest, slug: Slug, wanted: JourneyGraphIn) -> JourneyGraphOut:
    """Make it, or give it a new version, which people enter from now on; those inside finish on theirs. What cannot run is refused
    with its place, and changes nothing. A paused journey stays paused.
    """
    call = request.call
    texts = Texts(**wanted.model_dump(exclude={"graph"}))
    actions.save(call.workspace_id, slug, texts, wanted.graph, actor=call.actor, now=call.now)
    return read_journey(request, slug)


@router.post("/{slug}/pause", response=JourneyOut, summary="Pause a journey")
def pause_journey(request: ApiRequest, slug: str) -> JourneyOut:
    """Nobody enters, nobody moves, nothing leaves, until it is resumed."""
    call = request.call
    return _out(call.workspace_id, actions.pause(call.workspace_id, slug, actor=call.actor, now=call.now))


@router.post("/{slug}/resume", response=JourneyOut, summary="Resume a journey")
def resume_journey(request: ApiRequest, slug: str) -> JourneyOut:
    """Go on where it was paused."""
    call = request.call
    return _out(call.workspace_id, actions.resume(call.workspace_id, slug, actor=call.actor, now=call.now))


@router.post("/{slug}/archive", response=JourneyOut, summary="Archive a journey")
def archive_journey(request: ApiRequest, slug: str) -> JourneyOut:
    """Stop for good: nobody enters or moves, and what has not left is cancelled."""
    call = request.call
    return _out(call.workspace_id, actions.archive(call.workspace_id, slug, actor=call.actor, now=call.now))


def _out(workspace_id: int, journey: Journey) -> JourneyOut:
    return JourneyOut(**_facts(workspace_id, journey))


def _facts(workspace_id: int, journey: Journey, people: JourneyCount | None = None) -> dict[str, Any]:
    """What every answer says about a journey."""
    count = people or queries.counts(workspace_id, journey_id=journey.pk).get(journey.pk, JourneyCount())
    return {
        "slug": journey.slug,
        "name_fr": journey.name_fr,
        "name_en": journey.name_en,
        "description_fr": journey.description_fr,
        "description_en": journey.description_en,
        "state": JourneyState(journey.state),
        "version": journey.live.number if journey.live else None,
        "inside": count.inside,
        "entered": count.entered,
        "created_at": journey.created_at,
    }


def _steps(request: ApiRequest, version: Version) -> list[StepOut]:
    """Each node with its people and its messages."""
    call = request.call
    view = queries.graph_view(call.workspace_id, version, language="en", now=call.now)
    mailings: dict[str, int] = version.graph["mailings"]
    figures = insights.mailing_figures(call.workspace_id, list(mailings.values()))
    found = []
    for node in view.nodes:
        mailing = figures.get(mailings.get(node.name, 0))
        counted = {name: getattr(mailing, name) for name in _COUNTED} if mailing else {}
        found.append(
            StepOut(
                node=node.name,
                kind=node.kind,
                sentence=node.sentence or node.title,
                inside=node.here,
                passed=node.passed,
                **counted,
            )
        )
    return found


_COUNTED = (
    *("targeted", "sent", "withheld", "open_measured", "opened", "opened_by_machines", "click_measured"),
    *("clicked", "clicked_by_machines", "unnamed_clicks", "unsubscribed", "bounced"),
)
