"""Locks that end with their holders: `flock` on a file, so that no pid is ever trusted and no crash leaves one behind."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from develop.console import Step
from develop.errors import DevelopError


class Lock:
    """An exclusive lock on `path`, held from `take` until `release` or the end of every process that inherited it.

    Passing `descriptor` to children (`pass_fds`) makes the lock outlive us for as long as one of them lives: that is
    how a new start knows that everything of a killed one has ended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self) -> bool:
        """Take the lock if it is free; write who we are into the file, for messages only."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"process {os.getpid()}\n".encode(), 0)
        return True

    def wait(self, reason: str, seconds: float) -> None:
        """Take the lock, waiting for it; `reason` tells the person why."""
        deadline = time.monotonic() + seconds
        if self.take():
            return
        with Step(reason) as step:
            while not self.take():
                if time.monotonic() > deadline:
                    raise DevelopError(
                        f"{reason}: still held by {self.holder()} after {seconds:.0f} s ({self.path})."
                    )
                step.tick()
                time.sleep(0.1)

    def holder(self) -> str:
        """Return what the last holder wrote; it may have ended since."""
        return self.path.read_text().strip() or "another process"

    def release(self) -> None:
        os.close(self.descriptor)


@contextmanager
def held(path: Path, reason: str, seconds: float = 1800) -> Iterator[Lock]:
    """Hold the lock for a block, waiting for it first."""
    lock = Lock(path)
    try:
        lock.wait(reason, seconds)
        yield lock
    finally:
        lock.release()
