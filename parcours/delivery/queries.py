"""Reads of messages: lists, one with its verdict, why it is sent, what was tried, what is in doubt, how the queue stands.

Sentences about reasons are in `wording`. Names of journeys and campaigns are theirs to tell: a message knows origin and id.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from parcours.audiences import language as rules
from parcours.content import queries as content
from parcours.delivery.errors import UnknownMailing, UnknownMessage
from parcours.delivery.models import Mailing, Request, Return, Sending
from parcours.delivery.replies import ReplyClass
from parcours.delivery.types import ClickTracking, Origin
from parcours.delivery.wording import explain_reason
from parcours.kernel import sql

statements = sql.load(__package__)

__all__ = ["explain_reason"]


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as lists and pages show it. `reasons` is a list of {code, evidence}: `explain_reason` says each in words."""

    id: UUID
    contact_id: UUID
    mailing_id: int
    name: str
    origin: str
    origin_id: int
    origin_version: int
    step: str
    purpose: str
    basis: str
    run: int
    state: str
    verdict: str
    reasons: list[dict[str, Any]]
    queued_at: datetime
    due_at: datetime
    expires_at: datetime
    judged_at: datetime | None
    address: str
    subject: str
    transport: str
    sent_at: datetime | None
    delivered_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    machine_opened_at: datetime | None
    machine_clicked_at: datetime | None
    bounced_at: datetime | None
    complained_at: datetime | None
    unsubscribed_at: datetime | None
    measured_opens: bool
    measured_clicks: bool
    is_test: bool


@dataclass(frozen=True, slots=True)
class Ground:
    """On which ground a message is sent, as it stands now: purpose, the record that carries it, the rules, the template."""

    description_fr: str
    description_en: str
    audience: object | None
    guard: object | None
    template_version_id: int
    act: str | None
    record_id: int | None
    recorded_at: datetime | None
    source: str
    wording: str


@dataclass(frozen=True, slots=True)
class Why:
    """The answer to "why do I receive this?": where it comes from, on which ground, by which rules, with which data."""

    message: MessageRow
    ground: Ground
    rules: list[str]
    data: list[str]


Place = tuple[datetime, UUID]
"""Where a page ends: (queued_at, id) of its last message."""


def list_messages(
    workspace_id: int,
    *,
    state: str = "",
    mailing_id: int = 0,
    before: Place | None = None,
    limit: int = 50,
) -> list[MessageRow]:
    """A page of messages, newest first, of all states and mailings or of one."""
    before_at, before_id = before or (None, None)
    return statements.newest_messages.rows(
        MessageRow,
        workspace_id=workspace_id,
        state=state,
        mailing_id=mailing_id,
        before_at=before_at,
        before_id=before_id,
        limit=limit,
    )


def messages_of_contact(
    workspace_id: int, contact_id: UUID, *, state: str = "", before: Place | None = None, limit: int = 50
) -> list[MessageRow]:
    """A page of the messages of one person, newest first, of all states or of one."""
    before_at, before_id = before or (None, None)
    return statements.messages_of_contact.rows(
        MessageRow,
        workspace_id=workspace_id,
        contact_id=contact_id,
        state=state,
        before_at=before_at,
        before_id=before_id,
        limit=limit,
    )


def message(workspace_id: int, message_id: UUID) -> MessageRow:
    """One message, or UnknownMessage."""
    found = statements.message.row(MessageRow, workspace_id=workspace_id, id=message_id)
    if found is None:
        raise UnknownMessage(_("There is no such message."))
    return found


def content_brought(workspace_id: int, message_id: UUID) -> dict[str, str] | None:
    """The words that a program brought along with its request; None for a message that says what its template says."""
    asked = Request.objects.filter(workspace_id=workspace_id, message_id=message_id)
    return asked.values_list("content", flat=True).first()


def why(workspace_id: int, message_id: UUID, language: str) -> Why:
    """Why somebody receives a message, in their language. Raises UnknownMessage."""
    row = message(workspace_id, message_id)
    ground = statements.lawful_ground.row(Ground, workspace_id=workspace_id, id=message_id)
    assert ground is not None, "a message has a mailing and a purpose"
    return Why(
        message=row,
        ground=ground,
        rules=[
            rules.explain(rules.parse(rule), rules.Vocabulary(), language)
            for rule in (ground.audience if row.basis == "legitimate_interest" else None, ground.guard)
            if rule is not None
        ],
        data=content.data_used(workspace_id, ground.template_version_id),
    )


def sending(workspace_id: int) -> Sending | None:
    """How the workspace sends, or None when nobody has said so yet."""
    return Sending.objects.filter(workspace_id=workspace_id).first()


def are_all_clicks_recorded(workspace_id: int) -> bool:
    """True where the workspace records everybody's clicks, whatever they said about it."""
    found = sending(workspace_id)
    return found is not None and found.click_tracking == ClickTracking.EVERYONE.value


def access_mailing(workspace_id: int, mailing_id: int) -> Mailing:
    """One mailing that is no test, with its purpose and template. Raises UnknownMailing."""
    found = (
        Mailing.objects.filter(workspace_id=workspace_id, pk=mailing_id)
        .exclude(origin=Origin.TEST.value)
        .select_related("purpose", "template_version__template")
        .first()
    )
    if found is None:
        raise UnknownMailing(_("There is no such mailing."))
    return found


def about_mailings(workspace_id: int, mailing_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """What every event of a message says about where it comes from, by mailing."""
    found = statements.about_mailings.records(workspace_id=workspace_id, mailing_ids=list(mailing_ids))
    return {about["mailing"]: about for about in found}


def blamed(workspace_id: int, meaning: ReplyClass, since: datetime) -> int:
    """How many messages came back since an instant for a reason of this class."""
    found = Return.objects.filter(workspace_id=workspace_id, meaning=meaning.value, at__gte=since)
    return found.values("message_id").distinct().count()
