"""Events as they are handed in, read back and consumed; names that only Parcours writes. No Django here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

CONTACT_CREATED = "Contact Created"
ATTRIBUTES_CHANGED = "Attributes Changed"
CONTACTS_MERGED = "Contacts Merged"
LIST_JOINED = "List Joined"
LIST_LEFT = "List Left"
CONSENT_GRANTED = "Consent Granted"
CONSENT_REQUESTED = "Consent Requested"
CONSENT_WITHDRAWN = "Consent Withdrawn"
CONSENT_OBJECTED = "Consent Objected"
SEGMENT_ENTERED = "Segment Entered"
SEGMENT_LEFT = "Segment Left"
JOURNEY_ENTERED = "Journey Entered"
JOURNEY_FINISHED = "Journey Finished"
MESSAGE_REQUESTED = "Message Requested"
EMAIL_SENT = "Email Sent"
EMAIL_DELAYED = "Email Delayed"
EMAIL_WITHHELD = "Email Withheld"
EMAIL_FAILED = "Email Failed"
EMAIL_DEFERRED = "Email Deferred"
EMAIL_DELIVERED = "Email Delivered"
EMAIL_OPENED = "Email Opened"
EMAIL_LINK_CLICKED = "Email Link Clicked"
EMAIL_BOUNCED = "Email Bounced"
EMAIL_MARKED_AS_SPAM = "Email Marked as Spam"
UNSUBSCRIBED = "Unsubscribed"
MARKETING_PAUSED = "Marketing Paused"
MARKETING_RESUMED = "Marketing Resumed"
FREQUENCY_CHOSEN = "Frequency Chosen"

RESERVED_NAMES = frozenset({
    CONTACT_CREATED, ATTRIBUTES_CHANGED, CONTACTS_MERGED, LIST_JOINED, LIST_LEFT,
    CONSENT_GRANTED, CONSENT_REQUESTED, CONSENT_WITHDRAWN, CONSENT_OBJECTED,
    SEGMENT_ENTERED, SEGMENT_LEFT, JOURNEY_ENTERED, JOURNEY_FINISHED,
    MESSAGE_REQUESTED, EMAIL_SENT, EMAIL_DELAYED, EMAIL_WITHHELD, EMAIL_FAILED, EMAIL_DEFERRED, EMAIL_DELIVERED,
    EMAIL_OPENED, EMAIL_LINK_CLICKED, EMAIL_BOUNCED, EMAIL_MARKED_AS_SPAM, UNSUBSCRIBED,
    MARKETING_PAUSED, MARKETING_RESUMED, FREQUENCY_CHOSEN,
})  # fmt: skip
"""Names of events that only Parcours itself writes; refused from outside, in any case of letters."""

MEASURED_NAMES = frozenset({EMAIL_OPENED, EMAIL_LINK_CLICKED})
"""Events that a scanner or a mail proxy makes too; then their property `machine` is true, and they are nobody's act."""

PAGE_VIEWED = "Page Viewed"
SCREEN_VIEWED = "Screen Viewed"
GROUP_JOINED = "Group Joined"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened to a contact at `at` (aware). With a `message_key` it is stored once, however often it comes."""

    contact_id: UUID
    name: str
    properties: Mapping[str, Any]
    at: datetime
    message_key: UUID | None = None


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One event of a contact, as their page shows it. (`at`, `id`) is the keyset of the next page."""

    id: int
    at: datetime
    name: str
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """Committed events that a consumer has not read: after (after_xid, after_id), up to and with (until_xid, until_id).

    In SQL: `(xid, id) > (%(after_xid)s::text::xid8, %(after_id)s) AND (xid, id) <= (%(until_xid)s::text::xid8, %(until_id)s)
    AND at BETWEEN %(first_at)s AND %(last_at)s`. The instants spare the months of the log in which none of them happened.
    """

    after_xid: str
    after_id: int
    until_xid: str
    until_id: int
    count: int
    names: list[str]
    first_at: datetime
    last_at: datetime

    @property
    def limits(self) -> dict[str, Any]:
        """The parameters of that condition."""
        return {
            "after_xid": self.after_xid,
            "after_id": self.after_id,
            "until_xid": self.until_xid,
            "until_id": self.until_id,
            "first_at": self.first_at,
            "last_at": self.last_at,
        }


class Incoming(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call that passed. `key` is a UUID in hex digits. `name` is empty for calls without an event (identify, alias).

    `email` beside `external` is an address seen there, which proves nothing; alone it says who this is (`contacts.types.Person`).
    `seen_language` and `seen_time_zone` are the browser's or telephone's. `is_trusted` is true when it came with an API key.
    """

    kind: str
    key: str
    at: datetime
    name: str = ""
    properties: dict[str, Any] = {}
    external: str | None = None
    anonymous: str | None = None
    email: str | None = None
    previous: str | None = None
    traits: dict[str, Any] | None = None
    seen_language: str = ""
    seen_time_zone: str = ""
    is_trusted: bool = False

    @property
    def is_plain(self) -> bool:
        """True for an event, which tells nothing new about the person, provided that the person is known.

        Calls without one (identify, also without traits, and alias) are about the person.
        """
        return self.name != ""
