"""Writes to the ledger, purposes and the suppression list. All run in the caller's scope.

What a person says is also an event: callers above `events` use `events.people.record_statements`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from parcours.accounts.actions import record_audit
from parcours.accounts.types import Actor
from parcours.consent import queries
from parcours.consent.errors import (
    BadDate,
    BadPace,
    BadPurpose,
    MissingEvidence,
    NotForThisBasis,
    PurposeFixed,
    UnknownPurpose,
    WrongChannel,
)
from parcours.consent.models import Pace, Purpose, Suppression
from parcours.consent.types import (
    FREQUENCIES,
    MEASURING,
    Act,
    Basis,
    Channel,
    Statement,
    SuppressionReason,
    Wish,
)
from parcours.contacts.models import Contact
from parcours.kernel import sql
from parcours.kernel.clock import EARLIEST
from parcours.kernel.errors import NotFound

statements = sql.load(__package__)
_FIXED = ("basis", "is_marketing", "is_measuring")
_FITTING: dict[Basis, frozenset[Act]] = {
    Basis.CONTRACT: frozenset(),
    Basis.LEGITIMATE_INTEREST: frozenset({Act.OBJECTED, Act.GRANTED}),
    Basis.CONSENT: frozenset({Act.GRANTED, Act.REQUESTED, Act.WITHDRAWN}),
}


def record(workspace_id: int, said: Sequence[Statement], *, now: datetime) -> list[Statement]:
    """Append to the ledger and update the current state, in two statements at most; returns what changed the state.

    Raises UnknownPurpose, NotForThisBasis, WrongChannel, MissingEvidence or BadDate, and then records nothing. A withdrawal of a
    legitimate interest is an objection, and granting one again lifts it. Measuring has no channel of its own: whatever channel
    a statement about it names, it is recorded for `any`, so that it has one state, which the preference page shows.
    """
    return record_placed(workspace_id, placed(workspace_id, said), now=now)


def record_placed(workspace_id: int, said: Sequence[Statement], *, now: datetime) -> list[Statement]:
    """`record` for what `placed` has given."""
    if not said:
        return []
    latest = statements.record_statements.records(
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
    known = [row["record_id"] for row in latest if not row["is_first"]]
    moved = _moved(workspace_id, known) if known else set()
    return [said[row["position"] - 1] for row in latest if row["is_first"] or row["record_id"] in moved]


def placed(workspace_id: int, said: Sequence[Statement]) -> list[Statement]:
    """The statements, checked, as `record` keeps them: what was said of measuring is said of all channels. Raises what it does."""
    purposes = {purpose.code: purpose for purpose in queries.purposes(workspace_id)}
    return [_placed(one, purposes) for one in said]


def _moved(workspace_id: int, record_ids: list[int]) -> set[int]:
    """Those of the records that changed the state that was known."""
    rows = statements.move_on.records(workspace_id=workspace_id, record_ids=record_ids)
    return {row["record_id"] for row in rows}


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
    _check(one, purpose)
    if purpose.is_measuring:
        return replace(one, channel=Channel.ANY)
    if one.channel is Channel.ANY:
        raise WrongChannel(
            _("“%(purpose)s” is said for one channel at a time.") % {"purpose": one.purpose},
            field="channel",
            hint=_("Name the channel: email or sms."),
        )
    return one


def check_act(act: Act, purpose: Purpose) -> None:
    """Raise NotForThisBasis when nobody can say this of the purpose."""
    if act not in _FITTING[Basis(purpose.basis)]:
        raise NotForThisBasis(
            _("“%(act)s” does not fit “%(purpose)s”, whose basis is %(basis)s.")
            % {"act": act.value, "purpose": purpose.code, "basis": purpose.basis},
            field="act",
        )


def _check(one: Statement, purpose: Purpose) -> None:
    check_act(one.act, purpose)
    if not one.evidence.source.strip():
        raise MissingEvidence(
            _("A statement needs its source."), field="source", hint=_("Say where it was collected.")
        )
    if one.at is not None and one.at < EARLIEST:
        raise BadDate(
            _("A consent cannot have been given before %(year)s.") % {"year": EARLIEST.year}, field="at"
        )


def refusal(purpose: Purpose) -> Act:
    """The act by which a person says no to this purpose."""
    return Act.OBJECTED if purpose.basis == Basis.LEGITIMATE_INTEREST.value else Act.WITHDRAWN


def save_purpose(
    workspace_id: int, code: str, fields: Mapping[str, Any], *, actor: Actor, now: datetime
) -> Purpose:
    """Create a purpose, or change its names, description, audience, confirmation or place.

    Its code, legal basis, and whether it is marketing stay: people answered to them. Raises PurposeFixed, BadPurpose.
    """
    purpose = Purpose.objects.select_for_update().filter(workspace_id=workspace_id, code=code).first()
    created = purpose is None
    if purpose is None:
        purpose = Purpose(
            workspace_id=workspace_id, code=code, is_measuring=code in MEASURING, double_opt_in=False
        )
    changes = {field: value for field, value in fields.items() if created or getattr(purpose, field) != value}
    fixed = [] if created else [field for field in _FIXED if field in changes]
    if fixed:
        raise PurposeFixed(
            _("The legal basis and the kind of a purpose cannot change."),
            field=fixed[0],
            hint=_("Make a new purpose instead."),
        )
    for field, value in changes.items():
        setattr(purpose, field, value)
    _check_purpose(purpose)
    if not changes:
        return purpose
    purpose.save(force_insert=created, update_fields=None if created else list(changes))
    record_audit(
        workspace_id,
        actor=actor,
        action="created" if created else "changed",
        subject="purpose",
        subject_id=code,
        detail={key: value for key, value in changes.items() if value is not None},
        now=now,
    )
    return purpose


def _check_purpose(purpose: Purpose) -> None:
    """What the purpose says agrees with itself."""
    basis = Basis(purpose.basis)
    if purpose.is_marketing and basis is Basis.CONTRACT:
        raise BadPurpose(
            _("Advertising is not part of a contract."),
            field="is_marketing",
            hint=_("Base it on consent or on a legitimate interest."),
        )
    if purpose.is_measuring and (purpose.is_marketing or basis is not Basis.CONSENT):
        raise BadPurpose(_("People are measured with their consent only."), field="basis")
    if purpose.double_opt_in and basis is not Basis.CONSENT:
        raise BadPurpose(_("Only a consent can be confirmed."), field="double_opt_in")
    if purpose.audience is not None and basis is not Basis.LEGITIMATE_INTEREST:
        raise BadPurpose(_("Only a legitimate interest has people whom it covers."), field="audience")


def archive_purpose(workspace_id: int, code: str, *, actor: Actor, now: datetime) -> None:
    """Use a purpose no more: the gate lets nothing out for it, and nobody is asked about it. Nothing is forgotten."""
    _set_archived(workspace_id, code, True, actor=actor, now=now)


def restore_purpose(workspace_id: int, code: str, *, actor: Actor, now: datetime) -> None:
    """Use an archived purpose again, with all that people said about it."""
    _set_archived(workspace_id, code, False, actor=actor, now=now)


def _set_archived(workspace_id: int, code: str, is_archived: bool, *, actor: Actor, now: datetime) -> None:
    purpose = queries.purpose(workspace_id, code)
    if (purpose.archived_at is not None) == is_archived:
        return
    Purpose.objects.filter(workspace_id=workspace_id, pk=purpose.pk).update(
        archived_at=now if is_archived else None
    )
    record_audit(
        workspace_id,
        actor=actor,
        action="archived" if is_archived else "restored",
        subject="purpose",
        subject_id=code,
        now=now,
    )


def choose_pace(workspace_id: int, contact_id: UUID, wish: Wish, *, now: datetime) -> bool:
    """Keep how much marketing a person wants to have; True when that is new. Raises BadPace.

    It is also an event: callers above `events` use `events.people.choose_pace`.
    """
    if wish.every_days not in (None, *FREQUENCIES):
        raise BadPace(_("Choose one message a week or a month."), field="every_days")
    if wish == queries.wish(workspace_id, contact_id, now=now):
        return False
    values = {"paused_until": wish.paused_until, "every_days": wish.every_days, "changed_at": now}
    Pace.objects.update_or_create(workspace_id=workspace_id, contact_id=contact_id, defaults=values)
    return True


def suppress(
    workspace_id: int,
    channel: Channel,
    address: str,
    reason: SuppressionReason,
    *,
    detail: str = "",
    contact_id: UUID | None = None,
    actor: Actor | None = None,
    now: datetime,
) -> bool:
    """Never write to this address again; True when that is new. Only its keyed hash is kept, and whose it is as far as known.

    With an actor it is somebody's decision, which the trail keeps.
    """
    hashed = queries.address_hash(workspace_id, channel, address)
    known = Contact.objects.filter(workspace_id=workspace_id)
    whose = known.filter(pk=contact_id).values_list("pk", flat=True).first() if contact_id else None
    _suppression, created = Suppression.objects.get_or_create(
        workspace_id=workspace_id,
        channel=channel.value,
        address_hash=hashed,
        defaults={"reason": reason.value, "detail": detail[:400], "contact_id": whose, "at": now},
    )
    if created and actor is not None:
        _audit_suppression(workspace_id, "added", hashed, actor, now)
    return created


def suppress_all(
    workspace_id: int,
    channel: Channel,
    addresses: Mapping[str, UUID | None],
    reason: SuppressionReason,
    *,
    detail: str = "",
    now: datetime,
) -> None:
    """`suppress` for many addresses at once, each with whose it is as far as known; those that are suppressed already stay so."""
    Suppression.objects.bulk_create(
        [
            Suppression(
                workspace_id=workspace_id,
                channel=channel.value,
                address_hash=queries.address_hash(workspace_id, channel, address),
                contact_id=whose,
                reason=reason.value,
                detail=detail[:400],
                at=now,
            )
            for address, whose in addresses.items()
        ],
        ignore_conflicts=True,
    )


def lift_suppression(
    workspace_id: int, channel: Channel, address: str, *, actor: Actor, now: datetime
) -> None:
    """Allow an address again, by a person's decision; the trail says whose. Raises NotFound."""
    _lift(workspace_id, queries.suppression(workspace_id, channel, address), actor, now)


def lift_suppression_by_id(workspace_id: int, suppression_id: int, *, actor: Actor, now: datetime) -> None:
    """The same where the address is not known any more."""
    _lift(workspace_id, queries.suppression_by_id(workspace_id, suppression_id), actor, now)


def _lift(workspace_id: int, found: Suppression | None, actor: Actor, now: datetime) -> None:
    if found is None:
        raise NotFound(_("This address is not suppressed."))
    hashed = bytes(found.address_hash)
    Suppression.objects.filter(workspace_id=workspace_id, pk=found.pk).delete()
    _audit_suppression(workspace_id, "lifted", hashed, actor, now)


def _audit_suppression(workspace_id: int, action: str, hashed: bytes, actor: Actor, now: datetime) -> None:
    """The trail outlives a person's data, so it names the address by its hash."""
    record_audit(
        workspace_id,
        actor=actor,
        action=action,
        subject="suppression",
        subject_id=hashed.hex()[:16],
        now=now,
    )
