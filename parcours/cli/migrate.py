"""`parcours migrate`: bring the tables up to date. Safe to run again."""

import argparse

from django.core.management import call_command

from parcours.cli import postgresql


def arguments(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(options: argparse.Namespace) -> int:
    """Apply the migrations that are missing. Refuses a server that is too old before it touches anything."""
    postgresql.check(postgresql.look().version)
    call_command("migrate", interactive=False, verbosity=0)
    return 0
