"""`parcours web`: the server process. Several may serve one database."""

import argparse

import uvicorn

from parcours.events import restoring

GRACE = 15
"""Seconds in which what was accepted is answered after the order to stop."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--processes", type=int, default=1)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop. Raises LogAhead after a restore into another server."""
    restoring.check()
    serve("config.server:application", host=options.host, port=options.port, processes=options.processes)
    return 0


def serve(application: str, *, port: int, host: str = "127.0.0.1", processes: int = 1) -> None:
    """Serve an application of `public.hot` by its name, until told to stop."""
    uvicorn.run(
        application,
        http="parcours.public.hot.connection:connection",
        ws="none",
        interface="asgi3",
        lifespan="on",
        loop="uvloop",
        host=host,
        port=port,
        workers=processes,
        access_log=False,
        proxy_headers=False,  # see `public.hot.proxies`
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=GRACE,
    )
