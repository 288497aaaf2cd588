"""Dynamic segments: their rules, how many people, who."""

from ninja import Router, Status

from parcours.api.envelope import ApiRequest
from parcours.api.routes.paging import cut, page_size, uuid_in
from parcours.api.schemas import ContactInSegment, CountOut, Page, SegmentChange, SegmentIn, SegmentOut
from parcours.audiences import actions, language, queries
from parcours.audiences.language import Vocabulary
from parcours.audiences.types import SegmentRow
from parcours.kernel.errors import DomainError

router = Router()


@router.get("", response=Page[SegmentOut], summary="List segments")
def list_segments(request: ApiRequest) -> Page[SegmentOut]:
    """The segments with their rules, in words too, and the number of people in each."""
    workspace_id = request.call.workspace_id
    words = queries.vocabulary(workspace_id)
    return Page[SegmentOut](items=[_out(row, words) for row in queries.list_segments(workspace_id)])


@router.post("", response={201: SegmentOut}, summary="Make a segment")
def create_segment(request: ApiRequest, wanted: SegmentIn) -> Status[SegmentOut]:
    """A segment; its people are computed in the background. What is wrong with a rule is said with its place."""
    call = request.call
    actions.create_segment(
        call.workspace_id,
        wanted.slug,
        wanted.name,
        wanted.rule,
        description=wanted.description,
        actor=call.actor,
        now=call.now,
    )
    row = queries.segment(call.workspace_id, wanted.slug)
    return Status(201, _out(row, queries.vocabulary(call.workspace_id)))


@router.get("/{slug}", response=SegmentOut, summary="Read a segment")
def read_segment(request: ApiRequest, slug: str) -> SegmentOut:
    """One segment."""
    workspace_id = request.call.workspace_id
    return _out(queries.segment(workspace_id, slug), queries.vocabulary(workspace_id))


@router.patch("/{slug}", response=SegmentOut, summary="Change a segment")
def change_segment(request: ApiRequest, slug: str, change: SegmentChange) -> SegmentOut:
    """Its name, what it is for, its rule. After a change of the rule its people are computed anew in the background."""
    call = request.call
    actions.update_segment(
        call.workspace_id, slug, **change.model_dump(exclude_none=True), actor=call.actor, now=call.now
    )
    return read_segment(request, slug)


@router.delete("/{slug}", response={204: None}, summary="Delete a segment")
def delete_segment(request: ApiRequest, slug: str) -> Status[None]:
    """Its people stay. One that a segment, purpose, journey or campaign uses is not deleted."""
    call = request.call
    actions.delete_segment(call.workspace_id, slug, actor=call.actor, now=call.now)
    return Status(204, None)


@router.get("/{slug}/count", response=CountOut, summary="Count a segment's people")
def count_segment(request: ApiRequest, slug: str) -> CountOut:
    """How many people are in it now."""
    row = queries.segment(request.call.workspace_id, slug)
    return CountOut(count=queries.count(request.call.workspace_id, row.id))


@router.get("/{slug}/members", response=Page[ContactInSegment], summary="List a segment's people")
def list_members(request: ApiRequest, slug: str, after: str = "", limit: int = 50) -> Page[ContactInSegment]:
    """Who is in it, newest contacts first, and since when."""
    workspace_id = request.call.workspace_id
    row, size = queries.segment(workspace_id, slug), page_size(limit)
    start = uuid_in(after) if after else None
    found = queries.members(workspace_id, row.id, before=start, limit=size + 1)
    people, following = cut(found, size, lambda last: str(last.id))
    return Page[ContactInSegment](
        items=[ContactInSegment.model_validate(one, from_attributes=True) for one in people], next=following
    )


def _out(row: SegmentRow, words: Vocabulary) -> SegmentOut:
    return SegmentOut(
        slug=row.slug,
        name=row.name,
        description=row.description,
        rule=row.rule,
        sentence_en=_sentence(row, words, "en"),
        sentence_fr=_sentence(row, words, "fr"),
        count=row.count,
        is_current=row.is_built,
        created_at=row.created_at,
    )


def _sentence(row: SegmentRow, words: Vocabulary, spoken: str) -> str:
    """The rule in words; what is wrong with it when something it names is gone."""
    try:
        return language.explain(language.parse(row.rule), words, spoken)
    except DomainError as error:
        return error.message
