"""Starting children that end with us, as which user; free ports, and who listens on one. Watching children is `processes`,
the ports of a run are `ports`."""

from __future__ import annotations

import ctypes
import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
LAST_PORT = 65535
LISTENING = "0A"  # TCP_LISTEN, as /proc/net/tcp writes it
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Account:
    """A user that a child runs as, when it cannot run as ours."""

    name: str
    user_id: int
    group_id: int

    def can_enter(self, directory: Path) -> bool:
        """Whether this user may pass through every parent of `directory` and enter it: asked of the system itself."""
        question = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)]
        answer = subprocess.run(
            question,
            user=self.user_id,
            group=self.group_id,
            extra_groups=[],
            cwd="/",
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return answer.returncode == 0


def unprivileged_account() -> Account | None:
    """Return the account for programs that refuse to run as root; None for an ordinary user, who needs no other."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_name, nobody.pw_uid, nobody.pw_gid)


def spawn(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    output: IO[bytes] | int | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    inherited: Iterable[int] = (),
    own_session: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a child that gets `death_signal` when we end, however we end (Linux).

    Call it from the main thread only: the signal is sent when the *thread* that spawned ends. With a session of its own
    the child does not see the Ctrl-C that is meant for us, so that we can stop children in order.
    """
    return subprocess.Popen(
        list(command),
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL if own_session else None,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=own_session,
        pass_fds=tuple(inherited),
        preexec_fn=_end_with_parent(death_signal),  # noqa: PLW1509  (there is one thread)
        user=account.user_id if account else None,
        group=account.group_id if account else None,
        extra_groups=[] if account else None,
        umask=0o077 if account else -1,
    )


def run_in_foreground(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> int:
    """Run a command on the person's terminal, which brings it their Ctrl-C too; return its status."""
    process = spawn(command, cwd=cwd, environment=environment, own_session=False)
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def random_port() -> int:
    """Return a free port, below the range from which systems take the ports of outgoing connections."""
    while not is_free(port := 20000 + secrets.randbelow(12000)):
        pass
    return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback now."""
    return _bind(port) is None


def may_listen(port: int) -> bool:
    """Whether the system lets this user listen on the port at all; below 1024 it usually does not."""
    return not isinstance(_bind(port), PermissionError)


def listens(session: int, port: int) -> bool:
    """Whether a process of this session listens on the port. Only Linux tells whose a socket is; else: whether anybody does."""
    if sys.platform != "linux":
        return not is_free(port)
    sockets = set(_listening_sockets(port))
    return any(opened in sockets for opened in _opened_by(session))


def _listening_sockets(port: int) -> Iterator[str]:
    """What listens on the port, as `/proc/PID/fd` names it."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                    yield f"socket:[{inode}]"


def _opened_by(session: int) -> Iterator[str]:
    """What the processes of a session have open. A process may end while we look."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(process.name)) == session:
                for descriptor in (process / "fd").iterdir():
                    with suppress(FileNotFoundError):
                        yield os.readlink(descriptor)


def _bind(port: int) -> OSError | None:
    """Try the port for a moment; return why it cannot be had."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error
    return None


def _end_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """Return what the child does between fork and exec, after its identity changed (which would undo it before)."""
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def ask_for_the_signal() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask_for_the_signal
