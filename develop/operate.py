"""`./dev manage` and `./dev parcours`: operators' commands on the database of `./dev run`, whether that runs or not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from develop import environment, postgres
from develop.checkout import Checkout
from develop.children import run_in_foreground
from develop.run import Running, choose_ports, make_data_directory


def manage(checkout: Checkout, arguments: Sequence[str]) -> int:
    """Run Django's `manage.py`; return its status."""
    return _operate(checkout, [str(checkout.root / "manage.py"), *arguments])


def parcours(checkout: Checkout, arguments: Sequence[str]) -> int:
    """Run the operators' command; return its status."""
    return _operate(checkout, ["-m", "parcours.cli.main", *arguments])


def _operate(checkout: Checkout, arguments: Sequence[str]) -> int:
    environment.prepare(checkout)
    data = make_data_directory(checkout.data_directory(None))
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
    memo = data / "ports.json"
    return json.loads(memo.read_text()) if memo.is_file() else choose_ports(data, None)
