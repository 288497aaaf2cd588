"""The part of a worker that tells other systems: one poster of webhooks in an event loop of its own thread."""

import asyncio
from threading import Event

from django.conf import settings

from parcours.integrations.poster import Poster
from parcours.workers.duties import Clock


def post_until(stopping: Event, clock: Clock) -> None:
    """Post what is due until told to stop."""
    asyncio.run(_post(stopping, clock))


async def _post(stopping: Event, clock: Clock) -> None:
    poster = Poster(clock, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)
    running = asyncio.create_task(poster.run())
    while not stopping.is_set() and not running.done():
        await asyncio.sleep(0.2)
    poster.stop()
    await running
