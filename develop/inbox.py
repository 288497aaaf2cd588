"""The HTTP side of the mail sink: the captured messages as JSON for programs, and a page to read them for people.

Messages are hostile input: their HTML is shown in a frame without scripts, under a policy that loads nothing from other
machines. Only requests that name the loopback are answered, so that no web site can read the inbox through a browser; and only
the page itself may hand a message back (POST, from its own origin).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from develop.giveback import ACTS, GiveBack, mail_back
from develop.ledger import Ledger, Message

PAGES = Path(__file__).with_name("inbox_page")
LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
REQUEST_LIMIT = 16_384
DEFAULT_LIMIT = 1000
LARGEST_LIMIT = 10_000
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " frame-src 'self'; base-uri 'none'; form-action 'none'"
)
LOCAL_IMAGES = "data: http://127.0.0.1:* http://localhost:*"
MESSAGE_POLICY = (
    f"sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src {LOCAL_IMAGES};"
    " style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
ASSETS = {
    "/inbox.css": "text/css; charset=utf-8",
    "/inbox.js": "text/javascript; charset=utf-8",
    "/icon.svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Response:
    """What goes back to the browser."""

    body: bytes
    kind: str = "text/plain; charset=utf-8"
    status: str = "200 OK"
    policy: str = POLICY
    headers: Mapping[str, str] = field(default_factory=dict)


class Inbox:
    """The HTTP service over a ledger."""

    def __init__(self, ledger: Ledger, give_back: GiveBack | None = None) -> None:
        self._ledger = ledger
        self._give_back = give_back

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close the connection."""
        try:
            async with asyncio.timeout(30):
                request = await reader.readuntil(b"\r\n\r\n")
            response = await self.respond(request.decode("latin-1"))
            async with asyncio.timeout(30):
                writer.write(_encode(response))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass
        finally:
            writer.close()

    async def respond(self, request: str) -> Response:
        """Return the answer to a request, given up to its blank line."""
        first, *lines = request.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, target, *_ = [*first.split(" "), "", ""]
        if not LOOPBACK.fullmatch(headers.get("host", "")):
            return _refuse("421 Misdirected Request", "This inbox answers only to the loopback.")
        address = urlsplit(target)
        if method == "POST":
            return await self._act(unquote(address.path), headers)
        if method not in ("GET", "HEAD"):
            return _refuse("405 Method Not Allowed", "Messages can only be read and handed back.")
        response = self._route(unquote(address.path), parse_qs(address.query), headers)
        return response if method == "GET" else Response(b"", response.kind, response.status)

    def _route(self, path: str, query: dict[str, list[str]], headers: Mapping[str, str]) -> Response:
        if path == "/":
            return _page(headers.get("accept-language", ""), can_give_back=self._give_back is not None)
        if path in ASSETS:
            return Response((PAGES / path[1:]).read_bytes(), ASSETS[path])
        if path == "/messages":
            return self._list(query)
        if match := re.fullmatch(r"/messages/(\d{1,15})(?:/(html|text|raw))?", path):
            message = self._message(int(match[1]))
            if message is not None:
                return VIEWS[match[2] or ""](message, self._ledger.raw(message))
        return _refuse("404 Not Found", "There is nothing here.")

    def _message(self, number: int) -> Message | None:
        messages = self._ledger.messages
        return messages[number - 1] if 1 <= number <= len(messages) else None

    async def _act(self, path: str, headers: Mapping[str, str]) -> Response:
        """Hand a message back as a bounce, a complaint or a wish; answer how the product took it."""
        if headers.get("origin") != f"http://{headers['host']}":
            return _refuse("403 Forbidden", "Only this inbox's own page may do that.")
        match = re.fullmatch(r"/messages/(\d{1,15})/(\w{1,20})", path)
        message = self._message(int(match[1])) if match and match[2] in ACTS else None
        if match is None or message is None:
            return _refuse("404 Not Found", "There is nothing here.")
        if self._give_back is None:
            return _refuse("409 Conflict", "This sink has no product to hand messages back to.")
        mail = mail_back(match[2], message, self._ledger.raw(message))
        if mail is None:
            return _refuse("409 Conflict", "This message offers no address for that.")
        answer = await self._give_back(*mail)
        return _json({"status": answer.status, "output": answer.output})

    def _list(self, query: dict[str, list[str]]) -> Response:
        """`to`, `since_id`, `limit`; `raw=0` leaves out the messages themselves."""
        try:
            since_id = int(query.get("since_id", ["0"])[0])
            limit = int(query.get("limit", [str(DEFAULT_LIMIT)])[0])
        except ValueError:
            return _refuse("400 Bad Request", "since_id and limit are whole numbers.")
        recipient = query["to"][0] if "to" in query else None
        found = self._ledger.find(recipient, max(since_id, 0), min(max(limit, 0), LARGEST_LIMIT))
        is_full = query.get("raw", ["1"])[0] != "0"
        return _json([self._described(message, is_full) for message in found])

    def _described(self, message: Message, is_full: bool) -> dict[str, Any]:
        described = message.summary()
        if is_full:
            described["raw"] = self._ledger.raw(message).decode("utf-8", "surrogateescape")
        return described


