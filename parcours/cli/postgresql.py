"""Which PostgreSQL Parcours needs, and which one it has."""

from django.db import connection

from parcours.kernel.errors import Invalid

OLDEST = 17


class PostgresqlTooOld(Invalid):
    """The database's server is older than Parcours can use."""

    code = "postgresql_too_old"


def version() -> int:
    """The server's major version, asked of the server itself."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        (number,) = cursor.fetchone() or (0,)
    return int(number) // 10000


def check(found: int) -> None:
    """Raise PostgresqlTooOld for a version that is."""
    if found < OLDEST:
        raise PostgresqlTooOld(
            f"DATABASE_URL names a PostgreSQL {found}; Parcours needs {OLDEST} or newer.",
            hint="Nothing was changed. Upgrade the server (pg_upgrade keeps its data), or name another.",
        )
