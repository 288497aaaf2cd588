"""`POST /v1/…`: Segment's HTTP API in front of the event pipeline and the group commit."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.db import InterfaceError, OperationalError, close_old_connections

from parcours.contacts.types import RefusedValue
from parcours.events import intake, pipeline
from parcours.events.errors import RefusedEvent, TooLarge, Unstorable
from parcours.events.pipeline import Parsed, Refusal
from parcours.events.types import Incoming
from parcours.kernel import clock
from parcours.public.hot import http, refusals
from parcours.public.hot.database import close_own
from parcours.public.hot.keys import KeyRing, Opened
from parcours.public.hot.pipe import Pipe
from parcours.public.hot.request import Request
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
    http.BodyUnreadable: (
        400,
        "event.malformed",
        "The body is not the gzip that its Content-Encoding names.",
    ),
    http.UnknownEncoding: (415, "event.unknown_encoding", "Send the body as it is, or with gzip."),
}
GROUPS = 2
"""Under way at once: while one is committed the next is sent."""
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
        self._pipe = Pipe()
        self.fast: Lane[Work, Left] = Lane("intake", self._commit_fast, width=GROUPS)
        self.thorough: Lane[Work, list[Refused]] = Lane("people", self._commit_thorough)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start both lanes."""
        self.fast.start(loop)
        self.thorough.start(loop)

    async def stop(self) -> None:
        """Finish what waits and close the connections."""
        await self.fast.stop()
        await self.thorough.stop()
        self._pipe.close()
        await asyncio.get_running_loop().run_in_executor(self._thread, close_own)
        self._thread.shutdown()

    def answer(self, request: Request) -> None:
        """Answer one request, at once or after the commit. What is common waits without a task: one would cost every request."""
        kind = KINDS.get(request.path)
        if kind is None or request.method != "POST":
            _answer_other(request)
            return
        try:
            content = request.plain(limit_of(kind))
            presented = request.header(b"authorization") or pipeline.write_key(content) or ""
        except http.BodyTooLarge:
            refusals.refuse(request, 400, TooLarge.code, _too_large(request, kind))
            return
        except http.BadBody as error:
            refusals.refuse(request, *BAD_BODIES[type(error)])
            return
        except RefusedEvent as error:
            refusals.refuse(request, 400, error.code, error.message)
            return
        remembered = self._keys.remembered(presented)
        if remembered:
            self._take(request, kind, content, remembered[0])
        else:
            request.wait_for(self._look_up(request, kind, content, presented))

    async def _look_up(self, request: Request, kind: str, content: bytes, presented: str) -> None:
        """See what the key opens that is presented: in Authorization, or (browsers) in the body."""
        try:
            secret = http.credential(presented) or presented
            opened = await self._keys.opened(presented, secret) if presented else None
        except (OperationalError, InterfaceError):
            refusals.try_again(request)
        else:
            self._take(request, kind, content, opened)

    def _take(self, request: Request, kind: str, content: bytes, opened: Opened | None) -> None:
        if opened is None:
            refusals.refuse(request, 401, "key.bad", "This key is unknown or was revoked.")
            return
        now = clock.now()
        try:
            parsed = pipeline.parse(
                kind,
                content,
                now,
                is_trusted=opened.is_trusted,
                tracking_consent=opened.tracking_consent,
            )
        except RefusedEvent as error:
            refusals.refuse(request, 400, error.code, error.message)
            return
        if not parsed.accepted:
            _answer(request, parsed, ())
            return
        work = Work(opened.workspace_id, [call for _, call in parsed.accepted], now)
        if not work.is_plain:
            request.wait_for(self.finish(request, parsed, self.store_rest(work, range(work.weight))))
            return
        try:
            self.fast.put(work, _Plain(self, request, parsed, work))
        except Unavailable:
            refusals.try_again(request)

    async def finish(self, request: Request, parsed: Parsed, outcome: Awaitable[Sequence[Refused]]) -> None:
        """Answer when all is stored that can be; `outcome` gives what was left out of each call, nothing when all was stored."""
        try:
            left_out = await outcome
        except (Unavailable, OperationalError, InterfaceError):
            refusals.try_again(request)
        else:
            _answer(request, parsed, left_out)

    async def store_rest(self, work: Work, left: Sequence[int]) -> Sequence[Refused]:
        """The thorough way, for the calls at these places: their people are new, or told something new about."""
        if not left:
            return ()
        others = Work(work.workspace_id, [work.calls[place] for place in left], work.now)
        try:
            left_out = dict(zip(left, await self.thorough.stored(others), strict=True))
        except Poisoned:
            return await self.store_halves(work)
        return [left_out.get(place, ()) for place in range(work.weight)] if any(left_out.values()) else ()

    async def store_halves(self, work: Work) -> Sequence[Refused]:
        """One poisonous event among several: divide until it stands alone; refuse it. What is stored already is told by its key."""
        if work.weight == 1:
            return [(RefusedValue("", Unstorable.code, "The database cannot store this event."),)]
        middle = work.weight // 2
        outcomes: list[Refused] = []
        for calls in (work.calls[:middle], work.calls[middle:]):
            half = Work(work.workspace_id, calls, work.now)
            outcomes += await self._store(half) or [()] * half.weight
        return outcomes

    async def _store(self, work: Work) -> Sequence[Refused]:
        """Both ways, awaited."""
        try:
            left = await self.fast.stored(work) if work.is_plain else range(work.weight)
        except Poisoned:
            return await self.store_halves(work)
        return await self.store_rest(work, left)

    async def _commit_fast(self, _number: int, works: Sequence[Work]) -> list[Left]:
        """One transaction, one round trip: for each workspace its scope, then all its events."""
        gathered = _gather(works)
        queries = []
        for workspace_id, calls, now in gathered:
            queries.append(intake.prepare(workspace_id, [call.at for call in calls]))
            queries.append(intake.take_in(workspace_id, calls, now=now))
        found = await self._pipe.commit(queries)
        left = {
            workspace_id: [int(place) - 1 for place in places if place]
            for (workspace_id, _, _), places in zip(gathered, found[1::2], strict=True)
        }
        return _hand_out(works, left)

    async def _commit_thorough(self, number: int, works: Sequence[Work]) -> list[list[Refused]]:
        """A transaction per workspace, in a thread, on Django's connection."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _store_in_thread, works)


class _Plain:
    """Answers a request whose events were put into the fast lane."""

    __slots__ = ("_intake", "_parsed", "_request", "_work")

    def __init__(self, intake: Intake, request: Request, parsed: Parsed, work: Work) -> None:
        self._intake, self._request, self._parsed, self._work = intake, request, parsed, work

    def done(self) -> bool:
        """Never before it is told."""
        return False

    def set_result(self, left: Left) -> None:
        """Stored, but for the calls at these places."""
        if left:
            self._finish(self._intake.store_rest(self._work, left))
        else:
            _answer(self._request, self._parsed, ())

    def set_exception(self, error: Exception) -> None:
        """Nothing is known to be stored."""
        if isinstance(error, Poisoned):
            self._finish(self._intake.store_halves(self._work))
        else:
            refusals.try_again(self._request)

    def _finish(self, outcome: Awaitable[Sequence[Refused]]) -> None:
        self._request.wait_for(self._intake.finish(self._request, self._parsed, outcome))


def limit_of(kind: str) -> int:
    """How many bytes of body a call takes."""
    return pipeline.MAX_BATCH if kind == "batch" else pipeline.MAX_EVENT


def _too_large(request: Request, kind: str) -> str:
    """Which limit the body exceeds, and by what."""
    limit = limit_of(kind)
    what, way_out = (
        ("A batch", "Send several.")
        if kind == "batch"
        else (
            "A call",
            f"A batch may have {pipeline.MAX_BATCH}, but none of its calls more than one by itself.",
        )
    )
    if request.size <= limit:
        size = "more, once it is inflated"
    else:  # of what goes on for too long, not all is read
        size = f"at least {request.size}" if request.is_last else str(request.size)
    return f"{what} has at most {limit} bytes; this body has {size}. {way_out}"


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


def _answer_other(request: Request) -> None:
    """Answer what is not a call."""
    if request.method == "OPTIONS":
        request.answer(204, refusals.PREFLIGHT)
    else:
        status = 405 if request.path in KINDS else 404
        refusals.refuse(request, status, "no_such_call", "POST to /v1/track, /v1/batch and the like.")


def _answer(request: Request, parsed: Parsed, left_out: Sequence[Refused]) -> None:
    is_whole = not left_out and not parsed.refused
    request.answer(200, refusals.JSON, SUCCESS if is_whole else _told(parsed, left_out))


def _told(parsed: Parsed, left_out: Sequence[Refused]) -> bytes:
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
