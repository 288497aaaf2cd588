"""The whole product under `kill -9`: workers, web and PostgreSQL die at random moments while orders come in and mails go out.

A client sends orders as Segment clients do: it repeats a batch, with the same message ids, until it is answered with 200.
Afterwards the mail sink's ledger (fsynced before each 250) is compared with the database. Used by a short test and by
`./dev bench crash`.
"""

import base64
import hmac
import http.client
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from develop.checkout import Checkout
from develop.children import random_port
from develop.locks import Lock
from develop.processes import Child
from develop.run import (
    Running,
    mail_options,
    migrate,
    secret_key,
    start_database,
    start_process,
    wait_until_ready,
)

CONNECTIONS = 16  # of each worker's sender
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Report:
    """What was found when all was quiet again."""

    orders: int
    kills: dict[str, int]
    seconds: float
    events: int = 0
    states: Counter[str] = field(default_factory=Counter)
    delivered: int = 0
    twice: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    sent_but_not_delivered: list[str] = field(default_factory=list)

    @property
    def most_in_doubt(self) -> int:
        """One per connection and crash of what holds connections, or of what keeps their outcomes."""
        return CONNECTIONS * (self.kills["worker-1"] + self.kills["worker-2"] + 2 * self.kills["postgres"])

    def check(self) -> None:
        """Fail with what is wrong."""
        assert self.events == self.orders, f"{self.orders} orders were accepted, {self.events} are in the log"
        assert sum(self.states.values()) == self.orders, f"one message per order: {self.states}"
        assert set(self.states) <= {"sent", "in_doubt"}, f"messages without an outcome: {self.states}"
        assert self.twice == [], f"left twice: {self.twice}"
        assert self.unknown == [], f"left without a row: {self.unknown}"
        assert self.sent_but_not_delivered == [], f"never left: {self.sent_but_not_delivered}"
        assert self.states["in_doubt"] <= self.most_in_doubt


