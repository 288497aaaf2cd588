"""Whether PostgreSQL is there, new enough, and has our tables: asked before we can act as one of our own roles."""

from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from parcours.kernel.errors import Conflict, DomainError, Invalid

OLDEST = 17
LONGEST_WAIT = 10


class PostgresqlTooOld(Invalid):
    """The database's server is older than Parcours can use."""

    code = "postgresql_too_old"


class DatabaseAway(DomainError):
    """The database cannot be reached."""

    code = "database_away"


class NotMigrated(Conflict):
    """The database has not the tables that this version needs."""

    code = "not_migrated"


@dataclass(frozen=True)
class Database:
    """The server's major version, and whether all of our migrations were applied."""

    version: int
    is_migrated: bool


def look() -> Database:
    """Look at the database as the owner of DATABASE_URL, whose rights need none of our roles. Raises DatabaseAway."""
    try:
        with psycopg.connect(**_owner()) as session:
            return Database(session.info.server_version // 10000, is_migrated=_known() <= _applied(session))
    except psycopg.OperationalError as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise DatabaseAway(
            f"The database cannot be reached: {why}",
            hint="Check DATABASE_URL, and that its server runs and has this database.",
        ) from error


def check(found: int) -> None:
    """Raise PostgresqlTooOld for a version that is."""
    if found < OLDEST:
        raise PostgresqlTooOld(
            f"DATABASE_URL names a PostgreSQL {found}; Parcours needs {OLDEST} or newer.",
            hint="Nothing was changed. Upgrade the server (pg_upgrade keeps its data), or name another.",
        )


def check_migrated() -> None:
    """Raise NotMigrated where `parcours migrate` has to come first, DatabaseAway where nothing can be found out."""
    if not look().is_migrated:
        raise NotMigrated(
            "The database has not the tables that this version needs.", hint="Run `parcours migrate` first."
        )


def _owner() -> dict[str, Any]:
    """How Django connects, without the role."""
    parameters = connection.get_connection_params()
    return {**parameters, "options": "", "connect_timeout": parameters.get("connect_timeout", LONGEST_WAIT)}


def _known() -> set[tuple[str, str]]:
    return set(MigrationLoader(None).disk_migrations)


def _applied(session: "psycopg.Connection[Any]") -> set[tuple[str, str]]:
    with session.cursor() as cursor:
        if cursor.execute("SELECT to_regclass('django_migrations') IS NULL").fetchone() == (True,):
            return set()
        return {(app, name) for app, name in cursor.execute("SELECT app, name FROM django_migrations")}
