"""Django's label for this room."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.web"
    label = "web"
