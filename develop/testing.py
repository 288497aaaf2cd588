"""`./dev test` and `./dev bench`: the product's own programs against a database that is thrown away afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from develop import environment, machine, postgres
from develop.checkout import Checkout
from develop.checks import run_checks
from develop.children import run_in_foreground
from develop.console import say

PROCESSES = 2


def test(checkout: Checkout, arguments: Sequence[str]) -> int:
    """Check the sources, then pass the tests; return 0 if all passed, else the status of what failed."""
    started = time.monotonic()
    environment.prepare(checkout)
    browser = machine.browser_environment()
    is_checked = run_checks(checkout)
    with databases(checkout, 1 if _decides(arguments) else PROCESSES) as urls:
        servers = {"DATABASE_URL": urls[0], "PARCOURS_TEST_DATABASES": " ".join(urls)}
        status = _pytest(checkout, arguments, {**browser, **servers})
    results = [
        f"checks {'passed' if is_checked else 'FAILED'}",
        f"tests {'passed' if status == 0 else 'FAILED'}",
    ]
    say(f"{', '.join(results)} · {time.monotonic() - started:.0f} s in all")
    return status or (0 if is_checked else 1)


def check(checkout: Checkout) -> int:
    """Check the sources; return 0 if they pass."""
    environment.prepare(checkout)
    return 0 if run_checks(checkout) else 1


def bench(checkout: Checkout, arguments: Sequence[str]) -> int:
    """Run benchmarks on a durable database, with nginx and wrk for the floor where they can be had."""
    environment.prepare(checkout)
    floor = _floor_programs()
    with database(checkout, durable=True) as url:
        command = [checkout.python, "-m", "tests.bench.main", *arguments]
        variables = {**checkout.child_environment(), **floor, "DATABASE_URL": url}
        return run_in_foreground(command, cwd=checkout.root, environment=variables)


@contextmanager
def database(checkout: Checkout, *, durable: bool) -> Iterator[str]:
    """Give the URL of a PostgreSQL: the person's own if `DATABASE_URL` names one, else an embedded one for this block."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    with postgres.throw_away(checkout, durable=durable) as cluster:
        yield cluster.url


@contextmanager
def databases(checkout: Checkout, count: int) -> Iterator[list[str]]:
    """Give the URLs of `count` careless servers for this block; one, the person's own, if `DATABASE_URL` names it.

    Each process of the tests has a server to itself: `tests.own_server` says why.
    """
    with ExitStack() as servers:
        wanted = 1 if os.environ.get("DATABASE_URL") else count
        yield [servers.enter_context(database(checkout, durable=False)) for _ in range(wanted)]


def _pytest(checkout: Checkout, arguments: Sequence[str], extra: Mapping[str, str]) -> int:
    """Run pytest on both cores, unless the person decides that themselves."""
    parallel = [] if _decides(arguments) else ["-n", str(PROCESSES), "--dist", "worksteal"]
    command = [checkout.python, "-m", "pytest", "-p", "tests.own_server", *parallel, *arguments]
    variables = {**checkout.child_environment(), "PARCOURS_SECRET_KEY": "for tests only " * 4, **extra}
    return run_in_foreground(command, cwd=checkout.root, environment=variables)


def _decides(arguments: Sequence[str]) -> bool:
    """Whether the person's arguments say in how many processes the tests run."""
    return any(each in ("--pdb", "-s") or each.startswith(("-n", "--numprocesses")) for each in arguments)


def _floor_programs() -> dict[str, str]:
    """Return where nginx and wrk are, installing them where that is possible."""
    packages = {"nginx": "nginx-light", "wrk": "wrk"}
    missing = [package for name, package in packages.items() if machine.find_program(name) is None]
    if missing and machine.can_install():
        machine.install("nginx and wrk, for the benchmarks' floor", *missing)
    elif missing:
        say(
            f"  ! Without {' and '.join(missing)} some floors are not measured. {machine.how_to_install(*missing)}"
        )
    found = {name: machine.find_program(name) for name in packages}
    return {f"PARCOURS_{name.upper()}": str(place) for name, place in found.items() if place is not None}
