"""Changing one contact that somebody has before them: fields, attributes, what identifies them.

Here the contact is given, and an address or id that is another person's is refused. Not here: finding out who somebody is, and
merging (`saving`); the events that follow (`events.people`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from parcours.contacts import identities, queries, saving
from parcours.contacts.errors import IdentityTaken, LastIdentity, UnknownContact, UnknownIdentity
from parcours.contacts.types import IdentityKind
from parcours.kernel import sql

statements = sql.load(__package__)
Changes = dict[str, dict[str, Any]]
"""{name: {"from": …, "to": …}}, as the event `Attributes Changed` tells them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a contact's fields shall be. None leaves one as it is, '' empties language and time zone; an attribute of None goes."""

    email: str | None = None
    language: str | None = None
    time_zone: str | None = None
    attributes: Mapping[str, Any] | None = None


def change_contact(
    workspace_id: int, contact_id: UUID, wanted: Wanted, *, declare: bool = False, now: datetime
) -> Changes:
    """Change fields of a contact; return what did change. Another main address is added to those that identify the person.

    Raises UnknownContact, InvalidEmail and the like, IdentityTaken; with `declare` a new attribute's value declares it.
    """
    queries.contact(workspace_id, contact_id)
    fields: dict[str, Any] = {}
    if wanted.language is not None:
        fields["language"] = identities.language(wanted.language) if wanted.language else ""
    if wanted.time_zone is not None:
        fields["time_zone"] = identities.time_zone(wanted.time_zone) if wanted.time_zone else ""
    if wanted.attributes:
        fields["attributes"] = saving.checked_attributes(workspace_id, wanted.attributes, declare=declare)
    statements.hold_people.run(workspace_id=workspace_id)
    if wanted.email is not None:
        fields["email"] = identities.email(wanted.email)
        _add(workspace_id, contact_id, IdentityKind.EMAIL, fields["email"], now)
    found = statements.change_contact.records(
        workspace_id=workspace_id,
        contact_id=contact_id,
        fields=msgspec.json.encode(fields).decode(),
        now=now,
    )
    return found[0]["changes"] if found else {}


def add_identity(
    workspace_id: int, contact_id: UUID, kind: IdentityKind, value: str, *, now: datetime
) -> Changes:
    """Let one more address, number or id lead to a contact. Raises InvalidIdentity, IdentityTaken, UnknownContact."""
    kind, value = identities.identity(kind, value)
    statements.hold_people.run(workspace_id=workspace_id)
    if not _add(workspace_id, contact_id, kind, value, now):
        return {}
    return {_name(kind): {"from": None, "to": value}}


def remove_identity(
    workspace_id: int, contact_id: UUID, kind: IdentityKind, value: str, *, now: datetime
) -> Changes:
    """Let an address, number or id lead to a contact no more; its main address, if it was that, becomes the oldest of the others.

    Raises UnknownIdentity; LastIdentity when nothing else would say who the contact is.
    """
    kind, value = identities.identity(kind, value)
    statements.hold_people.run(workspace_id=workspace_id)
    found = statements.remove_identity.records(
        workspace_id=workspace_id, contact_id=contact_id, kind=kind.value, value=value, now=now
    )
    if not found:
        raise UnknownIdentity(_("The contact does not have “%(value)s”.") % {"value": value}, field="value")
    if not statements.count_identities.scalar(workspace_id=workspace_id, contact_id=contact_id):
        raise LastIdentity(
            _("Nothing else says who this contact is."),
            field="value",
            hint=_("Add another address or number first."),
        )
    changes: Changes = {_name(kind): {"from": value, "to": None}}
    before, after = found[0]["email_before"], found[0]["email"]
    if before != after:
        changes["email"] = {"from": before, "to": after}
    return changes


def _name(kind: IdentityKind) -> str:
    """Under which name an identity's change is told. `email` is the main address, which another address need not be."""
    return {IdentityKind.EMAIL: "address", IdentityKind.EXTERNAL: "external_id"}.get(kind, kind.value)


def _add(workspace_id: int, contact_id: UUID, kind: IdentityKind, value: str, now: datetime) -> bool:
    """Store the identity; true when it is new. A simultaneous writer's may be seen only by a second statement."""
    parameters = {
        "workspace_id": workspace_id,
        "contact_id": contact_id,
        "kind": kind.value,
        "value": value,
        "now": now,
    }
    found = statements.add_identity.records(**parameters) or statements.add_identity.records(**parameters)
    if not found:
        raise UnknownContact(_("There is no such contact."))
    if found[0]["contact_id"] != contact_id:
        raise IdentityTaken(
            _("“%(value)s” belongs to another contact.") % {"value": value},
            field=kind.value,
            hint=_("Open that contact, or take it from there first."),
        )
    return bool(found[0]["is_new"])
