"""`GET /t/o/…` (pixel) and `GET /t/c/…?u=…` (click): verify, record, answer after the commit.

An unknown or changed token gets the same picture as a right one, or a page that says nothing about why. Nobody is kept from where a
link leads: when the database is away the click is lost and the person arrives.
"""

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from parcours.delivery import feedback
from parcours.delivery.feedback import Call, Measured
from parcours.events import intake
from parcours.events.tokens import InvalidToken, Purpose, signer
from parcours.kernel import clock
from parcours.public.hot import http
from parcours.public.hot.database import Connections, Transaction
from parcours.public.hot.http import Fields, fields
from parcours.public.hot.request import Request
from parcours.public.hot.writer import Lane, Unavailable

logger = logging.getLogger(__name__)

PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
PICTURE = fields(
    ("content-type", "image/gif"),
    ("cache-control", "no-store, private"),
    ("x-content-type-options", "nosniff"),
)
NOT_FOUND = (
    b'<!doctype html><html lang="en"><meta charset="utf-8"><title>404</title>'
    b"<p>This link is incomplete. Open it again from the message it came with.</p>"
    b'<p lang="fr">Ce lien est incomplet. Ouvrez-le \xc3\xa0 nouveau depuis le message.</p></html>'
)
PAGE = fields(
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'"),
)
THERE = fields(("cache-control", "no-store"), ("referrer-policy", "no-referrer"))
ALLOWED = fields(("allow", "GET, HEAD")) + http.TEXT
PATIENCE = 2.0
WRITERS = 1
BURST = 10.0
BURSTS_REMEMBERED = 20_000


class Tracking:
    """Answers pixels and clicks; one lane records them."""

    def __init__(self) -> None:
        self._connections = Connections()
        self._lane: Lane[Call, None] = Lane("feedback", self._commit, width=WRITERS, patience=PATIENCE)
        self._bursts = Bursts()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the lane."""
        self._lane.start(loop)

    async def stop(self) -> None:
        """Finish what waits and close the connections."""
        await self._lane.stop()
        await self._connections.close()

    def answer(self, request: Request) -> None:
        """Answer one request. HEAD is answered like GET and records nothing."""
        if request.method not in ("GET", "HEAD"):
            request.answer(405, ALLOWED, b"Only GET and HEAD.\n")
        elif request.path.startswith("/t/o/"):
            self._open(request)
        else:
            self._click(request)

    def _open(self, request: Request) -> None:
        try:
            named = signer().verify(request.path[len("/t/o/") :].removesuffix(".gif"), Purpose.OPEN)
        except InvalidToken:
            request.answer(200, PICTURE, PIXEL)
            return
        call = _call(request, named.workspace_id, named.message_id, clock.now())
        self._record(call, _Recorded(request, 200, PICTURE, PIXEL))

    def _click(self, request: Request) -> None:
        url = http.parameter(request.query, "u") or ""
        try:
            named = signer().verify_click(request.path[len("/t/c/") :], url)
        except InvalidToken:
            request.answer(404, PAGE, NOT_FOUND)
            return
        now = clock.now()
        links = self._bursts.count(named.message_id, named.link, now) if named.message_id else 1
        call = replace(
            _call(request, named.workspace_id, named.message_id, now),
            link=named.link,
            template_version_id=named.template_version_id,
            mailing_id=named.mailing_id,
            url=url,
            links_within_ten_seconds=links,
        )
        self._record(call, _Recorded(request, 302, fields(("location", ascii_url(url))) + THERE))

    def _record(self, call: Call, waiter: "_Recorded") -> None:
        if waiter.records:
            try:
                self._lane.put(call, waiter)
            except Unavailable as error:
                waiter.set_exception(error)
        else:
            waiter.set_result(None)

    async def _commit(self, number: int, calls: Sequence[Call]) -> list[None]:
        """One transaction: per workspace, whose messages these are, then all events in one statement."""
        by_workspace: dict[int, list[Call]] = {}
        for call in calls:
            by_workspace.setdefault(call.workspace_id, []).append(call)
        async with self._connections.transaction(number) as transaction:
            for workspace_id in sorted(by_workspace):
                await _write(transaction, workspace_id, by_workspace[workspace_id])
        return [None] * len(calls)


class _Recorded:
    """Answers when the commit has come. What cannot be recorded is logged, and the person is answered all the same."""

    __slots__ = ("_answer", "_request")

    def __init__(self, request: Request, status: int, told: Fields, body: bytes = b"") -> None:
        self._request, self._answer = request, (status, told, body)

    @property
    def records(self) -> bool:
        """HEAD asks for the same answer and is nobody's look."""
        return self._request.method != "HEAD"

    def done(self) -> bool:
        """Never before it is told."""
        return False

    def set_result(self, result: None) -> None:
        """It is recorded, or need not be."""
        self._request.answer(*self._answer)

    def set_exception(self, error: Exception) -> None:
        """It is lost."""
        logger.warning("An open or click was not recorded: the database is away or refuses it.")
        self._request.answer(*self._answer)


async def _write(transaction: Transaction, workspace_id: int, calls: Sequence[Call]) -> None:
    await transaction.send(intake.prepare(workspace_id, [call.at for call in calls]))
    messages = await transaction.send(feedback.messages(workspace_id, calls))
    found = [Measured(*row) for row in await messages.fetchall()]
    events, anonymous = feedback.outcome(calls, found)
    now = calls[-1].at
    if events:
        await transaction.send(intake.append(workspace_id, events, now=now))
    if anonymous:
        await transaction.send(feedback.count_anonymous(workspace_id, anonymous, now=now))


def _call(request: Request, workspace_id: int, message_id: UUID | None, now: datetime) -> Call:
    header = request.header
    purpose = header(b"sec-purpose") or header(b"purpose") or header(b"x-moz") or ""
    return Call(
        workspace_id,
        message_id,
        now,
        UUID(bytes=os.urandom(16)),
        header(b"user-agent") or "",
        "prefetch" in purpose,
    )


def ascii_url(url: str) -> str:
    """The address as a header field may hold it: characters beyond ASCII percent-encoded (RFC 3986 §2.5)."""
    if url.isascii():
        return url
    return "".join(
        each if each.isascii() else "".join(f"%{byte:02X}" for byte in each.encode()) for each in url
    )


class Bursts:
    """Which links of a message were followed in the last ten seconds, as this process saw it."""

    def __init__(self) -> None:
        self._recent: OrderedDict[UUID, list[tuple[datetime, int]]] = OrderedDict()

    def count(self, message_id: UUID, link: int, now: datetime) -> int:
        """Note a click and return how many distinct links of the message were followed within ten seconds."""
        recent = [
            (at, other)
            for at, other in self._recent.pop(message_id, [])
            if (now - at).total_seconds() < BURST and other != link
        ]
        recent.append((now, link))
        self._recent[message_id] = recent[-10:]
        if len(self._recent) > BURSTS_REMEMBERED:
            self._recent.popitem(last=False)
        return len(recent)
