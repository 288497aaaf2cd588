"""The mail sink: takes every message, passes none on, shows them all. SMTP in, a ledger on disk, an inbox over HTTP.

With --give-back the inbox can hand a message back to the product, as a bounce, a complaint or an unsubscribing mail.

    python -m develop.mailsink --smtp-port 2525 --http-port 8025 --data var

`MailSink` is the same for tests, which may script its faults; `running` gives them one in a thread.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from develop.giveback import GiveBack, to_product
from develop.inbox import REQUEST_LIMIT, Inbox
from develop.ledger import Ledger
from develop.smtp import Decide, Session

ADDRESS = "127.0.0.1"


class MailSink:
    """A sink over `directory`/inbox/ledger.jsonl. Port 0 takes a free one; the ports are known after `start`."""

    def __init__(
        self,
        directory: Path,
        *,
        smtp_port: int = 0,
        http_port: int = 0,
        decide: Decide | None = None,
        give_back: GiveBack | None = None,
    ) -> None:
        self.smtp_port = smtp_port
        self.http_port = http_port
        self.ledger = Ledger(directory / "inbox" / "ledger.jsonl")
        self._decide = decide
        self._inbox = Inbox(self.ledger, give_back)
        self._numbers = itertools.count(1)
        self._servers: list[asyncio.Server] = []
        self._sessions: set[asyncio.Task[None]] = set()

    @property
    def inbox_url(self) -> str:
        return f"http://{ADDRESS}:{self.http_port}"

    async def start(self) -> None:
        """Listen for mail and for readers."""
        smtp = await asyncio.start_server(self._accept, ADDRESS, self.smtp_port, backlog=1024)
        http = await asyncio.start_server(
            self._inbox.serve, ADDRESS, self.http_port, limit=REQUEST_LIMIT, backlog=256
        )
        self._servers = [smtp, http]
        self.smtp_port, self.http_port = (each.sockets[0].getsockname()[1] for each in self._servers)

    async def stop(self) -> None:
        """Stop listening, end the sessions, finish the ledger."""
        for server in self._servers:
            server.close()
        for session in list(self._sessions):
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        await self.ledger.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)
        await Session(reader, writer, self.ledger.append, self._decide, next(self._numbers)).run()


@contextmanager
def running(
    directory: Path, decide: Decide | None = None, give_back: GiveBack | None = None
) -> Iterator[MailSink]:
    """Give a sink that runs in a thread of its own for a block; for tests."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    sink = MailSink(directory, decide=decide, give_back=give_back)
    try:
        asyncio.run_coroutine_threadsafe(sink.start(), loop).result(10)
        yield sink
    finally:
        asyncio.run_coroutine_threadsafe(sink.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def serve(sink: MailSink) -> None:
    """Run a sink until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await sink.start()
    print(f"SMTP on {ADDRESS}:{sink.smtp_port}, inbox on {sink.inbox_url}", flush=True)
    await ended.wait()
    await sink.stop()


def main(arguments: Sequence[str]) -> int:
    """Run the sink as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m develop.mailsink", description=__doc__)
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--give-back", action="store_true", help="offer to hand messages back to `parcours receive`"
    )
    chosen = parser.parse_args(arguments)
    sink = MailSink(
        chosen.data,
        smtp_port=chosen.smtp_port,
        http_port=chosen.http_port,
        give_back=to_product if chosen.give_back else None,
    )
    asyncio.run(serve(sink))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
