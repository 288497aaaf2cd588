"""The database for event loops: it is waited for, until its owner gives up."""

import asyncio

import pytest
from django.db import InterfaceError, OperationalError

from parcours.kernel.database import Database


class Outage:
    """A database that is away the first `times` times that it is asked."""

    def __init__(self, times: float) -> None:
        self.times = times
        self.asked = asyncio.Event()

    def work(self, loop: asyncio.AbstractEventLoop) -> str:
        loop.call_soon_threadsafe(self.asked.set)
        self.times -= 1
        if self.times >= 0:
            raise OperationalError("connection refused") if self.times % 2 else InterfaceError("closed")
        return "done"


FOR_EVER = float("inf")


async def run(outage: Outage, *, give_up_after: float | None = None) -> str:
    """Do the work; give up, when that is wanted, once the database has been found away."""
    database = Database("test")
    try:
        async with asyncio.timeout(20):
            running = asyncio.create_task(database.run(outage.work, asyncio.get_running_loop()))
            await outage.asked.wait()
            if give_up_after is not None:
                database.give_up(after=give_up_after)
            return await running
    finally:
        await database.close()


def test_database_that_is_away_is_waited_for() -> None:
    assert asyncio.run(run(Outage(3))) == "done"


def test_database_that_is_away_is_not_waited_for_once_given_up() -> None:
    with pytest.raises((OperationalError, InterfaceError)):
        asyncio.run(run(Outage(FOR_EVER), give_up_after=0))


def test_given_up_later_it_is_waited_for_until_then() -> None:
    assert asyncio.run(run(Outage(3), give_up_after=60)) == "done"


def test_given_up_it_still_works_while_it_is_there() -> None:
    assert asyncio.run(run(Outage(0), give_up_after=0)) == "done"
