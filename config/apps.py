"""The last application that Django sets up: by then every room is loaded, and the parts are handed down."""

from importlib import import_module

from django.apps import AppConfig


class PartsConfig(AppConfig):
    """Calls the wiring in every process: commands, server, workers, tests."""

    name = "config"
    label = "parts"

    def ready(self) -> None:
        import_module("config.wiring").connect()  # only now: it names modules with models
