"""Changes of people that are also events: the change and what it tells are written in one transaction.

This is what web, api, public and journeys call. The changes themselves are in `contacts.actions` and `consent.actions`. Each holds
people first (see `contacts.actions.hold_people`), so that a merge at the same moment loses nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from parcours.consent import actions as consent
from parcours.consent import queries as consent_queries
from parcours.consent.types import Act, Statement, Wish
from parcours.contacts import actions as contacts
from parcours.contacts import changing
from parcours.contacts.changing import Changes, Wanted
from parcours.contacts.types import IdentityKind, Person, SavedPerson
from parcours.events import types as names
from parcours.events.actions import append
from parcours.events.types import NewEvent

_ACTS = {
    Act.GRANTED: names.CONSENT_GRANTED,
    Act.REQUESTED: names.CONSENT_REQUESTED,
    Act.WITHDRAWN: names.CONSENT_WITHDRAWN,
    Act.OBJECTED: names.CONSENT_OBJECTED,
}


def save_people(
    workspace_id: int,
    people: Sequence[Person],
    *,
    now: datetime,
    declare: bool = False,
    partial: bool = False,
) -> list[SavedPerson]:
    """`contacts.actions.save_people`, with Contact Created, Attributes Changed and Contacts Merged."""
    saved = contacts.save_people(workspace_id, people, now=now, declare=declare, partial=partial)
    told: list[NewEvent] = []
    for person, one in zip(people, saved, strict=True):
        if one.created:
            properties = {"source": person.source} if person.source else {}
            told.append(NewEvent(one.contact_id, names.CONTACT_CREATED, properties, at=now))
        told += [
            NewEvent(one.contact_id, names.CONTACTS_MERGED, {"merged": str(dropped)}, at=now)
            for dropped in one.merged
        ]
        if one.changes:
            told.append(NewEvent(one.contact_id, names.ATTRIBUTES_CHANGED, {"changes": one.changes}, at=now))
    append(workspace_id, told, now=now)
    return saved


def change_contact(
    workspace_id: int, contact_id: UUID, wanted: Wanted, *, declare: bool = False, now: datetime
) -> Changes:
    """`contacts.changing.change_contact`, with Attributes Changed."""
    changes = changing.change_contact(workspace_id, contact_id, wanted, declare=declare, now=now)
    return _tell_changes(workspace_id, contact_id, changes, now)


def add_identity(
    workspace_id: int, contact_id: UUID, kind: IdentityKind, value: str, *, now: datetime
) -> Changes:
    """`contacts.changing.add_identity`, with Attributes Changed."""
    changes = changing.add_identity(workspace_id, contact_id, kind, value, now=now)
    return _tell_changes(workspace_id, contact_id, changes, now)


def remove_identity(
    workspace_id: int, contact_id: UUID, kind: IdentityKind, value: str, *, now: datetime
) -> Changes:
    """`contacts.changing.remove_identity`, with Attributes Changed."""
    changes = changing.remove_identity(workspace_id, contact_id, kind, value, now=now)
    return _tell_changes(workspace_id, contact_id, changes, now)


def _tell_changes(workspace_id: int, contact_id: UUID, changes: Changes, now: datetime) -> Changes:
    if changes:
        told = NewEvent(contact_id, names.ATTRIBUTES_CHANGED, {"changes": changes}, at=now)
        append(workspace_id, [told], now=now)
    return changes


def merge(workspace_id: int, kept: UUID, dropped: UUID, *, now: datetime) -> None:
    """`contacts.actions.merge`, with Contacts Merged."""
    contacts.merge(workspace_id, kept, dropped, now=now)
    append(workspace_id, [NewEvent(kept, names.CONTACTS_MERGED, {"merged": str(dropped)}, at=now)], now=now)


def record_statements(workspace_id: int, said: Sequence[Statement], *, now: datetime) -> list[Statement]:
    """`consent.actions.record`, with an event for each statement that changed what may be sent.

    Raises UnknownContact when somebody was merged away since they were looked up: what they said would be lost.
    """
    return record_placed(workspace_id, consent.placed(workspace_id, said), now=now)


def record_placed(workspace_id: int, said: Sequence[Statement], *, now: datetime) -> list[Statement]:
    """`record_statements` for what `consent.actions.placed` has given."""
    contacts.hold_these(workspace_id, list({one.contact_id for one in said}))
    changed = consent.record_placed(workspace_id, said, now=now)
    told = [
        NewEvent(
            one.contact_id,
            _ACTS[one.act],
            {"purpose": one.purpose, "channel": one.channel.value, "source": one.evidence.source},
            at=one.at or now,
        )
        for one in changed
    ]
    append(workspace_id, told, now=now)
    return changed


def choose_pace(workspace_id: int, contact_id: UUID, wish: Wish, *, now: datetime) -> bool:
    """`consent.actions.choose_pace`, with Marketing Paused, Marketing Resumed, Frequency Chosen; True when something changed."""
    contacts.hold_people(workspace_id)
    before = consent_queries.wish(workspace_id, contact_id, now=now)
    if not consent.choose_pace(workspace_id, contact_id, wish, now=now):
        return False
    told: list[NewEvent] = []
    if wish.paused_until != before.paused_until:
        name = names.MARKETING_RESUMED if wish.paused_until is None else names.MARKETING_PAUSED
        until = {} if wish.paused_until is None else {"until": wish.paused_until.isoformat()}
        told.append(NewEvent(contact_id, name, until, at=now))
    if wish.every_days != before.every_days:
        told.append(NewEvent(contact_id, names.FREQUENCY_CHOSEN, {"every_days": wish.every_days}, at=now))
    append(workspace_id, told, now=now)
    return True


def add_to_list(workspace_id: int, slug: str, contact_ids: Sequence[UUID], *, now: datetime) -> list[UUID]:
    """`contacts.actions.add_to_list`, with List Joined."""
    contacts.hold_people(workspace_id)
    joined = contacts.add_to_list(workspace_id, slug, contact_ids, now=now)
    _tell_all(workspace_id, joined, names.LIST_JOINED, {"list": slug}, now)
    return joined


def remove_from_list(
    workspace_id: int, slug: str, contact_ids: Sequence[UUID], *, now: datetime
) -> list[UUID]:
    """`contacts.actions.remove_from_list`, with List Left."""
    contacts.hold_people(workspace_id)
    left = contacts.remove_from_list(workspace_id, slug, contact_ids, now=now)
    _tell_all(workspace_id, left, names.LIST_LEFT, {"list": slug}, now)
    return left


def change_attribute(
    workspace_id: int, contact_ids: Sequence[UUID], name: str, value: Any, *, now: datetime
) -> list[UUID]:
    """`contacts.actions.change_attribute`, with Attributes Changed; return the contacts that had another value."""
    contacts.hold_people(workspace_id)
    changed = contacts.change_attribute(workspace_id, contact_ids, name, value, now=now)
    told = [
        NewEvent(
            one.contact_id,
            names.ATTRIBUTES_CHANGED,
            {"changes": {name: {"from": one.before, "to": one.after}}},
            at=now,
        )
        for one in changed
    ]
    append(workspace_id, told, now=now)
    return [one.contact_id for one in changed]


def _tell_all(
    workspace_id: int, contact_ids: Sequence[UUID], name: str, properties: dict[str, Any], now: datetime
) -> None:
    append(workspace_id, [NewEvent(each, name, properties, at=now) for each in contact_ids], now=now)
