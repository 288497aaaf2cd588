"""Django's label for this room."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.events"
    label = "events"
