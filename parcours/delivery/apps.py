"""Django's label for this room."""

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.delivery"
    label = "delivery"
