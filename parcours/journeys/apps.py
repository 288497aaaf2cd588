"""Django's label for this room."""

from django.apps import AppConfig


class JourneysConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.journeys"
    label = "journeys"
