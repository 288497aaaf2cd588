"""Which of allauth's addresses are open: signing in and out, one's own password; nothing that changes who somebody is."""

import pytest
from allauth.account import urls as allauth
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import URLPattern, reverse

from parcours.accounts.models import User
from parcours.web.urls import SIGNING_IN
from tests.web.conftest import Shop

ARGUMENTS = {
    "account_confirm_email": {"key": "a-key"},
    "account_reset_password_from_key": {"uidb36": "1", "key": "a-key"},
}


def address(pattern: URLPattern) -> str:
    return reverse(pattern.name or "", kwargs=ARGUMENTS.get(pattern.name or ""))


@pytest.mark.parametrize("pattern", allauth.urlpatterns, ids=lambda each: each.name)
def test_only_signing_in_and_the_own_password_are_open(
    shop: Shop, viewer: Client, pattern: URLPattern
) -> None:
    for client in (viewer, Client()):
        is_there = client.get(address(pattern)).status_code != 404
        assert is_there == (pattern.name in SIGNING_IN)


def test_member_cannot_take_an_address_that_may_be_anybodys(shop: Shop, viewer: Client) -> None:
    for act in (
        {"action_add": "", "email": "customer@else.where"},
        {"action_primary": "", "email": "customer@else.where"},
    ):
        assert viewer.post("/account/email/", act).status_code == 404
    assert User.objects.get(pk=shop.viewer.pk).email == shop.viewer.email
    assert not EmailAddress.objects.filter(email="customer@else.where").exists()
    assert mail.outbox == []
