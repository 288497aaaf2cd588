"""How a workspace sends: its addresses, its signature, the limits that its gate keeps, and the switch that stops everything.

Not here: the gate itself (`gate`), the mail server of the installation (an operator's setting).
"""

from collections.abc import Mapping
from datetime import datetime, time
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from django.utils.translation import gettext as _

from parcours.accounts.actions import record_audit
from parcours.accounts.types import SYSTEM, Actor
from parcours.delivery import dkim, mime
from parcours.delivery.errors import BadSending, NotSetUp
from parcours.delivery.models import Sending
from parcours.delivery.replies import without_addresses
from parcours.delivery.types import ClickTracking
from parcours.kernel import crypto, sql

statements = sql.load(__package__)
_SEALED_FOR = "dkim"
_CHANGEABLE = (
    "from_name",
    "from_email",
    "reply_to",
    "quiet_from",
    "quiet_until",
    "marketing_per_day",
    "click_tracking",
)


def set_up_sending(
    workspace_id: int,
    *,
    from_name: str,
    from_email: str,
    actor: Actor,
    now: datetime,
    reply_to: str = "",
    dkim_selector: str = "parcours",
    quiet_from: time = time(21),
    quiet_until: time = time(8),
    marketing_per_day: int = 1,
    click_tracking: ClickTracking = ClickTracking.CONSENTED,
) -> Sending:
    """Say how a workspace sends, or change it. A signing key is made the first time, and again when the sending domain changes.

    Raises `mime.UnsafeMail` for an address that is none, BadSending for a cap below one.
    """
    from_email = mime.address(from_email, field="from_email")
    reply_to = mime.address(reply_to, field="reply_to") if reply_to else ""
    if marketing_per_day < 1:
        raise BadSending(_("At least one marketing message a day is needed."), field="marketing_per_day")
    domain = from_email.rpartition("@")[2].lower()
    fields = {
        "from_name": from_name[:120],
        "from_email": from_email,
        "reply_to": reply_to,
        "quiet_from": quiet_from,
        "quiet_until": quiet_until,
        "marketing_per_day": marketing_per_day,
        "click_tracking": ClickTracking(click_tracking).value,
    }
    sending = Sending.objects.filter(workspace_id=workspace_id).first()
    if sending is None or sending.dkim_domain != domain or sending.dkim_selector != dkim_selector:
        key = crypto.seal(_SEALED_FOR, dkim.generate_key())
        fields |= {"dkim_domain": domain, "dkim_selector": dkim_selector, "dkim_key": key}
    saved, _created = Sending.objects.update_or_create(workspace_id=workspace_id, defaults=fields)
    shown = {name: str(value) for name, value in fields.items() if name != "dkim_key"}
    record_audit(workspace_id, actor=actor, action="changed", subject="sending", detail=shown, now=now)
    return saved


def pause_sending(workspace_id: int, why: str, *, now: datetime, actor: Actor = SYSTEM) -> None:
    """Let nothing leave until `resume_sending`: a mail server says that our own configuration is wrong, or somebody wants it so.

    The reason stays in the trail, so no recipient's address does: servers quote them.
    """
    why = without_addresses(why)[:200]
    paused = Sending.objects.filter(workspace_id=workspace_id, paused_at=None).update(
        paused_at=now, pause_reason=why
    )
    if paused:
        detail = {"why": why}
        record_audit(workspace_id, actor=actor, action="paused", subject="sending", detail=detail, now=now)


def resume_sending(workspace_id: int, *, actor: Actor, now: datetime) -> None:
    """Let messages leave again; the time of the pause does not count towards their expiry.

    Raises NotSetUp when there is nothing to resume.
    """
    paused = Sending.objects.select_for_update().filter(workspace_id=workspace_id).exclude(paused_at=None)
    sending = paused.first()
    if sending is None:
        raise NotSetUp(_("Sending is not paused here."))
    statements.lengthen.run(workspace_id=workspace_id, paused_at=sending.paused_at, now=now)
    sending.paused_at, sending.pause_reason = None, ""
    sending.save(update_fields=["paused_at", "pause_reason"])
    record_audit(workspace_id, actor=actor, action="resumed", subject="sending", now=now)


def change_sending(workspace_id: int, fields: Mapping[str, Any], *, actor: Actor, now: datetime) -> Sending:
    """Change some of what `set_up_sending` takes, and leave the rest as it is."""
    sending = Sending.objects.filter(workspace_id=workspace_id).first()
    kept = (
        {name: getattr(sending, name) for name in _CHANGEABLE} | {"dkim_selector": sending.dkim_selector}
        if sending
        else {}
    )
    return set_up_sending(workspace_id, **{**kept, **fields}, actor=actor, now=now)


@lru_cache(maxsize=256)
def signer(domain: str, selector: str, sealed_key: bytes) -> dkim.Signer:
    """The signer of a workspace, from its sealed key. Loading a key takes time, so signers are kept."""
    return dkim.Signer.load(domain, selector, _opened(sealed_key))


def _opened(sealed_key: bytes) -> bytes:
    """The private key. Raises DkimFailed when the installation has another secret than when it was sealed."""
    try:
        return crypto.unseal(_SEALED_FOR, sealed_key)
    except InvalidTag:
        raise dkim.DkimFailed(
            _("The DKIM key cannot be opened: PARCOURS_SECRET_KEY is not the one that it was sealed with."),
            hint=_("Set the former secret again, or save another selector to get a new key."),
        ) from None


class DnsRecord(NamedTuple):
    """A TXT record to publish."""

    name: str
    value: str


def dns_record(sending: Sending) -> DnsRecord:
    """What to publish so that others can check our signature."""
    private = _opened(bytes(sending.dkim_key))
    name = f"{sending.dkim_selector}._domainkey.{sending.dkim_domain}"
    return DnsRecord(name, dkim.dns_record(dkim.public_key(private)))
