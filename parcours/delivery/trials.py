"""Tests of a template: a member sees in their own mailbox what a contact would be sent. (`Test…` begins the names of test classes.)

A test goes the way of every message: outbox, gate, composer, sender. It goes to members of the workspace only, so that nobody is
written to who has not joined it, and it says nothing about the contact whom it is made out for: no event, no figure, no place
of the day. Not here: what the gate asks of a test (`sql/judge.sql`), what its links answer (`public`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from parcours.accounts import queries as accounts
from parcours.accounts.actions import record_audit
from parcours.accounts.types import Actor
from parcours.consent.models import Purpose
from parcours.contacts import actions as contacts
from parcours.content.models import TemplateVersion
from parcours.delivery import actions, composing, mime
from parcours.delivery.errors import NoReader, NotAMember, Paused, TooManyTests
from parcours.delivery.models import Message, Trial
from parcours.delivery.readers import Reader
from parcours.delivery.transactional import usable_sending
from parcours.delivery.types import MessageState, Origin, ToQueue, ToSend
from parcours.kernel import sql

statements = sql.load(__package__)

VALID_FOR = timedelta(hours=1)
"""Whoever asked for a test has gone on to something else by then."""

MOST_OTHERS = 5
"""How many members beside oneself a test may go to."""

MOST_PER_HOUR = 20
"""How many messages one person, or one key, may ask for in an hour."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One test. `to`: addresses of members; `language`: '' for the reader's own; `subject`: what is tested, in the trail's word."""

    version: TemplateVersion
    purpose: Purpose
    reader: Reader | None
    to: Sequence[str]
    subject: str
    subject_id: str
    language: str = ""

    @property
    def place(self) -> str:
        """The page on which it was asked for."""
        return place(self.subject, self.subject_id)


@dataclass(frozen=True, slots=True)
class TrialRow:
    """A test as pages and answers show it."""

    message_id: UUID
    address: str
    state: str
    verdict: str
    asked_at: datetime

    @property
    def is_open(self) -> bool:
        """True until it left or will not leave."""
        return self.state in (MessageState.QUEUED.value, MessageState.SENDING.value)


def place(subject: str, subject_id: object) -> str:
    """The name of the page of a template or a campaign."""
    return f"{subject}:{subject_id}"[:80]


def ask(workspace_id: int, wanted: Wanted, *, actor: Actor, now: datetime) -> list[TrialRow]:
    """Queue a test to each of the members. All or nothing: it is composed before it is kept.

    Raises NotSetUp, Paused, NotAMember, NoReader, TooManyTests, and what is wrong with the template (TemplateError and others).
    """
    with transaction.atomic():
        if usable_sending(workspace_id).paused_at:
            raise Paused(_("Sending is paused."), hint=_("Settings, Sending says why, and resumes it."))
        members = _members(workspace_id, wanted.to)
        if wanted.reader is None:
            raise NoReader(
                _("There is no such contact."),
                field="contact",
                hint=_("A test shows the message as one of your contacts would see it."),
            )
        _keep_limit(workspace_id, len(members), actor, now)
        contacts.hold_these(workspace_id, [wanted.reader.contact.id])
        mailing_id = _mailing(workspace_id, wanted, now)
        trials = _write_down(workspace_id, wanted, members.values(), _name(actor), now)
        ids = _queue(mailing_id, trials, wanted.reader)
        _compose(workspace_id, ids[0], next(iter(members)), now)
        record_audit(
            workspace_id,
            actor=actor,
            action="tested",
            subject=wanted.subject,
            subject_id=wanted.subject_id,
            detail={"recipients": list(members), "contact": str(wanted.reader.contact.id)},
            now=now,
        )
    asked = recent(workspace_id, wanted.place, actor=actor, now=now)
    return sorted((row for row in asked if row.message_id in ids), key=lambda row: ids.index(row.message_id))


def recent(workspace_id: int, place: str, *, actor: Actor, now: datetime) -> list[TrialRow]:
    """What somebody asked for on one page within the last hour, newest first."""
    return statements.recent_trials.rows(
        TrialRow,
        workspace_id=workspace_id,
        place=place,
        asked_by=_name(actor),
        since=now - _HOUR,
        limit=MOST_PER_HOUR,
    )


