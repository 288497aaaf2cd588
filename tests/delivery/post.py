"""A sender before a scripted mail server, with a clock of the test's own, and what arrived there."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from develop.giveback import GiveBack
from develop.mailsink import MailSink, running
from develop.smtp import Decide
from parcours.accounts.models import Workspace
from parcours.delivery.models import Message
from parcours.delivery.sender import Sender
from parcours.delivery.smtp import SmtpSettings
from parcours.kernel import tenancy
from tests.delivery.stories import Shop


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Post:
    """The shop's way to its people."""

    sink: MailSink
    shop: Shop
    now: datetime

    def sender(self, **options: Any) -> Sender:
        """A sender to the sink; its clock is `now` of this post."""
        settings = SmtpSettings("127.0.0.1", self.sink.smtp_port, command_timeout=5, final_timeout=5)
        return Sender(settings, lambda: self.now, **{"connections": 2, **options})

    def send(self, **options: Any) -> None:
        """Send what is due."""
        asyncio.run(self.sender(**options).drain())

    def crash(self, **options: Any) -> None:
        """Send until the hook crashes the sender (which it must)."""
        try:
            self.send(**options)
        except BaseExceptionGroup as group:
            if group.subgroup(Crash) is None:
                raise
        else:
            raise AssertionError("the sender did not crash")

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    @property
    def arrived(self) -> list[EmailMessage]:
        """What the server stored, oldest first."""
        return [
            message_from_bytes(self.sink.ledger.raw(one), policy=default)
            for one in list(self.sink.ledger.messages)
        ]

    @property
    def twice(self) -> list[str]:
        """Message-IDs that arrived more than once."""
        counts = Counter(one.message_id for one in self.sink.ledger.messages)
        return [message_id for message_id, count in counts.items() if count > 1]

    def states(self) -> dict[str, int]:
        """How many messages are in which state."""
        with tenancy.scope(workspace_id=self.shop.id):
            return dict(Counter(Message.objects.values_list("state", flat=True)))


@contextmanager
def post_of(
    workspace: Workspace,
    directory: Path,
    now: datetime,
    decide: Decide | None = None,
    give_back: GiveBack | None = None,
) -> Iterator[Post]:
    """Open the shop and its mail server."""
    with tenancy.scope(workspace_id=workspace.id):
        shop = Shop.open(workspace, now)
    with running(directory, decide, give_back) as sink:
        yield Post(sink, shop, now)
