"""Groups behind one another on one real connection: each stands or falls by itself, whatever happens to the connection."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg
import pytest

from parcours.events.intake import Query
from parcours.public.hot import database
from parcours.public.hot.pipe import Pipe
from tests.public.sessions import cut

pytestmark = pytest.mark.django_db(transaction=True)

WHO = Query("SELECT pg_backend_pid()", {})
SLEEP = Query("SELECT 1 FROM pg_sleep(20)", {})


def say(text: str) -> Query:
    return Query(
        "SELECT %(text)s::text FROM generate_series(1, 2) AS n WHERE %(text)s <> '%%'", {"text": text}
    )


def divide(number: int) -> Query:
    return Query("SELECT 10 / %(number)s::integer", {"number": number})


def piped(story: Callable[[Pipe], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        pipe = Pipe()
        try:
            await story(pipe)
        finally:
            pipe.close()

    asyncio.run(asyncio.wait_for(told(), 30))


def test_each_group_has_its_own_rows_in_their_order() -> None:
    async def story(pipe: Pipe) -> None:
        first, second, none = await asyncio.gather(
            pipe.commit([say("a"), divide(5)]), pipe.commit([say("é")]), pipe.commit([])
        )
        assert first == [[b"a", b"a"], [b"2"]]
        assert second == [["é".encode()] * 2]
        assert none == []

    piped(story)


def test_refused_group_changes_nothing_and_leaves_the_others_alone() -> None:
    async def story(pipe: Pipe) -> None:
        await pipe.commit([Query("CREATE TEMPORARY TABLE written (n integer)", {})])
        await pipe.commit([divide(1)])
        write = Query("INSERT INTO written VALUES (%(number)s)", {"number": 1})
        before, refused, after = await asyncio.gather(
            pipe.commit([write, WHO]),
            pipe.commit([write, divide(0), write]),
            pipe.commit([Query("SELECT count(*) FROM written", {}), WHO]),
            return_exceptions=True,
        )
        assert isinstance(refused, psycopg.errors.DivisionByZero)
        assert not isinstance(before, BaseException)
        assert not isinstance(after, BaseException)
        assert after == [[b"1"], before[-1]], "the same connection, and one row"

    piped(story)


def test_group_that_is_refused_only_at_its_end_is_refused() -> None:
    """Foreign keys are looked at when a transaction ends: behind the last statement's own good answer."""

    async def story(pipe: Pipe) -> None:
        table = "CREATE TEMPORARY TABLE once (n integer UNIQUE DEFERRABLE INITIALLY DEFERRED)"
        write = Query("INSERT INTO once VALUES (1) RETURNING n", {})
        await pipe.commit([Query(table, {})])
        assert await pipe.commit([write]) == [[b"1"]]
        refused, after = await asyncio.gather(
            pipe.commit([write]), pipe.commit([divide(5)]), return_exceptions=True
        )
        assert isinstance(refused, psycopg.errors.UniqueViolation)
        assert after == [[b"2"]]

    piped(story)


@pytest.mark.parametrize("code", ["40P01", "53100", "54000", "55P03"])
def test_conflicts_and_limits_leave_the_others_alone(code: str) -> None:
    """Else one group that meets them again and again would take those behind it along each time."""
    make = """CREATE FUNCTION pg_temp.fail(code text) RETURNS integer LANGUAGE plpgsql AS
              $$ BEGIN IF code <> '' THEN RAISE EXCEPTION 'no' USING ERRCODE = code; END IF; RETURN 1; END $$"""

    def fail(code: str) -> Query:
        return Query("SELECT pg_temp.fail(%(code)s::text)", {"code": code})

    async def story(pipe: Pipe) -> None:
        await pipe.commit([Query(make, {})])
        [_, before] = await pipe.commit([fail(""), WHO])
        refused, after = await asyncio.gather(
            pipe.commit([fail(code)]), pipe.commit([WHO]), return_exceptions=True
        )
        assert isinstance(refused, psycopg.OperationalError)
        assert refused.sqlstate == code
        assert after == [before]

    piped(story)


