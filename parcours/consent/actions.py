"""Writes to the ledger, purposes and the suppression list. All run in the caller's scope.

What a person says is also an event: callers above `events` use `events.people.record_statements`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from parcours.accounts.actions import record_audit
from parcours.accounts.types import Actor
from parcours.consent import queries
from parcours.consent.errors import MissingEvidence, NotForThisBasis, UnknownPurpose, WrongChannel
from parcours.consent.models import Purpose, Suppression
from parcours.consent.types import Act, Basis, Channel, Statement, SuppressionReason
from parcours.kernel import sql
from parcours.kernel.errors import NotFound

statements = sql.load(__package__)
_FITTING: dict[Basis, frozenset[Act]] = {
    Basis.CONTRACT: frozenset(),
    Basis.LEGITIMATE_INTEREST: frozenset({Act.OBJECTED, Act.GRANTED}),
    Basis.CONSENT: frozenset({Act.GRANTED, Act.REQUESTED, Act.WITHDRAWN}),
}


def record(workspace_id: int, said: Sequence[Statement], *, now: datetime) -> list[Statement]:
    """Append to the ledger and update the current state in one statement; returns what changed the state.

    Raises UnknownPurpose, NotForThisBasis, WrongChannel or MissingEvidence, and then records nothing. A withdrawal of a
    legitimate interest is an objection, and granting one again lifts it. Measuring has no channel of its own: whatever channel
    a statement about it names, it is recorded for `any`, so that it has one state, which the preference page shows.
    """
    purposes = {purpose.code: purpose for purpose in queries.purposes(workspace_id)}
    said = [_placed(one, purposes) for one in said]
    if not said:
        return []
    positions = statements.record_statements.records(
        workspace_id=workspace_id,
        contact_ids=[one.contact_id for one in said],
        purposes=[one.purpose for one in said],
        channels=[one.channel.value for one in said],
        acts=[one.act.value for one in said],
        at=[one.at or now for one in said],
        sources=[one.evidence.source[:120] for one in said],
        wordings=[one.evidence.wording for one in said],
        ips=[one.evidence.ip for one in said],
        user_agents=[one.evidence.user_agent[:300] for one in said],
        details=[Jsonb(one.evidence.detail) for one in said],
    )
    return [said[row["position"] - 1] for row in positions]


def _placed(one: Statement, purposes: Mapping[str, Purpose]) -> Statement:
    """The statement, checked, on the channel on which its purpose is kept."""
    purpose = purposes.get(one.purpose)
    if purpose is None:
        known = ", ".join(sorted(purposes)) or "–"
        raise UnknownPurpose(
            _("There is no purpose “%(purpose)s”.") % {"purpose": one.purpose},
            field="purpose",
            hint=_("Known: %(known)s.") % {"known": known},
        )
    _check(one, Basis(purpose.basis))
    if purpose.is_measuring:
        return replace(one, channel=Channel.ANY)
    if one.channel is Channel.ANY:
        raise WrongChannel(
            _("“%(purpose)s” is said for one channel at a time.") % {"purpose": one.purpose},
            field="channel",
            hint=_("Name the channel: email or sms."),
        )
    return one


def _check(one: Statement, basis: Basis) -> None:
    if one.act not in _FITTING[basis]:
        raise NotForThisBasis(
            _("“%(act)s” does not fit “%(purpose)s”, whose basis is %(basis)s.")
            % {"act": one.act.value, "purpose": one.purpose, "basis": basis.value},
            field="act",
        )
    if not one.evidence.source.strip():
        raise MissingEvidence(
            _("A statement needs its source."), field="source", hint=_("Say where it was collected.")
        )


def refusal(purpose: Purpose) -> Act:
    """The act by which a person says no to this purpose."""
    return Act.OBJECTED if purpose.basis == Basis.LEGITIMATE_INTEREST.value else Act.WITHDRAWN


def save_purpose(
    workspace_id: int, code: str, fields: Mapping[str, Any], *, actor: Actor, now: datetime
) -> Purpose:
    """Create a purpose, or change its names, description, audience or place. The basis of a used purpose stays."""
    purpose, created = Purpose.objects.get_or_create(
        workspace_id=workspace_id, code=code, defaults=dict(fields)
    )
    if not created:
        if "basis" in fields and fields["basis"] != purpose.basis:
            raise NotForThisBasis(
                _("The legal basis of a purpose cannot change."),
                field="basis",
                hint=_("Make a new purpose instead."),
            )
        for field, value in fields.items():
            setattr(purpose, field, value)
        purpose.save(update_fields=list(fields))
    record_audit(
        workspace_id,
        actor=actor,
        action="created" if created else "changed",
        subject="purpose",
        subject_id=code,
        detail={key: value for key, value in fields.items() if value is not None},
        now=now,
    )
    return purpose


def suppress(
    workspace_id: int,
    channel: Channel,
    address: str,
    reason: SuppressionReason,
    *,
    detail: str = "",
    now: datetime,
) -> bool:
    """Never write to this address again; True when that is new. Only its keyed hash is kept."""
    _, created = Suppression.objects.get_or_create(
        workspace_id=workspace_id,
        channel=channel.value,
        address_hash=queries.address_hash(workspace_id, channel, address),
        defaults={"reason": reason.value, "detail": detail[:400], "at": now},
    )
    return created


def lift_suppression(
    workspace_id: int, channel: Channel, address: str, *, actor: Actor, now: datetime
) -> None:
    """Allow an address again, by a person's decision; the trail says whose."""
    hashed = queries.address_hash(workspace_id, channel, address)
    removed, _by_model = Suppression.objects.filter(
        workspace_id=workspace_id, channel=channel.value, address_hash=hashed
    ).delete()
    if not removed:
        raise NotFound(_("This address is not suppressed."))
    record_audit(
        workspace_id,
        actor=actor,
        action="lifted",
        subject="suppression",
        subject_id=hashed.hex()[:16],
        now=now,
    )
