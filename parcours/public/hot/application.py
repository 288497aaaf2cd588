"""The one RSGI callable: hot addresses here, every other one to Django's pages."""

import asyncio
import gc
import logging
import sys
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from django.conf import settings

from parcours.public.hot import browsers, http, intake
from parcours.public.hot.browsers import Browsers
from parcours.public.hot.http import Handler, Protocol_, Scope
from parcours.public.hot.intake import Intake
from parcours.public.hot.keys import KeyRing
from parcours.public.hot.tracking import Tracking
from parcours.public.hot.wsgi import Application as WsgiApplication
from parcours.public.hot.wsgi import LimitOf, Pages, same_for_all

logger = logging.getLogger(__name__)

PAGE_THREADS = 8
RECIPIENT_THREADS = 4
RECIPIENTS = ("/u/", "/p/", "/why/", "/confirm/")
"""Pages that people reach from their messages. Slow pages of the staff must not keep anybody subscribed."""

COLLECT = (20_000, 20, 50)
"""Thresholds of the garbage collector: requests make few cycles, and each pass stops them all."""

HAND_OVER = 0.0002
"""Seconds after which a thread that computes lets another one go on: the server's sockets must not wait for a page to be rendered,
nor for a hundred events to be parsed. Python's own 5 ms cost an eighth of the intake's rate."""


class Application:
    """Serves one process. Granian calls `__rsgi_init__` in the worker, with its loop, before the first request.

    `limit_of` says how many bytes of body an address of the pages takes.
    """

    def __init__(self, pages: WsgiApplication, limit_of: LimitOf = same_for_all) -> None:
        self._wsgi, self._limit_of = pages, limit_of

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._page_threads = ThreadPoolExecutor(PAGE_THREADS, "pages")
        scheme = urlsplit(settings.BASE_URL).scheme
        proxies = settings.TRUSTED_PROXIES
        self._pages = Pages(self._wsgi, self._page_threads, scheme, self._limit_of, proxies)
        self._recipient_threads = ThreadPoolExecutor(RECIPIENT_THREADS, "recipients")
        self._recipients = Pages(self._wsgi, self._recipient_threads, scheme, self._limit_of, proxies)
        self._keys = KeyRing(loop.time)
        self._intake = Intake(self._keys)
        self._browsers = Browsers(self._keys)
        self._tracking = Tracking()
        self.addresses: dict[str, Handler] = {
            **dict.fromkeys(intake.KINDS, self._intake.answer),
            browsers.SCRIPT: browsers.answer_script,
            "/healthz": _answer_alive,
        }
        self.prefixes: dict[str, Handler] = {
            "/t/o/": self._tracking.answer,
            "/t/c/": self._tracking.answer,
            browsers.PROJECTS: self._browsers.answer,
            "/v1/": self._intake.answer,
            **dict.fromkeys(RECIPIENTS, self._recipients.answer),
        }
        self._is_started = False

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._is_started and not loop.is_running():
            loop.run_until_complete(self.stop())

    async def stop(self) -> None:
        """Finish what was accepted, then close all connections of the hot paths."""
        await self._intake.stop()
        await self._tracking.stop()
        await asyncio.get_running_loop().run_in_executor(None, self._keys.close)
        self._page_threads.shutdown(wait=False, cancel_futures=True)
        self._recipient_threads.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        """Start the writers, on the loop that serves requests."""
        self._is_started = True
        gc.freeze()  # what is loaded now stays: the collector need not look at it again
        gc.set_threshold(*COLLECT)
        sys.setswitchinterval(HAND_OVER)
        loop = asyncio.get_running_loop()
        self._intake.start(loop)
        self._tracking.start(loop)

    def __rsgi__(self, scope: Scope, protocol: Protocol_) -> Awaitable[None]:
        """What answers, to be awaited; nothing that waits stands between."""
        if not self._is_started:
            self._start()
        path = scope.path
        if handler := self.addresses.get(path):
            return handler(scope, protocol)
        for prefix, handler in self.prefixes.items():
            if path.startswith(prefix):
                return handler(scope, protocol)
        return self._pages.answer(scope, protocol)


async def _answer_alive(scope: Scope, protocol: Protocol_) -> None:
    protocol.response_bytes(200, http.TEXT, b"ok\n")
