"""Group commit: whoever waits is written in one transaction, and answered after it.

A `Lane` takes what waits (bounded), hands it to a commit function, and gives each its result. It knows nothing about SQL:
- the database is away: the same work is tried again until its deadline, then it is `Unavailable`; a commit whose answer was
  lost may be repeated, so commit functions store a thing once (message keys);
- the database refuses the work: it is halved until the poisonous item stands alone (`Poisoned`), its neighbours pass;
- more waits than the bound: `Unavailable` at once.
Not here: statements (`events.intake`, `delivery.feedback`), the connections' settings (`database`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import django.db
import psycopg

logger = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds that a request waits for a database that is away."""

STALL = 20.0
"""Seconds after which a commit that does not come back is given up, and its connection with it."""

PAUSE = 0.1


class Unavailable(Exception):
    """Nothing was stored, or nobody knows: send it again later."""


class Poisoned(Exception):
    """The database refuses this item for good."""


class Weighed(Protocol):
    """An item of a lane. `weight` counts against the bounds."""

    @property
    def weight(self) -> int: ...


Item = TypeVar("Item", bound=Weighed)
Result = TypeVar("Result")
Result_contra = TypeVar("Result_contra", contravariant=True)


class Waiter(Protocol[Result_contra]):
    """Who is told how it ended, once: a future, or something that costs less."""

    def done(self) -> bool: ...
    def set_result(self, result: Result_contra, /) -> None: ...
    def set_exception(self, error: Exception, /) -> None: ...


@dataclass(slots=True, eq=False)
class _Job(Generic[Item, Result]):
    item: Item
    weight: int
    deadline: float
    waiter: Waiter[Result]


class Lane(Generic[Item, Result]):
    """A queue with `width` writers. Each takes `most` (in weight) of what waits and `together` items at most; `bound` may wait.

    A group leaves when it is full, or when none is under way: the database and we wait for each other least when groups are of one
    size, and a commit costs the same for one item and for many.
    """

    def __init__(
        self,
        name: str,
        commit: Callable[[int, Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        width: int = 1,
        most: int = 2_500,
        together: int = 128,
        bound: int = 20_000,
        patience: float = PATIENCE,
    ) -> None:
        self._name, self._commit = name, commit
        self._width, self._most, self._bound, self._patience = width, most, bound, patience
        self._together = together
        self._waiting: deque[_Job[Item, Result]] = deque()
        self._weight = 0
        self._under_way = 0
        self._idle: list[asyncio.Future[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writers: list[asyncio.Task[None]] = []

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the writers on the running loop."""
        self._loop = loop
        self._writers = [
            loop.create_task(self._write(number), name=f"{self._name}-{number}")
            for number in range(self._width)
        ]

    async def stop(self) -> None:
        """Finish what waits, then end the writers."""
        while (self._waiting or self._under_way) and self._writers:
            await asyncio.sleep(PAUSE)
        for writer in self._writers:
            writer.cancel()
        await asyncio.gather(*self._writers, return_exceptions=True)

    def put(self, item: Item, waiter: Waiter[Result]) -> None:
        """Add an item; its waiter is given the result after the commit. Raises Unavailable when too much waits."""
        if self._loop is None or self._weight >= self._bound:
            raise Unavailable
        weight = item.weight
        self._waiting.append(_Job(item, weight, self._loop.time() + self._patience, waiter))
        self._weight += weight
        if self._idle and self._is_due:
            waker = self._idle.pop()
            if not waker.done():
                waker.set_result(None)

    def stored(self, item: Item) -> "asyncio.Future[Result]":
        """The same, for who can wait: the result, or Unavailable or Poisoned when awaited."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.put(item, answer)
        return answer

    async def _write(self, number: int) -> None:
        """One writer's life."""
        assert self._loop is not None
        while True:
            while not self._is_due:
                waker = self._loop.create_future()
                self._idle.append(waker)
                await waker
                await asyncio.sleep(0)  # let all requests that are ready now join
            jobs = self._take()
            self._under_way += 1
            try:
                await self._carry_out(number, jobs)
            finally:
                self._under_way -= 1

    @property
    def _is_due(self) -> bool:
        """Tell whether a group should leave (RFC 896 sends small packets by the same rule)."""
        is_full = len(self._waiting) >= self._together or self._weight >= self._most
        return is_full or (not self._under_way and bool(self._waiting))

    def _take(self) -> list[_Job[Item, Result]]:
        jobs: list[_Job[Item, Result]] = []
        weight = 0
        while self._waiting and len(jobs) < self._together:
            if jobs and weight + self._waiting[0].weight > self._most:
                break
            job = self._waiting.popleft()
            weight += job.weight
            jobs.append(job)
        self._weight -= weight
        return jobs

    async def _carry_out(self, number: int, jobs: list[_Job[Item, Result]]) -> None:
        """Commit and answer; try again while the database is away, halve while it refuses."""
        while jobs := self._still_wanted(jobs):
            try:
                async with asyncio.timeout(STALL):
                    results = await self._commit(number, [job.item for job in jobs])
                if len(results) != len(jobs):
                    raise ValueError("Each item has its result.")
            except Exception as error:
                if _is_refusal(error):
                    await self._divide(number, jobs, error)
                    return
                logger.warning("%s: %s waiting: %s", self._name, len(jobs), error)
                await asyncio.sleep(0 if _is_conflict(error) else PAUSE)
            else:
                for job, result in zip(jobs, results, strict=True):
                    self._tell(job, result)
                return

    def _still_wanted(self, jobs: list[_Job[Item, Result]]) -> list[_Job[Item, Result]]:
        """Those before their deadline; the others are answered with Unavailable."""
        assert self._loop is not None
        now = self._loop.time()
        wanted = []
        for job in jobs:
            if job.deadline > now:
                wanted.append(job)
            else:
                self._tell(job, Unavailable())
        return wanted

    def _tell(self, job: _Job[Item, Result], outcome: Result | Unavailable | Poisoned) -> None:
        """A waiter that fails must not keep the others waiting, nor end the writer."""
        try:
            if job.waiter.done():
                return
            if isinstance(outcome, Unavailable | Poisoned):
                job.waiter.set_exception(outcome)
            else:
                job.waiter.set_result(outcome)
        except Exception:
            logger.exception("%s: somebody could not be told.", self._name)

    async def _divide(self, number: int, jobs: list[_Job[Item, Result]], error: Exception) -> None:
        if len(jobs) == 1:
            logger.error("%s: refused by the database: %s", self._name, error)
            self._tell(jobs[0], Poisoned() if _is_about_data(error) else Unavailable())
            return
        middle = len(jobs) // 2
        await self._carry_out(number, jobs[:middle])
        await self._carry_out(number, jobs[middle:])


_OUTAGES = (
    psycopg.OperationalError,
    django.db.OperationalError,
    psycopg.InterfaceError,
    django.db.InterfaceError,
    OSError,
)
_CONFLICTS = frozenset({"40001", "40P01"})


def _is_refusal(error: Exception) -> bool:
    """Tell an error of the work from one of the connection."""
    return not isinstance(error, (*_OUTAGES, TimeoutError))


def _is_about_data(error: Exception) -> bool:
    """Tell a value that cannot be stored from a fault of ours or of the schema, which may be mended."""
    about_data = (psycopg.DataError, psycopg.IntegrityError, django.db.DataError, django.db.IntegrityError)
    return isinstance(error, about_data)


def _is_conflict(error: Exception) -> bool:
    """Tell whether the same work may pass at once: it lost against another transaction."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    return isinstance(cause, psycopg.Error) and cause.sqlstate in _CONFLICTS
