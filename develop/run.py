"""`./dev run`: environment, database, demo shop, and every process of the product, until Ctrl-C."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from develop import environment, ports, postgres
from develop.checkout import Checkout
from develop.children import listens, run_in_foreground, spawn
from develop.console import Step, run_quietly, say, tail
from develop.errors import DevelopError
from develop.locks import Lock
from develop.processes import Child, Service, Supervisor

WORKERS = 2
READY_SECONDS = 90.0
PREVIOUS_RUN_SECONDS = 120.0
RESTARTS = 3
CREDENTIALS = ("admin_email", "admin_password", "write_key", "api_key")


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    port: int | None = None
    data: str | None = None
    with_demo: bool = True
    insists_on_demo: bool = False


@dataclass
class Running:
    """One run: where its data is, the ports it listens on, and its processes."""

    checkout: Checkout
    data: Path
    ports: dict[str, int]
    database_url: str = ""
    inherited: list[int] = field(default_factory=list)
    supervisor: Supervisor = field(default_factory=Supervisor)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['web']}"

    @property
    def inbox_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['inbox']}"

    def log(self, name: str) -> Path:
        return self.data / "log" / f"{name}.log"

    def environment(self) -> dict[str, str]:
        """What every process of the product is told."""
        return {
            **self.checkout.child_environment(),
            "DATABASE_URL": self.database_url,
            "PARCOURS_SECRET_KEY": secret_key(self.data),
            "PARCOURS_BASE_URL": self.base_url,
            "PARCOURS_DATA": str(self.data),
            "PARCOURS_SMTP_URL": f"smtp://127.0.0.1:{self.ports['smtp']}",
        }


def run(checkout: Checkout, options: Options) -> int:
    """Run the product until Ctrl-C; return 0 after an orderly end."""
    data = make_data_directory(checkout.data_directory(options.data))
    with only_run(data) as children:
        (data / "demo.json").unlink(missing_ok=True)
        environment.prepare(checkout)
        with ports.held(data, options.port) as chosen:
            running = Running(checkout, data, chosen, inherited=[children.descriptor])
            try:
                start(running, options)
                running.supervisor.run()
            except KeyboardInterrupt:
                say("\nStopping (Ctrl-C again forces it) …")
            finally:
                running.supervisor.stop()
    say("Stopped. Everything is kept for the next start.")
    return 0


def start(running: Running, options: Options) -> None:
    """Bring everything up in order, and say so when it answers."""
    running.database_url = os.environ.get("DATABASE_URL") or start_database(running)
    migrate(running)
    if options.with_demo:
        if os.environ.get("DATABASE_URL") and not options.insists_on_demo:
            check_demo_is_welcome(running)
        load_demo(running)
    ports.check_free(running.ports)
    mail = start_process(running, "mail", "develop.mailsink", *mail_options(running))
    for number in range(1, WORKERS + 1):
        start_process(running, f"worker-{number}", "parcours.cli.main", "worker")
    web = start_process(running, "web", "parcours.cli.main", "web", "--port", str(running.ports["web"]))
    wait_until_ready(running, mail, web)
    announce(running, options)


@contextmanager
def only_run(data: Path) -> Iterator[Lock]:
    """Hold the data directory for this run alone; gives the lock that its children must inherit."""
    ours, children = Lock(data / "run.lock"), Lock(data / "children.lock")
    try:
        if not ours.take():
            raise DevelopError(
                f"Parcours already runs on {data} ({ours.holder()}). Stop that one with Ctrl-C, or choose another"
                " directory with --data."
            )
        children.wait("Waiting for the processes of the previous run to end", PREVIOUS_RUN_SECONDS)
        yield children
    finally:
        children.release()
        ours.release()


def make_data_directory(data: Path) -> Path:
    """Create the data directory: others may pass through it, not list it."""
    if not data.is_dir():
        data.mkdir(parents=True)
        data.chmod(0o711)
    return data


def secret_key(data: Path) -> str:
    """Return the secret key of this data directory, made at its first run."""
    path = data / "secret-key"
    if not path.is_file():
        postgres.write_secret(path, secrets.token_hex(32))
    return path.read_text().strip()


def start_database(running: Running) -> str:
    """Start the embedded PostgreSQL under the supervisor; return its URL."""
    cluster = postgres.embedded_cluster(running.checkout, running.data)
    lock = cluster.take_lock()
    cluster.initialise()
    log = running.log("postgres")
    service = Service(
        "postgres", partial(cluster.start, log, lock), log, postgres.STOP_SIGNAL, postgres.STOP_SECONDS
    )
    child = running.supervisor.start(service)
    cluster.wait_until_ready(child.process, log)
    cluster.create_database()
    return cluster.url


def migrate(running: Running) -> None:
    """Bring the database's schema up to date."""
    command = [running.checkout.python, "-m", "parcours.cli.main", "migrate"]
    with Step("Migrating the database") as step:
        run_quietly(step, command, cwd=running.checkout.root, environment=running.environment())