def _show_message(message: Message, raw: bytes) -> Response:
    parsed = _parse(raw)
    return _json(
        {
            **message.summary(),
            "headers": [[name, str(value)] for name, value in _headers(parsed)],
            "has_html": _part(parsed, "html") is not None,
            "text": _part(parsed, "plain"),
        }
    )


def _show_html(message: Message, raw: bytes) -> Response:
    """The HTML part, its links opening beside the inbox."""
    html = _part(_parse(raw), "html") or ""
    base = '<base target="_blank">'
    marked = re.sub(r"(<head\b[^>]*>)", lambda match: match[1] + base, html, count=1, flags=re.IGNORECASE)
    return Response(marked.encode("utf-8", "replace"), "text/html; charset=utf-8", policy=MESSAGE_POLICY)


def _show_text(message: Message, raw: bytes) -> Response:
    return Response((_part(_parse(raw), "plain") or "").encode("utf-8", "replace"))


def _show_raw(message: Message, raw: bytes) -> Response:
    return Response(raw)


VIEWS: Mapping[str, Callable[[Message, bytes], Response]] = {
    "": _show_message,
    "html": _show_html,
    "text": _show_text,
    "raw": _show_raw,
}


def _page(languages: str, *, can_give_back: bool) -> Response:
    language = _preferred_language(languages)
    words = json.loads((PAGES / "words.json").read_text("utf-8"))[language]
    page = (PAGES / "page.html").read_text("utf-8").replace("[[language]]", language)
    page = page.replace("[[returns]]", "" if can_give_back else "hidden")
    for name, text in words.items():
        page = page.replace(f"[[{name}]]", text)
    return Response(page.encode(), "text/html; charset=utf-8", headers={"Content-Language": language})


def _preferred_language(accepted: str) -> str:
    """Return `fr` or `en`, whichever the browser names first (RFC 9110, 12.5.4: by weight)."""
    choices: list[tuple[float, int, str]] = []
    for place, choice in enumerate(accepted.lower().split(",")):
        name, _, weight = choice.strip().partition(";q=")
        if name[:2] in ("fr", "en"):
            quality = float(weight) if re.fullmatch(r"[01](\.\d{1,3})?", weight) else 1.0
            choices.append((-quality, place, name[:2]))
    return min(choices)[2] if choices else "en"


def _parse(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def _headers(parsed: EmailMessage) -> list[tuple[str, str]]:
    """Return the headers; one that the parser cannot read is shown as it stands."""
    return [(name, " ".join(str(value).split())) for name, value in parsed.raw_items()]


def _part(parsed: EmailMessage, kind: str) -> str | None:
    """Return the text of the preferred part of this kind, whatever its character set claims to be."""
    part = parsed.get_body((kind,))
    if part is None:
        return None
    content = part.get_payload(decode=True)
    encoded = content if isinstance(content, bytes) else b""
    try:
        return encoded.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return encoded.decode("utf-8", "replace")


def _json(value: object) -> Response:
    return Response(json.dumps(value).encode(), "application/json")


def _refuse(status: str, text: str) -> Response:
    return Response(f"{text}\n".encode(), status=status)


def _encode(response: Response) -> bytes:
    headers = {
        "Content-Type": response.kind,
        "Content-Length": str(len(response.body)),
        "Content-Security-Policy": response.policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Connection": "close",
        **response.headers,
    }
    lines = [f"HTTP/1.1 {response.status}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + response.body
