"""Lists, by their numbers, and who is on them."""

from collections.abc import Callable, Mapping
from uuid import UUID

from django.utils.text import slugify
from django.utils.translation import gettext as _
from ninja import Router, Status

from parcours.api.brevo.problems import MissingParameter, OutOfRange
from parcours.api.brevo.shapes import ListIn, ListOut, ListsOut, Made, Members, MembersIn, MembersOut
from parcours.api.envelope import ApiRequest
from parcours.api.problems import FieldError, Unacceptable
from parcours.contacts import actions, identities
from parcours.contacts import queries as contacts
from parcours.contacts.errors import InvalidIdentity
from parcours.contacts.types import IdentityKind, ListRow
from parcours.events import audited
from parcours.events.audited import ListChange

router = Router()
MOST = 50


@router.get("", response=ListsOut, summary="List the lists")
def list_lists(request: ApiRequest, limit: int = 10, offset: int = 0, sort: str = "desc") -> ListsOut:
    """A page of the lists, newest first unless `sort` is `asc`."""
    if not 0 <= limit <= MOST or offset < 0:
        raise OutOfRange([FieldError("limit", _("A page has 1 to %(most)s items.") % {"most": MOST})])
    if sort not in ("asc", "desc"):
        raise Unacceptable(
            [FieldError("sort", _("This must be one of %(expected)s.") % {"expected": "asc, desc"})]
        )
    found = sorted(contacts.lists(request.call.workspace_id), key=lambda one: one.id, reverse=sort == "desc")
    return ListsOut(lists=[_out(one) for one in found[offset : offset + limit]], count=len(found))


def _out(row: ListRow) -> ListOut:
    return ListOut(
        id=row.id,
        name=row.name,
        folderId=1,
        uniqueSubscribers=row.count,
        totalSubscribers=row.count,
        totalBlacklisted=0,
    )


@router.post("", response={201: Made}, summary="Make a list")
def create_list(request: ApiRequest, wanted: ListIn) -> Status[Made]:
    """An empty list; its name says which one it is, so that no two may have the same."""
    call = request.call
    slug = slugify(wanted.name)[:60] or "list"
    made = actions.create_list(call.workspace_id, slug, wanted.name, actor=call.actor, now=call.now)
    return Status(201, Made(id=made.pk))


@router.post("/{int:list_id}/contacts/add", response={201: MembersOut}, summary="Put contacts on a list")
def add_contacts(request: ApiRequest, list_id: int, who: MembersIn) -> Status[MembersOut]:
    """Those who are on it already, and those who are not known, are told as failures."""
    return Status(201, _change(request, list_id, who, lambda slug, ids: _put(request, slug, add=ids).added))


@router.post("/{int:list_id}/contacts/remove", response={201: MembersOut}, summary="Take contacts off a list")
def remove_contacts(request: ApiRequest, list_id: int, who: MembersIn) -> Status[MembersOut]:
    """Those who were not on it, and those who are not known, are told as failures."""
    return Status(
        201, _change(request, list_id, who, lambda slug, ids: _put(request, slug, remove=ids).removed)
    )


def _put(
    request: ApiRequest, slug: str, *, add: list[UUID] | None = None, remove: list[UUID] | None = None
) -> ListChange:
    call = request.call
    return audited.change_list(
        call.workspace_id, slug, add=add or [], remove=remove or [], actor=call.actor, now=call.now
    )


def _change(
    request: ApiRequest, list_id: int, who: MembersIn, change: Callable[[str, list[UUID]], list[UUID]]
) -> MembersOut:
    slug = contacts.list_of_id(request.call.workspace_id, list_id).slug
    named = _named(request.call.workspace_id, who)
    changed = set(change(slug, [one for one in named.values() if one is not None]))
    success = [name for name, contact_id in named.items() if contact_id in changed]
    failure = [name for name, contact_id in named.items() if contact_id not in changed]
    if not success:
        raise Unacceptable(
            [FieldError("contacts", _("None of them is known and in another state than asked for."))]
        )
    return MembersOut(contacts=Members.model_construct(success=success, failure=failure, total=len(success)))


def _named(workspace_id: int, who: MembersIn) -> Mapping[str | int, UUID | None]:
    """Each name as it was given, with the person whom it names."""
    if sum(bool(one) for one in (who.emails, who.ids, who.extIds)) != 1:
        raise MissingParameter([FieldError("emails", _("Name them by emails, ids or extIds, one of these."))])
    if who.ids:
        numbers = contacts.ids_of_numbers(workspace_id, who.ids)
        return {number: numbers.get(number) for number in who.ids}
    kind = IdentityKind.EMAIL if who.emails else IdentityKind.EXTERNAL
    spelt = {given: _spelt(kind, given) for given in who.emails or who.extIds}
    known = contacts.ids_of(workspace_id, kind, [one for one in spelt.values() if one])
    return {given: known.get(spelling) for given, spelling in spelt.items()}


def _spelt(kind: IdentityKind, given: str) -> str:
    try:
        return identities.identity(kind, given)[1]
    except InvalidIdentity:
        return ""
