"""How people come to have an account: a workspace's owner invites them; nobody signs up by themselves."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignUp(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's account pages without public sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
