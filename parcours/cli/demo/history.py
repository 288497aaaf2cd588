"""Lets the shop's two years pass: people come, order, are written to by the real engine and gate, and react.

The clock is virtual: it stops every few days at closing time (and never later than the present), and at each stop everything that
a worker does is done once, through the same functions as in production. As there, the duties and the sending go on side by side:
while the letters of one stop leave (`letters`), the next stop's orders come in and its journeys go on.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from multiprocessing import get_context
from time import sleep
from typing import Self
from uuid import UUID

from django.db import connection

from parcours.accounts.models import Workspace
from parcours.audiences import actions as audiences
from parcours.campaigns import actions as campaigns
from parcours.cli.demo import letters, people
from parcours.cli.demo.orders import LONDON, Order
from parcours.cli.demo.people import Customer
from parcours.consent import actions as consent
from parcours.consent import queries as purposes
from parcours.consent.types import Act as Said
from parcours.consent.types import Statement
from parcours.events import actions as events
from parcours.events import people as people_events
from parcours.events.types import NewEvent
from parcours.journeys import actions as journeys
from parcours.kernel import sql, tenancy

CLOSING = time(19)
STATISTICS_AFTER = frozenset({5, 40})  # stops
Progress = Callable[[int, str], None]
"""Told at each stop: how many orders happened since the last one, and the day."""


def closing_of(day: date) -> datetime:
    """When the shop closes on a day."""
    return datetime.combine(day, CLOSING, LONDON)


def stops(first: datetime, last: datetime, every: timedelta) -> Iterator[datetime]:
    """The instants at which the virtual clock stops after `first`, in UTC, ending with `last`."""
    instant = closing_of(first.astimezone(LONDON).date())
    if instant <= first:
        instant += every
    while instant < last:
        yield instant.astimezone(last.tzinfo)
        instant += every  # the same time of day in London, also when the clocks change
    yield last


@dataclass
class History:
    """The passing of time in the demo workspace. A context: letters leave in a process that ends with it."""

    workspace: Workspace
    customers: dict[str, Customer]
    orders: Sequence[Order]
    contacts: dict[str, UUID] = field(default_factory=dict)
    interest: dict[UUID, float] = field(default_factory=dict)
    happened: int = 0
    stops: int = 0
    clock: datetime = field(init=False)
    sender: ProcessPoolExecutor = field(init=False)

    def __enter__(self) -> Self:
        self.clock = self.orders[0].at
        with tenancy.scope(workspace_id=self.workspace.id):
            refusals = {one.code: consent.refusal(one) for one in purposes.purposes(self.workspace.id)}
        connection.close()  # before the process is split off, so that each half has one of its own
        self.sender = ProcessPoolExecutor(
            1, get_context("fork"), letters.begin, (self.workspace.id, refusals)
        )
        self.sender.submit(int).result()
        letters.in_small_steps()
        return self

    def __exit__(self, *error: object) -> None:
        self.sender.shutdown()

    def live(self, until: datetime, every: timedelta, progress: Progress) -> None:
        """Let time pass, with a stop of the clock every so often, the last one being `until`."""
        leaving: Future[None] | None = None
        for now, following in pairwise([*stops(self.clock, until, every), until]):
            happened = self._orders_until(now)
            self.decide(happened, now)
            if leaving is not None:
                leaving.result()
            leaving = self.sender.submit(letters.leave, now, following, self.interest)
            self.interest = {}
            self.clock = now
            self.stops += 1
            if self.stops in STATISTICS_AFTER:
                refresh_statistics()
            progress(len(happened), now.astimezone(LONDON).strftime("%Y-%m-%d"))
        if leaving is not None:
            leaving.result()

    def _orders_until(self, now: datetime) -> Sequence[Order]:
        """The orders since the last stop."""
        start = self.happened
        while self.happened < len(self.orders) and self.orders[self.happened].at <= now:
            self.happened += 1
        return self.orders[start : self.happened]

    def decide(self, orders: Sequence[Order], now: datetime) -> None:
        """Half of a stop: what happened since the last one, then the workers' duties, once, in their order."""
        workspace_id = self.workspace.id
        with tenancy.scope(workspace_id=workspace_id):
            self._welcome(orders, now)
            self._happen(orders, now)
        wait_for_the_log()
        audiences.refresh(workspace_id, now=now)
        audiences.recheck(workspace_id, now=now)
        wait_for_the_log()
        journeys.enter(workspace_id, now=now)
        journeys.tick(workspace_id, now=now)
        campaigns.tick(workspace_id, now=now)

    def _welcome(self, orders: Sequence[Order], now: datetime) -> None:
        """Customers who order for the first time become contacts, with what they agreed to."""
        new = [
            number
            for number in dict.fromkeys(order.customer for order in orders)
            if number not in self.contacts
        ]
        if not new:
            return
        customers = [self.customers[number] for number in new]
        saved = people_events.save_people(
            self.workspace.id, [customer.person for customer in customers], now=now, declare=True
        )
        for customer, one in zip(customers, saved, strict=True):
            self.contacts[customer.number] = one.contact_id
            self.interest[one.contact_id] = customer.interest
        people_events.record_statements(
            self.workspace.id,
            [
                Statement(
                    self.contacts[customer.number],
                    purpose,
                    people.channel(purpose),
                    Said.GRANTED,
                    people.evidence(customer, purpose),
                )
                for customer in customers
                for purpose in customer.agreed
            ],
            now=now,
        )

    def _happen(self, orders: Sequence[Order], now: datetime) -> None:
        """Write the orders to the log, at their own times."""
        new = [
            NewEvent(self.contacts[order.customer], order.event_name, order.properties, order.at)
            for order in orders
        ]
        events.append(self.workspace.id, new, now=now)


def refresh_statistics() -> None:
    """Tell the planner what is in the tables: two years pass before autovacuum would."""
    sql.run("SELECT kernel_refresh_statistics()", {})


def wait_for_the_log() -> None:
    """Return when the log may be read to its present end: what a sender's transaction hides, it hides until it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        (end,) = cursor.fetchone()
        is_hidden = True
        while is_hidden:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot()) < %s::text::xid8", [end])
            (is_hidden,) = cursor.fetchone()
            if is_hidden:
                sleep(0.002)
