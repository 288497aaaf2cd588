"""Lets the shop's two years pass: people come, order, are written to by the real engine and gate, and react.

The clock is virtual: it stops every few days at closing time (and never later than the present), and at each stop everything that
a worker does is done once, through the same functions as in production, into a channel that delivers nowhere.
"""

import heapq
import random
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from parcours.accounts.models import Workspace
from parcours.audiences import actions as audiences
from parcours.campaigns import actions as campaigns
from parcours.cli.demo import people, reactions
from parcours.cli.demo.orders import LONDON, Order
from parcours.cli.demo.people import Customer
from parcours.cli.demo.reactions import Reaction, Sent
from parcours.consent import actions as consent
from parcours.consent import queries as purposes
from parcours.consent.types import Act as Said
from parcours.consent.types import Channel, Evidence, Statement
from parcours.delivery import actions as delivery
from parcours.delivery import queries as messages
from parcours.delivery import returns
from parcours.delivery.models import Message
from parcours.delivery.replies import ReplyClass
from parcours.events import actions as events
from parcours.events import people as people_events
from parcours.events.types import EMAIL_LINK_CLICKED, EMAIL_OPENED, UNSUBSCRIBED, NewEvent
from parcours.journeys import actions as journeys
from parcours.journeys.recipes import SHOP_URL
from parcours.kernel import sql, tenancy

CLOSING = time(19)
STATISTICS_AFTER = frozenset({5, 40})  # stops
AT_ONCE = 5000
LONGEST_WAIT = timedelta(days=14)  # no message of the demo waits longer for its turn
ONE_CLICK = Evidence("one-click unsubscribe")
BOUNCE = "550 5.1.1 No such user here"
Progress = Callable[[int, str], None]
"""Told at each stop: how many orders happened since the last one, and the day."""


def closing_of(day: date) -> datetime:
    """When the shop closes on a day."""
    return datetime.combine(day, CLOSING, LONDON)


def stops(first: datetime, last: datetime, every: timedelta) -> Iterator[datetime]:
    """The instants at which the virtual clock stops, in UTC, ending with `last`."""
    instant = closing_of(first.astimezone(LONDON).date())
    while instant < last:
        yield instant.astimezone(last.tzinfo)
        instant += every  # the same time of day in London, also when the clocks change
    yield last


@dataclass
class History:
    """The passing of time in the demo workspace, with what is still to come."""

    workspace: Workspace
    customers: dict[str, Customer]
    contacts: dict[str, UUID] = field(default_factory=dict)
    interest: dict[UUID, float] = field(default_factory=dict)
    written_to: set[UUID] = field(default_factory=set)
    coming: list[Reaction] = field(default_factory=list)
    refusals: dict[str, Said] = field(default_factory=dict)
    stops: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(people.SEED))

    def live(self, orders: Sequence[Order], last: datetime, every: timedelta, progress: Progress) -> None:
        """Let the orders happen, with a stop of the clock every so often, the last one being `last`."""
        with tenancy.scope(workspace_id=self.workspace.id):
            self.refusals = {one.code: consent.refusal(one) for one in purposes.purposes(self.workspace.id)}
        for happened, now in _by_stop(orders, last, every):
            self.stop(happened, now)
            self.stops += 1
            if self.stops in STATISTICS_AFTER:
                refresh_statistics()
            progress(len(happened), now.astimezone(LONDON).strftime("%Y-%m-%d"))

    def stop(self, orders: Sequence[Order], now: datetime) -> None:
        """One stop of the clock: what happened since the last one, then what workers do."""
        with tenancy.scope(workspace_id=self.workspace.id):
            self._welcome(orders, now)
            self._happen(orders, now)
        tick(self.workspace.id, now)
        with tenancy.scope(workspace_id=self.workspace.id):
            self._plan_reactions(now)

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
        """Write the orders and the due reactions to the log, at their own times."""
        new = [
            NewEvent(self.contacts[order.customer], order.event_name, order.properties, order.at)
            for order in orders
        ]
        events.append(self.workspace.id, new, now=now)
        due = []
        while self.coming and self.coming[0].at <= now:
            due.append(heapq.heappop(self.coming))
        if due:
            self._react(due, now)

    def _react(self, due: Sequence[Reaction], now: datetime) -> None:
        """Write down what people did, as the tracking links, the unsubscribe page and the bounce reader would."""
        mailings = dict(
            Message.objects.filter(id__in=[one.message_id for one in due]).values_list("id", "mailing_id")
        )
        about = messages.about_mailings(self.workspace.id, set(mailings.values()))
        told, said = [], []
        for one in due:
            origin = about[mailings[one.message_id]]
            if one.act is reactions.Act.BOUNCE:
                returns.bounce(
                    self.workspace.id, one.message_id, ReplyClass.NO_SUCH_ADDRESS, BOUNCE, now=one.at
                )
            elif one.act is reactions.Act.COMPLAIN:
                returns.complain(self.workspace.id, one.message_id, now=one.at)
            else:
                told.append(event(one, origin))
            if one.act is reactions.Act.UNSUBSCRIBE:
                said.append(
                    Statement(
                        one.contact_id,
                        one.purpose,
                        Channel.EMAIL,
                        self.refusals[one.purpose],
                        ONE_CLICK,
                        one.at,
                    )
                )
        events.append(self.workspace.id, told, now=now)
        people_events.record_statements(self.workspace.id, said, now=now)

    def _plan_reactions(self, now: datetime) -> None:
        """Decide what people will do with the messages that left at this stop."""
        for message in sent_at(self.workspace.id, now, self.written_to):
            self.written_to.add(message.contact_id)
            for reaction in reactions.react(message, self.interest[message.contact_id], self.dice):
                heapq.heappush(self.coming, reaction)


