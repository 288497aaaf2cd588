"""The sender: takes what the gate lets go and hands it to a mail server over several connections. One asyncio task group.

What holds, whatever dies and whenever: an attempt's row is committed before the server hears of a message, its outcome as soon
as the answer is read (together with the next attempt, for all connections in one transaction). So a crash leaves at most one
message in doubt per connection, and it is listed. A claim carries a fence: a sender that was stopped past its lease is refused.

Not here: what may be sent (`gate`), the statements (`actions`), the bytes (`composing`), the protocol (`smtp`).
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import ParamSpec
from uuid import UUID

from django.utils import translation

from parcours.accounts import queries as accounts
from parcours.accounts.models import Workspace
from parcours.delivery import actions, composing
from parcours.delivery.composing import Letters, Ready, Unsendable
from parcours.delivery.gate import LEASE
from parcours.delivery.ledger import Ledger
from parcours.delivery.replies import Fault, ReplyClass
from parcours.delivery.smtp import SmtpConnection, SmtpSettings
from parcours.delivery.smtp_errors import SmtpError, SmtpLost, Stage
from parcours.delivery.types import AttemptOutcome, Judgement, Outcome, ToSend, ToStart
from parcours.kernel import tenancy
from parcours.kernel.database import AWAY, Database
from parcours.kernel.errors import DomainError

_log = logging.getLogger(__name__)

Hook = Callable[[str], None]
"""Called with the name of each point that a crash may hit: claimed, made, taken, started, answered, told."""

_IDLE = 0.2
_CHUNK = 20
_MAKERS = 2
_LONGEST_WAIT = 15.0
_LAST_WORDS = 3.0  # seconds that outcomes may still wait for an absent database when told to stop

Arguments = ParamSpec("Arguments")


@dataclass(slots=True)
class _Held:
    """A message that this sender has claimed, until its outcome is committed."""

    claim: ToSend
    lease_until: datetime


class Sender:
    """Sends for every workspace of the installation. `clock` is the present instant; `hook` is for tests that crash it.

    With `is_signed` false the relay signs.
    """

    def __init__(
        self,
        settings: SmtpSettings,
        clock: Callable[[], datetime],
        *,
        connections: int = 16,
        batch: int = 400,
        is_signed: bool = True,
        hook: Hook = lambda point: None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._connections = connections
        self._batch = batch
        self._is_signed = is_signed
        self._hook = hook
        self._name = secrets.token_hex(4)
        self._stop = asyncio.Event()
        self._until_idle = False
        self._held: dict[UUID, _Held] = {}
        self._ready: asyncio.Queue[Ready] = asyncio.Queue(maxsize=connections * 2)
        self._ledger = Ledger(f"{settings.host}", clock)
        self._database = Database("claims")
        self._makers = ThreadPoolExecutor(max_workers=_MAKERS, thread_name_prefix="makers")

    def stop(self) -> None:
        """Ask to end: what is being handed over is finished and recorded, the rest given back.

        While the database is away, neither can be: it is left to the leases, as after a crash.
        """
        self._stop.set()
        self._database.give_up()
        self._ledger.give_up(after=_LAST_WORDS)

    async def drain(self) -> None:
        """Send until nothing is due and nothing is under way, then end."""
        self._until_idle = True
        await self.run()

    async def run(self) -> None:
        """Send until `stop` is called. Survives a database and a mail server that go away and come back."""
        try:
            async with asyncio.TaskGroup() as group:
                keeping = [group.create_task(self._ledger.keep()), group.create_task(self._keep_leases())]
                feeding = group.create_task(self._feed())
                working = [
                    group.create_task(self._work(f"{self._name}-{number}"))
                    for number in range(self._connections)
                ]
                await feeding
                await asyncio.gather(*working)
                await self._return([held.claim for held in self._held.values()])
                for task in keeping:
                    task.cancel()
        finally:
            self._makers.shutdown(wait=False, cancel_futures=True)
            await self._database.close()

    # Claiming and making.

    async def _feed(self) -> None:
        """Claim batch after batch, make the messages, and queue them for the connections (which is what holds this back)."""
        while not self._stop.is_set():
            was_idle = not self._held  # what is given back during a pass is found by the next one only
            found = 0
            for workspace in await self._workspaces():
                found += await self._feed_batch(workspace)
            if not found:
                if self._until_idle and was_idle:
                    self._stop.set()
                await self._rest(_IDLE if not self._until_idle else 0.01)

    async def _workspaces(self) -> Sequence[Workspace]:
        try:
            return await self._database.run(accounts.workspaces)
        except AWAY:  # we are to end
            return ()

    async def _feed_batch(self, workspace: Workspace) -> int:
        """Claim, make and queue a batch of one workspace. What fails for the whole batch pauses this workspace, and no other.

        Why a message cannot be made is told in the workspace's language.
        """
        workspace_id = workspace.pk
        claims: Sequence[ToSend] = ()
        try:
            judgement = await self._database.once(self._claim, workspace_id)
            self._hook("claimed")
            claims = judgement.to_send
            letters = await self._database.once(self._load, workspace, claims) if claims else None
        except AWAY:  # others have their turn before this workspace is asked again
            await self._return(claims)
            await self._rest(_IDLE)
            return 1  # there may be something
        except Exception as error:
            _log.exception("Nothing can be sent for workspace %s", workspace_id)
            await self._return(claims)
            await self._write_down(self._pause, workspace_id, _told(error))
            return 0
        if letters is not None:
            async for one in self._made(letters, claims):
                if isinstance(one, Ready):
                    await self._offer(one)
                else:
                    await self._write_down(self._withhold, workspace_id, one)
        return judgement.count

    async def _made(self, letters: Letters, claims: Sequence[ToSend]) -> AsyncIterator[Ready | Unsendable]:
        """Messages in their order, made in threads a few chunks ahead: a signature takes a millisecond in which others can run."""
        loop = asyncio.get_running_loop()
        make = partial(_make, letters, is_signed=self._is_signed)
        chunks = _chunks(claims)
        ahead = deque(loop.run_in_executor(self._makers, make, chunk) for chunk in islice(chunks, _MAKERS))
        while ahead and not self._stop.is_set():
            made = await ahead.popleft()
            self._hook("made")
            ahead.extend(loop.run_in_executor(self._makers, make, chunk) for chunk in islice(chunks, 1))
            for one in made:
                yield one

    def _claim(self, workspace_id: int) -> Judgement:
        now = self._clock()
        with tenancy.scope(workspace_id=workspace_id):
            judgement = actions.claim(workspace_id, now=now, limit=self._batch)
        for claim in judgement.to_send:
            self._held[claim.id] = _Held(claim, now + LEASE)
        return judgement

    def _load(self, workspace: Workspace, claims: Sequence[ToSend]) -> Letters:
        """Gather what the messages are made of, in a transaction of its own: the claim's was short."""
        with translation.override(workspace.language), tenancy.scope(workspace_id=workspace.pk):
            return composing.load(workspace.pk, claims, now=self._clock())

    def _withhold(self, workspace_id: int, one: Unsendable) -> None:
        with tenancy.scope(workspace_id=workspace_id):
            actions.withhold_unmade(workspace_id, one.claim, one.why, now=self._clock())
        self._held.pop(one.claim.id, None)

    async def _offer(self, ready: Ready) -> None:
        """Queue for the connections; give up waiting when the sender ends."""
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(_IDLE):
                    await self._ready.put(ready)
                    return
            except TimeoutError:
                continue

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    # One connection.

    async def _work(self, name: str) -> None:
        """Take ready messages one after the other. What ended is told together with what starts, or alone when nothing waits."""
        connection: SmtpConnection | None = None
        ended: tuple[ToSend, Outcome] | None = None
        try:
            while True:
                ready = self._take() if ended else await self._wait_for_ready()
                if ended and (ready is None or connection is None or not connection.is_usable):
                    await self._tell(ended)
                    ended = None
                if ready is None:
                    if self._stop.is_set():
                        return
                    continue
                self._hook("taken")
                is_fresh = connection is None or not connection.is_usable
                connection = await self._connected(connection, ready)
                if connection is None or not await self._start(name, ready, ended):
                    await self._return([ready.claim])
                    ended = None
                    continue
                self._hook("started")
                outcome = await self._hand_over(connection, ready, is_fresh=is_fresh)
                ended = (ready.claim, outcome)
                self._hook("answered")
        finally:
            if connection is not None:
                await connection.close()

    def _take(self) -> Ready | None:
        return None if self._ready.empty() or self._stop.is_set() else self._ready.get_nowait()

    async def _wait_for_ready(self) -> Ready | None:
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(_IDLE):
                    return await self._ready.get()
            except TimeoutError:
                continue
        return None

    async def _start(self, name: str, ready: Ready, ended: tuple[ToSend, Outcome] | None) -> bool:
        """Commit the attempt's row (with the outcome of the message before). False when this message must not go now."""
        claim = ready.claim
        is_open = self._clock() < claim.closes_at and claim.id in self._held
        wanted = ToStart(claim.id, claim.fence, name, claim.address_hash) if is_open else None
        if ended is not None and ended[0].workspace_id != claim.workspace_id:
            await self._tell(ended)
            ended = None
        if wanted is None and ended is None:
            return False
        started = await self._ledger.tell(
            claim.workspace_id, finished=ended[1] if ended else None, wanted=wanted
        )
        if ended is not None:
            self._held.pop(ended[0].id, None)
            self._hook("told")
        return started

    async def _tell(self, ended: tuple[ToSend, Outcome]) -> None:
        claim, outcome = ended
        await self._ledger.tell(claim.workspace_id, finished=outcome)
        self._held.pop(claim.id, None)
        self._hook("told")

    async def _hand_over(self, connection: SmtpConnection, ready: Ready, *, is_fresh: bool) -> Outcome:
        claim = ready.claim
        held = self._held.get(claim.id)
        if held is None or self._clock() >= held.lease_until:  # this process was stopped for too long
            return Outcome(claim.id, claim.fence, AttemptOutcome.NOT_SENT, due_at=self._clock())
        try:
            reply = await connection.submit(ready.return_path, claim.address, ready.data)
        except SmtpError as error:
            return self._refused(claim, error, is_fresh=is_fresh)
        return Outcome(
            claim.id,
            claim.fence,
            AttemptOutcome.ACCEPTED,
            code=reply.code,
            reply=str(reply),
            subject=ready.subject,
        )

    def _refused(self, claim: ToSend, error: SmtpError, *, is_fresh: bool) -> Outcome:
        """What a failed submission means for the message. A connection that died while idle counts for nothing."""
        outcome, due_at = AttemptOutcome.DEFERRED, None
        if error.in_doubt:
            outcome = AttemptOutcome.IN_DOUBT
        elif isinstance(error, SmtpLost) and not is_fresh and error.stage in (Stage.RESET, Stage.MAIL):
            outcome, due_at = AttemptOutcome.NOT_SENT, self._clock()
        elif error.permanent or error.fault is Fault.CONFIGURATION:
            outcome = AttemptOutcome.REFUSED
        return Outcome(
            claim.id,
            claim.fence,
            outcome,
            code=error.reply.code if error.reply else None,
            reply=error.message,
            due_at=due_at,
            meaning=ReplyClass.CONFIGURATION if error.fault is Fault.CONFIGURATION else error.meaning,
        )

    async def _connected(self, connection: SmtpConnection | None, ready: Ready) -> SmtpConnection | None:
        """A usable connection; None when there is none before the message's verdict is out of date."""
        if connection is not None and connection.is_usable:
            return connection
        pause = 0.1
        while not self._stop.is_set() and self._clock() < ready.claim.closes_at:
            try:
                return await SmtpConnection.open(self._settings)
            except SmtpError as error:
                _log.warning("the mail server cannot be used: %s", error.message)
                if error.fault is Fault.CONFIGURATION and error.permanent:
                    await self._write_down(self._pause, ready.claim.workspace_id, error.message)
                    return None
            await self._rest(pause)
            pause = min(pause * 2, _LONGEST_WAIT)
        return None

    def _pause(self, workspace_id: int, why: str) -> None:
        with tenancy.scope(workspace_id=workspace_id):
            actions.pause_sending(workspace_id, why, now=self._clock())

    async def _write_down(
        self, work: Callable[Arguments, None], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> None:
        """Do what can be left undone when we are to end and the database is away: leases run out, and others find out anew."""
        with suppress(*AWAY):
            await self._database.run(work, *arguments, **named)

    # Leases.

    async def _return(self, claims: Sequence[ToSend]) -> None:
        """Give claimed messages back that were never started."""
        for workspace_id in {claim.workspace_id for claim in claims}:
            mine = [claim for claim in claims if claim.workspace_id == workspace_id]
            await self._write_down(_give_back, workspace_id, mine)
        for claim in claims:
            self._held.pop(claim.id, None)

    async def _keep_leases(self) -> None:
        """Renew what is held, three times a lease. What lost senders leave is taken up by the duties (`workers.duties`)."""
        while True:
            await self._write_down(self._renew)
            await asyncio.sleep(LEASE.total_seconds() / 3)

    def _renew(self) -> None:
        now = self._clock()
        held = [one for one in list(self._held.values()) if one.lease_until > now]
        for workspace_id in {one.claim.workspace_id for one in held}:
            keys = [(one.claim.id, one.claim.fence) for one in held if one.claim.workspace_id == workspace_id]
            with tenancy.scope(workspace_id=workspace_id):
                actions.renew(workspace_id, keys, now=now)
        for one in held:
            one.lease_until = now + LEASE


def _told(error: Exception) -> str:
    """What the workspace's people read about a failure: our own words, or the name of what nobody foresaw."""
    return error.message if isinstance(error, DomainError) else type(error).__name__


def _make(letters: Letters, claims: Sequence[ToSend], *, is_signed: bool) -> list[Ready | Unsendable]:
    with translation.override(letters.workspace.language):
        return composing.make(letters, claims, is_signed=is_signed)


def _give_back(workspace_id: int, claims: list[ToSend]) -> None:
    with tenancy.scope(workspace_id=workspace_id):
        actions.give_back(workspace_id, claims)


def _chunks(claims: Sequence[ToSend]) -> Iterator[Sequence[ToSend]]:
    for start in range(0, len(claims), _CHUNK):
        yield claims[start : start + _CHUNK]
