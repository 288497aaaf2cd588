"""Changes to people, lists and declared attributes. Called inside a workspace's scope.

Those that a member makes write their audit entry. Events about people follow in `events.people`, which rooms above call.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from parcours.accounts.actions import record_audit
from parcours.accounts.types import Actor
from parcours.contacts import attributes, merging, saving
from parcours.contacts.errors import (
    AttributeExists,
    InvalidAttributeName,
    ListExists,
    TooManyAttributes,
    UnknownAttribute,
    UnknownList,
)
from parcours.contacts.holding import hold_for_merging, hold_people, hold_these
from parcours.contacts.models import Attribute, List
from parcours.contacts.queries import declared_attributes
from parcours.contacts.types import AttributeType, Changed, Person, SavedPerson
from parcours.kernel import sql
from parcours.kernel.errors import NotFound

statements = sql.load(__package__)
__all__ = [
    "add_to_list",
    "change_attribute",
    "create_list",
    "declare_attribute",
    "describe_attribute",
    "hold_people",
    "hold_these",
    "merge",
    "remove_from_list",
    "save_people",
]


def save_people(
    workspace_id: int,
    people: Sequence[Person],
    *,
    now: datetime,
    declare: bool = False,
    partial: bool = False,
) -> list[SavedPerson]:
    """Create, find, change and merge contacts so that each of `people` is one; return them in the same order.

    A constant number of statements whatever their number (a merge adds its own). Identities and values are checked first:
    Invalid stops everything, except that with `partial` a refused attribute is left out and told in `refused`. An attribute
    that is not declared is refused; with `declare`, its first value declares it.
    """
    return saving.save(workspace_id, people, now=now, declare=declare, partial=partial)


def merge(workspace_id: int, kept: UUID, dropped: UUID, *, now: datetime) -> None:
    """Make two contacts one; `dropped` ceases to exist. Waits for every transaction that holds people."""
    hold_for_merging(workspace_id)
    merging.merge_into(workspace_id, kept, dropped, now=now)


def add_to_list(workspace_id: int, slug: str, contact_ids: Sequence[UUID], *, now: datetime) -> list[UUID]:
    """Put contacts on a list; return those who were not on it. Unknown contacts are passed over."""
    return _on_list(statements.add_to_list, workspace_id, slug, contact_ids, now=now)


def remove_from_list(
    workspace_id: int, slug: str, contact_ids: Sequence[UUID], *, now: datetime
) -> list[UUID]:
    """Take contacts off a list; return those who were on it."""
    return _on_list(statements.remove_from_list, workspace_id, slug, contact_ids, now=now)


def _on_list(
    statement: sql.Statement, workspace_id: int, slug: str, contact_ids: Sequence[UUID], *, now: datetime
) -> list[UUID]:
    found = statement.records(workspace_id=workspace_id, slug=slug, contact_ids=list(contact_ids), now=now)
    if not found and not List.objects.filter(workspace_id=workspace_id, slug=slug).exists():
        raise UnknownList(_("No list is called “%(slug)s”.") % {"slug": slug}, field="list")
    return [row["contact_id"] for row in found]


def change_attribute(
    workspace_id: int, contact_ids: Sequence[UUID], name: str, value: Any, *, now: datetime
) -> list[Changed]:
    """Give contacts one value (None removes it); return those who had another. Raises UnknownAttribute, InvalidAttribute."""
    declared = declared_attributes(workspace_id).get(name)
    if declared is None:
        raise UnknownAttribute(_("No attribute is called “%(name)s”.") % {"name": name}, field=name)
    kept = attributes.accepted(declared, value)
    return statements.change_attribute.rows(
        Changed,
        workspace_id=workspace_id,
        contact_ids=list(contact_ids),
        name=name,
        value=msgspec.json.encode(kept).decode(),
        now=now,
    )


def create_list(workspace_id: int, slug: str, name: str, *, actor: Actor, now: datetime) -> List:
    """Make an empty list."""
    try:
        with transaction.atomic():
            made = List.objects.create(workspace_id=workspace_id, slug=slug, name=name, created_at=now)
    except IntegrityError:
        raise ListExists(_("There is a list “%(slug)s” already.") % {"slug": slug}, field="slug") from None
    record_audit(workspace_id, actor=actor, action="created", subject="list", subject_id=slug, now=now)
    return made


def declare_attribute(
    workspace_id: int,
    name: str,
    type: AttributeType,
    *,
    label_fr: str = "",
    label_en: str = "",
    options: Sequence[str] = (),
    actor: Actor,
    now: datetime,
) -> Attribute:
    """Declare an attribute; `options` are the values that a category takes, any if there are none.

    Raises InvalidAttributeName, AttributeExists, TooManyAttributes.
    """
    if attributes.name_of(name) != name or name in attributes.RESERVED_NAMES:
        raise InvalidAttributeName(_("“%(name)s” cannot name an attribute.") % {"name": name}, field="name")
    if len(declared_attributes(workspace_id)) >= attributes.MAX_DECLARED:
        raise TooManyAttributes(
            _("A workspace has at most %(limit)s attributes.") % {"limit": attributes.MAX_DECLARED}
        )
    try:
        with transaction.atomic():
            made = Attribute.objects.create(
                workspace_id=workspace_id,
                name=name,
                type=type.value,
                label_fr=label_fr or name,
                label_en=label_en or name,
                options=list(options),
            )
    except IntegrityError:
        raise AttributeExists(
            _("There is an attribute “%(name)s” already.") % {"name": name}, field="name"
        ) from None
    record_audit(workspace_id, actor=actor, action="declared", subject="attribute", subject_id=name, now=now)
    return made


def describe_attribute(
    workspace_id: int,
    name: str,
    *,
    label_fr: str | None = None,
    label_en: str | None = None,
    options: Sequence[str] | None = None,
    actor: Actor,
    now: datetime,
) -> Attribute:
    """Change how people read an attribute, and the values that a category offers. Name and type stay: values are stored by them.

    Raises NotFound.
    """
    found = Attribute.objects.filter(workspace_id=workspace_id, name=name).first()
    if found is None:
        raise NotFound(_("No attribute is called “%(name)s”.") % {"name": name})
    wanted = {
        "label_fr": label_fr,
        "label_en": label_en,
        "options": None if options is None else list(options),
    }
    changes = {
        field: value
        for field, value in wanted.items()
        if value is not None and value != getattr(found, field)
    }
    if changes:
        before = {field: getattr(found, field) for field in changes}
        for field, value in changes.items():
            setattr(found, field, value)
        found.save(update_fields=list(changes))
        record_audit(
            workspace_id,
            actor=actor,
            action="changed",
            subject="attribute",
            subject_id=name,
            detail={"from": before, "to": changes},
            now=now,
        )
    return found
