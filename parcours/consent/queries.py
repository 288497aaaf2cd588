"""Reads about purposes, the ledger, current states and suppressed addresses."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from parcours.consent.errors import UnfitPurpose, UnknownPurpose
from parcours.consent.models import Pace, Purpose, Record, State, Suppression
from parcours.consent.types import Act, Channel, Wish
from parcours.contacts import identities
from parcours.contacts.errors import InvalidIdentity
from parcours.kernel import crypto


def purposes(workspace_id: int) -> list[Purpose]:
    """The purposes of a workspace, archived ones too, in their order."""
    return list(Purpose.objects.filter(workspace_id=workspace_id).order_by("position", "id"))


def offered_purposes(workspace_id: int) -> list[Purpose]:
    """Those that people are asked about."""
    return [one for one in purposes(workspace_id) if one.archived_at is None]


def sendable_purposes(workspace_id: int) -> list[Purpose]:
    """Those that messages may be sent for."""
    return [one for one in purposes(workspace_id) if is_sendable(one)]


def is_sendable(purpose: Purpose) -> bool:
    """Whether messages may be sent for it: not for one that people agree to be measured for, nor for one out of use."""
    return purpose.archived_at is None and not purpose.is_measuring


def sendable_purpose(workspace_id: int, code: str) -> Purpose:
    """One purpose that messages may be sent for. Raises UnknownPurpose, UnfitPurpose."""
    found = purpose(workspace_id, code)
    if is_sendable(found):
        return found
    why = (
        _("“%(code)s” is about measuring; no message is sent for it.")
        if found.is_measuring
        else _("“%(code)s” is archived; no message is sent for it.")
    )
    raise UnfitPurpose(why % {"code": code}, field="purpose")


def purpose(workspace_id: int, code: str) -> Purpose:
    """One purpose. Raises UnknownPurpose."""
    found = Purpose.objects.filter(workspace_id=workspace_id, code=code).first()
    if found is None:
        raise UnknownPurpose(_("There is no purpose “%(purpose)s”.") % {"purpose": code}, field="purpose")
    return found


def ledger(workspace_id: int, contact_id: UUID) -> QuerySet[Record]:
    """All that a person said, newest first."""
    return (
        Record.objects.filter(workspace_id=workspace_id, contact_id=contact_id)
        .select_related("purpose")
        .order_by("-at", "-id")
    )


def states(workspace_id: int, contact_id: UUID) -> QuerySet[State]:
    """What holds now for a person, by purpose and channel, with the record that proves it."""
    return (
        State.objects.filter(workspace_id=workspace_id, contact_id=contact_id)
        .select_related("purpose", "record")
        .order_by("purpose__position", "channel")
    )


def wish(workspace_id: int, contact_id: UUID, *, now: datetime) -> Wish:
    """How much marketing a person wants to have now; a pause that is over is none."""
    found = Pace.objects.filter(workspace_id=workspace_id, contact_id=contact_id).first()
    if found is None:
        return Wish()
    is_paused = found.paused_until is not None and found.paused_until > now
    return Wish(found.paused_until if is_paused else None, found.every_days)


def standing(workspace_id: int, contact_ids: list[UUID], act: Act) -> set[tuple[UUID, str, str]]:
    """For which (person, purpose, channel) this act is what holds, among the given people."""
    found = State.objects.filter(workspace_id=workspace_id, contact_id__in=contact_ids, act=act.value)
    return set(found.values_list("contact_id", "purpose__code", "channel"))


def refusers(workspace_id: int, purpose: str, channel: Channel, contact_ids: list[UUID]) -> set[UUID]:
    """Those of the given people who have said no to this purpose on this channel (measuring: on any)."""
    found = State.objects.filter(
        workspace_id=workspace_id,
        contact_id__in=contact_ids,
        purpose__code=purpose,
        channel__in=[channel.value, Channel.ANY.value],
        act__in=[Act.WITHDRAWN.value, Act.OBJECTED.value],
    )
    return set(found.values_list("contact_id", flat=True))


def address_hash(workspace_id: int, channel: Channel | str, address: str) -> bytes:
    """The keyed hash under which an address is suppressed: HMAC-SHA256, another key in each workspace and channel.

    It is of the spelling under which contacts keep the address, however it is written here.
    """
    return crypto.fingerprint(f"suppression:{workspace_id}:{channel}", _one_spelling(channel, address))


def _one_spelling(channel: Channel | str, address: str) -> str:
    try:
        return identities.phone(address) if channel == Channel.SMS else identities.email(address)
    except InvalidIdentity:  # no contact has it, and nothing is sent to it
        return address.strip().lower()


def suppression(workspace_id: int, channel: Channel, address: str) -> Suppression | None:
    """Since when and why this address is never to be written to; None when it may be."""
    return Suppression.objects.filter(
        workspace_id=workspace_id,
        channel=channel.value,
        address_hash=address_hash(workspace_id, channel, address),
    ).first()


def is_suppressed(workspace_id: int, channel: Channel, address: str) -> bool:
    """True when this address is never to be written to."""
    return suppression(workspace_id, channel, address) is not None


def suppression_by_id(workspace_id: int, suppression_id: int) -> Suppression | None:
    """One entry of the list, if it is there."""
    return Suppression.objects.filter(workspace_id=workspace_id, pk=suppression_id).first()


def suppressions(workspace_id: int) -> QuerySet[Suppression]:
    """Every address that is never written to."""
    return Suppression.objects.filter(workspace_id=workspace_id).select_related("contact")


def has_suppressions(workspace_id: int, channel: Channel) -> bool:
    """True when any address of the channel is suppressed: spares hashing a whole batch where none is."""
    return Suppression.objects.filter(workspace_id=workspace_id, channel=channel.value).exists()


def suppressed_hashes(workspace_id: int, channel: Channel, hashes: list[bytes]) -> set[bytes]:
    """Those of the given hashes that are suppressed: for a whole batch at once."""
    found = Suppression.objects.filter(
        workspace_id=workspace_id, channel=channel.value, address_hash__in=hashes
    ).values_list("address_hash", flat=True)
    return {bytes(one) for one in found}
