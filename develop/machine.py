"""Programs of the machine that only some commands want: a browser for the tests, nginx and wrk for the benchmarks.

As root on Debian they are installed; elsewhere we say what is missing and how to get it. Nothing else is ever installed
on the machine.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from develop.console import Step, run_quietly, say
from develop.errors import DevelopError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/snap/bin/chromium",
)
SYSTEM_PROGRAMS = "/usr/sbin:/usr/local/sbin:/sbin"


def find_browser() -> Path | None:
    """Return the Chromium or Chrome of this machine; `PARCOURS_BROWSER` overrides the search."""
    candidates = [os.environ.get("PARCOURS_BROWSER"), *map(shutil.which, BROWSERS), *BROWSER_PLACES]
    return next((Path(place) for place in candidates if place and os.access(place, os.X_OK)), None)


def find_program(name: str) -> Path | None:
    """Return a program of the machine, looking also where servers are installed."""
    found = shutil.which(name) or shutil.which(name, path=SYSTEM_PROGRAMS)
    return Path(found) if found else None


def browser_environment() -> Mapping[str, str]:
    """Return what browser tests need to know: where the browser is, and whether doing without is a failure.

    Installs Chromium where that is possible.
    """
    is_required = (
        os.environ.get("CI", "").lower() in ("true", "1") or "PARCOURS_REQUIRE_BROWSER" in os.environ
    )
    requirement = {"PARCOURS_REQUIRE_BROWSER": "1"} if is_required else {}
    browser = find_browser()
    if browser is None and can_install():
        try:
            install("Chromium, for the browser tests", "chromium", "fonts-liberation")
        except DevelopError as error:
            say(str(error))
        browser = find_browser()
    if browser is not None:
        return {"PARCOURS_BROWSER": str(browser), **requirement}
    if not is_required:
        say("  ! No Chromium or Chrome here: the browser tests are skipped. " + how_to_install("chromium"))
    return requirement


def can_install() -> bool:
    """Whether we may install packages of the system: root, on Debian or a child of it."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(purpose: str, *packages: str) -> None:
    """Install packages of Debian."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with Step(f"Installing {purpose}") as step:
        for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
            run_quietly(step, ["apt-get", *command], cwd=Path("/"), environment=environment)


def how_to_install(*packages: str) -> str:
    """Return the sentence that tells an ordinary user how to get packages."""
    names = " ".join(packages)
    if shutil.which("apt-get"):
        return f"Get it with: sudo apt install {names}"
    return f"Install {names} with your system's package manager (for a browser, Chrome will do)."
