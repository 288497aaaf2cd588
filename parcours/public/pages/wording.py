"""Purposes and their legal bases in plain words, in the language that is active."""

from datetime import datetime

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from parcours.consent.models import Purpose
from parcours.consent.types import Basis


def is_french() -> bool:
    """True when the page is in French."""
    return (translation.get_language() or "").startswith("fr")


def purpose_name(purpose: Purpose) -> str:
    """What people call this purpose."""
    return purpose.name_fr if is_french() else purpose.name_en


def purpose_description(purpose: Purpose) -> str:
    """One sentence about it, or nothing."""
    return purpose.description_fr if is_french() else purpose.description_en


def basis_in_words(purpose: Purpose) -> str:
    """Why this is lawful, said to the person whom it concerns."""
    if purpose.is_measuring:
        return _("Measured only if you have said yes. You may change your mind at any time.")
    if purpose.basis == Basis.CONTRACT.value:
        return _(
            "Needed for an order that you placed. It comes without your consent, and carries no advertising."
        )
    if purpose.basis == Basis.LEGITIMATE_INTEREST.value:
        return _("Sent because you are a client. You may object at any time, without giving a reason.")
    return _("Sent only if you have said yes. You may change your mind at any time.")


def basis_name(basis: str) -> str:
    """The name of a legal basis (GDPR art. 6.1)."""
    return {
        Basis.CONTRACT.value: _("performance of a contract"),
        Basis.LEGITIMATE_INTEREST.value: _("legitimate interest"),
        Basis.CONSENT.value: _("consent"),
    }[basis]


def channel_name(channel: str) -> str:
    """How a channel is called."""
    return {"email": _("by e-mail"), "sms": _("by SMS"), "any": ""}.get(channel, channel)


def day(at: datetime) -> str:
    """A date as people write it, in both languages as the reasons of the same page do: 28 novembre 2026, 28 November 2026."""
    return date_format(timezone.localtime(at), "j F Y")