def language_asked(workspace_id: int, message_id: UUID) -> str:
    """The language that a test was asked for in; '' for the contact's own, and for what is no test."""
    found = Trial.objects.filter(workspace_id=workspace_id, message_id=message_id)
    return found.values_list("language", flat=True).first() or ""


def _name(actor: Actor) -> str:
    """In whose name limits count."""
    return f"key:{actor.key_id}" if actor.key_id else f"user:{actor.user_id}"


def _members(workspace_id: int, addresses: Sequence[str]) -> dict[str, int]:
    """Who has these addresses, in their order; nobody twice."""
    known = {one.user.email: one.user_id for one in accounts.reachable_members(workspace_id)}
    wanted = list(dict.fromkeys(address.strip().lower() for address in addresses))
    stranger = next((address for address in wanted if address not in known), None)
    if stranger is not None:
        raise NotAMember(
            _("“%(address)s” is not the address of a member.") % {"address": stranger},
            field="to",
            hint=_("A test goes to members who sign in to this workspace, at the address they sign in with."),
        )
    if not 1 <= len(wanted) <= 1 + MOST_OTHERS:
        raise NotAMember(_("A test goes to 1 to %(n)d members.") % {"n": 1 + MOST_OTHERS}, field="to")
    return {address: known[address] for address in wanted}


def _keep_limit(workspace_id: int, more: int, actor: Actor, now: datetime) -> None:
    asker = _name(actor)
    statements.hold_asker.run(workspace_id=workspace_id, asked_by=asker)
    asked = Trial.objects.filter(workspace_id=workspace_id, asked_by=asker, created_at__gt=now - _HOUR)
    if asked.count() + more > MOST_PER_HOUR:
        raise TooManyTests(
            _("You can send %(n)d tests in an hour.") % {"n": MOST_PER_HOUR},
            hint=_("Try again a little later."),
        )


def _mailing(workspace_id: int, wanted: Wanted, now: datetime) -> int:
    """All tests of a version for a purpose are one mailing."""
    version = wanted.version
    return actions.add_mailing(
        workspace_id,
        origin=Origin.TEST,
        origin_id=version.template_id,
        origin_version=version.number,
        step=wanted.purpose.code,
        purpose_id=wanted.purpose.pk,
        template_version_id=version.pk,
        name=version.template.name,
        valid_for=VALID_FOR,
        now=now,
    )


def _write_down(
    workspace_id: int, wanted: Wanted, user_ids: Iterable[int], asked_by: str, now: datetime
) -> list[Trial]:
    return Trial.objects.bulk_create(
        Trial(
            workspace_id=workspace_id,
            user_id=user_id,
            language=wanted.language,
            place=wanted.place,
            asked_by=asked_by,
            created_at=now,
        )
        for user_id in user_ids
    )


def _queue(mailing_id: int, trials: Sequence[Trial], reader: Reader) -> list[UUID]:
    """Queue the message of each trial, a run of its own. Returns the messages' ids in the same order."""
    workspace_id, now = trials[0].workspace_id, trials[0].created_at
    at, event_id = (reader.event.at, reader.event.id) if reader.event else (None, None)
    rows = [ToQueue(mailing_id, one.pk, reader.contact.id, at, event_id, now) for one in trials]
    actions.enqueue(workspace_id, rows, now=now)
    queued = Message.objects.filter(
        workspace_id=workspace_id, mailing_id=mailing_id, run__in=[one.pk for one in trials]
    )
    ids = dict(queued.values_list("run", "id"))
    for one in trials:
        one.message_id = ids[one.pk]
    Trial.objects.bulk_update(trials, ["message_id"])
    return [ids[one.pk] for one in trials]


def _compose(workspace_id: int, message_id: UUID, address: str, now: datetime) -> None:
    """Make the message as the sender will, to hear now what is wrong with it."""
    found = Message.objects.get(workspace_id=workspace_id, pk=message_id)
    claim = ToSend(
        workspace_id=workspace_id,
        id=found.pk,
        fence=0,
        mailing_id=found.mailing_id,
        run=found.run,
        contact_id=found.contact_id,
        event_at=found.event_at,
        event_id=found.event_id,
        address=address,
        address_hash=b"",
        measured_opens=False,
        measured_clicks=False,
        closes_at=now,
    )
    mime.build(composing.compose(composing.load(workspace_id, [claim], now=now), claim))