class Product:
    """Every process of the product under its own supervisor, with a workspace and the purchase scenario."""

    def __init__(self, data: Path, children: Lock) -> None:
        self.running = Running(
            Checkout(ROOT),
            data,
            {"web": random_port(), "inbox": random_port(), "smtp": random_port()},
            inherited=[children.descriptor],
        )
        self.running.database_url = start_database(self.running)
        migrate(self.running)
        mail = start_process(self.running, "mail", "develop.mailsink", *mail_options(self.running))
        for number in (1, 2):
            start_process(self.running, f"worker-{number}", "parcours.cli.main", "worker")
        port = str(self.running.ports["web"])
        self.web = start_process(self.running, "web", "parcours.cli.main", "web", "--port", port)
        wait_until_ready(self.running, mail, self.web)
        made = self._command(
            "workspace",
            "shop",
            "--name",
            "Shop",
            "--owner",
            "alice@example.com",
            "--from-email",
            "shop@example.com",
            "--json",
        )
        self.keys = json.loads(made)
        assert self.post("/api/v1/journeys", {"recipe": "post-purchase"}, bearer=self.keys["api_key"]) in {
            200,
            201,
        }

    def _command(self, *arguments: str) -> str:
        command = [self.running.checkout.python, "-m", "parcours.cli.main", *arguments]
        done = subprocess.run(
            command, env=self.running.environment(), cwd=ROOT, check=True, capture_output=True, text=True
        )
        return done.stdout

    def child(self, name: str) -> Child:
        return next(child for child in self.running.supervisor.children if child.service.name == name)

    def kill(self, name: str) -> bool:
        """End a part the hard way; False when it is not up at this moment."""
        child = self.child(name)
        if child.has_ended():
            return False
        child.process.kill()
        return True

    def look_after(self) -> None:
        self.running.supervisor.look_after()

    def post(self, path: str, body: object, *, bearer: str = "") -> int:
        """The status of a POST; 0 when there was no answer."""
        authorization = (
            f"Bearer {bearer}"
            if bearer
            else "Basic " + base64.b64encode(f"{self.keys['write_key']}:".encode()).decode()
        )
        connection = http.client.HTTPConnection("127.0.0.1", self.running.ports["web"], timeout=15)
        try:
            headers = {"Content-Type": "application/json", "Authorization": authorization}
            connection.request("POST", path, json.dumps(body), headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.running.database_url) as connection:
            yield connection

    def ledger(self) -> Iterator[str]:
        """The Message-ID of every mail that the sink has accepted."""
        with (self.running.data / "inbox" / "ledger.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield json.loads(line)["message_id"].strip("<>")


def crash(data: Path, *, orders: int, kills: int, seed: int, batch: int = 20) -> Report:
    """Send `orders` orders while every part is killed `kills` times; wait until all is quiet; compare."""
    children = Lock(data / "children.lock")
    children.wait("Waiting for the processes of the previous run to end", 30)
    product = Product(data, children)
    started = time.monotonic()
    try:
        killed = _send_and_kill(product, orders, kills, random.Random(seed), batch)
        _wait_until_quiet(product, orders)
        return _compare(product, Report(orders, killed, time.monotonic() - started))
    finally:
        product.running.supervisor.stop()
        children.release()


def _send_and_kill(
    product: Product, orders: int, kills: int, dice: random.Random, batch: int
) -> dict[str, int]:
    """Between two batches, at a random one of each stretch, a part dies; the next batches meet what is left of the product."""
    killed = {"worker-1": (kills + 1) // 2, "worker-2": kills // 2, "web": kills, "postgres": kills}
    victims = [name for name, times in killed.items() for _ in range(times)]
    dice.shuffle(victims)
    firsts = list(range(0, orders, batch))
    stretch = max(1, len(firsts) // len(victims))
    for number, first in enumerate(firsts):
        if victims and number % stretch == 0:
            time.sleep(dice.uniform(0, 0.5))
            _kill(product, victims.pop())
        _send(product, _orders(first, min(batch, orders - first)))
    for victim in victims:
        _kill(product, victim)
    return killed


def _kill(product: Product, name: str) -> None:
    """Kill a part as soon as it is up (the one before may have taken it along)."""
    while not product.kill(name):
        product.look_after()
        time.sleep(0.05)


def _send(product: Product, body: dict[str, Any]) -> None:
    """Repeat a batch until it is accepted, as clients do."""
    deadline = time.monotonic() + 60
    while product.post("/v1/batch", body) != 200:
        assert time.monotonic() < deadline, "the product did not come back within a minute"
        product.look_after()
        time.sleep(0.05)
    product.look_after()


def _orders(first: int, count: int) -> dict[str, Any]:
    """A batch as a Segment client sends it: whom each order is from, and the order."""
    calls: list[dict[str, Any]] = []
    for number in range(first, first + count):
        person = {"userId": f"u{number}"}
        calls.append(
            {
                **person,
                "type": "identify",
                "messageId": f"i{number}",
                "traits": {"email": f"u{number}@example.com"},
            }
        )
        calls.append(
            {
                **person,
                "type": "track",
                "event": "Order Completed",
                "messageId": f"o{number}",
                "properties": {"order_id": f"o{number}", "total": 20, "currency": "EUR"},
            }
        )
    return {"batch": calls}


def _wait_until_quiet(product: Product, orders: int, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        product.look_after()
        try:
            with product.database() as connection:
                done = connection.execute(
                    "SELECT count(*) FROM delivery_message WHERE state IN ('sent', 'in_doubt', 'failed', 'withheld')"
                ).fetchone()
        except psycopg.OperationalError:
            done = None
        if done and done[0] >= orders:
            return
        time.sleep(0.2)


def _compare(product: Product, report: Report) -> Report:
    delivered = Counter(product.ledger())
    with product.database() as connection:
        events = connection.execute(
            "SELECT count(*) FROM events_event WHERE name = 'Order Completed'"
        ).fetchone()
        rows = connection.execute("SELECT m.workspace_id, m.id, m.state FROM delivery_message m").fetchall()
    expected = {_message_id(product.running, row[:2]): row[2] for row in rows}
    report.events = events[0] if events else 0
    report.states = Counter(row[2] for row in rows)
    report.delivered = len(delivered)
    report.twice = [one for one, times in delivered.items() if times > 1]
    report.unknown = [one for one in delivered if one not in expected]
    report.sent_but_not_delivered = [
        one for one, state in expected.items() if state == "sent" and one not in delivered
    ]
    return report


def _message_id(running: Running, row: tuple[object, ...]) -> str:
    """What a message's Message-ID must be, computed here once more: an HMAC of (workspace, message)."""
    secret = secret_key(running.data).encode()
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"parcours", info=b"message-id").derive(secret)
    digest = hmac.digest(key, ":".join(str(part) for part in row).encode(), "sha256")
    return f"{digest.hex()[:40]}@example.com"
