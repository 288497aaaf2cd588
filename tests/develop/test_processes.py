"""Supervision of real processes: restarts, order of stopping, what happens when the supervisor itself is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from develop.children import spawn
from develop.processes import Child, Service, Supervisor

ROOT = Path(__file__).resolve().parents[2]
SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]
WITH_GRANDCHILD = [
    sys.executable,
    "-c",
    "import subprocess, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)",
]


def service(directory: Path, name: str, command: list[str], stop_seconds: float = 5) -> Service:
    log = directory / f"{name}.log"

    def begin() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return spawn(command, cwd=directory, environment=os.environ, output=output)

    return Service(name, begin, log, stop_seconds=stop_seconds)


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for_restarts(supervisor: Supervisor, child: Child, times: int) -> None:
    def have_happened() -> bool:
        supervisor.look_after()
        return child.restarts == times

    wait_for(have_happened)


def is_alive(number: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_killed_child_is_started_again_within_a_second(tmp_path: Path) -> None:
    supervisor = Supervisor()
    child = supervisor.start(service(tmp_path, "web", SLEEP))
    first = child.process.pid
    child.process.kill()
    killed = time.monotonic()
    wait_for_restarts(supervisor, child, 1)
    assert time.monotonic() - killed < 1
    assert child.process.pid != first
    supervisor.stop()
    assert not is_alive(child.process.pid)


def test_child_that_fails_again_and_again_is_started_less_often(tmp_path: Path) -> None:
    supervisor = Supervisor()
    child = supervisor.start(service(tmp_path, "web", ["/bin/false"]))
    started = time.monotonic()
    wait_for_restarts(supervisor, child, 2)
    assert time.monotonic() - started >= 1.2
    supervisor.stop()


def test_what_a_killed_child_started_ends_before_it_is_started_again(tmp_path: Path) -> None:
    supervisor = Supervisor()
    child = supervisor.start(service(tmp_path, "web", WITH_GRANDCHILD))
    wait_for(lambda: child.service.log.read_text().count("\n") == 1)
    grandchild = int(child.service.log.read_text())
    child.process.kill()
    wait_for(child.has_ended)
    wait_for(lambda: not is_alive(grandchild))
    supervisor.stop()


def test_children_stop_in_the_reverse_order_of_their_start(tmp_path: Path) -> None:
    supervisor = Supervisor()
    children = [supervisor.start(service(tmp_path, name, SLEEP)) for name in ("postgres", "mail", "web")]
    ends: list[str] = []
    for child in children:
        child.kill = partial(ends.append, child.service.name)  # type: ignore[method-assign]  # records the order
    supervisor.stop()
    assert ends == ["web", "mail", "postgres"]
    assert not any(is_alive(child.process.pid) for child in children)


def test_child_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor()
    child = supervisor.start(service(tmp_path, "web", STUBBORN, stop_seconds=0.2))
    wait_for(lambda: child.service.log.read_text() == "up\n")
    supervisor.stop()
    assert child.process.returncode == -signal.SIGKILL


def test_children_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = f"""
import os, sys, time
from pathlib import Path
from develop.children import spawn
child = spawn({SLEEP!r}, cwd=Path("/"), environment=os.environ)
print(child.pid, flush=True)
time.sleep(60)
"""
    supervisor = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    child = int(supervisor.stdout.readline())
    assert is_alive(child)
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    wait_for(lambda: not is_alive(child))