@pytest.mark.parametrize("behind", [0, 1])
def test_statement_that_was_skipped_behind_an_error_is_known_to_be_unknown(behind: int) -> None:
    new = Query("SELECT 'new'", {})

    async def story(pipe: Pipe) -> None:
        await pipe.commit([divide(1)])
        groups = [pipe.commit([divide(0), new]), *[pipe.commit([new]) for _ in range(behind)]]
        refused, *others = await asyncio.gather(*groups, return_exceptions=True)
        assert isinstance(refused, psycopg.errors.DivisionByZero)
        for each in others:
            assert isinstance(each, psycopg.OperationalError), "it is sent again"
        assert await pipe.commit([new]) == [[b"new"]]

    piped(story)


def test_value_that_cannot_be_sent_leaves_nothing_half_sent() -> None:
    async def story(pipe: Pipe) -> None:
        with pytest.raises(psycopg.DataError):
            await pipe.commit([divide(1), say("a\0b")])
        assert await pipe.commit([divide(2)]) == [[b"5"]]

    piped(story)


def test_fault_in_a_statement_costs_the_connection_which_is_opened_again() -> None:
    async def story(pipe: Pipe) -> None:
        [[one]] = await pipe.commit([WHO])
        with pytest.raises(psycopg.errors.UndefinedTable):
            await pipe.commit([Query("SELECT n FROM nowhere", {})])
        [[other]] = await pipe.commit([WHO])
        assert one != other

    piped(story)


def test_statements_that_the_server_forgot_are_prepared_again() -> None:
    async def story(pipe: Pipe) -> None:
        [[one]] = await pipe.commit([WHO])
        await pipe.commit([Query("DEALLOCATE ALL", {})])
        with pytest.raises(psycopg.errors.InvalidSqlStatementName):
            await pipe.commit([WHO])
        [[other]] = await pipe.commit([WHO])
        assert one != other

    piped(story)


def test_all_that_is_under_way_is_lost_with_the_connection() -> None:
    async def story(pipe: Pipe) -> None:
        await pipe.commit([WHO])
        groups = [asyncio.create_task(pipe.commit([SLEEP])), asyncio.create_task(pipe.commit([WHO]))]
        await asyncio.sleep(0)
        cut()
        for outcome in await asyncio.gather(*groups, return_exceptions=True):
            assert isinstance(outcome, psycopg.OperationalError)
        assert await pipe.commit([divide(2)]) == [[b"5"]]

    piped(story)


def test_answer_that_makes_no_sense_loses_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()

    async def swapped() -> database.Connection:
        """A connection whose socket leads to us."""
        monkeypatch.undo()
        opened = await database.connect()
        os.dup2(ours.fileno(), opened.pgconn.socket)
        return opened

    async def story(pipe: Pipe) -> None:
        monkeypatch.setattr(database, "connect", swapped)
        theirs.send(b"D\0\0\0\1")
        with pytest.raises(psycopg.OperationalError):
            await pipe.commit([WHO])
        assert await pipe.commit([divide(2)]) == [[b"5"]]

    with ours, theirs:
        ours.setblocking(False)
        piped(story)


def test_group_that_is_given_up_takes_the_connection_with_it() -> None:
    async def story(pipe: Pipe) -> None:
        await pipe.commit([WHO])
        behind: asyncio.Task[object] | None = None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                waiting = asyncio.create_task(pipe.commit([SLEEP]))
                behind = asyncio.create_task(pipe.commit([WHO]))
                await waiting
        assert behind is not None
        with pytest.raises(psycopg.OperationalError):
            await behind
        assert await pipe.commit([divide(1)]) == [[b"10"]]
        await asyncio.to_thread(cut)  # the server sleeps on

    piped(story)


def test_group_that_is_larger_than_a_socket_takes_goes_out_in_parts() -> None:
    large = "x" * 30_000_000

    async def story(pipe: Pipe) -> None:
        length = Query("SELECT length(%(text)s::text)", {"text": large})
        assert (
            await asyncio.gather(*[pipe.commit([length, length]) for _ in range(3)])
            == [[[b"30000000"], [b"30000000"]]] * 3
        )

    piped(story)


def test_pipe_that_was_closed_opens_again() -> None:
    async def story(pipe: Pipe) -> None:
        pipe.close()
        await pipe.commit([WHO])
        pipe.close()
        assert await pipe.commit([divide(2)]) == [[b"5"]]

    piped(story)
