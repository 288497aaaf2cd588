"""`parcours COMMAND`: finds the command, sets Django up with the database role that it acts as, and runs it.

Commands are modules with `arguments(parser)` and `run(options) -> int`; they are imported by name because Django must know the role
before any of them loads.
"""

import argparse
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import django
from django.db import DatabaseError

from parcours.cli import postgresql
from parcours.kernel.errors import DomainError


@dataclass(frozen=True)
class Command:
    """A command: its module, the database role ("" is the owner of DATABASE_URL), one line of help.

    One that serves starts only on tables that are up to date; it starts without a database, which may be back before it.
    """

    module: str
    role: str
    help: str
    needs_secret: bool = True
    serves: bool = False


COMMANDS = {
    "migrate": Command("parcours.cli.migrate", "", "create or update the tables", needs_secret=False),
    "web": Command(
        "parcours.cli.web", "parcours_web", "serve pages, the event API and tracking", serves=True
    ),
    "worker": Command(
        "parcours.workers.command", "parcours_worker", "keep segments, run journeys and send", serves=True
    ),
    "demo": Command("parcours.cli.demo.command", "parcours_worker", "load the demo shop, if it is not there"),
    "workspace": Command(
        "parcours.cli.workspace", "parcours_worker", "make a workspace with its first owner"
    ),
    "workspaces": Command("parcours.cli.workspaces", "parcours_worker", "list the workspaces"),
    "receive": Command(
        "parcours.cli.receive", "parcours_worker", "take one mail that came back, from a mail server's pipe"
    ),
    "doctor": Command(
        "parcours.cli.doctor",
        "parcours_worker",
        "check this installation and say what to mend",
        needs_secret=False,
    ),
}


KEYLESS = (
    "PARCOURS_SECRET_KEY is not set. Without it no process can read what another has signed or sealed. Make one with"
    " `python -c 'import secrets; print(secrets.token_hex(32))'`, give it to every process and keep it."
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status. An error that a person can mend is one line, not a traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="parcours", description="Marketing automation that respects people."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.help, add_help=False)
    chosen = parser.parse_args(given[:1]).command
    return run(chosen, given[1:])


def run(name: str, arguments: list[str]) -> int:
    """Set Django up for the command's role and run it."""
    command = COMMANDS[name]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["PARCOURS_DATABASE_ROLE"] = command.role
    if command.needs_secret and not os.environ.get("PARCOURS_SECRET_KEY"):
        print(f"parcours {name}: {KEYLESS}", file=sys.stderr)
        return 1
    django.setup()
    module = import_module(command.module)
    parser = argparse.ArgumentParser(prog=f"parcours {name}", description=command.help)
    module.arguments(parser)
    options = parser.parse_args(arguments)
    try:
        if command.serves:
            with suppress(postgresql.DatabaseAway):
                postgresql.check_migrated()
        return perform(module, options)
    except DomainError as error:
        print(f"parcours {name}: {error.message} {error.hint}".rstrip(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def perform(module: ModuleType, options: argparse.Namespace) -> int:
    """Run the command. A database that is away, or lacks our tables, is the operator's to mend: a DomainError says how."""
    try:
        return int(module.run(options))
    except DatabaseError:
        postgresql.check_migrated()
        raise


if __name__ == "__main__":
    sys.exit(main())
