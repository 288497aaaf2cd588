"""What autovacuum does in quiet minutes, done at once: no dead rows, and statistics that know the workspace of the benchmark.

Not here: filling tables, which each benchmark does for itself.
"""

import os

import psycopg
from psycopg import sql


def vacuum(*tables: str) -> None:
    """Vacuum and analyse these tables, all of them without a name, as the owner: the roles of the product may not."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        names = sql.SQL(", ").join(map(sql.Identifier, tables))
        owner.execute(sql.SQL("VACUUM (ANALYZE) {}").format(names))
