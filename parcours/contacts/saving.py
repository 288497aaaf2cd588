"""Saving people in sets: check, match, write. Whatever the number of people, the number of statements is the same.

Two writers of the same people: each plans on what it reads, and the unique index of identities decides. The one that finds
fewer rows inserted than planned, or a deadlock, takes its savepoint back and plans again.
Not here: the events that follow (`events.people`), consent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction
from django.utils.translation import gettext as _

from parcours.contacts import attributes, identities, merging
from parcours.contacts.errors import (
    Contended,
    InvalidAttributeName,
    InvalidIdentity,
    TooManyAttributes,
    UnknownAttribute,
    UnprovenIdentity,
)
from parcours.contacts.holding import hold_for_merging, hold_people
from parcours.contacts.matching import Draft, Matching, Owned, Placed, Stated
from parcours.contacts.queries import declared_attributes
from parcours.contacts.types import Declared, Identity, IdentityKind, Person, RefusedValue, SavedPerson
from parcours.kernel import sql
from parcours.kernel.errors import Invalid

statements = sql.load(__package__)
ATTEMPTS = 6


class _Overtaken(Exception):
    """Another writer stored one of the new identities first."""


class _NeedsMerging(Exception):
    """The plan merges contacts, which takes the exclusive lock."""


@dataclass
class Vocabulary:
    """The workspace's declared attributes, and those that this batch declares. `is_open`: a new name declares itself."""

    declared: dict[str, Declared]
    is_open: bool
    is_partial: bool
    new: dict[str, str] = field(default_factory=dict)

    def read(
        self, values: Mapping[str, Any], *, is_trusted: bool = True
    ) -> tuple[dict[str, Any], tuple[RefusedValue, ...]]:
        """The values as they are kept, and those refused; raises the first refusal unless partial answers are wanted."""
        limit = attributes.MAX_DECLARED if is_trusted else attributes.MAX_DECLARED_BY_WRITE_KEY
        kept: dict[str, Any] = {}
        refused: list[RefusedValue] = []
        for name, value in attributes.flattened(values):
            try:
                declared = self._declared(name, value, limit)
                if declared is not None:
                    kept[declared.name] = attributes.accepted(declared, value)
            except Invalid as error:
                if not self.is_partial:
                    error.field = identities.shown(name)
                    raise
                refused.append(RefusedValue(identities.shown(name), error.code, error.message))
        return kept, tuple(refused)

    def _declared(self, name: str, value: Any, limit: int) -> Declared | None:
        """The declaration for a name, made now if need be; None for an unknown name without a value."""
        found = self.declared.get(name)
        if found is not None:
            return found
        if not self.is_open:
            raise UnknownAttribute(
                _("No attribute is called “%(name)s”.") % {"name": identities.shown(name)},
                field=identities.shown(name),
                hint=_("Declare it under Settings, Attributes, or correct its name."),
            )
        plain = attributes.name_of(name)
        if plain in self.declared or value is None:
            return self.declared.get(plain)
        return self._declare(plain, name, value, limit)

    def _declare(self, plain: str, label: str, value: Any, limit: int) -> Declared:
        if plain in attributes.RESERVED_NAMES:
            raise InvalidAttributeName(
                _("“%(plain)s” is a field of every contact, not an attribute.") % {"plain": plain},
                field=plain,
            )
        if len(self.declared) >= limit:
            raise TooManyAttributes(
                _("A workspace has at most %(limit)s attributes.") % {"limit": limit},
                field=plain,
            )
        declared = Declared(plain, attributes.type_of(plain, value))
        attributes.accepted(declared, value)
        self.declared[plain] = declared
        self.new[plain] = label[:120]
        return declared


def checked_attributes(workspace_id: int, values: Mapping[str, Any], *, declare: bool) -> dict[str, Any]:
    """Values as they are kept; with `declare`, new names are declared. Raises UnknownAttribute, InvalidAttribute and the like."""
    vocabulary = Vocabulary(declared_attributes(workspace_id), declare, is_partial=False)
    kept, _refused = vocabulary.read(values)
    _declare_new(workspace_id, vocabulary)
    return kept


def save(
    workspace_id: int, people: Sequence[Person], *, now: datetime, declare: bool, partial: bool
) -> list[SavedPerson]:
    """See `contacts.actions.save_people`."""
    if not people:
        return []
    vocabulary = _vocabulary(workspace_id, people, declare=declare, partial=partial)
    checked = [_stated(person, vocabulary) for person in people]
    stated = [each for each, _ in checked]
    _declare_new(workspace_id, vocabulary)
    saved = _with_retries(lambda merging_allowed: _write(workspace_id, stated, now, merging_allowed))
    return [
        SavedPerson(each.contact_id, each.created, each.changes, each.merged, refused + each.refused)
        for each, (_, refused) in zip(saved, checked, strict=True)
    ]


def _vocabulary(workspace_id: int, people: Sequence[Person], *, declare: bool, partial: bool) -> Vocabulary:
    """The declared attributes, read only when somebody brings any."""
    declared = declared_attributes(workspace_id) if any(person.attributes for person in people) else {}
    return Vocabulary(dict(declared), declare, partial)


