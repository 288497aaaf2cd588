"""Django's label for this room."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.integrations"
    label = "integrations"
