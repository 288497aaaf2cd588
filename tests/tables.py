"""A digest of everything that the database holds, to show that something changed nothing."""

import hashlib

from django.db import connection

_NOT_COUNTED = {"django_session"}


def digest() -> str:
    """SHA-256 over all rows of all tables of the schema, sessions aside. Run it as the owner to see behind row security."""
    total = hashlib.sha256()
    with connection.cursor() as cursor:
        cursor.execute("SHOW role")
        role = cursor.fetchone()[0]
        cursor.execute("RESET role")
        cursor.execute("SET ROLE NONE")
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind = 'r' ORDER BY 1"
        )
        tables = [name for (name,) in cursor.fetchall() if name not in _NOT_COUNTED]
        for table in tables:
            quoted = connection.ops.quote_name(table)
            cursor.execute(
                f"SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {quoted} t"
            )
            total.update(f"{table}:{cursor.fetchone()[0]}\n".encode())
        if role != "none":
            cursor.execute("SELECT set_config('role', %s, false)", [role])
    return total.hexdigest()
