"""Somebody's server that takes webhooks: a real one on the loopback, which checks signatures by its own reckoning."""

import hashlib
import hmac
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def says(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body)
        return said

    def is_signed_with(self, secret: str) -> bool:
        """What a reader of the standard would compute, written without our own code."""
        key = b64decode(secret.removeprefix("whsec_"))
        signed = b".".join([self.id.encode(), self.headers["webhook-timestamp"].encode(), self.body])
        wanted = "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return wanted in self.headers["webhook-signature"].split(" ")


Answering = Callable[[Heard], int | tuple[int, dict[str, str]]]


@dataclass
class Receiver:
    """The server: `answer` decides what it says; `heard` is what it was told, in order; `most` how much at the same time."""

    url: str
    answer: Answering = lambda heard: 204
    heard: list[Heard] = field(default_factory=list)
    most: int = 0

    @property
    def names(self) -> list[str]:
        return [one.says["type"] for one in self.heard]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen until the block ends."""
    lock, present = threading.Lock(), 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal present
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard = Heard(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            with lock:
                receiver.heard.append(heard)
                present += 1
                receiver.most = max(receiver.most, present)
            answer = receiver.answer(heard)
            with lock:
                present -= 1
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hung up is none of the test's concern."""

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
