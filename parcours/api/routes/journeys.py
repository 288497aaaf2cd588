"""Journeys: what runs with how many people, publishing a ready-made one, pausing and resuming."""

from ninja import Router, Status

from parcours.api.envelope import ApiRequest
from parcours.api.schemas import JourneyIn, JourneyOut, Page
from parcours.journeys import actions, queries, recipes
from parcours.journeys.models import Journey
from parcours.journeys.types import JourneyCount, JourneyState

router = Router()


@router.get("", response=Page[JourneyOut], summary="List journeys")
def list_journeys(request: ApiRequest) -> Page[JourneyOut]:
    """Every journey with its people, those that run first."""
    workspace_id = request.call.workspace_id
    counts = queries.counts(workspace_id)
    return Page[JourneyOut](items=[_out(one, counts.get(one.pk)) for one in queries.journeys(workspace_id)])


@router.post("", response={201: JourneyOut}, summary="Publish a ready-made journey")
def publish_recipe(request: ApiRequest, wanted: JourneyIn) -> Status[JourneyOut]:
    """Bring what the recipe needs (purposes, templates, lists, segments) and publish it. One that is there stays as it is."""
    call = request.call
    made = recipes.install(call.workspace_id, wanted.recipe, actor=call.actor, now=call.now)
    return Status(201, _read(call.workspace_id, made.slug))


@router.get("/{slug:slug}", response=JourneyOut, summary="Read a journey")
def read_journey(request: ApiRequest, slug: str) -> JourneyOut:
    """One journey with its people."""
    return _read(request.call.workspace_id, slug)


@router.post("/{slug:slug}/pause", response=JourneyOut, summary="Pause a journey")
def pause_journey(request: ApiRequest, slug: str) -> JourneyOut:
    """Nobody enters, nobody moves, nothing leaves, until it is resumed."""
    call = request.call
    actions.pause(call.workspace_id, slug, actor=call.actor, now=call.now)
    return _read(call.workspace_id, slug)


@router.post("/{slug:slug}/resume", response=JourneyOut, summary="Resume a journey")
def resume_journey(request: ApiRequest, slug: str) -> JourneyOut:
    """Go on where it was paused."""
    call = request.call
    actions.resume(call.workspace_id, slug, actor=call.actor, now=call.now)
    return _read(call.workspace_id, slug)


def _read(workspace_id: int, slug: str) -> JourneyOut:
    journey = queries.access_journey(workspace_id, slug)
    return _out(journey, queries.counts(workspace_id).get(journey.pk))


def _out(journey: Journey, people: JourneyCount | None) -> JourneyOut:
    return JourneyOut(
        slug=journey.slug,
        name_fr=journey.name_fr,
        name_en=journey.name_en,
        description_fr=journey.description_fr,
        description_en=journey.description_en,
        state=JourneyState(journey.state),
        version=journey.live.number if journey.live else None,
        inside=people.inside if people else 0,
        entered=people.entered if people else 0,
        created_at=journey.created_at,
    )
