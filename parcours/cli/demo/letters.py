"""What leaves the shop, and what people do with it: the gate judges, a channel that delivers nowhere takes, people react.

The model of the reactions is in `reactions`; here they are written down, as the tracking links, the unsubscribe page and the reader
of returned mail would. Works beside `history`, in a process of its own, as a sender works beside the workers' duties.
"""

import heapq
import random
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection

from parcours.cli.demo import people, reactions
from parcours.cli.demo.reactions import Reaction, Sent
from parcours.consent.types import Act as Said
from parcours.consent.types import Channel, Evidence, Statement
from parcours.content import queries as content
from parcours.delivery import actions as delivery
from parcours.delivery import queries as messages
from parcours.delivery import returns
from parcours.delivery.models import Message
from parcours.delivery.replies import ReplyClass
from parcours.events import actions as events
from parcours.events import people as people_events
from parcours.events.types import EMAIL_LINK_CLICKED, EMAIL_OPENED, UNSUBSCRIBED, NewEvent
from parcours.kernel import tenancy

AT_ONCE = 300  # messages in one transaction: `history` waits for it to end before it reads the log
LONGEST_WAIT = timedelta(days=14)  # no message of the demo waits longer for its turn
ONE_CLICK = Evidence("one-click unsubscribe")
BOUNCE = "550 5.1.1 No such user here"


@dataclass
class Letters:
    """The shop's letters, with the reactions that are still to come. `refusals`: how one says no to each purpose."""

    workspace_id: int
    refusals: Mapping[str, Said]
    interest: dict[UUID, float] = field(default_factory=dict)
    written_to: set[UUID] = field(default_factory=set)
    coming: list[Reaction] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(people.SEED))

    def leave(self, now: datetime, until: datetime, interest: Mapping[UUID, float]) -> None:
        """Let everything leave that is due; what the gate delays leaves on the next days' mornings before `until`.

        `interest`: how much people care who have come since the last stop.
        """
        self.interest.update(interest)
        self._leave_at(now)
        while (morning := self._next_morning()) and morning < until:
            self._leave_at(morning)

    def _next_morning(self) -> datetime | None:
        """When a message that waits may leave, and those that wait for the same hour in another zone."""
        with tenancy.scope(workspace_id=self.workspace_id):
            due = next_due(self.workspace_id)
        return due and due + timedelta(hours=2)

    def _leave_at(self, now: datetime) -> None:
        """Write down what people did until now, then let everything leave that is due."""
        done = []
        while self.coming and self.coming[0].at <= now:
            done.append(heapq.heappop(self.coming))
        if done:
            with tenancy.scope(workspace_id=self.workspace_id):
                self._react(done, now)
        is_more = True
        while is_more:
            with tenancy.scope(workspace_id=self.workspace_id):
                is_more = delivery.deliver_nowhere(self.workspace_id, now=now, limit=AT_ONCE) == AT_ONCE
        with tenancy.scope(workspace_id=self.workspace_id):
            self._plan_reactions(now)

    def _react(self, due: Sequence[Reaction], now: datetime) -> None:
        """Write down what people did."""
        rows = Message.objects.filter(id__in=[one.message_id for one in due]).values_list(
            "id", "mailing_id", "mailing__template_version_id"
        )
        mailings = {message_id: mailing_id for message_id, mailing_id, _version in rows}
        versions = {mailing_id: version_id for _message, mailing_id, version_id in rows}
        about = messages.about_mailings(self.workspace_id, versions.keys())
        held = {mailing: links_in(self.workspace_id, version) for mailing, version in versions.items()}
        told, said = [], []
        for one in due:
            origin = about[mailings[one.message_id]]
            if one.act is reactions.Act.BOUNCE:
                returns.bounce(
                    self.workspace_id, one.message_id, ReplyClass.NO_SUCH_ADDRESS, BOUNCE, now=one.at
                )
            elif one.act is reactions.Act.COMPLAIN:
                returns.complain(self.workspace_id, one.message_id, now=one.at)
            elif one.act is not reactions.Act.CLICK:
                told.append(event(one, origin))
            elif links := held[mailings[one.message_id]]:
                told.append(click(one, origin, *self.dice.choice(links)))
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
        events.append(self.workspace_id, told, now=now)
        people_events.record_statements(self.workspace_id, said, now=now)

    def _plan_reactions(self, now: datetime) -> None:
        """Decide what people will do with the messages that left at this stop."""
        for message in sent_at(self.workspace_id, now, self.written_to):
            self.written_to.add(message.contact_id)
            for reaction in reactions.react(message, self.interest[message.contact_id], self.dice):
                heapq.heappush(self.coming, reaction)


def event(reaction: Reaction, origin: dict[str, Any]) -> NewEvent:
    """The event of an open or an unsubscription."""
    properties: dict[str, Any] = {"message": str(reaction.message_id), **origin}
    if reaction.act is reactions.Act.UNSUBSCRIBE:
        return NewEvent(reaction.contact_id, UNSUBSCRIBED, properties, reaction.at)
    return NewEvent(reaction.contact_id, EMAIL_OPENED, properties | _seen_by(reaction), reaction.at)


def click(reaction: Reaction, origin: dict[str, Any], link: int, url: str) -> NewEvent:
    """The event of a click on the link of a number."""
    properties = {"message": str(reaction.message_id), **origin, **_seen_by(reaction)}
    return NewEvent(
        reaction.contact_id, EMAIL_LINK_CLICKED, {**properties, "url": url, "link": link}, reaction.at
    )


def _seen_by(reaction: Reaction) -> dict[str, Any]:
    return {"device": reaction.device, "machine": reaction.machine}


@cache
def links_in(workspace_id: int, version_id: int) -> list[tuple[int, str]]:
    """The links that every message of a version holds, with their numbers. Those that products give are in none: no catalogue."""
    written = content.links(workspace_id, version_id, "en")
    return [(number, link.addresses[0]) for number, link in enumerate(written) if link.is_fixed]


def next_due(workspace_id: int) -> datetime | None:
    """When the next message is due that waits: the gate delays none that is urgent."""
    waiting = Message.objects.filter(
        workspace_id=workspace_id, state="queued", is_urgent=False, is_held=False
    )
    return waiting.order_by("due_at").values_list("due_at", flat=True).first()


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


# The process beside `history`: one Letters, made when it starts.
_letters: list[Letters] = []


def begin(workspace_id: int, refusals: Mapping[str, Said]) -> None:
    """Start this process: with a connection of its own, not its parent's."""
    in_small_steps()
    _letters.append(Letters(workspace_id, refusals))


def leave(now: datetime, until: datetime, interest: Mapping[UUID, float]) -> None:
    """`Letters.leave`, in this process."""
    _letters[0].leave(now, until, interest)


def in_small_steps() -> None:
    """Prepare this process's connection for many small steps."""
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # a crash would only make us begin again
        # Plan each statement once, by index.
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("SET plan_cache_mode = force_generic_plan")
