"""Opens and clicks: whose they are and whether they may be recorded, and what they are as events.

Statements come with their parameters, for the group commit of `public.hot`, which runs them on a connection of its own.
Not here: reading tokens (`events.tokens`), telling machines (`events.devices`), the columns of a message (`actions.project`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from parcours.events.devices import Hit, device, is_machine
from parcours.events.intake import Query
from parcours.events.types import EMAIL_LINK_CLICKED, EMAIL_OPENED, NewEvent
from parcours.kernel import sql

statements = sql.load(__package__)


class Measured(NamedTuple):
    """A message as `measured_messages` gives it: what its events say, and what may be recorded now."""

    message_id: UUID
    contact_id: UUID
    sent_at: datetime | None
    mailing_id: int
    purpose: str
    origin: str
    origin_id: int
    origin_version: int
    step: str
    name: str
    opens: bool
    clicks: bool

    def about(self) -> dict[str, Any]:
        """What every event of the message says (see `queries.about_mailings`)."""
        return {
            "message": str(self.message_id),
            "mailing": self.mailing_id,
            "purpose": self.purpose,
            "origin": self.origin,
            "origin_id": self.origin_id,
            "origin_version": self.origin_version,
            "step": self.step,
            "name": self.name,
        }


@dataclass(frozen=True, slots=True)
class Call:
    """One request for a pixel (`link` is None) or a tracked link, at `at`. `message_id` is None for links that name nobody.

    Those name their mailing; where it is 0 (links of former times), only the version of its template is known.

    `key` makes a repeated commit count once. Of the browser only the verdict is kept.
    """

    workspace_id: int
    message_id: UUID | None
    at: datetime
    key: UUID
    user_agent: str
    is_prefetch: bool
    link: int | None = None
    template_version_id: int = 0
    mailing_id: int = 0
    url: str = ""
    links_within_ten_seconds: int = 1

    @property
    def weight(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class AnonymousClick:
    """A click that is counted without saying who."""

    mailing_id: int | None
    template_version_id: int
    link: int
    is_machine: bool


def messages(workspace_id: int, calls: Sequence[Call]) -> Query:
    """The statement whose rows are `Measured`."""
    ids = {call.message_id for call in calls if call.message_id is not None}
    return Query(statements.measured_messages.text, {"workspace_id": workspace_id, "ids": list(ids)})


def outcome(calls: Sequence[Call], found: Sequence[Measured]) -> tuple[list[NewEvent], list[AnonymousClick]]:
    """What to write: events of people who may be measured, clicks of the others without their names. Opens of others: nothing."""
    measured = {each.message_id: each for each in found}
    events: list[NewEvent] = []
    anonymous: list[AnonymousClick] = []
    for call in calls:
        message = measured.get(call.message_id) if call.message_id else None
        if message is not None and (message.opens if call.link is None else message.clicks):
            events.append(_event(call, message))
        elif call.link is not None and (message is not None or call.message_id is None):
            mailing_id = message.mailing_id if message else call.mailing_id or None
            anonymous.append(
                AnonymousClick(mailing_id, call.template_version_id, call.link, _by_machine(call, message))
            )
    return events, anonymous


def _by_machine(call: Call, message: Measured | None) -> bool:
    """The verdict on one request. Of a link that names nobody, only the request itself can be judged."""
    since: float | None = math.inf
    if message is not None:
        since = None if message.sent_at is None else (call.at - message.sent_at).total_seconds()
    return is_machine(
        Hit(
            call.user_agent,
            since,
            is_prefetch=call.is_prefetch,
            links_within_ten_seconds=call.links_within_ten_seconds,
        )
    )


def _event(call: Call, message: Measured) -> NewEvent:
    properties = {
        **message.about(),
        "machine": _by_machine(call, message),
        "device": device(call.user_agent),
    }
    if call.link is None:
        return NewEvent(message.contact_id, EMAIL_OPENED, properties, call.at, call.key)
    properties |= {"url": call.url, "link": call.link}
    return NewEvent(message.contact_id, EMAIL_LINK_CLICKED, properties, call.at, call.key)


def count_anonymous(workspace_id: int, clicks: Sequence[AnonymousClick], *, now: datetime) -> Query:
    """The statement that counts clicks without saying who."""
    return Query(
        statements.count_anonymous_clicks.text,
        {
            "workspace_id": workspace_id,
            "mailings": [click.mailing_id for click in clicks],
            "versions": [click.template_version_id for click in clicks],
            "links": [click.link for click in clicks],
            "machines": [click.is_machine for click in clicks],
            "day": now.date(),
        },
    )
