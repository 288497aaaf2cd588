"""Reads about contacts, their identities, attributes and lists."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from parcours.contacts import identities as spelling
from parcours.contacts.errors import UnknownContact, UnknownList
from parcours.contacts.models import Attribute, Identity, List
from parcours.contacts.types import AttributeType, ContactRow, Declared, IdentityKind, KnownIdentity, ListRow
from parcours.kernel import sql

statements = sql.load(__package__)


def contact(workspace_id: int, contact_id: UUID) -> ContactRow:
    """One contact; UnknownContact when there is none here."""
    found = statements.contact.row(ContactRow, workspace_id=workspace_id, contact_id=contact_id)
    if found is None:
        raise UnknownContact(_("There is no such contact."))
    return found


def contact_of(workspace_id: int, kind: IdentityKind, value: str) -> ContactRow | None:
    """The contact whose identity this is, or None. Raises InvalidIdentity for a value that cannot be one."""
    kind, value = spelling.identity(kind, value)
    return statements.contact_of_identity.row(
        ContactRow, workspace_id=workspace_id, kind=kind.value, value=value
    )


def contact_of_number(workspace_id: int, number: int) -> ContactRow | None:
    """The contact whose number this is, or None."""
    if not 0 < number < 2**63:
        return None
    return statements.contact_of_number.row(ContactRow, workspace_id=workspace_id, number=number)


def number_of(workspace_id: int, contact_id: UUID) -> int:
    """The number of a contact that exists. Those who are merged into another one lose theirs."""
    return int(statements.number_of.scalar(workspace_id=workspace_id, contact_id=contact_id))


def ids_of_numbers(workspace_id: int, numbers: Sequence[int]) -> dict[int, UUID]:
    """Who has these numbers; nobody's are left out."""
    known = [number for number in numbers if 0 < number < 2**63]
    rows = statements.ids_of_numbers.records(workspace_id=workspace_id, numbers=known)
    return {row["key"]: row["contact_id"] for row in rows}


def ids_of(workspace_id: int, kind: IdentityKind, values: Sequence[str]) -> dict[str, UUID]:
    """Who has these identities, in their one spelling; nobody's are left out."""
    rows = statements.ids_of_identities.records(
        workspace_id=workspace_id, kind=kind.value, values=list(values)
    )
    return {row["key"]: row["contact_id"] for row in rows}


def identities(workspace_id: int, contact_id: UUID) -> list[KnownIdentity]:
    """All that identifies a contact, in the order in which it became known."""
    return statements.identities.rows(KnownIdentity, workspace_id=workspace_id, contact_id=contact_id)


def list_contacts(
    workspace_id: int, *, before: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[ContactRow]:
    """A page of contacts, newest first; `before` is (created_at, id) of the last one on the page above."""
    before_at, before_id = before or (None, None)
    return statements.newest_contacts.rows(
        ContactRow, workspace_id=workspace_id, before_at=before_at, before_id=before_id, limit=limit
    )


def count_contacts(workspace_id: int) -> int:
    """How many contacts the workspace has."""
    return int(statements.count_contacts.scalar(workspace_id=workspace_id))


def known_by(workspace_id: int, contact_ids: Iterable[UUID]) -> dict[UUID, str]:
    """What each of these people is recognised by where no address is known: their id in the shop or CRM, else their phone number,
    else their browser's id.
    """
    found = Identity.objects.filter(workspace_id=workspace_id, contact_id__in=list(contact_ids)).order_by(
        "id"
    )
    rows = list(found.values_list("kind", "contact_id", "value"))
    chosen: dict[UUID, str] = {}
    for wanted in (IdentityKind.EXTERNAL, IdentityKind.PHONE, IdentityKind.ANONYMOUS):
        for kind, contact_id, value in rows:
            if kind == wanted.value:
                chosen.setdefault(contact_id, value)
    return chosen


def attributes(workspace_id: int) -> list[Attribute]:
    """The declared attributes, by name."""
    return list(Attribute.objects.filter(workspace_id=workspace_id).order_by("name"))


def declared_attributes(workspace_id: int) -> dict[str, Declared]:
    """Names, types and options of the declared attributes."""
    rows = statements.declared_attributes.records(workspace_id=workspace_id)
    return {
        row["name"]: Declared(row["name"], AttributeType(row["type"]), tuple(row["options"])) for row in rows
    }


def lists(workspace_id: int) -> list[ListRow]:
    """The lists with the number of people on each, by name."""
    return statements.lists.rows(ListRow, workspace_id=workspace_id)


def list_names(workspace_id: int) -> dict[str, str]:
    """The names of the lists by their slugs, in the order of names; nobody on them is counted."""
    found = List.objects.filter(workspace_id=workspace_id).order_by(Lower("name"), "id")
    return dict(found.values_list("slug", "name"))


def list_of_id(workspace_id: int, list_id: int) -> List:
    """One list, by its number. Raises UnknownList."""
    found = List.objects.filter(workspace_id=workspace_id, pk=list_id).first()
    if found is None:
        raise UnknownList(_("No list has the id %(id)s.") % {"id": list_id}, field="listId")
    return found


def members_of_list(
    workspace_id: int, slug: str, *, after: UUID | None = None, limit: int = 50
) -> list[ContactRow]:
    """A page of the people on a list, in the order of their ids. Raises UnknownList."""
    if not List.objects.filter(workspace_id=workspace_id, slug=slug).exists():
        raise UnknownList(_("No list is called “%(slug)s”.") % {"slug": slug}, field="list")
    return statements.members_of_list.rows(
        ContactRow, workspace_id=workspace_id, slug=slug, after=after, limit=limit
    )


def lists_of(workspace_id: int, contact_id: UUID) -> list[ListRow]:
    """The lists that a contact is on, with the time when they joined as `created_at`; counts are not read (0)."""
    return statements.lists_of_contact.rows(ListRow, workspace_id=workspace_id, contact_id=contact_id)
