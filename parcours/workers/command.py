"""`parcours worker`: one worker process. It performs the duties of `workers.duties` and sends what is due.

Several may run: they share the work through PostgreSQL. SIGTERM and SIGINT let the present batch end.
"""

import argparse
import signal
from threading import Event, Thread

from parcours.kernel import clock
from parcours.workers.loop import Worker
from parcours.workers.sending import send_until


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which half of the work to do; both by default."""
    parser.add_argument("--only", choices=["duties", "sending"])


def run(options: argparse.Namespace) -> int:
    """Work until told to stop."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    threads = []
    if options.only != "duties":
        threads.append(Thread(target=send_until, args=(stopping, clock.now), name="sending"))
    if options.only != "sending":
        threads.append(Thread(target=Worker(clock.now, stopping).run, name="duties"))
    for thread in threads:
        thread.start()
    while not stopping.wait(0.5):
        if not all(thread.is_alive() for thread in threads):
            stopping.set()
            return 1  # the supervisor starts a whole worker again
    for thread in threads:
        thread.join()
    return 0
