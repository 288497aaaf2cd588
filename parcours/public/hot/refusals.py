"""What calls from elsewhere than our pages are told: header fields for anybody, refusals in the shape of the intake's answers."""

from typing import Any

import msgspec

from parcours.public.hot.http import fields
from parcours.public.hot.request import Request

ANYBODY = fields(("access-control-allow-origin", "*"))
PREFLIGHT = ANYBODY + fields(
    ("access-control-allow-methods", "GET, POST, OPTIONS"),
    ("access-control-allow-headers", "authorization, content-type, content-encoding"),
    ("access-control-max-age", "86400"),
)
JSON = ANYBODY + fields(("content-type", "application/json"), ("cache-control", "no-store"))
AGAIN_LATER = JSON + fields(("retry-after", "2"))

_encode = msgspec.json.Encoder().encode


def refuse(request: Request, status: int, code: str, message: str) -> None:
    """Refuse the whole request."""
    request.answer(status, JSON, _encode(_problem(code, message)))


def try_again(request: Request) -> None:
    """Say that the database is away."""
    request.answer(503, AGAIN_LATER, _encode(_problem("unavailable", "Try again in a moment.")))


def _problem(code: str, message: str) -> dict[str, Any]:
    return {"success": False, "code": code, "message": message}
