"""Changes to people that somebody asks for, a member on a page or a program with a key: those of `events.people`, each with its
entry in the audit trail, in the same transaction.

The trail says who changed which fields of whom. It does not repeat what they hold: it outlives the person's own data.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from parcours.accounts.actions import record_audit
from parcours.accounts.types import Actor
from parcours.consent import actions as consent
from parcours.consent.types import Statement
from parcours.contacts.changing import Changes, Wanted
from parcours.contacts.types import Identity, Person, SavedPerson
from parcours.events import people

NAMED = 20
"""How many people of a list's change the trail names; it counts all of them."""


def save_person(
    workspace_id: int, person: Person, *, declare: bool = False, actor: Actor, now: datetime
) -> SavedPerson:
    """Create a person, or change who they are already. Raises what `contacts.actions.save_people` does."""
    [saved] = people.save_people(workspace_id, [person], now=now, declare=declare)
    if saved.created or saved.changes or saved.merged:
        detail: dict[str, object] = {
            "fields": sorted(saved.changes) if not saved.created else _fields(person)
        }
        if saved.merged:
            detail["merged"] = [str(one) for one in saved.merged]
        record_audit(
            workspace_id,
            actor=actor,
            action="created" if saved.created else "changed",
            subject="contact",
            subject_id=saved.contact_id,
            detail=detail,
            now=now,
        )
    return saved


def _fields(person: Person) -> list[str]:
    """What is told about a person who is new."""
    told = {"email": person.email, "language": person.language, "time_zone": person.time_zone}
    return sorted([*(name for name, value in told.items() if value), *person.attributes])


def change_contact(
    workspace_id: int,
    contact_id: UUID,
    wanted: Wanted,
    *,
    declare: bool = False,
    actor: Actor,
    now: datetime,
) -> Changes:
    """Change fields of a contact. Raises what `contacts.changing.change_contact` does."""
    changes = people.change_contact(workspace_id, contact_id, wanted, declare=declare, now=now)
    if changes:
        record_audit(
            workspace_id,
            actor=actor,
            action="changed",
            subject="contact",
            subject_id=contact_id,
            detail={"fields": sorted(changes)},
            now=now,
        )
    return changes


def change_identities(
    workspace_id: int,
    contact_id: UUID,
    *,
    add: Sequence[Identity] = (),
    remove: Sequence[Identity] = (),
    actor: Actor,
    now: datetime,
) -> None:
    """Add and remove what identifies a contact, in this order. Raises what `contacts.changing` does."""
    for action, each, changed in (
        *(("added", one, people.add_identity) for one in add),
        *(("removed", one, people.remove_identity) for one in remove),
    ):
        kind, value = each
        if changed(workspace_id, contact_id, kind, value, now=now):
            record_audit(
                workspace_id,
                actor=actor,
                action=action,
                subject="identity",
                subject_id=contact_id,
                detail={"kind": kind.value},
                now=now,
            )


def record_export(
    workspace_id: int, rows: int, filters: Mapping[str, str], *, actor: Actor, now: datetime
) -> None:
    """Note that people's data are taken away, how many people's, and which."""
    record_audit(
        workspace_id,
        actor=actor,
        action="exported",
        subject="contacts",
        detail={"rows": rows, "filters": dict(filters)},
        now=now,
    )


def record_statements(
    workspace_id: int, said: Sequence[Statement], *, actor: Actor, now: datetime
) -> list[Statement]:
    """Record what people said about purposes; returns what changed something. Raises what `consent.actions.record` does."""
    placed = consent.placed(workspace_id, said)
    changed = people.record_placed(workspace_id, placed, now=now)
    for one in placed:
        record_audit(
            workspace_id,
            actor=actor,
            action=one.act.value,
            subject="consent",
            subject_id=one.contact_id,
            detail={"purpose": one.purpose, "channel": one.channel.value},
            now=now,
        )
    return changed


@dataclass(frozen=True, slots=True)
class ListChange:
    """Who came onto a list, and who left it."""

    added: list[UUID]
    removed: list[UUID]


def change_list(
    workspace_id: int,
    slug: str,
    *,
    add: Sequence[UUID] = (),
    remove: Sequence[UUID] = (),
    actor: Actor,
    now: datetime,
) -> ListChange:
    """Put people on a list and take others off. Raises UnknownList; unknown people are passed over."""
    change = ListChange(
        added=people.add_to_list(workspace_id, slug, add, now=now),
        removed=people.remove_from_list(workspace_id, slug, remove, now=now),
    )
    for action, who in (("added", change.added), ("removed", change.removed)):
        if who:
            record_audit(
                workspace_id,
                actor=actor,
                action=action,
                subject="list_member",
                subject_id=slug,
                detail={"count": len(who), "contacts": _named(who)},
                now=now,
            )
    return change


def _named(who: Iterable[UUID]) -> list[str]:
    return [str(one) for one in who][:NAMED]
