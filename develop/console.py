"""What a person sees while `./dev` works: titled steps with elapsed time, and the output of what failed.

Progress goes to standard error, so that a command's answer on standard output stays clean. There are no threads:
whoever waits calls `tick`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from develop.children import Account, spawn
from develop.errors import DevelopError

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
SHOWN_LINES = 60
SHOWN_LAST_LINES = 40
HEARTBEAT_SECONDS = 15.0


def prepare_streams() -> None:
    """Never fail on a terminal that cannot show a character."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace", line_buffering=True)


def say(text: str) -> None:
    """Tell the person something, beside the steps."""
    print(text, file=sys.stderr, flush=True)


class Step:
    """A titled piece of work: a spinner on a terminal, plain lines elsewhere, always the elapsed time at its end."""

    def __init__(self, title: str, stream: IO[str] | None = None) -> None:
        self.title = title
        self.note = ""
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._started = time.monotonic()
        self._heartbeat = self._started

    def __enter__(self) -> Step:
        self._started = self._heartbeat = time.monotonic()
        if self._is_terminal:
            self._draw(FRAMES[0], "")
        else:
            print(f"  … {self.title}", file=self._stream, flush=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        mark = "✓" if kind is None else "✗"
        line = f"  {mark} {self.title}{self._noted()} · {self.elapsed:.1f} s"
        print(f"\r\x1b[2K{line}" if self._is_terminal else line, file=self._stream, flush=True)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def tick(self, note: str = "") -> None:
        """Show that the work goes on; call it as often as convenient."""
        self.note = note or self.note
        if self._is_terminal:
            frame = FRAMES[int(self.elapsed * 10) % len(FRAMES)]
            self._draw(frame, f" · {self.elapsed:.0f} s" if self.elapsed >= 1 else "")
        elif time.monotonic() - self._heartbeat >= HEARTBEAT_SECONDS:
            self._heartbeat = time.monotonic()
            print(f"  … {self.title}{self._noted()} · {self.elapsed:.0f} s", file=self._stream, flush=True)

    def _noted(self) -> str:
        return f" ({self.note})" if self.note else ""

    def _draw(self, frame: str, elapsed: str) -> None:
        print(
            f"\r\x1b[2K  {frame} {self.title}{self._noted()}{elapsed}", end="", file=self._stream, flush=True
        )


def run_quietly(
    step: Step,
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    account: Account | None = None,
) -> str:
    """Run a command to its end and return its output; a failure raises `DevelopError` with the useful tail of it."""
    with tempfile.TemporaryFile() as output:
        process = spawn(command, cwd=cwd, environment=environment, output=output, account=account)
        try:
            while (status := _wait_briefly(process)) is None:
                step.tick()
        except BaseException:
            _end(process)
            raise
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if status != 0:
        name, *arguments = command
        shown = " ".join([Path(name).name, *arguments])
        raise DevelopError(f"{step.title}: `{shown}` ended with {status}.\n\n{abridge(text)}")
    return text


def abridge(text: str, lines: int = SHOWN_LINES, last: int = SHOWN_LAST_LINES) -> str:
    """Return an output, indented; of a long one its beginning, where causes are told, and its end."""
    kept = text.strip().splitlines()
    if len(kept) > lines:
        kept = [*kept[: lines - last], f"… {len(kept) - lines} more lines …", *kept[-last:]]
    return "\n".join(f"    {line}".rstrip() for line in kept)


def tail(text: str, lines: int = SHOWN_LAST_LINES) -> str:
    """Return the last lines of an output, indented."""
    return "\n".join(f"    {line}".rstrip() for line in text.strip().splitlines()[-lines:])


def _wait_briefly(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(timeout=0.1)
    except subprocess.TimeoutExpired:
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it started: it has a session of its own. As Ctrl-C would, upon which pip clears its files away."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
