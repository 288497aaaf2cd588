"""Django's label for this room."""

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.consent"
    label = "consent"