def check_demo_is_welcome(running: Running) -> None:
    """Raise DevelopError for a database of somebody's own, which has workspaces, and none that is the demo."""
    found = workspaces(running)
    if found and not any(one["is_demo"] for one in found):
        raise DevelopError(
            f"The database of DATABASE_URL has workspaces already ({', '.join(one['slug'] for one in found)}), and the demo"
            " shop is none of them. Start without it: ./dev run --no-demo. To load it all the same: ./dev run --demo."
        )


def load_demo(running: Running) -> None:
    """Load the demo shop if it is not there; the command tells its progress itself, once it has found out."""
    say("  … Looking for the demo shop")
    command = [running.checkout.python, "-m", "parcours.cli.main", "demo"]
    status = run_in_foreground(command, cwd=running.checkout.root, environment=running.environment())
    if status != 0:
        raise DevelopError(
            f"Loading the demo shop ended with {status}. Start without it: ./dev run --no-demo"
        )


def mail_options(running: Running) -> list[str]:
    numbers = running.ports
    return [
        "--smtp-port",
        str(numbers["smtp"]),
        "--http-port",
        str(numbers["inbox"]),
        "--data",
        str(running.data),
        "--give-back",
    ]


def start_process(running: Running, name: str, module: str, *arguments: str) -> Child:
    """Start one process of the product, or of the kit, under the supervisor."""
    log = running.log(name)
    command = [running.checkout.python, "-m", module, *arguments]

    def begin() -> postgres.Server:
        with log.open("ab") as output:
            return spawn(
                command,
                cwd=running.checkout.root,
                environment=running.environment(),
                output=output,
                inherited=running.inherited,
            )

    return running.supervisor.start(Service(name, begin, log, signal.SIGTERM))


def wait_until_ready(running: Running, mail: Child, web: Child) -> None:
    """Wait until our own processes listen on our ports, not somebody else's, and `/healthz` answers 200."""
    awaited = ((mail, "smtp"), (mail, "inbox"), (web, "web"))
    deadline = time.monotonic() + READY_SECONDS
    with Step("Starting Parcours") as step:
        while not (
            all(listens(child.process.pid, running.ports[name]) for child, name in awaited)
            and is_healthy(running.base_url)
        ):
            running.supervisor.look_after()
            failed = next((child for child in (mail, web) if child.restarts > RESTARTS), None)
            if failed is not None or time.monotonic() > deadline:
                log = (failed or web).service.log
                raise DevelopError(
                    f"Parcours does not answer.\n\n{tail(log.read_text('utf-8', 'replace'))}\n\n    {log}"
                )
            step.tick()
            time.sleep(0.1)


def is_healthy(base_url: str) -> bool:
    """Whether `/healthz` answers 200. Asks directly, whatever proxies the machine uses."""
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def workspaces(running: Running) -> list[dict[str, Any]]:
    """The workspaces that there are, as `parcours workspaces` tells them."""
    command = [running.checkout.python, "-m", "parcours.cli.main", "workspaces", "--json"]
    with Step("Looking for workspaces") as step:
        answer = run_quietly(step, command, cwd=running.checkout.root, environment=running.environment())
    found: list[dict[str, Any]] = json.loads(answer.strip().splitlines()[-1])
    return found


def first_steps(options: Options) -> list[str]:
    """How to make the first workspace of an installation that has none, and with it an account."""
    data = f"--data {shlex.quote(options.data)} " if options.data else ""
    condition = ", with the same DATABASE_URL" if os.environ.get("DATABASE_URL") else ""
    return [
        "",
        "  There is no workspace yet, and nobody who could sign in. Make the first one, with yourself as its owner",
        f"  (in another terminal{condition}); it prints your password and the keys:",
        "",
        f"    ./dev parcours {data}workspace my-shop --name 'My shop' --language en \\",
        "        --owner you@example.com --from-email hello@example.com",
    ]


def announce(running: Running, options: Options) -> None:
    """Write `demo.json` for programs, and the same for people on the terminal; without the demo, say how to begin."""
    path = running.data / "demo-credentials.json"
    known = json.loads(path.read_text()) if options.with_demo and path.is_file() else {}
    lines = [f"  Parcours   {running.base_url}"]
    if known:
        demo = {"base_url": running.base_url, **{name: known[name] for name in CREDENTIALS}}
        demo["inbox_url"] = running.inbox_url
        postgres.write_secret(running.data / "demo.json", json.dumps(demo, indent=2) + "\n")
        lines.append(f"  Sign in    {known['admin_email']}  ·  {known['admin_password']}")
    lines += [
        f"  Inbox      {running.inbox_url}",
        f"  Logs       {running.data / 'log'}",
        *([] if options.with_demo or workspaces(running) else first_steps(options)),
        "",
        "  Ctrl-C stops it.",
    ]
    print("\n".join(["", *lines, ""]), file=sys.stdout, flush=True)
