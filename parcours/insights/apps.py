"""Django's label for this room."""

from django.apps import AppConfig


class InsightsConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.insights"
    label = "insights"
