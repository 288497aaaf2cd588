"""Groups of statements one behind the other on one connection to PostgreSQL, each group a transaction of its own.

A group goes out as soon as it is there, while the one before is still being committed: the server never waits for us between the
two. It is libpq's pipeline mode (https://www.postgresql.org/docs/current/libpq-pipeline-mode.html), without BEGIN and COMMIT.
Not here: who waits for a group (`writer`), transactions that read something before they write (`database`).
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult

from parcours.events.intake import Query
from parcours.kernel import sql
from parcours.public.hot import database

Column = list[bytes | None]

_PASSING = ("22", "23", "40", "53", "54", "55")
"""Classes of SQLSTATE (values, conflicts, limits) after which the connection is as good as before."""
_numbered = lru_cache(sql.numbered)


class Pipe:
    """One connection, opened when it is needed and again when it was lost."""

    def __init__(self) -> None:
        self._wire: _Wire | None = None
        self._opening = asyncio.Lock()

    async def commit(self, queries: Sequence[Query]) -> list[Column]:
        """Run these in one transaction, behind what is under way; the first column, as text, of each that gives rows.

        Raises psycopg's error for what the server refuses, OperationalError when the connection is lost: nobody knows then whether
        it was committed. Whoever is cancelled loses the connection.
        """
        wire = await self._opened()
        try:
            return await wire.send(queries)
        except asyncio.CancelledError:
            wire.lose()
            raise

    def close(self) -> None:
        """Close the connection. What is under way is lost."""
        if self._wire is not None:
            self._wire.lose()

    async def _opened(self) -> "_Wire":
        async with self._opening:
            if self._wire is None or self._wire.is_lost:
                self._wire = _Wire(await database.connect())
            return self._wire


@dataclass(slots=True, eq=False)
class _Group:
    """A transaction under way, and what came back of it so far."""

    answer: "asyncio.Future[list[Column]]"
    is_first: bool
    """Whether it prepares a statement: the server skips that too, behind an error."""
    found: list[Column] = field(default_factory=list)
    error: psycopg.Error | None = None


class _Wire:
    """A connection in pipeline mode, until it is lost."""

    def __init__(self, connection: database.Connection) -> None:
        self._loop = asyncio.get_running_loop()
        self._server, self._socket = connection.pgconn, connection.pgconn.socket
        self._connection, self._values = connection, Transformer(connection)
        self._prepared: dict[str, bytes] = {}
        self._under_way: deque[_Group] = deque()
        self.is_lost = False
        self._server.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._read)

    def send(self, queries: Sequence[Query]) -> "asyncio.Future[list[Column]]":
        """Run these in one transaction, as `Pipe.commit`."""
        known = len(self._prepared)
        try:
            for query in queries:
                self._send(query)
            self._server.pipeline_sync()
        except Exception:
            self.lose()  # half a group has gone
            raise
        group = _Group(self._loop.create_future(), is_first=len(self._prepared) > known)
        self._under_way.append(group)
        self._flush()
        return group.answer

    def lose(self) -> None:
        """Close; what is under way may or may not have been committed."""
        if self.is_lost:
            return
        self.is_lost = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._server.finish()
        while self._under_way:
            answer = self._under_way.popleft().answer
            if not answer.done():
                answer.set_exception(psycopg.OperationalError("the connection is lost"))

    def _send(self, query: Query) -> None:
        text, names = _numbered(query.text)
        name = self._prepared.get(query.text)
        if name is None:
            name = self._prepared[query.text] = b"hot_%d" % len(self._prepared)
            self._server.send_prepare(name, text.encode())
        given = [query.parameters[each] for each in names]
        self._server.send_query_prepared(
            name, self._values.dump_sequence(given, [PyFormat.TEXT] * len(given))
        )

    def _flush(self) -> None:
        """Send what the socket takes now, and the rest when it takes more."""
        try:
            is_full = self._server.flush()
        except psycopg.OperationalError:
            self.lose()
            return
        if is_full:
            self._loop.add_writer(self._socket, self._flush)
        else:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        try:
            self._server.consume_input()
        except psycopg.OperationalError:
            self.lose()
            return
        while self._under_way and not self._server.is_busy():
            result = self._server.get_result()
            if result is not None:  # None stands between two statements
                self._take(self._under_way[0], result)
            elif self._server.status == pq.ConnStatus.BAD:
                self.lose()  # libpq did not understand what came: no more will come, and it is never busy

    def _take(self, group: _Group, result: PGresult) -> None:
        if result.status == pq.ExecStatus.TUPLES_OK:
            group.found.append([result.get_value(row, 0) for row in range(result.ntuples)])
        elif result.status == pq.ExecStatus.FATAL_ERROR:
            group.error = error_from_result(result)
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            self._under_way.popleft()
            self._end(group)

    def _end(self, group: _Group) -> None:
        """Tell how a group ended, and lose the connection before the next one's answer is read, if it is not as good as before."""
        if group.answer.done():
            return
        if group.error is None:
            group.answer.set_result(group.found)
            return
        group.answer.set_exception(group.error)
        if group.is_first or not (group.error.sqlstate or "").startswith(_PASSING):
            self.lose()
