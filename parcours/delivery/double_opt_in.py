"""Double opt-in: a yes that waits for the answer to a message, and that message.

The message goes through outbox and gate like every other. Its purpose is the one that was asked for; what lets it go is the open
request, nothing else. Not here: the page behind its link (`public.pages.confirm`), its words (`content/shipped`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from parcours.accounts.models import Workspace
from parcours.accounts.types import Actor
from parcours.consent import queries as consent
from parcours.consent.models import Purpose
from parcours.consent.types import Act, Channel, Statement
from parcours.content import actions as content
from parcours.content import shipping
from parcours.delivery import actions
from parcours.delivery.hours import zone_named
from parcours.delivery.models import Message
from parcours.delivery.types import MessageState, Origin, ToQueue
from parcours.events import audited, people

VALID_FOR = timedelta(days=2)
"""A request that could not be sent for so long is stale: the person may ask again."""

_TRIES_OF_A_DAY = 1000
_CAME_TO_NOTHING = (MessageState.WITHHELD.value, MessageState.CANCELLED.value)


def record(
    workspace_id: int, said: Sequence[Statement], *, actor: Actor | None = None, now: datetime
) -> list[Statement]:
    """Record what people say of themselves; returns what changed. A yes by e-mail to a purpose that asks for double opt-in
    becomes a request. Every request is followed by its message.

    A request by somebody who has agreed already is passed over: their yes stands, and nobody can take it from them by asking
    again in their name. At most one message a day goes to a person for a purpose (the workspace's local day). With an actor (a
    program that passes on what was said) what is recorded is in the trail too.
    """
    purposes = {one.code: one for one in consent.purposes(workspace_id)}
    wanted = [_asked(one, purposes) for one in said]
    requests = [one for one in wanted if one.act is Act.REQUESTED]
    if not requests:
        return _record(workspace_id, wanted, actor, now)
    people_asked = list({one.contact_id for one in requests})
    agreed = consent.standing(workspace_id, people_asked, Act.GRANTED)
    wanted = [one for one in wanted if one.act is not Act.REQUESTED or _key(one, purposes) not in agreed]
    changed = _record(workspace_id, wanted, actor, now)
    waiting = consent.standing(workspace_id, people_asked, Act.REQUESTED)
    asked = {(one.contact_id, one.purpose) for one in requests if _key(one, purposes) in waiting}
    for code in sorted({code for _, code in asked}):
        _write_to(workspace_id, purposes[code], {who for who, what in asked if what == code}, now)
    return changed


def _record(
    workspace_id: int, said: Sequence[Statement], actor: Actor | None, now: datetime
) -> list[Statement]:
    if actor is None:
        return people.record_statements(workspace_id, said, now=now)
    return audited.record_statements(workspace_id, said, actor=actor, now=now)


def _asked(one: Statement, purposes: dict[str, Purpose]) -> Statement:
    """The statement, as a request if its purpose wants to be confirmed. An e-mail proves nothing about a telephone."""
    purpose = purposes.get(one.purpose)
    if (
        purpose is None
        or not purpose.double_opt_in
        or one.act is not Act.GRANTED
        or one.channel is Channel.SMS
    ):
        return one
    return replace(one, act=Act.REQUESTED)


def _key(one: Statement, purposes: dict[str, Purpose]) -> tuple[UUID, str, str]:
    purpose = purposes.get(one.purpose)
    channel = Channel.ANY if purpose is not None and purpose.is_measuring else one.channel
    return one.contact_id, one.purpose, channel.value


def _write_to(workspace_id: int, purpose: Purpose, contact_ids: Iterable[UUID], now: datetime) -> None:
    """Queue the message to those who were not written to today. A try that came to nothing does not count."""
    zone = Workspace.objects.only("time_zone").get(pk=workspace_id).time_zone
    day = now.astimezone(zone_named(zone, "UTC")).date().toordinal() * _TRIES_OF_A_DAY
    tried = Message.objects.filter(
        workspace_id=workspace_id,
        contact_id__in=list(contact_ids),
        mailing__origin=Origin.CONFIRMATION.value,
        mailing__purpose=purpose,
        run__range=(day, day + _TRIES_OF_A_DAY - 1),
    ).values_list("contact_id", "state")
    written = {who for who, state in tried if state not in _CAME_TO_NOTHING}
    tries = Counter(who for who, _ in tried)
    version = shipping.bring(workspace_id, content.CONFIRMATION, now=now)
    mailing_id = actions.add_mailing(
        workspace_id,
        origin=Origin.CONFIRMATION,
        origin_id=purpose.pk,
        origin_version=version.number,
        purpose_id=purpose.pk,
        template_version_id=version.pk,
        name=version.template.name,
        valid_for=VALID_FOR,
        now=now,
    )
    rows = [
        ToQueue(mailing_id, day + tries[who], who, None, None, now)
        for who in sorted(contact_ids)
        if who not in written and tries[who] < _TRIES_OF_A_DAY
    ]
    actions.enqueue(workspace_id, rows, now=now)
