"""Static lists and who is on them."""

from ninja import Router, Status

from parcours.api.envelope import ApiRequest
from parcours.api.routes.paging import cut, page_size, uuid_in
from parcours.api.schemas import ContactOut, ListIn, ListOut, MembersChanged, MembersIn, Page
from parcours.contacts import actions, queries
from parcours.events import audited

router = Router()


@router.get("", response=Page[ListOut], summary="List the lists")
def list_lists(request: ApiRequest) -> Page[ListOut]:
    """The lists with the number of people on each, by name."""
    found = queries.lists(request.call.workspace_id)
    return Page[ListOut](items=[ListOut.model_validate(one, from_attributes=True) for one in found])


@router.post("", response={201: ListOut}, summary="Make a list")
def create_list(request: ApiRequest, wanted: ListIn) -> Status[ListOut]:
    """An empty list."""
    call = request.call
    made = actions.create_list(call.workspace_id, wanted.slug, wanted.name, actor=call.actor, now=call.now)
    return Status(201, ListOut(slug=made.slug, name=made.name, count=0, created_at=made.created_at))


@router.get("/{slug}/members", response=Page[ContactOut], summary="List a list's people")
def list_members(request: ApiRequest, slug: str, after: str = "", limit: int = 50) -> Page[ContactOut]:
    """Who is on it, in the order of their ids."""
    size = page_size(limit)
    start = uuid_in(after) if after else None
    found = queries.members_of_list(request.call.workspace_id, slug, after=start, limit=size + 1)
    people, following = cut(found, size, lambda last: str(last.id))
    return Page[ContactOut](
        items=[ContactOut.model_validate(one, from_attributes=True) for one in people], next=following
    )


@router.post("/{slug}/members", response=MembersChanged, summary="Change who is on a list")
def change_members(request: ApiRequest, slug: str, members: MembersIn) -> MembersChanged:
    """Put people on a list and take others off. Ids that are unknown here are passed over."""
    call = request.call
    change = audited.change_list(
        call.workspace_id, slug, add=members.add, remove=members.remove, actor=call.actor, now=call.now
    )
    return MembersChanged(added=len(change.added), removed=len(change.removed))
