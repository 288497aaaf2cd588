"""People as rows of a table: who they are, how they are recognised, their lists, what they consented to, their attributes.

The rows are read in portions, each in its own short transaction, so that a table of millions holds nobody up and is never cut.
Not here: how a file of them is written (`kernel.tables`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from parcours.audiences.models import Member
from parcours.consent import queries as consent
from parcours.consent.models import State
from parcours.consent.types import Channel
from parcours.contacts import queries as contacts
from parcours.contacts.attributes import list_cell
from parcours.contacts.identities import SEPARATOR
from parcours.contacts.models import Contact, Identity, ListMember
from parcours.contacts.types import IdentityKind
from parcours.kernel import tenancy

PORTION = 2_000
FIXED = (
    *("id", "email", "other_emails", "phone", "external_id", "language", "time_zone", "source"),
    *("created_at", "lists"),
)


def people(workspace_id: int, *, list_slug: str = "", segment: str = "") -> QuerySet[Contact]:
    """Everybody, or those on a list, in a segment, or in both."""
    found = Contact.objects.filter(workspace_id=workspace_id)
    if list_slug:
        on_list = ListMember.objects.filter(
            workspace_id=workspace_id, list__slug=list_slug, contact_id=OuterRef("pk")
        )
        found = found.filter(Exists(on_list))
    if segment:
        inside = Member.objects.filter(
            workspace_id=workspace_id, segment__slug=segment, contact_id=OuterRef("pk")
        )
        found = found.filter(Exists(inside))
    return found


@dataclass(frozen=True)
class Columns:
    """The columns of the table, besides the fixed ones."""

    purposes: list[str]
    attributes: list[str]

    def header(self) -> list[str]:
        """The names of all columns. An attribute called like another column says that it is one."""
        consents = [f"consent_{code}" for code in self.purposes]
        taken = {*FIXED, *consents}
        named = [f"attribute_{name}" if name in taken else name for name in self.attributes]
        return [*FIXED, *consents, *named]


def columns(workspace_id: int) -> Columns:
    """What the workspace has columns for."""
    return Columns(
        [one.code for one in consent.purposes(workspace_id)],
        [one.name for one in contacts.attributes(workspace_id)],
    )


def table(workspace_id: int, chosen: QuerySet[Contact], shape: Columns) -> Iterator[list[str]]:
    """The header, then a row for each of the chosen people, in the order of their ids. Opens its own scopes."""
    yield shape.header()
    after: UUID | None = None
    while True:
        with tenancy.scope(workspace_id=workspace_id):
            rows = _portion(workspace_id, chosen, after)
            lines = _lines(workspace_id, rows, shape)
        yield from lines
        if len(rows) < PORTION:
            return
        after = rows[-1].pk


def _portion(workspace_id: int, chosen: QuerySet[Contact], after: UUID | None) -> list[Contact]:
    following = chosen.order_by("id")
    if after is not None:
        following = following.filter(id__gt=after)
    return list(following[:PORTION])


def _lines(workspace_id: int, rows: list[Contact], shape: Columns) -> list[list[str]]:
    ids = [row.pk for row in rows]
    identities = _identities(workspace_id, ids)
    lists = _grouped(
        ListMember.objects.filter(workspace_id=workspace_id, contact_id__in=ids)
        .order_by("list__slug")
        .values_list("contact_id", "list__slug")
    )
    acts = _acts(workspace_id, ids)
    return [
        [
            *_who(row, identities),
            SEPARATOR.join(lists.get(row.pk, ())),
            *(acts.get((row.pk, code), "") for code in shape.purposes),
            *(_cell((row.attributes or {}).get(name)) for name in shape.attributes),
        ]
        for row in rows
    ]


def _who(row: Contact, identities: dict[tuple[UUID, str], list[str]]) -> list[str]:
    def known(kind: IdentityKind) -> str:
        return SEPARATOR.join(
            value for value in identities.get((row.pk, kind.value), ()) if value != row.email
        )

    return [
        str(row.pk),
        row.email or "",
        known(IdentityKind.EMAIL),
        known(IdentityKind.PHONE),
        known(IdentityKind.EXTERNAL),
        row.language,
        row.time_zone,
        row.source,
        row.created_at.isoformat(timespec="seconds"),
    ]


def _identities(workspace_id: int, ids: list[UUID]) -> dict[tuple[UUID, str], list[str]]:
    found: dict[tuple[UUID, str], list[str]] = {}
    rows = Identity.objects.filter(workspace_id=workspace_id, contact_id__in=ids).order_by("id")
    for contact_id, kind, value in rows.values_list("contact_id", "kind", "value"):
        found.setdefault((contact_id, kind), []).append(value)
    return found


def _acts(workspace_id: int, ids: list[UUID]) -> dict[tuple[UUID, str], str]:
    """By person and purpose: what they said last. Channels other than e-mail are named."""
    said: dict[tuple[UUID, str], list[str]] = {}
    rows = State.objects.filter(workspace_id=workspace_id, contact_id__in=ids).order_by("channel")
    for contact_id, code, channel, act in rows.values_list("contact_id", "purpose__code", "channel", "act"):
        text = act if channel in (Channel.EMAIL.value, Channel.ANY.value) else f"{channel}: {act}"
        said.setdefault((contact_id, code), []).append(text)
    return {key: SEPARATOR.join(dict.fromkeys(texts)) for key, texts in said.items()}


def _grouped(pairs: QuerySet[Any, tuple[UUID, str]]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _cell(value: Any) -> str:
    """An attribute's value as an import reads it back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return list_cell([str(item) for item in value])
    return value if isinstance(value, str) else json.dumps(value)
