"""Kinds of identities and attributes, people as they are handed in and come back, the states of an import. No Django here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class IdentityKind(StrEnum):
    """How a person is recognised. `external` is an id of the shop or CRM, `anonymous` a browser's."""

    EMAIL = "email"
    PHONE = "phone"
    EXTERNAL = "external"
    ANONYMOUS = "anonymous"


class AttributeType(StrEnum):
    """The type of a declared attribute; its values are checked when written."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    LIST = "list"


class ImportState(StrEnum):
    """uploaded → mapped → running → finished, or cancelled / failed."""

    UPLOADED = "uploaded"
    MAPPED = "mapped"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


Identity = tuple[IdentityKind, str]


@dataclass(frozen=True, slots=True)
class Person:
    """What somebody tells about one person. Empty fields leave what is known; an attribute of None is removed.

    `email` becomes the address that is written to. `possible_email`, `possible_language` and `possible_time_zone` were seen beside
    the person: they are taken only when they have none. `is_alias` states that all the identities are one person's. `is_trusted` is
    false for what comes with a write key, which proves less (see `contacts.matching`).
    """

    email: str | None = None
    identities: tuple[Identity, ...] = ()
    language: str = ""
    time_zone: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    possible_email: str | None = None
    possible_language: str = ""
    possible_time_zone: str = ""
    is_alias: bool = False
    is_trusted: bool = True


@dataclass(frozen=True, slots=True)
class RefusedValue:
    """A value that was not taken in while the rest was."""

    name: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SavedPerson:
    """The contact that a person turned out to be. Of several people who are one contact, the first carries what happened.

    `changes` is {name: {"from": …, "to": …}} over e-mail, language, time zone and attributes; empty for a created contact.
    `merged` are contacts that ceased to exist; `refused` the values that were left out.
    """

    contact_id: UUID
    created: bool
    changes: dict[str, dict[str, Any]]
    merged: tuple[UUID, ...] = ()
    refused: tuple[RefusedValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared attribute, as writing and reading values need it."""

    name: str
    type: AttributeType
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """A contact whose attribute was changed, the value that it had, and the one that is kept now."""

    contact_id: UUID
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One line of a list of contacts."""

    id: UUID
    email: str | None
    language: str
    time_zone: str
    attributes: dict[str, Any]
    source: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """An identity on a contact's page."""

    kind: str
    value: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ListRow:
    """A list with the number of people on it."""

    id: int
    slug: str
    name: str
    created_at: datetime
    count: int
