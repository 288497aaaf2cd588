"""Which address answers: hot ones here, every other one Django's pages."""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import parent_process
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from parcours.public.hot import browsers, http, intake
from parcours.public.hot.browsers import Browsers
from parcours.public.hot.heads import Heads
from parcours.public.hot.intake import Intake
from parcours.public.hot.keys import KeyRing
from parcours.public.hot.request import Request
from parcours.public.hot.tracking import Tracking
from parcours.public.hot.wsgi import MAX_BODY, Pages
from parcours.public.hot.wsgi import Application as WsgiApplication

Handler = Callable[[Request], None]

logger = logging.getLogger(__name__)

PAGE_THREADS = 8
RECIPIENT_THREADS = 4
RECIPIENTS = ("/u/", "/p/", "/why/", "/confirm/")
"""Pages that people reach from their messages. Slow pages of the staff must not keep anybody subscribed."""

COLLECT = (20_000, 20, 50)
"""Thresholds of the garbage collector: requests make few cycles, and each pass stops them all."""

HAND_OVER = 0.0002
"""Seconds after which a thread that computes lets another one go on: the loop, which serves everybody, must not wait Python's own
5 ms whenever a page is being rendered."""


def same_for_all(path: str) -> int:
    """No page takes more than the others."""
    return MAX_BODY


class Application:
    """Serves one process, from `start` to `stop`. `limit_of_page` says how many bytes of body an address of the pages takes."""

    def __init__(self, pages: WsgiApplication, limit_of_page: Callable[[str], int] = same_for_all) -> None:
        self._limit_of_page = limit_of_page
        self.heads = Heads()
        scheme, proxies = urlsplit(settings.BASE_URL).scheme, settings.TRUSTED_PROXIES
        self._threads = ThreadPoolExecutor(PAGE_THREADS, "pages")
        self._recipient_threads = ThreadPoolExecutor(RECIPIENT_THREADS, "recipients")
        self._pages = Pages(pages, self._threads, scheme, proxies)
        recipients = Pages(pages, self._recipient_threads, scheme, proxies)
        self._keys = KeyRing(time.monotonic)
        self._intake = Intake(self._keys)
        self._tracking = Tracking()
        self.addresses: dict[str, Handler] = {
            **dict.fromkeys(intake.KINDS, self._intake.answer),
            browsers.SCRIPT: browsers.answer_script,
            "/healthz": _answer_alive,
        }
        self.prefixes: dict[str, Handler] = {
            "/t/o/": self._tracking.answer,
            "/t/c/": self._tracking.answer,
            browsers.PROJECTS: Browsers(self._keys).answer,
            "/v1/": self._intake.answer,
            **dict.fromkeys(RECIPIENTS, recipients.answer),
        }

    async def __call__(self, scope: object, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """The server begins and ends: ASGI's lifespan protocol. Requests come to `answer`."""
        await receive()
        self.start(asyncio.get_running_loop())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make ready on the loop that serves requests."""
        gc.freeze()  # what is loaded now stays: the collector need not look at it again
        gc.set_threshold(*COLLECT)
        sys.setswitchinterval(HAND_OVER)
        self._intake.start(loop)
        self._tracking.start(loop)
        if parent := parent_process():
            loop.add_reader(parent.sentinel, _follow, loop, parent.sentinel)

    async def stop(self) -> None:
        """Finish what was accepted, then close all connections of the hot paths."""
        await self._intake.stop()
        await self._tracking.stop()
        await asyncio.get_running_loop().run_in_executor(None, self._keys.close)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._recipient_threads.shutdown(wait=False, cancel_futures=True)

    def answer(self, request: Request) -> None:
        """Answer a request, now or later."""
        path = request.path
        if handler := self.addresses.get(path):
            handler(request)
            return
        for prefix, handler in self.prefixes.items():
            if path.startswith(prefix):
                handler(request)
                return
        self._pages.answer(request)

    def limit_of(self, path: str) -> int:
        """How many bytes of body an address takes."""
        kind = intake.KINDS.get(path)
        return self._limit_of_page(path) if kind is None else intake.limit_of(kind)


def _follow(loop: asyncio.AbstractEventLoop, sentinel: int) -> None:
    """One of several processes outlives nobody: it would keep the address that the next server wants."""
    loop.remove_reader(sentinel)
    os.kill(os.getpid(), signal.SIGTERM)


def _answer_alive(request: Request) -> None:
    request.answer(200, http.TEXT, b"ok\n")
