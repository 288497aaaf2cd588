"""The sender's bookkeeping: what many connections have to tell goes into one commit.

Not here: which message goes when (`sender`), the statements (`actions`).
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from parcours.delivery import actions
from parcours.delivery.types import Outcome, ToStart
from parcours.kernel import tenancy
from parcours.kernel.database import AWAY, Database

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    """What one connection tells: how its last message ended, and which one it wants to start."""

    workspace_id: int
    finished: Outcome | None
    wanted: ToStart | None
    answer: asyncio.Future[bool]


class Ledger:
    """Group commit: while one transaction is under way, what all connections tell gathers for the next."""

    def __init__(self, transport: str, clock: Callable[[], datetime]) -> None:
        self._transport = transport
        self._clock = clock
        self._database = Database("ledger")
        self._waiting: list[_Entry] = []
        self._is_told = asyncio.Event()

    def give_up(self, *, after: float) -> None:
        """Wait for an absent database `after` seconds more: what is told later is left to the leases, as after a crash."""
        self._database.give_up(after=after)

    async def tell(
        self, workspace_id: int, *, finished: Outcome | None = None, wanted: ToStart | None = None
    ) -> bool:
        """Return once it is committed, or given up: whether `wanted` may be handed over."""
        entry = _Entry(workspace_id, finished, wanted, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        self._is_told.set()
        return await entry.answer

    async def keep(self) -> None:
        """Commit what is told, for ever; cancel to end."""
        try:
            while True:
                await self._is_told.wait()
                self._is_told.clear()
                entries, self._waiting = self._waiting, []
                for workspace_id in dict.fromkeys(entry.workspace_id for entry in entries):
                    await self._write(
                        workspace_id, [entry for entry in entries if entry.workspace_id == workspace_id]
                    )
        finally:
            await self._database.close()

    async def _write(self, workspace_id: int, entries: list[_Entry]) -> None:
        """Commit and answer. An entry that the database refuses is found by itself; the others are not its concern.

        Its outcome is not known to anybody then: the lease runs out, and the message is in doubt and listed. Something is wrong
        with this workspace or with us, so its sending is paused. So it goes too when the database is away for longer than we
        may wait, but nothing is wrong then.
        """
        started: set[UUID] = set()
        try:
            started = await self._database.run(self._commit, workspace_id, entries)
        except AWAY:
            _log.warning(
                "What became of %s messages of workspace %s is left open", len(entries), workspace_id
            )
        except Exception as error:
            if len(entries) > 1:
                for entry in entries:
                    await self._write(workspace_id, [entry])
                return
            _log.exception("What became of a message of workspace %s cannot be stored", workspace_id)
            with suppress(*AWAY):
                await self._database.run(
                    self._pause, workspace_id, f"An outcome cannot be stored: {type(error).__name__}"
                )
        for entry in entries:
            if not entry.answer.done():
                entry.answer.set_result(entry.wanted is not None and entry.wanted.message_id in started)

    def _commit(self, workspace_id: int, entries: list[_Entry]) -> set[UUID]:
        """One transaction."""
        now = self._clock()
        with tenancy.scope(workspace_id=workspace_id):
            finished = [entry.finished for entry in entries if entry.finished]
            actions.finish(workspace_id, finished, transport=self._transport, now=now)
            wanted = [entry.wanted for entry in entries if entry.wanted]
            return actions.start(workspace_id, wanted, now=now)

    def _pause(self, workspace_id: int, why: str) -> None:
        with tenancy.scope(workspace_id=workspace_id):
            actions.pause_sending(workspace_id, why, now=self._clock())