def _stated(person: Person, vocabulary: Vocabulary) -> tuple[Stated, tuple[RefusedValue, ...]]:
    """The person in the one spelling. Raises InvalidIdentity and the like; refusals of attributes come beside."""
    email = identities.email(person.email) if person.email else None
    possible = identities.email(person.possible_email) if person.possible_email else None
    known = [identities.identity(kind, value) for kind, value in person.identities]
    if email:
        known.append((IdentityKind.EMAIL, email))
    if not known and possible:
        email, known = possible, [(IdentityKind.EMAIL, possible)]
    if not known:
        raise InvalidIdentity(
            _("Nothing says who this is."), hint=_("Give an e-mail address, a phone number or an id.")
        )
    values, refused = vocabulary.read(person.attributes, is_trusted=person.is_trusted)
    stated = Stated(
        email,
        possible,
        tuple(dict.fromkeys(known)),
        person.is_alias,
        person.is_trusted,
        identities.language(person.language) if person.language else "",
        identities.time_zone(person.time_zone) if person.time_zone else "",
        person.source[:60],
        values,
        identities.language(person.possible_language) if person.possible_language else "",
        identities.time_zone(person.possible_time_zone) if person.possible_time_zone else "",
    )
    return stated, refused


def _declare_new(workspace_id: int, vocabulary: Vocabulary) -> None:
    if vocabulary.new:
        statements.declare_attributes.run(
            workspace_id=workspace_id,
            names=list(vocabulary.new),
            labels=list(vocabulary.new.values()),
            types=[vocabulary.declared[name].type.value for name in vocabulary.new],
        )


def _with_retries(write: Callable[[bool], list[SavedPerson]]) -> list[SavedPerson]:
    """Write inside a savepoint, again when another writer was faster, with the exclusive lock once a merge is needed."""
    merging_allowed = False
    for _attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return write(merging_allowed)
        except _NeedsMerging:
            merging_allowed = True
        except (_Overtaken, IntegrityError):
            continue
        except OperationalError as error:
            if "deadlock" not in str(error):
                raise
    raise Contended(_("Others are changing the same people."), hint=_("Try again."))


def _write(
    workspace_id: int, people: Sequence[Stated], now: datetime, merging_allowed: bool
) -> list[SavedPerson]:
    """Lock, read who is who, write. Runs in a savepoint, which gives the lock back when the plan does not hold."""
    hold = hold_for_merging if merging_allowed else hold_people
    hold(workspace_id)
    matching = Matching(_owned(workspace_id, people), now)
    placed = [matching.place(person) for person in people]
    drafts = matching.drafts()
    if any(draft.merged for draft in drafts) and not merging_allowed:
        raise _NeedsMerging
    for draft in drafts:
        for dropped in draft.merged:
            merging.merge_into(workspace_id, draft.contact_id, dropped, now=now)
    _add(workspace_id, drafts, now)
    changes = _change(workspace_id, drafts, now)
    return _told(placed, changes)


def _owned(workspace_id: int, people: Sequence[Stated]) -> list[Owned]:
    wanted: dict[Identity, None] = {}
    for person in people:
        wanted.update(dict.fromkeys(person.identities))
        if person.possible_email:
            wanted[IdentityKind.EMAIL, person.possible_email] = None
    return statements.owned_identities.rows(
        Owned,
        workspace_id=workspace_id,
        kinds=[kind.value for kind, _ in wanted],
        values=[value for _, value in wanted],
    )


def _add(workspace_id: int, drafts: Sequence[Draft], now: datetime) -> None:
    """Insert new contacts, and new identities of any; raise _Overtaken when some exist by now."""
    contacts = [_contact_row(draft) for draft in drafts if not draft.is_stored]
    known = [
        {"contact_id": draft.contact_id, "kind": kind.value, "value": value}
        for draft in drafts
        for kind, value in draft.added
    ]
    if not contacts and not known:
        return
    inserted = statements.add_people.records(
        workspace_id=workspace_id, contacts=sql.document(contacts), identities=sql.document(known), now=now
    )[0]
    if (inserted["contacts"], inserted["identities"]) != (len(contacts), len(known)):
        raise _Overtaken


def _change(workspace_id: int, drafts: Sequence[Draft], now: datetime) -> dict[UUID, dict[str, Any]]:
    """Write what is new about stored contacts; return what changed, by contact."""
    news = [_contact_row(draft) for draft in drafts if draft.is_stored and draft.has_news]
    if not news:
        return {}
    changed = statements.change_people.records(
        workspace_id=workspace_id, contacts=sql.document(news), now=now
    )
    return {row["id"]: row["changes"] for row in changed}


def _contact_row(draft: Draft) -> dict[str, Any]:
    row = {
        "id": draft.contact_id,
        "email": draft.email,
        "language": draft.language,
        "time_zone": draft.time_zone,
        "source": draft.source,
        "attributes": draft.attributes,
    }
    if draft.is_stored:
        return row | {
            "possible_language": draft.possible_language,
            "possible_time_zone": draft.possible_time_zone,
        }
    return row | {
        "language": draft.language or draft.possible_language,
        "time_zone": draft.time_zone or draft.possible_time_zone,
        "attributes": _without_nulls(draft.attributes),
    }


def _without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _told(placed: Sequence[Placed], changes: Mapping[UUID, dict[str, Any]]) -> list[SavedPerson]:
    """One answer per person; what happened to a contact is told once."""
    told: set[UUID] = set()
    answers = []
    for each in placed:
        draft, refused = each.draft.settled(), _unproven(each)
        if draft.contact_id in told:
            answers.append(SavedPerson(draft.contact_id, False, {}, (), refused))
            continue
        told.add(draft.contact_id)
        changed = changes.get(draft.contact_id, {})
        answers.append(
            SavedPerson(draft.contact_id, not draft.is_stored, changed, tuple(draft.merged), refused)
        )
    return answers


def _unproven(placed: Placed) -> tuple[RefusedValue, ...]:
    """The same words whether another contact has it or this one has another address: nobody learns who is here."""
    return tuple(
        RefusedValue(
            kind.value,
            UnprovenIdentity.code,
            "Another contact has it, or this one has another address. An API key may change that; a write key does not.",
        )
        for kind in dict.fromkeys(kind for kind, _ in placed.refused)
    )
