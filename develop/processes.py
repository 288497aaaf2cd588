"""Keeping the product's processes alive: start them, notice their ends, start them again, stop them in order.

One thread, one loop. Whatever is killed comes back: a child is started again by us; when we are killed ourselves, the
system ends the children (`children.spawn`), and the next start finds nothing left behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from develop.console import say

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
STABLE_SECONDS = 20.0
LOOK_EVERY = 0.1
LARGEST_LOG = 20_000_000


@dataclass(frozen=True)
class Service:
    """Something that must run. `start` is called again after each unwanted end; its child leads its own session."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15.0


class Child:
    """A service's current process, and when to start the next one."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.pause = FIRST_PAUSE
        self.restarts = 0
        self.restart_at: float | None = None
        self._start()

    def look(self) -> None:
        """Notice an end; start again when its time has come. Quick failures wait longer each time."""
        if self.restart_at is None:
            if not self.has_ended():
                return
            lived = time.monotonic() - self.started_at
            self.pause = FIRST_PAUSE if lived > STABLE_SECONDS else min(self.pause * 2, LONGEST_PAUSE)
            say(f"  ! {self.service.name} ended ({_describe(self.process.returncode)}); starting it again")
            self.restart_at = time.monotonic() + self.pause
        if time.monotonic() >= self.restart_at:
            self.restarts += 1
            self._start()

    def has_ended(self) -> bool:
        """Whether the process is over. What it started and left in its session is ended before it is reaped.

        Until then its number cannot be given to another process: signalling the group is safe.
        """
        if self.process.returncode is not None:
            return True
        if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            return False
        _signal_group(self.process, signal.SIGKILL)
        self.process.wait()
        return True

    def stop(self) -> None:
        """Ask the process to end, insist after its time is over."""
        if not self.has_ended():
            self.process.send_signal(self.service.stop_signal)
        deadline = time.monotonic() + self.service.stop_seconds
        while not self.has_ended() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.kill()

    def kill(self) -> None:
        """End the process and all of its session now."""
        if not self.has_ended():
            _signal_group(self.process, signal.SIGKILL)
            self.process.wait()

    def _start(self) -> None:
        self.process = self.service.start()
        self.started_at = time.monotonic()
        self.restart_at = None


class Supervisor:
    """Children in the order of their start. They are stopped in the reverse order."""

    def __init__(self) -> None:
        self.children: list[Child] = []

    def start(self, service: Service) -> Child:
        """Start a service and answer for it from now on."""
        _turn_log(service.log)
        child = Child(service)
        self.children.append(child)
        return child

    def look_after(self) -> None:
        """Start again what has ended. Call it often."""
        for child in self.children:
            child.look()

    def run(self) -> None:
        """Look after the children until an exception (Ctrl-C) ends it."""
        while True:
            self.look_after()
            time.sleep(LOOK_EVERY)

    def stop(self) -> None:
        """Stop every child, the last started first; a second Ctrl-C ends them all at once."""
        try:
            for child in reversed(self.children):
                child.stop()
        except KeyboardInterrupt:
            say("  ! Interrupted again: ending everything now")
            for child in reversed(self.children):
                child.kill()
        self.children.clear()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _turn_log(log: Path) -> None:
    """Keep one older log beside the current one, when that has grown large; only the owner may read them."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".old.log"))
    log.touch(mode=0o600)


def _describe(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    with suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"
