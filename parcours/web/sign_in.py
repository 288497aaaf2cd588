"""How people come to have an account, and what the trail says when they change how they sign in.

A workspace's owner invites them; nobody signs up by themselves.
"""

import logging
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from parcours.accounts.actions import record_own_change
from parcours.accounts.models import User
from parcours.kernel import clock, crypto

logger = logging.getLogger(__name__)

# What allauth tells a user about by mail → what the trail says: action, subject.
NOTED = {
    "mfa/email/totp_activated": ("enabled", "second_factor"),
    "mfa/email/totp_deactivated": ("disabled", "second_factor"),
    "mfa/email/recovery_codes_generated": ("renewed", "recovery_codes"),
}


class ClosedSignUp(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's account pages without public sign-up, and with the audit trail."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def clean_password(self, password: str, user: User | None = None) -> str:
        """A first password that is given again would stay known to whoever passed it on."""
        cleaned: str = super().clean_password(password, user)
        if user is not None and user.has_first_password and user.check_password(password):
            raise ValidationError(gettext("Choose a password that nobody else has seen."))
        return cleaned

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("start")

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The link in a mail leads to the public address, whatever Host header the request for it came with."""
        return f"{settings.BASE_URL}{urlsplit(super().get_reset_password_from_key_url(key)).path}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write to a user in their own language.

        A mail server that is away is the operator's trouble: the page must not tell by it which addresses have an account.
        """
        language = getattr(context.get("user"), "language", "") or translation.get_language()
        try:
            with translation.override(language):
                super().send_mail(template_prefix, email, context)
        except OSError:  # smtplib's errors too
            logger.exception("The mail server did not take an account mail (%s)", template_prefix)

    def set_password(self, user: User, password: str) -> None:
        """Every way to a new password ends here: changed by oneself, or by a reset link."""
        with transaction.atomic():
            user.has_first_password = False
            super().set_password(user, password)
            record_own_change(user, action="changed", subject="password", now=clock.now())

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: Mapping[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """allauth calls this after each change that a user should hear of, which is where the trail hears of it."""
        if template_prefix in NOTED:
            action, subject = NOTED[template_prefix]
            record_own_change(user, action=action, subject=subject, now=clock.now())
        super().send_notification_mail(template_prefix, user, context, email)


class SealedSecrets(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Secrets of authenticator apps and recovery codes, sealed in the database as DKIM keys are."""

    def encrypt(self, text: str) -> str:
        return b64encode(crypto.seal("second factor", text.encode())).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.unseal("second factor", b64decode(encrypted_text)).decode()
