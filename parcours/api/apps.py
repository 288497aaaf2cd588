"""Django's label for this room."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Names the room for migrations."""

    name = "parcours.api"
    label = "api"
