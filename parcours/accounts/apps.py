"""Django's label for this room."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.accounts"
    label = "accounts"
