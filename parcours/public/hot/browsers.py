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

from parcours.public.hot import http
from parcours.public.hot.http import Headers, Protocol_, Scope
from parcours.public.hot.keys import KeyRing

SCRIPT = "/parcours.js"
PROJECTS = "/v1/projects/"
_END = "/settings"
FRESH = "public, max-age=300"
FOUND: Headers = [*http.ANYBODY, ("content-type", "application/json"), ("cache-control", FRESH)]
_script = Path(__file__).with_name("parcours.js").read_bytes()
_TAG = f'"{hashlib.blake2b(_script, digest_size=8).hexdigest()}"'
_KEPT: Headers = [
    *http.ANYBODY,
    ("cache-control", "public, max-age=3600"),
    ("etag", _TAG),
    ("cross-origin-resource-policy", "cross-origin"),
    ("x-content-type-options", "nosniff"),
]
_JAVASCRIPT: Headers = [*_KEPT, ("content-type", "text/javascript; charset=utf-8")]
_encode = msgspec.json.Encoder().encode


async def answer_script(scope: Scope, protocol: Protocol_) -> None:
    """The script, the same for everybody: whose key it sends with stands in the page."""
    if scope.method not in ("GET", "HEAD"):
        http.refuse(protocol, 405, "no_such_call", "GET the script.")
    elif scope.headers.get("if-none-match") == _TAG:
        protocol.response_empty(304, _KEPT)
    else:
        protocol.response_bytes(200, _JAVASCRIPT, _script)


class Browsers:
    """Answers Segment's client."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def answer(self, scope: Scope, protocol: Protocol_) -> None:
        """The settings of a write key. An API key has none: it must never reach a browser."""
        if scope.method == "OPTIONS":
            protocol.response_empty(204, http.PREFLIGHT)
            return
        if scope.method not in ("GET", "HEAD"):
            http.refuse(protocol, 405, "no_such_call", "GET the settings of a write key.")
            return
        key = scope.path[len(PROJECTS) :].removesuffix(_END)
        try:
            is_found = scope.path.endswith(_END) and await self._is_write_key(key)
        except (OperationalError, InterfaceError):
            http.try_again(protocol)
            return
        if not is_found:
            http.refuse(protocol, 404, "key.bad", "This key is unknown or was revoked.")
            return
        protocol.response_bytes(200, FOUND, _encode(segment_settings(key, settings.BASE_URL)))

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
