"""Where things are in a checkout and its data directory. Only paths: nothing here reads or starts anything."""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkout:
    """One working copy of the project."""

    root: Path

    @property
    def var(self) -> Path:
        """Everything that `./dev` makes and that may be deleted at any time, apart from the virtualenv."""
        return self.root / "var"

    @property
    def stamps(self) -> Path:
        return self.var / "stamps"

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> str:
        """The interpreter that has everything installed."""
        return str(self.venv / "bin" / "python")

    @property
    def site_packages(self) -> Path:
        base = str(self.venv)
        return Path(sysconfig.get_path("platlib", "venv", {"base": base, "platbase": base}))

    @property
    def islands(self) -> Path:
        """The TypeScript sources, built into `built_islands`."""
        return self.root / "islands"

    @property
    def built_islands(self) -> Path:
        return self.root / "parcours" / "web" / "static" / "islands"

    def data_directory(self, chosen: str | None) -> Path:
        """The directory of the running product's data: `--data`, else `PARCOURS_DATA`, else `var/`."""
        named = chosen or os.environ.get("PARCOURS_DATA")
        return Path(named).expanduser().absolute() if named else self.var

    def child_environment(self) -> dict[str, str]:
        """The environment of every child: ours, with the checkout importable and the virtualenv first on PATH."""
        environment = dict(os.environ)
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([str(self.root), *([inherited] if inherited else [])])
        environment["PATH"] = os.pathsep.join([str(self.venv / "bin"), environment.get("PATH", os.defpath)])
        environment["VIRTUAL_ENV"] = str(self.venv)
        environment["PYTHONUNBUFFERED"] = "1"
        environment.pop("PYTHONHOME", None)
        return environment


def find_checkout() -> Checkout:
    """Return the checkout that this file belongs to."""
    return Checkout(Path(__file__).resolve().parent.parent)


def python_version() -> str:
    """Return `major.minor` of the Python that runs `./dev`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
