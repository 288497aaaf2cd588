"""Which PostgreSQL a test process uses, decided before Django's settings are read: pytest loads this first (`-p tests.own_server`).

Consumers of the log read below the oldest transaction that runs anywhere on a server, so tests that share one hide each other's newest
events. `./dev test` therefore starts a throw-away server for each process of pytest-xdist and names them all in PARCOURS_TEST_DATABASES.
Without that, DATABASE_URL stays what it is.
"""

import os


def database_url(servers: list[str], worker: str) -> str:
    """The URL for a worker (`gw0`, `gw1`, …); more workers than servers share them in turn, and the controller takes the first."""
    return servers[int(worker.removeprefix("gw") or 0) % len(servers)]


if _servers := os.environ.get("PARCOURS_TEST_DATABASES", "").split():
    os.environ["DATABASE_URL"] = database_url(_servers, os.environ.get("PYTEST_XDIST_WORKER", ""))
