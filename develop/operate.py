"""`./dev manage` and `./dev parcours`: operators' commands on the database of `./dev run`, whether that runs or not.

`--data DIR`, as for `./dev run`, comes before the command's own name: what follows that is the command's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from develop import environment, ports, postgres
from develop.checkout import Checkout
from develop.children import run_in_foreground
from develop.errors import DevelopError
from develop.run import Running, make_data_directory


def manage(checkout: Checkout, arguments: Sequence[str]) -> int:
    """Run Django's `manage.py`; return its status."""
    data, rest = split_data(arguments)
    return _operate(checkout, data, [str(checkout.root / "manage.py"), *rest])


def parcours(checkout: Checkout, arguments: Sequence[str]) -> int:
    """Run the operators' command; return its status."""
    data, rest = split_data(arguments)
    return _operate(checkout, data, ["-m", "parcours.cli.main", *rest])


def split_data(arguments: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """Return the directory that a leading `--data` names, and the other arguments."""
    match list(arguments):
        case ["--data"]:
            raise DevelopError("--data needs a directory: ./dev parcours --data DIR COMMAND …")
        case ["--data", directory, *rest]:
            return directory, rest
        case [first, *rest] if first.startswith("--data="):
            return first.removeprefix("--data="), rest
        case rest:
            return None, rest


def _operate(checkout: Checkout, chosen: str | None, arguments: Sequence[str]) -> int:
    environment.prepare(checkout)
    data = make_data_directory(checkout.data_directory(chosen))
    with _database(checkout, data) as url:
        running = Running(checkout, data, _last_ports(data), database_url=url)
        command = [checkout.python, *arguments]
        return run_in_foreground(command, cwd=checkout.root, environment=running.environment())


@contextmanager
def _database(checkout: Checkout, data: Path) -> Iterator[str]:
    """Give the URL of the database: the person's own, that of the running `./dev run`, or one for this block."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    cluster = postgres.embedded_cluster(checkout, data)
    if cluster.is_running():
        yield cluster.url
        return
    (data / "log").mkdir(exist_ok=True)
    with postgres.serving(cluster, data / "log" / "postgres.log"):
        yield cluster.url


def _last_ports(data: Path) -> dict[str, int]:
    """Return the ports of the last run, which links in messages point to."""
    if known := ports.remembered(data):
        return known
    with ports.held(data, None) as chosen:
        return chosen
