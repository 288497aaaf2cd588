"""`POST /v1/…`: Segment's HTTP API in front of the event pipeline and the group commit."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db import InterfaceError, OperationalError, close_old_connections

from parcours.contacts.types import RefusedValue
from parcours.events import intake, pipeline
from parcours.events.errors import RefusedEvent, Unstorable
from parcours.events.pipeline import Parsed, Refusal
from parcours.events.types import Incoming
from parcours.kernel import clock
from parcours.public.hot import http
from parcours.public.hot.connections import Connections, close_own
from parcours.public.hot.http import Protocol_, Scope
from parcours.public.hot.keys import KeyRing, Opened
from parcours.public.hot.writer import Lane, Poisoned, Unavailable

logger = logging.getLogger(__name__)

KINDS = {
    **{kind: kind for kind in ("identify", "track", "page", "screen", "group", "alias", "batch")},
    **{
        "i": "identify",
        "t": "track",
        "p": "page",
        "s": "screen",
        "g": "group",
        "a": "alias",
        "b": "batch",
        "import": "batch",
    },
}
"""The last part of the address: what servers send, and the letters that browsers send."""

WRITERS = 1
SUCCESS = b'{"success":true}'
_encode = msgspec.json.Encoder().encode


class Work(NamedTuple):
    """Calls of one request."""

    workspace_id: int
    calls: Sequence[Incoming]
    now: datetime

    @property
    def weight(self) -> int:
        return len(self.calls)


Left = list[int]
Refused = tuple[RefusedValue, ...]


class Intake:
    """Two lanes: `fast` stores events of known people in one statement, `thorough` everything else."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._thread = ThreadPoolExecutor(1, "people")
        self._connections = Connections()
        self.fast: Lane[Work, Left] = Lane("intake", self._commit_fast, width=WRITERS)
        self.thorough: Lane[Work, list[Refused]] = Lane("people", self._commit_thorough)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start both lanes."""
        self.fast.start(loop)
        self.thorough.start(loop)

    async def stop(self) -> None:
        """Finish what waits and close the connections."""
        await self.fast.stop()
        await self.thorough.stop()
        await self._connections.close()
        await asyncio.get_running_loop().run_in_executor(self._thread, close_own)
        self._thread.shutdown()

    async def answer(self, scope: Scope, protocol: Protocol_) -> None:
        """Answer one request."""
        if scope.method == "OPTIONS":
            protocol.response_empty(204, http.PREFLIGHT)
            return
        kind = KINDS.get(scope.path[len("/v1/") :].rstrip("/"))
        if kind is None or scope.method != "POST":
            http.refuse(
                protocol,
                404 if kind is None else 405,
                "no_such_call",
                "POST to /v1/track, /v1/batch and the like.",
            )
            return
        try:
            content = await http.body(
                scope, protocol, pipeline.MAX_BATCH if kind == "batch" else pipeline.MAX_EVENT
            )
        except http.BodyTooLarge:
            http.refuse(protocol, 400, "event.too_large", "The body is larger than 32 KB (a batch: 500 KB).")
            return
        except http.BodyUnreadable:
            http.refuse(
                protocol, 400, "event.malformed", "The body is not the gzip that its Content-Encoding names."
            )
            return
        except http.UnknownEncoding:
            http.refuse(protocol, 415, "event.unknown_encoding", "Send the body as it is, or with gzip.")
            return
        await self._receive(scope, protocol, kind, content)

    async def _receive(self, scope: Scope, protocol: Protocol_, kind: str, content: bytes) -> None:
        try:
            opened = await self._authenticate(scope, content)
            if opened is None:
                http.refuse(protocol, 401, "key.bad", "This key is unknown or was revoked.")
                return
            now = clock.now()
            parsed = pipeline.parse(
                kind,
                content,
                now,
                is_trusted=opened.is_trusted,
                tracking_consent=opened.tracking_consent,
            )
            refused = parsed.refused
            if parsed.accepted:
                refused = await self._store(
                    Work(opened.workspace_id, [call for _, call in parsed.accepted], now), parsed
                )
        except RefusedEvent as error:
            http.refuse(protocol, 400, error.code, error.message)
        except (Unavailable, OperationalError, InterfaceError):
            http.try_again(protocol)
        else:
            protocol.response_bytes(200, http.JSON, SUCCESS if not refused else _answer(refused))

    async def _authenticate(self, scope: Scope, content: bytes) -> Opened | None:
        """What the key opens that is presented: in Authorization, or (browsers) in the body."""
        presented = scope.headers.get("authorization") or pipeline.write_key(content)
        if not presented:
            return None
        if answer := self._keys.remembered(presented):
            return answer[0]
        return await self._keys.opened(presented, http.credential(presented) or presented)

    async def _store(self, work: Work, parsed: Parsed) -> list[Refusal]:
        """Store what was accepted; return all refusals, those of single traits too, by place."""
        is_plain = all(call.is_plain for call in work.calls)
        outcomes = await (self._store_plain(work) if is_plain else self._store_thoroughly(work))
        if not any(outcomes):
            return parsed.refused
        late = [
            Refusal(index, each.code, f"{each.name}: {each.message}" if each.name else each.message)
            for (index, _), outcome in zip(parsed.accepted, outcomes, strict=True)
            for each in outcome
        ]
        return sorted(parsed.refused + late, key=lambda each: each.index)

    async def _store_plain(self, work: Work) -> list[Refused]:
        """The fast way, then the thorough one for those whose people it did not know."""
        outcomes: list[Refused] = [()] * len(work.calls)
        try:
            left = await self.fast.put(work)
        except Poisoned:
            return await self._store_halves(work, self._store_plain)
        if left:
            others = Work(work.workspace_id, [work.calls[place] for place in left], work.now)
            for place, outcome in zip(left, await self._store_thoroughly(others), strict=True):
                outcomes[place] = outcome
        return outcomes

    async def _store_thoroughly(self, work: Work) -> list[Refused]:
        try:
            return await self.thorough.put(work)
        except Poisoned:
            return await self._store_halves(work, self._store_thoroughly)

    async def _store_halves(self, work: Work, store: Any) -> list[Refused]:
        """One poisonous event among several: divide until it stands alone, and refuse it."""
        if len(work.calls) == 1:
            return [(RefusedValue("", Unstorable.code, "The database cannot store this event."),)]
        middle = len(work.calls) // 2
        halves = (work.calls[:middle], work.calls[middle:])
        outcomes: list[Refused] = []
        for calls in halves:
            outcomes += await store(Work(work.workspace_id, calls, work.now))
        return outcomes

    async def _commit_fast(self, number: int, works: Sequence[Work]) -> list[Left]:
        """One transaction, one round trip: for each workspace its scope, then all its events."""
        gathered = _gather(works)
        cursors = []
        async with self._connections.transaction(number) as transaction:
            for workspace_id, calls, now in gathered:
                await transaction.send(intake.prepare(workspace_id, [call.at for call in calls]))
                cursors.append(await transaction.send(intake.take_in(workspace_id, calls, now=now)))
        left = {
            workspace_id: [place - 1 for (place,) in await cursor.fetchall()]
            for (workspace_id, _, _), cursor in zip(gathered, cursors, strict=True)
        }
        return _hand_out(works, left)

    async def _commit_thorough(self, number: int, works: Sequence[Work]) -> list[list[Refused]]:
        """A transaction per workspace, in a thread, on Django's connection."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _store_in_thread, works)


