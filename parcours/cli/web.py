"""`parcours web`: the server process. Several may serve one database."""

import argparse

from granian import Granian
from granian.constants import Interfaces, Loops

from parcours.events import restoring


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--processes", type=int, default=1)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop. Raises LogAhead after a restore into another server."""
    restoring.check()
    Granian(
        "config.server:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.RSGI,
        workers=options.processes,
        loop=Loops.uvloop,
        log_access=False,
        websockets=False,  # there is nothing behind them
        respawn_failed_workers=True,
    ).serve()
    return 0
