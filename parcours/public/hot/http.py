"""What the hot paths need of HTTP: bounded bodies, credentials, prepared answers. RSGI: https://github.com/emmett-framework/granian."""

import binascii
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

Headers = list[tuple[str, str]]


class RequestHeaders(Protocol):
    """Header fields; names in lower case."""

    def get(self, key: str, default: str | None = None) -> str | None: ...
    def items(self) -> list[tuple[str, str]]: ...


class Scope(Protocol):
    """A request before its body."""

    proto: str
    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    authority: str | None

    @property
    def headers(self) -> RequestHeaders: ...


class Stream(Protocol):
    """An answer that is sent in parts."""

    async def send_bytes(self, data: bytes) -> None: ...


class Protocol_(Protocol):
    """The way to the body and to the answer."""

    def __call__(self) -> Awaitable[bytes]: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_empty(self, status: int, headers: Headers) -> None: ...
    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...
    def response_stream(self, status: int, headers: Headers) -> Stream: ...


Handler = Callable[[Scope, Protocol_], Awaitable[None]]

ANYBODY: Headers = [("access-control-allow-origin", "*")]
PREFLIGHT: Headers = [
    *ANYBODY,
    ("access-control-allow-methods", "POST, OPTIONS"),
    ("access-control-allow-headers", "authorization, content-type"),
    ("access-control-max-age", "86400"),
]
JSON: Headers = [*ANYBODY, ("content-type", "application/json"), ("cache-control", "no-store")]
AGAIN_LATER: Headers = [*JSON, ("retry-after", "2")]
TEXT: Headers = [
    ("content-type", "text/plain; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
]


class BodyTooLarge(Exception):
    """The body is longer than the address takes."""


async def body(scope: Scope, protocol: Protocol_, limit: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as it is known to be longer than `limit` bytes."""
    declared = scope.headers.get("content-length")
    if declared is not None:
        if not declared.isdecimal() or int(declared) > limit:
            raise BodyTooLarge
        return await protocol()
    parts: list[bytes] = []
    size = 0
    async for part in protocol:
        size += len(part)
        if size > limit:
            raise BodyTooLarge
        parts.append(part)
    return b"".join(parts)


def credential(authorization: str) -> str | None:
    """The key in an Authorization field: the user name of Basic, or the token of Bearer. None when it cannot be read."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        return binascii.a2b_base64(value).decode().partition(":")[0] or None
    except ValueError:
        return None


def parameter(query: str, name: str) -> str | None:
    """The first value of a query parameter, percent-decoded; None when it is absent or not UTF-8."""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            try:
                return unquote_to_bytes(value.replace("+", " ")).decode()
            except UnicodeDecodeError:
                return None
    return None


def problem(code: str, message: str, **members: Any) -> dict[str, Any]:
    """A refusal of the whole request, in the shape of the intake's answers."""
    return {"success": False, "code": code, "message": message, **members}
