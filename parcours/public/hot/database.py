"""The writers' own connections to PostgreSQL: Django's settings and role, asynchronous, opened again when lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql
from psycopg.rows import tuple_row

from parcours.events.intake import Query

CONNECT_TIMEOUT = 3

Row = tuple[Any, ...]
Connection = psycopg.AsyncConnection[Row]

# Each statement of a writer looks up few rows by unique keys. Never let a plan that was made on small tables scan grown ones.
_PLANS = "-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off"


class Connections:
    """One connection per writer, by number."""

    def __init__(self) -> None:
        self._open: dict[int, Connection] = {}

    @asynccontextmanager
    async def transaction(self, number: int) -> AsyncIterator["Transaction"]:
        """Statements that commit together when the block ends, in one round trip unless rows are fetched within it.

        A pipeline up to its end is one transaction of PostgreSQL's, without BEGIN and COMMIT being sent. On any error the
        connection is closed, which rolls back.
        """
        try:
            opened = self._open.get(number)
            if opened is None:
                opened = self._open[number] = await connect()
            async with opened.pipeline():
                yield Transaction(opened)
        except BaseException:
            await self._close(number)
            raise

    async def close(self) -> None:
        """Close all of them."""
        for number in list(self._open):
            await self._close(number)

    async def _close(self, number: int) -> None:
        opened = self._open.pop(number, None)
        if opened is not None:
            await opened.close()


async def connect() -> Connection:
    """A connection like Django's, for statements of the hot paths."""
    given: dict[str, Any] = connection.get_connection_params()
    given = {name: value for name, value in given.items() if name not in ("cursor_factory", "context")}
    given["options"] = f"{given.get('options', '')} {_PLANS}"
    given.setdefault("connect_timeout", CONNECT_TIMEOUT)  # the operator's own, if DATABASE_URL says one
    return await psycopg.AsyncConnection.connect(**given, autocommit=True, row_factory=tuple_row)


def close_own() -> None:
    """Close Django's connection of the thread that runs this."""
    connection.close()


class Transaction:
    """The statements of one group commit."""

    def __init__(self, opened: Connection) -> None:
        self._connection = opened

    async def send(self, query: Query) -> psycopg.AsyncCursor[Row]:
        """Queue a statement. Its rows can be fetched at once (a round trip), or after the block."""
        text = sql.SQL(query.text)
        return await self._connection.execute(text, query.parameters, prepare=True)
