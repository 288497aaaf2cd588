"""The database for event loops: work in a thread of its own, repeated until the database is there again.

Not here: statements (`sql`), whose rows are seen (`tenancy`).
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 2.0
Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class Database:
    """One thread with one connection. Work whose connection is lost is done again: give it only work that may be repeated."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(
        self, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Do `work` in the thread; when the database is away, wait for it and begin again."""
        pause = 0.05
        while True:
            try:
                return await self.once(work, *arguments, **named)
            except (OperationalError, InterfaceError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def once(
        self, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Do `work` in the thread; when the database is away, leave it to the caller, with a new connection for the next work."""
        try:
            return await self._in_thread(lambda: work(*arguments, **named))
        except (OperationalError, InterfaceError) as error:
            _log.warning("the database is away, to be tried again: %s", str(error).strip()[:200])
            await self._in_thread(_disconnect)
            raise

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await self._in_thread(_disconnect)
        self._thread.shutdown(wait=False)


def _disconnect() -> None:
    """Close the connection of the thread that runs this."""
    connection.close()
