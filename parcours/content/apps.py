"""Django's label for this room."""

from django.apps import AppConfig


class ContentConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.content"
    label = "content"
