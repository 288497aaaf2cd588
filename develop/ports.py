"""The ports of a run: chosen, held against every other run on this machine, and remembered for the next start."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from develop.children import LAST_PORT, is_free, may_listen
from develop.console import say
from develop.errors import DevelopError
from develop.postgres import write_secret

FIRST_PORTS = {"web": 8000, "inbox": 8025, "smtp": 2525}


@contextmanager
def held(data: Path, wanted: int | None) -> Iterator[dict[str, int]]:
    """Give the ports of this run: those of the last one where they are free, else the next free ones.

    They are held for the block: a run that starts in another checkout meanwhile, long before our servers listen, takes others.
    """
    if wanted is not None:
        check(wanted)
    preferred = {**FIRST_PORTS, **remembered(data), **({} if wanted is None else {"web": wanted})}
    ports: dict[str, int] = {}
    with ExitStack() as claims:
        for name, port in preferred.items():
            claimed, ports[name] = _claim_from(port)
            claims.enter_context(claimed)
        if wanted is not None and ports["web"] != wanted:
            raise DevelopError(
                f"Port {wanted} is taken. Choose another with --port, or leave it out to get a free one."
            )
        if ports["web"] != preferred["web"]:
            say(f"  ! Port {preferred['web']} is taken: using {ports['web']} instead.")
        write_secret(data / "ports.json", json.dumps(ports))
        yield ports


def remembered(data: Path) -> dict[str, int]:
    """Return the ports of the last run; none before the first."""
    memo = data / "ports.json"
    return json.loads(memo.read_text()) if memo.is_file() else {}


def check(port: int) -> None:
    """Raise DevelopError for a port that cannot be had at all, whoever holds it."""
    if not 1 <= port <= LAST_PORT:
        raise DevelopError(f"There is no port {port}: choose one from 1024 to {LAST_PORT} with --port.")
    if not may_listen(port):
        raise DevelopError(
            f"Port {port} is for the system's own services: this user may not listen there. Choose one from 1024 to"
            f" {LAST_PORT} with --port, and put a reverse proxy before it if it must be {port}."
        )


def check_free(ports: dict[str, int]) -> None:
    """Raise DevelopError when another program listens on one of our ports: it can have come while the demo was loading."""
    for port in ports.values():
        if not is_free(port):
            raise DevelopError(
                f"Another program has taken port {port} meanwhile. Start again: a free one is chosen then."
            )


def _claim_from(preferred: int) -> tuple[socket.socket, int]:
    """Claim the first port that can be had, from `preferred` upwards."""
    for port in range(preferred, LAST_PORT + 1):
        if (claimed := _claim(port)) is not None:
            return claimed, port
    raise DevelopError(f"No port from {preferred} to {LAST_PORT} is free.")


def _claim(port: int) -> socket.socket | None:
    """Hold a port against other runs; None if one of them holds it, or if anything listens there.

    What is bound is the *UDP* port of the same number. Our servers speak TCP, so it is in nobody's way, and it is a lock just as
    wide as what it guards: seen by every user of this machine (or container), and gone with us however we end.
    """
    claimed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claimed.bind(("127.0.0.1", port))
    except OSError:
        claimed.close()
        return None
    if is_free(port):
        return claimed
    claimed.close()
    return None
