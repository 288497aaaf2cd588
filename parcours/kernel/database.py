"""The database for event loops: work in a thread of its own, repeated until the database is there again or its owner ends.

Not here: statements (`sql`), whose rows are seen (`tenancy`).
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection

AWAY = (OperationalError, InterfaceError)
"""What tells that the database is away, or that it refused this one time (a deadlock, a statement cancelled)."""

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 2.0
Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class Database:
    """One thread with one connection. Work whose connection is lost is done again: give it only work that may be repeated."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._is_given_up = asyncio.Event()

    def give_up(self, *, after: float = 0.0) -> None:
        """Wait for an absent database `after` seconds more, and never again: an owner calls it that was asked to end."""
        asyncio.get_running_loop().call_later(after, self._is_given_up.set)

    async def run(
        self, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Do `work` in the thread; when the database is away, wait for it and begin again. Raises AWAY only after `give_up`."""
        pause = 0.05
        while True:
            try:
                return await self.once(work, *arguments, **named)
            except AWAY:
                if self._is_given_up.is_set():
                    raise
                await self._rest(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def once(
        self, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Do `work` in the thread; when the database is away, leave it to the caller, with a new connection for the next work."""
        try:
            return await self._in_thread(lambda: work(*arguments, **named))
        except AWAY as error:
            _log.warning("the database is away, to be tried again: %s", str(error).strip()[:200])
            await self._in_thread(_disconnect)
            raise

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_given_up.wait()

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await self._in_thread(_disconnect)
        self._thread.shutdown(wait=False)


def _disconnect() -> None:
    """Close the connection of the thread that runs this."""
    connection.close()
