"""Who is who: from people as they are handed in, and the contacts that own their identities, to contacts to make, change, merge.

Pure: no database, no clock. People are taken one after the other, so that a batch means the same as its people one by one.

What proves that two contacts are one person:
- an e-mail address or an external id stated in the same breath: all that they lead to is one person, also when each has an
  external id already (the shop has two accounts for one address);
- an explicit alias, whatever the kinds;
- an anonymous browser or a phone number proves nothing between two people who each have an e-mail address or an external id
  (a family shares both): the identity stays with its owner. A contact that has neither joins whoever the identity leads to.
Of contacts that are merged, the oldest is kept.

What comes with a write key, which anybody can read in a browser, proves less (`Stated.is_trusted` is false): nobody who has an
e-mail address or an external id is merged with another who has one, and nobody's address is replaced. What that leaves out is
told (`Placed.refused`); the external id that was stated first says whose the rest is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from parcours.contacts.types import Identity, IdentityKind
from parcours.kernel.ids import uuid7

_STRONG = frozenset({IdentityKind.EMAIL, IdentityKind.EXTERNAL})


@dataclass(frozen=True, slots=True)
class Owned:
    """An identity that a stored contact owns, with what matters of that contact."""

    kind: str
    value: str
    contact_id: UUID
    created_at: datetime
    email: str | None
    has_external: bool


@dataclass(frozen=True, slots=True)
class Stated:
    """A person in the one spelling: checked identities (the e-mail among them), checked values."""

    email: str | None
    possible_email: str | None
    identities: tuple[Identity, ...]
    is_alias: bool
    is_trusted: bool
    language: str
    time_zone: str
    source: str
    attributes: dict[str, Any]
    possible_language: str = ""
    possible_time_zone: str = ""

    def is_strong(self, each: Identity) -> bool:
        """True for an identity that may prove two contacts to be one."""
        return self.is_alias or each[0] in _STRONG


@dataclass(eq=False, slots=True)
class Draft:
    """A contact as the batch leaves it. `email`, `language` and the like are what is to be written; None or empty: as it was.

    `address` is where it is written to, before and after.
    """

    contact_id: UUID
    created_at: datetime
    is_stored: bool
    address: str | None = None
    has_external: bool = False
    owned: set[Identity] = field(default_factory=set)
    added: list[Identity] = field(default_factory=list)
    email: str | None = None
    language: str = ""
    time_zone: str = ""
    possible_language: str = ""
    possible_time_zone: str = ""
    source: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    merged: list[UUID] = field(default_factory=list)
    into: "Draft | None" = None

    @property
    def is_named(self) -> bool:
        """True when an e-mail address or an external id says who this is."""
        return self.address is not None or self.has_external

    @property
    def has_news(self) -> bool:
        """True when something of the contact itself is to be written."""
        return bool(
            self.email
            or self.language
            or self.time_zone
            or self.possible_language
            or self.possible_time_zone
            or self.source
            or self.attributes
        )

    def settled(self) -> "Draft":
        """The contact that this one has become part of, or itself."""
        return self if self.into is None else self.into.settled()

    def hear(self, said: Stated, email: str | None) -> None:
        """Take over what was said; the last word counts, but the first for the source and what is only possible."""
        if email:
            self.email = self.address = email
        self.language = said.language or self.language
        self.time_zone = said.time_zone or self.time_zone
        self.possible_language = self.possible_language or said.possible_language
        self.possible_time_zone = self.possible_time_zone or said.possible_time_zone
        self.source = self.source or said.source
        self.attributes |= said.attributes


@dataclass(frozen=True, slots=True)
class Placed:
    """The contact that a person is, and the identities that they stated without being able to prove them."""

    draft: Draft
    refused: tuple[Identity, ...] = ()


class Matching:
    """Places people, one by one, on contacts. `now` is the birth of those that are new."""

    def __init__(self, owned: Iterable[Owned], now: datetime) -> None:
        self._now = now
        self._owner: dict[Identity, Draft] = {}
        stored: dict[UUID, Draft] = {}
        for row in owned:
            draft = stored.get(row.contact_id)
            if draft is None:
                draft = stored[row.contact_id] = Draft(
                    row.contact_id, row.created_at, True, row.email, row.has_external
                )
            self._own(draft, (IdentityKind(row.kind), row.value))

    def place(self, said: Stated) -> Placed:
        """The contact that this person is, after merging what they prove to be one, with all that they say taken over."""
        proven = self._proven(said)
        if not said.is_trusted:
            proven = _around_one(proven)
        draft = self._united(proven) or Draft(uuid7(), self._now, False)
        refused = () if said.is_trusted else self._unproven(draft, said)
        self._link(draft, said, refused)
        draft.hear(said, self._address(draft, said, refused))
        return Placed(draft, refused)

    def drafts(self) -> list[Draft]:
        """Every contact that was met and still exists."""
        return list(dict.fromkeys(self._owner.values()))

    def _proven(self, said: Stated) -> list[Draft]:
        """The contacts that this person's identities prove to be one, in the order of the identities."""
        is_strong = {each: said.is_strong(each) for each in said.identities}
        strong = [self._owner[each] for each in said.identities if is_strong[each] and each in self._owner]
        weak = [self._owner[each] for each in said.identities if not is_strong[each] and each in self._owner]
        proven = strong + [draft for draft in weak if not draft.is_named]
        if not any(is_strong.values()):
            proven += [draft for draft in weak if draft.is_named][:1]
        if said.possible_email and not strong:
            seen = self._owner.get((IdentityKind.EMAIL, said.possible_email))
            if seen is not None and not seen.has_external:
                proven.append(seen)
        return list(dict.fromkeys(proven))

    def _unproven(self, draft: Draft, said: Stated) -> tuple[Identity, ...]:
        """What would merge the contact with another one, or send its messages elsewhere."""
        return tuple(
            each
            for each in said.identities
            if said.is_strong(each)
            and (self._owner.get(each, draft) is not draft or _replaces(draft.address, each, said))
        )

    def _united(self, drafts: Sequence[Draft]) -> Draft | None:
        """One contact out of several: a stored one before a new one, the oldest before the others."""
        if not drafts:
            return None
        kept, *others = sorted(
            drafts, key=lambda each: (not each.is_stored, each.created_at, each.contact_id)
        )
        for dropped in sorted(others, key=lambda each: (each.created_at, each.contact_id)):
            self._absorb(kept, dropped)
        return kept

    def _absorb(self, kept: Draft, dropped: Draft) -> None:
        dropped.into = kept
        for each in dropped.owned:
            self._own(kept, each)
        kept.added += dropped.added
        kept.merged += [*dropped.merged, *([dropped.contact_id] if dropped.is_stored else [])]
        kept.email = kept.email or (None if kept.address else dropped.email)
        kept.address = kept.address or dropped.address
        kept.language = kept.language or dropped.language
        kept.time_zone = kept.time_zone or dropped.time_zone
        kept.possible_language = kept.possible_language or dropped.possible_language
        kept.possible_time_zone = kept.possible_time_zone or dropped.possible_time_zone
        kept.source = kept.source or dropped.source
        kept.attributes = dropped.attributes | kept.attributes
        kept.has_external |= dropped.has_external

    def _link(self, draft: Draft, said: Stated, refused: Sequence[Identity]) -> None:
        """Give the contact the identities that nobody owns."""
        wanted = [each for each in said.identities if each not in refused]
        if said.possible_email and draft.address is None:
            wanted.append((IdentityKind.EMAIL, said.possible_email))
        for each in wanted:
            if each not in self._owner:
                self._own(draft, each)
                draft.added.append(each)
                draft.has_external |= each[0] is IdentityKind.EXTERNAL

    def _address(self, draft: Draft, said: Stated, refused: Sequence[Identity]) -> str | None:
        """The address that is to be written to from now on, None to leave it."""
        if said.email:
            return None if (IdentityKind.EMAIL, said.email) in refused else said.email
        if not said.possible_email or draft.address is not None:
            return None
        is_theirs = self._owner[IdentityKind.EMAIL, said.possible_email] is draft
        return said.possible_email if is_theirs else None

    def _own(self, draft: Draft, each: Identity) -> None:
        self._owner[each] = draft
        draft.owned.add(each)


def _around_one(proven: Sequence[Draft]) -> list[Draft]:
    """The first contact that has a name, and those that have none: what a browser was before it said whose it is."""
    named = [each for each in proven if each.is_named]
    return [each for each in proven if each not in named[1:]]


def _replaces(address: str | None, each: Identity, said: Stated) -> bool:
    """True for a stated address that is not the one that the contact is written to."""
    return each == (IdentityKind.EMAIL, said.email) and address not in (None, said.email)