def _by_stop(
    orders: Sequence[Order], last: datetime, every: timedelta
) -> Iterator[tuple[Sequence[Order], datetime]]:
    """The stops of the clock with what happened since the one before."""
    position = 0
    for now in stops(orders[0].at, last, every):
        start = position
        while position < len(orders) and orders[position].at <= now:
            position += 1
        yield orders[start:position], now


def event(reaction: Reaction, origin: dict[str, Any]) -> NewEvent:
    """The event of an open, a click or an unsubscription."""
    properties: dict[str, Any] = {"message": str(reaction.message_id), **origin}
    if reaction.act is reactions.Act.UNSUBSCRIBE:
        return NewEvent(reaction.contact_id, UNSUBSCRIBED, properties, reaction.at)
    properties |= {"device": reaction.device, "machine": reaction.machine}
    if reaction.act is reactions.Act.OPEN:
        return NewEvent(reaction.contact_id, EMAIL_OPENED, properties, reaction.at)
    return NewEvent(
        reaction.contact_id, EMAIL_LINK_CLICKED, {**properties, "url": SHOP_URL, "link": 0}, reaction.at
    )


def refresh_statistics() -> None:
    """Tell the planner what is in the tables: two years pass before autovacuum would."""
    sql.run("SELECT kernel_refresh_statistics()", {})


def tick(workspace_id: int, now: datetime) -> None:
    """What workers do, once, in their order; at the end of a stop nothing is due any more."""
    audiences.refresh(workspace_id, now=now)
    audiences.recheck(workspace_id, now=now)
    journeys.enter(workspace_id, now=now)
    journeys.tick(workspace_id, now=now)
    campaigns.tick(workspace_id, now=now)
    with tenancy.scope(workspace_id=workspace_id):
        while delivery.deliver_nowhere(workspace_id, now=now, limit=AT_ONCE) == AT_ONCE:
            pass


def sent_at(workspace_id: int, now: datetime, written_to: Container[UUID]) -> Iterator[Sent]:
    """The messages that left at this stop, as far as reactions depend on them."""
    recent = Message.objects.filter(workspace_id=workspace_id, queued_at__gte=now - LONGEST_WAIT, sent_at=now)
    rows = recent.order_by("contact_id", "mailing_id").values_list(
        "id",
        "contact_id",
        "mailing__purpose__code",
        "mailing__purpose__is_marketing",
        "measured_opens",
        "measured_clicks",
    )
    for message_id, contact_id, purpose, is_marketing, opens, clicks in rows:
        yield Sent(
            message_id=message_id,
            contact_id=contact_id,
            purpose=purpose,
            is_marketing=is_marketing,
            is_first=contact_id not in written_to,
            measured_opens=opens,
            measured_clicks=clicks,
            sent_at=now,
        )
