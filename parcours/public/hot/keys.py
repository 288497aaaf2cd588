"""Which workspace a key opens and how far it is trusted, remembered for a few seconds, so that revoking works at once enough."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from django.db import InterfaceError, OperationalError, close_old_connections

from parcours.accounts.errors import BadKey
from parcours.accounts.queries import tracking_consent, workspace_of_key
from parcours.accounts.types import KeyKind
from parcours.public.hot.database import close_own

TIME_TO_LIVE = 5.0
REMEMBERED = 10_000
MAX_LENGTH = 400


class Opened(NamedTuple):
    """What a key opens. An API key, which only servers know, is trusted to say who is who; a write key is not.

    `tracking_consent` is the category that visitors' calls need to have consented to, if any.
    """

    workspace_id: int
    is_trusted: bool
    tracking_consent: str = ""


Answer = Opened | None


class KeyRing:
    """What keys open, unknown keys too (None), under the text they came in. One look-up at a time for each key."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._thread, self._time = ThreadPoolExecutor(1, "keys"), time
        self._known: dict[str, tuple[float, Answer]] = {}
        self._asked: dict[str, asyncio.Future[Answer]] = {}

    def remembered(self, presented: str) -> tuple[Answer] | None:
        """The fresh answer for this text, in a tuple; None when it has to be looked up."""
        found = self._known.get(presented)
        return (found[1],) if found is not None and found[0] > self._time() else None

    async def opened(self, presented: str, secret: str) -> Answer:
        """What `secret` opens, or None, remembered under the text `presented` (an Authorization field).

        Raises OperationalError when the database is away.
        """
        if len(presented) > MAX_LENGTH or len(secret) > MAX_LENGTH or not secret.isprintable():
            return None
        if secret not in self._asked:
            loop = asyncio.get_running_loop()
            self._asked[secret] = asyncio.ensure_future(loop.run_in_executor(self._thread, _look_up, secret))
        asked = self._asked[secret]
        try:
            found = await asyncio.shield(asked)
        finally:
            if asked.done() and self._asked.get(secret) is asked:
                del self._asked[secret]
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[presented] = (self._time() + TIME_TO_LIVE, found)
        return found

    def close(self) -> None:
        """End the thread that looks keys up, and its connection."""
        self._thread.submit(close_own)
        self._thread.shutdown()


def _look_up(secret: str) -> Answer:
    """In a thread: Django's connection of that thread, closed when it turns out to be lost."""
    close_old_connections()
    try:
        key = workspace_of_key(secret, KeyKind.WRITE, KeyKind.API)
        return Opened(key.workspace_id, key.kind == KeyKind.API.value, tracking_consent(key.workspace_id))
    except BadKey:
        return None
    except (OperationalError, InterfaceError):
        close_own()
        raise