def _gather(works: Sequence[Work]) -> list[tuple[int, list[Incoming], datetime]]:
    """All calls by workspace, in the order of the workspaces' ids (so that two writers lock in one order).

    The instant is the first one's: nobody is created after their first event.
    """
    if len({work.workspace_id for work in works}) == 1:
        return [(works[0].workspace_id, [call for work in works for call in work.calls], works[0].now)]
    calls: dict[int, list[Incoming]] = {}
    first: dict[int, datetime] = {}
    for work in works:
        calls.setdefault(work.workspace_id, []).extend(work.calls)
        first.setdefault(work.workspace_id, work.now)
    return [(workspace_id, calls[workspace_id], first[workspace_id]) for workspace_id in sorted(calls)]


def _hand_out(works: Sequence[Work], left: dict[int, list[int]]) -> list[Left]:
    """For each work the places of its own calls among those that are left over in its workspace."""
    if not any(left.values()):
        return [[] for _ in works]
    over = {workspace_id: set(places) for workspace_id, places in left.items()}
    start = dict.fromkeys(left, 0)
    answers = []
    for work in works:
        first = start[work.workspace_id]
        start[work.workspace_id] += len(work.calls)
        mine = over[work.workspace_id]
        answers.append([place for place in range(len(work.calls)) if first + place in mine])
    return answers


def _store_in_thread(works: Sequence[Work]) -> list[list[Refused]]:
    close_old_connections()
    try:
        outcomes = {
            workspace_id: intake.store(workspace_id, calls, now=now)
            for workspace_id, calls, now in _gather(works)
        }
    except (OperationalError, InterfaceError):
        close_own()
        raise
    start = dict.fromkeys(outcomes, 0)
    answers = []
    for work in works:
        first = start[work.workspace_id]
        start[work.workspace_id] += len(work.calls)
        answers.append(outcomes[work.workspace_id][first : first + len(work.calls)])
    return answers


def _answer(refused: Sequence[Refusal]) -> bytes:
    """Segment's success, and what was left out. The log says it too, clients rarely read answers; never the words, which may
    quote an address."""
    codes = ", ".join(sorted({each.code for each in refused}))
    logger.info("refused %s of a request: %s", len(refused), codes)
    return _encode({"success": True, "refused": refused})
