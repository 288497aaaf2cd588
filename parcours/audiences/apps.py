"""Django's label for this room."""

from django.apps import AppConfig


class AudiencesConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.audiences"
    label = "audiences"
