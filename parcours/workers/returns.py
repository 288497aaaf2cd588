"""The receiving part of a worker: looks into the mailbox of returns every half minute, in a thread of its own.

So a slow mailbox holds up nothing else. Several workers may do it: a mail that two of them see counts once.
"""

import logging
from threading import Event

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from parcours.delivery import mailbox
from parcours.workers.duties import Clock

log = logging.getLogger("parcours.workers")
EVERY = 30.0
LONGEST_PAUSE = 600.0


def read_until(address: mailbox.MailboxAddress, stopping: Event, clock: Clock) -> None:
    """Read the mailbox until told to stop. A mailbox or a database that is away is waited for."""
    pause = EVERY
    try:
        while not stopping.is_set():
            pause = _one_look(address, clock, pause)
            stopping.wait(pause)
    finally:
        connection.close()


def _one_look(address: mailbox.MailboxAddress, clock: Clock, pause: float) -> float:
    """Read what is unread; returns how many seconds to wait: longer and longer while the mailbox is away."""
    longer = min(max(pause, EVERY) * 2, LONGEST_PAUSE)
    try:
        read = mailbox.read_mailbox(address, clock)
    except mailbox.Failed as error:
        log.warning("The mailbox of returns is away: %s", error)
        return longer
    except (DatabaseError, InterfaceError) as error:
        log.warning("The database is away: %s", str(error).strip())
        close_old_connections()
        connection.close()
        return EVERY
    except Exception:
        log.exception("Reading the mailbox of returns failed")
        return longer
    return 0.0 if read == mailbox.AT_ONCE else EVERY
