"""Sessions of the database under test, as its owner. Not here: requests (`asking`)."""

import psycopg
from django.db import connection


def cut() -> None:
    """End all other sessions: what a server that restarts does to ours."""
    owner = {**connection.get_connection_params(), "options": ""}
    with psycopg.connect(**owner) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()
