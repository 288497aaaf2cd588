"""`parcours worker`: one worker process. It performs the duties of `workers.duties`, sends what is due, tells other systems,
and reads what comes back.

Several may run: they share the work through PostgreSQL. SIGTERM and SIGINT let the present batch end; while the database is away,
what is held is left to its leases after a few seconds.
"""

import argparse
import signal
from collections.abc import Iterator
from threading import Event, Thread

from django.conf import settings

from parcours.delivery.mailbox import mailbox_address
from parcours.events import restoring
from parcours.kernel import clock
from parcours.workers.loop import Worker
from parcours.workers.posting import post_until
from parcours.workers.returns import read_until
from parcours.workers.sending import mail_server, send_until


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which part of the work to do; all of it by default."""
    parser.add_argument("--only", choices=["duties", "sending", "returns", "webhooks"])


def run(options: argparse.Namespace) -> int:
    """Work until told to stop. Raises LogAhead after a restore into another server."""
    restoring.check()
    stopping = Event()
    threads = list(parts(options.only, stopping))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    for thread in threads:
        thread.start()
    while not stopping.wait(0.5):
        if not all(thread.is_alive() for thread in threads):
            stopping.set()
            return 1  # the supervisor starts a whole worker again
    for thread in threads:
        if not thread.daemon:
            thread.join()
    return 0


def parts(only: str | None, stopping: Event) -> Iterator[Thread]:
    """The threads of this worker. The one that reads the mailbox is not waited for: an unfinished mail simply stays unread."""
    if only in (None, "sending"):
        yield Thread(target=send_until, args=(mail_server(), stopping, clock.now), name="sending")
    if only in (None, "duties"):
        yield Thread(target=Worker(clock.now, stopping).run, name="duties")
    if only in (None, "webhooks"):
        yield Thread(target=post_until, args=(stopping, clock.now), name="webhooks")
    url = settings.ENVIRONMENT.returns_url
    if only == "returns" or (only is None and url):
        address = mailbox_address(url)
        yield Thread(target=read_until, args=(address, stopping, clock.now), name="returns", daemon=True)
