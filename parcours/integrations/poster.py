"""The poster: claims what is due and posts it, many at once in one event loop. A slow endpoint holds nobody else up.

Whatever dies and whenever, a delivery is tried again, under the same id: its row is claimed before the request, and ends only after
the answer. So an endpoint may hear something twice, and never misses anything.
Not here: the statements (`queue`), the request (`kernel.http`).
"""

import asyncio
import logging
import ssl
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag

from parcours.accounts import queries as accounts
from parcours.integrations import queue, signing
from parcours.integrations.types import Claimed, Outcome, Trouble
from parcours.kernel import http, targets, tenancy
from parcours.kernel.database import AWAY, Database

_log = logging.getLogger(__name__)
_IDLE = 0.25  # seconds between two looks at a workspace with endpoints
_NOBODY = 1.0  # and at one without
_LAST_WORDS = 3.0  # seconds that what is under way, and an absent database, may still take when told to stop


@dataclass(frozen=True)
class Limits:
    """How much a poster does at once, and how long a request may take."""

    under_way: int = 64
    per_workspace: int = 16
    within: float = 10.0


class Poster:
    """Posts for every workspace of the installation. `clock` is the present instant."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        allow_private: bool = False,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self._allow_private = allow_private
        self._limits = limits or Limits()
        self._tls = tls
        self._stop = asyncio.Event()
        self._database = Database("webhooks")
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: Counter[int] = Counter()
        self._ended: defaultdict[int, list[Outcome]] = defaultdict(list)
        self._look_at: dict[int, float] = {}
        self._workspaces: list[int] = []
        self._known_until = 0.0

    def stop(self) -> None:
        """Ask to end. What has no answer soon is left to its lease, and tried again by the next worker."""
        self._stop.set()
        self._database.give_up(after=_LAST_WORDS)

    async def drain(self) -> None:
        """Post until nothing is due and nothing is under way, then end."""
        await self._run(until_idle=True)

    async def run(self) -> None:
        """Post until `stop` is called. Survives a database that goes away and comes back."""
        await self._run(until_idle=False)

    async def _run(self, *, until_idle: bool) -> None:
        resolving = ThreadPoolExecutor(self._limits.under_way, thread_name_prefix="names")
        asyncio.get_running_loop().set_default_executor(resolving)  # a name that hangs holds up no other
        try:
            while not self._stop.is_set():
                found = await self._turn(at_once=until_idle)
                if until_idle and not found and not self._tasks and not self._ended:
                    break
                await self._rest()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_LAST_WORDS)
            await self._tell_last()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._database.close()

    async def _rest(self) -> None:
        """Wait for the next answer, a moment at most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_IDLE, return_when=asyncio.FIRST_COMPLETED)
            return
        try:
            async with asyncio.timeout(0 if self._ended else _IDLE):
                await self._stop.wait()
        except TimeoutError:
            return

    async def _turn(self, *, at_once: bool) -> int:
        """Tell and claim once for each workspace that has something to tell, or whose turn it is; returns how much was claimed."""
        found = 0
        try:
            for workspace_id in await self._waiting(at_once=at_once):
                found += await self._exchange(workspace_id)
        except AWAY:  # `Database` has said so
            await asyncio.sleep(_IDLE)
        if self._workspaces:  # the next turn begins with another one
            self._workspaces.append(self._workspaces.pop(0))
        return found

    async def _waiting(self, *, at_once: bool) -> list[int]:
        now = time.monotonic()
        if now >= self._known_until:
            known = await self._database.once(_workspace_ids)
            kept = set(known)
            fresh = kept - set(self._workspaces)
            self._workspaces = [one for one in self._workspaces if one in kept] + sorted(fresh)
            self._known_until = now + _NOBODY
        return [
            one
            for one in list(self._workspaces)
            if at_once or one in self._ended or now >= self._look_at.get(one, 0.0)
        ]

    async def _exchange(self, workspace_id: int) -> int:
        """Tell what has ended in a workspace, claim what it may have under way, and begin with it: one transaction."""
        room = min(
            self._limits.per_workspace - self._under_way[workspace_id],
            self._limits.under_way - len(self._tasks),
        )
        outcomes = self._ended.pop(workspace_id, [])
        try:
            claimed = await self._database.once(self._tell_and_claim, workspace_id, outcomes, room)
        except AWAY:
            self._ended[workspace_id] = outcomes + self._ended.pop(workspace_id, [])
            raise
        except Exception:  # this workspace's deliveries are taken up when their leases have run out
            _log.exception("Webhooks of workspace %s could not be exchanged with the database", workspace_id)
            claimed = None
        self._look_at[workspace_id] = time.monotonic() + (_NOBODY if claimed is None else _IDLE)
        for one in claimed or ():
            self._begin(workspace_id, one)
        return len(claimed or ())

    def _tell_and_claim(self, workspace_id: int, outcomes: list[Outcome], room: int) -> list[Claimed] | None:
        """What was claimed; None where no endpoint is written to."""
        now = self._clock()
        with tenancy.scope(workspace_id=workspace_id):
            if outcomes:
                queue.tell(workspace_id, outcomes, now=now)
            if not queue.is_anybody_active(workspace_id):
                return None
            return queue.claim(workspace_id, limit=room, now=now) if room > 0 else []

    async def _tell_last(self) -> None:
        """Tell how it ended, also of what ended after the last turn; left to the leases while the database is away."""
        with suppress(*AWAY):
            for workspace_id, outcomes in list(self._ended.items()):
                await self._database.run(_tell, workspace_id, outcomes, self._clock())

    def _begin(self, workspace_id: int, claimed: Claimed) -> None:
        task = asyncio.get_running_loop().create_task(self._post(workspace_id, claimed))
        self._tasks.add(task)
        self._under_way[workspace_id] += 1

        def ended(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            self._under_way[workspace_id] -= 1

        task.add_done_callback(ended)

    async def _post(self, workspace_id: int, claimed: Claimed) -> None:
        """Post one delivery and keep how it ended for the next exchange."""
        code, trouble, retry_after = None, "", ""
        try:
            answer = await self._asked(claimed)
            code, retry_after = answer.status, answer.retry_after
        except _NotPosted as error:
            trouble = error.trouble.value
        except http.Failed as error:
            trouble = error.trouble.value
        except targets.RefusedAddress:
            trouble = Trouble.REFUSED.value
        except Exception:  # it must end like every other try, not be taken up for ever
            _log.exception("Webhook %s of workspace %s could not be made", claimed.id, workspace_id)
            trouble = Trouble.FAULT.value
        is_last = trouble == Trouble.EVENT_GONE or claimed.event_id is None
        due_at = None if is_last else queue.next_try(claimed.tries, retry_after, now=self._clock())
        self._ended[workspace_id].append(
            Outcome(claimed.id, claimed.fence, claimed.endpoint_id, code, trouble, due_at)
        )

    async def _asked(self, claimed: Claimed) -> http.Answer:
        if not claimed.is_there:
            raise _NotPosted(Trouble.EVENT_GONE)
        target = targets.parse(claimed.url, allow_private=self._allow_private)
        body = written(claimed)
        try:
            secrets = [signing.opened(each) for each in (claimed.secret, claimed.former_secret) if each]
        except InvalidTag:
            raise _NotPosted(Trouble.UNREADABLE) from None
        signed = signing.headers(str(claimed.id), int(self._clock().timestamp()), body, secrets)
        return await http.post(
            target,
            body,
            {"Content-Type": "application/json", **signed},
            within=self._limits.within,
            allow_private=self._allow_private,
            tls=self._tls,
        )


class _NotPosted(Exception):
    """Something is missing here, so that nothing can be asked."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


def written(claimed: Claimed) -> bytes:
    """The body of a delivery. A test tells of nobody."""
    data: dict[str, Any] = {"name": claimed.name, "at": claimed.at}
    if claimed.event_id is not None:
        data |= {
            "event_id": str(claimed.event_id),
            "contact": {"id": claimed.contact_id, "email": claimed.email, "external_id": claimed.external_id},
            "properties": claimed.properties,
        }
    return msgspec.json.encode({"type": claimed.name, "timestamp": claimed.at, "data": data})


def _tell(workspace_id: int, outcomes: list[Outcome], now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace_id):
        queue.tell(workspace_id, outcomes, now=now)


def _workspace_ids() -> list[int]:
    return [workspace.id for workspace in accounts.workspaces()]
