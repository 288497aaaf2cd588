"""Django's label for this room."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """Names the room for migrations."""

    name = "parcours.catalogue"
    label = "catalogue"
