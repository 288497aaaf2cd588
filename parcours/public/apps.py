"""Django's label for this room."""

from django.apps import AppConfig


class PublicConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.public"
    label = "public"
