"""Django's label for this room."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.campaigns"
    label = "campaigns"
