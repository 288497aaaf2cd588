"""`POST /v1/…`: Segment's HTTP API in front of the event pipeline and the group commit."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

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

_CALLS = ("identify", "track", "page", "screen", "group", "alias", "batch")
KINDS = {
    f"/v1/{name}{end}": kind
    for name, kind in [
        *((kind, kind) for kind in _CALLS),
        *((kind[0], kind) for kind in _CALLS),
        ("import", "batch"),
    ]
    for end in ("", "/")
}
"""Which call an address takes: what servers send, and the letters that browsers send."""

BAD_BODIES: Mapping[type[http.BadBody], tuple[int, str, str]] = {
    http.BodyTooLarge: (400, "event.too_large", "The body is larger than 32 KB (a batch: 500 KB)."),
    http.BodyUnreadable: (
        400,
        "event.malformed",
        "The body is not the gzip that its Content-Encoding names.",
    ),
    http.UnknownEncoding: (415, "event.unknown_encoding", "Send the body as it is, or with gzip."),
}
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
        """How many calls."""
        return len(self.calls)

    @property
    def is_plain(self) -> bool:
        """True when none of them tells something new about its person."""
        return all(call.is_plain for call in self.calls)


Left = Sequence[int]
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
        """Answer one request. What is common happens in this one coroutine: each further one costs every request."""
        kind = KINDS.get(scope.path)
        if kind is None or scope.method != "POST":
            _answer_other(scope, protocol)
            return
        try:
            headers = scope.headers
            limit = pipeline.MAX_BATCH if kind == "batch" else pipeline.MAX_EVENT
            content = await http.body(headers, protocol, limit)
            presented = headers.get("authorization") or pipeline.write_key(content) or ""
            remembered = self._keys.remembered(presented)
            opened = remembered[0] if remembered else await self._look_up(presented)
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
            left_out: Sequence[Refused] = ()
            if parsed.accepted:
                calls = [call for _, call in parsed.accepted]
                left_out = await self._store(Work(opened.workspace_id, calls, now))
        except RefusedEvent as error:
            http.refuse(protocol, 400, error.code, error.message)
        except http.BadBody as error:
            http.refuse(protocol, *BAD_BODIES[type(error)])
        except (Unavailable, OperationalError, InterfaceError):
            http.try_again(protocol)
        else:
            is_whole = not left_out and not parsed.refused
            protocol.response_bytes(200, http.JSON, SUCCESS if is_whole else _answer(parsed, left_out))

    async def _look_up(self, presented: str) -> Opened | None:
        """What the key opens that is presented: in Authorization, or (browsers) in the body."""
        return (
            await self._keys.opened(presented, http.credential(presented) or presented) if presented else None
        )

    async def _store(self, work: Work) -> Sequence[Refused]:
        """The fast way for plain events, then the thorough one for those whose people it did not know, and for all else.

        Returns what was left out of each call; nothing at all when all of it was stored.
        """
        try:
            left = await self.fast.put(work) if work.is_plain else range(work.weight)
            if not left:
                return ()
            others = Work(work.workspace_id, [work.calls[place] for place in left], work.now)
            left_out = dict(zip(left, await self.thorough.put(others), strict=True))
        except Poisoned:
            return await self._store_halves(work)
        return [left_out.get(place, ()) for place in range(work.weight)] if any(left_out.values()) else ()

    async def _store_halves(self, work: Work) -> Sequence[Refused]:
        """One poisonous event among several: divide until it stands alone; refuse it. What is stored already is told by its key."""
        if work.weight == 1:
            return [(RefusedValue("", Unstorable.code, "The database cannot store this event."),)]
        middle = work.weight // 2
        outcomes: list[Refused] = []
        for calls in (work.calls[:middle], work.calls[middle:]):
            half = Work(work.workspace_id, calls, work.now)
            outcomes += await self._store(half) or [()] * half.weight
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
        return [()] * len(works)
    over = {workspace_id: set(places) for workspace_id, places in left.items()}
    start = dict.fromkeys(left, 0)
    answers: list[Left] = []
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


def _answer_other(scope: Scope, protocol: Protocol_) -> None:
    """Answer what is not a call."""
    if scope.method == "OPTIONS":
        protocol.response_empty(204, http.PREFLIGHT)
    else:
        status = 405 if scope.path in KINDS else 404
        http.refuse(protocol, status, "no_such_call", "POST to /v1/track, /v1/batch and the like.")


def _answer(parsed: Parsed, left_out: Sequence[Refused]) -> bytes:
    """Segment's success, and what was refused or left out, by place. The log says it too, clients rarely read answers; never the
    words, which may quote an address."""
    late = [
        Refusal(index, each.code, f"{each.name}: {each.message}" if each.name else each.message)
        for (index, _), outcome in zip(parsed.accepted, left_out, strict=False)
        for each in outcome
    ]
    refused = sorted(parsed.refused + late, key=lambda each: each.index)
    codes = ", ".join(sorted({each.code for each in refused}))
    logger.info("refused %s of a request: %s", len(refused), codes)
    return _encode({"success": True, "refused": refused})
