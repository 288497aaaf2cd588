"""Django's label for this room."""

from django.apps import AppConfig


class ContactsConfig(AppConfig):
    """Names the room for migrations and templates."""

    name = "parcours.contacts"
    label = "contacts"
