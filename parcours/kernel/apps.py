"""Django's label for this room."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.kernel"
    label = "kernel"
