"""What browsers fetch before they send: `GET /parcours.js`, our own script, and `GET /v1/projects/{write_key}/settings`, as
Segment's client asks for it.

@segment/analytics-next is silent unless the settings list `Segment.io`; they tell it where we are, so that it needs only `cdnURL`.
Not here: what browsers send (`intake`), who a key belongs to (`keys`).
"""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.db import InterfaceError, OperationalError

from parcours.public.hot import refusals
from parcours.public.hot.http import fields
from parcours.public.hot.keys import KeyRing
from parcours.public.hot.request import Request

SCRIPT = "/parcours.js"
PROJECTS = "/v1/projects/"
_END = "/settings"
FRESH = "public, max-age=300"
FOUND = refusals.ANYBODY + fields(("content-type", "application/json"), ("cache-control", FRESH))
_script = Path(__file__).with_name("parcours.js").read_bytes()
_TAG = f'"{hashlib.blake2b(_script, digest_size=8).hexdigest()}"'
_KEPT = refusals.ANYBODY + fields(
    ("cache-control", "public, max-age=3600"),
    ("etag", _TAG),
    ("cross-origin-resource-policy", "cross-origin"),
    ("x-content-type-options", "nosniff"),
)
_JAVASCRIPT = _KEPT + fields(("content-type", "text/javascript; charset=utf-8"))
_encode = msgspec.json.Encoder().encode


def answer_script(request: Request) -> None:
    """The script, the same for everybody: whose key it sends with stands in the page."""
    if request.method not in ("GET", "HEAD"):
        refusals.refuse(request, 405, "no_such_call", "GET the script.")
    elif request.header(b"if-none-match") == _TAG:
        request.answer(304, _KEPT)
    else:
        request.answer(200, _JAVASCRIPT, _script)


class Browsers:
    """Answers Segment's client."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def answer(self, request: Request) -> None:
        """The settings of a write key. An API key has none: it must never reach a browser."""
        if request.method in ("GET", "HEAD"):
            request.wait_for(self._answer(request))
        elif request.method == "OPTIONS":
            request.answer(204, refusals.PREFLIGHT)
        else:
            refusals.refuse(request, 405, "no_such_call", "GET the settings of a write key.")

    async def _answer(self, request: Request) -> None:
        key = request.path[len(PROJECTS) :].removesuffix(_END)
        try:
            is_found = request.path.endswith(_END) and await self._is_write_key(key)
        except (OperationalError, InterfaceError):
            refusals.try_again(request)
            return
        if not is_found:
            refusals.refuse(request, 404, "key.bad", "This key is unknown or was revoked.")
            return
        request.answer(200, FOUND, _encode(segment_settings(key, settings.BASE_URL)))

    async def _is_write_key(self, key: str) -> bool:
        remembered = self._keys.remembered(key)
        opened = remembered[0] if remembered else await self._keys.opened(key, key)
        return opened is not None and not opened.is_trusted


def segment_settings(key: str, base_url: str) -> dict[str, Any]:
    """One destination, ourselves; no plan, no middleware, no plugin from anywhere else."""
    ours = urlsplit(base_url)
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": f"{ours.netloc}{ours.path}/v1",
                "protocol": ours.scheme,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
            }
        },
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "remotePlugins": [],
    }
