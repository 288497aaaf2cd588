"""`parcours migrate`: bring the tables up to date. Safe to run again."""

import argparse

from django.core.management import call_command


def arguments(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(options: argparse.Namespace) -> int:
    """Apply the migrations that are missing."""
    call_command("migrate", interactive=False, verbosity=0)
    return 0
