"""`./dev check`: what a machine can say about the sources without running them."""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import IO

from develop.checkout import Checkout
from develop.children import spawn
from develop.console import abridge, say

AT_ONCE = 2
# Tests of the sources alone: which way foreign keys and SQL statements point, what is documented, what lacks French.
WITHOUT_DATABASE = ("rooms", "sql", "docs", "texts")


@dataclass(frozen=True)
class Check:
    """A named command over the checkout."""

    name: str
    arguments: tuple[str, ...]


# The slowest first, so that the others run beside it.
CHECKS = (
    Check("types", ("-m", "mypy")),
    Check("imports", ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")),
    Check(
        "SQL, foreign keys, texts",
        (
            *("-m", "pytest", "-n0", "-p", "no:cacheprovider", "-m", "not django_db"),
            *(f"tests/architecture/test_{name}.py" for name in WITHOUT_DATABASE),
        ),
    ),
    Check("lint", ("-m", "ruff", "check", "--output-format", "concise")),
    Check("format", ("-m", "ruff", "format", "--check", "--output-format", "concise")),
    Check("translations", ("-m", "develop.translations", "--check")),
)


@dataclass
class _Running:
    check: Check
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    started: float


def run_checks(checkout: Checkout) -> bool:
    """Run every check, two at a time; show each with its time, and the output of those that fail."""
    waiting = list(CHECKS)
    running: list[_Running] = []
    failed: list[str] = []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            running.append(_start(checkout, waiting.pop(0)))
        for each in [each for each in running if each.process.poll() is not None]:
            running.remove(each)
            if not _report(each):
                failed.append(each.check.name)
        time.sleep(0.05)
    return not failed


def _start(checkout: Checkout, check: Check) -> _Running:
    output = tempfile.TemporaryFile()  # noqa: SIM115  (closed by _report)
    command = [checkout.python, *check.arguments]
    environment = checkout.child_environment()
    process = spawn(command, cwd=checkout.root, environment=environment, output=output)
    return _Running(check, process, output, time.monotonic())


def _report(each: _Running) -> bool:
    """Say how a finished check went."""
    is_passed = each.process.returncode == 0
    say(f"  {'✓' if is_passed else '✗'} check: {each.check.name} · {time.monotonic() - each.started:.1f} s")
    with each.output as output:
        if not is_passed:
            output.seek(0)
            say(abridge(output.read().decode("utf-8", "replace"), last=5) + "\n")
    return is_passed
