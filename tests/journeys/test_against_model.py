"""Random scenarios, random people, a virtual clock: the engine and a plain Python model of one person agree on every step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from parcours.contacts.models import Contact, ListMember
from parcours.journeys import graph as graphs
from parcours.journeys.errors import GraphInvalid
from parcours.journeys.models import Step, Version
from parcours.journeys.versions import read_graph
from tests.journeys.shop import SEND, Shop

HOUR = timedelta(hours=1)
RULES: list[dict[str, Any]] = [
    {"attribute": "stage", "is": "x"},
    {"list": "loyal"},
    {"event": "Order Completed", "count": {"at_least": 2}},
    {"event": "Order Completed", "last": {"less_than_ago": "30h"}},
    {"not": {"all": [{"list": "loyal"}, {"attribute": "stage", "is": "y"}]}},
]


@dataclass
class Person:
    """What the model knows of somebody."""

    stage: str | None
    orders: list[datetime]
    loyal: bool = False
    at: str | None = None
    due: datetime | None = None
    path: list[tuple[str, str, datetime]] = field(default_factory=list)

    def fits(self, rule: Mapping[str, Any], now: datetime) -> bool:
        if "not" in rule:
            return not self.fits(rule["not"], now)
        if "all" in rule:
            return all(self.fits(each, now) for each in rule["all"])
        if "attribute" in rule:
            return bool(self.stage == rule["is"])
        if "list" in rule:
            return self.loyal
        past = [at for at in self.orders if at <= now]
        if "count" in rule:
            return bool(len(past) >= rule["count"]["at_least"])
        return any(at > now - 30 * HOUR for at in past)

    def arrive(self, nodes: Mapping[str, Any], name: str | None, now: datetime) -> None:
        """Come to a node: stay when it is a wait."""
        self.at, self.due = name, None
        if name is not None:
            self.due = now + timedelta(hours=int(nodes[name]["wait"][:-1])) if "wait" in nodes[name] else now

    def walk(self, nodes: Mapping[str, Any], now: datetime) -> None:
        """Go on until a wait or the end."""
        while self.at is not None and self.due is not None and self.due <= now:
            name, node = self.at, nodes[self.at]
            outcome, target = self.pass_through(node, now)
            self.path.append((name, outcome, now))
            self.arrive(nodes, target, now)

    def pass_through(self, node: Mapping[str, Any], now: datetime) -> tuple[str, str | None]:
        if "if" in node:
            yes = self.fits(node["if"], now)
            return ("yes", node.get("then")) if yes else ("no", node.get("else"))
        if "exit" in node:
            return "exit", None
        if "set" in node:
            self.stage = node["set"]["value"]
        elif "add_to_list" in node or "remove_from_list" in node:
            self.loyal = "add_to_list" in node
        outcome = "waited" if "wait" in node else "queued" if "send" in node else "changed"
        return outcome, node.get("next")


def random_nodes(random: Random) -> dict[str, Any]:
    """A valid graph of up to 14 nodes whose start is n0: edges lead forward, or back to a wait."""
    while True:
        nodes = {f"n{i}": random_node(random) for i in range(random.randint(3, 14))}
        waits = [name for name, node in nodes.items() if "wait" in node]
        names = list(nodes)
        for place, (name, node) in enumerate(nodes.items()):
            for way in ("then", "else") if "if" in node else () if "exit" in node else ("next",):
                later = names[place + 1 :]
                if waits and random.random() < 0.2:
                    node[way] = random.choice(waits)
                elif later and random.random() < 0.95:
                    node[way] = random.choice(later[:3])
            nodes[name] = node
        nodes = reachable(nodes)
        try:
            graphs.parse({"entry": {"event": "X"}, "start": "n0", "nodes": nodes})
        except GraphInvalid:
            continue
        return nodes


def random_node(random: Random) -> dict[str, Any]:
    kinds: list[dict[str, Any]] = [
        {"wait": f"{random.randint(1, 40)}h"},
        {"wait": f"{random.randint(1, 40)}h"},
        {"if": random.choice(RULES)},
        {"if": random.choice(RULES)},
        {"if": random.choice(RULES)},
        {"set": {"attribute": "stage", "value": random.choice("xy")}},
        {"add_to_list": "loyal"},
        {"remove_from_list": "loyal"},
        {"send": SEND},
        {"exit": "done"},
    ]
    return random.choice(kinds)


def reachable(nodes: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting = ["n0"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = nodes[name]
            waiting += [nodes[name][way] for way in ("next", "then", "else") if way in nodes[name]]
    return found


@pytest.mark.parametrize("seed", range(12))
def test_engine_and_model_agree(shop: Shop, seed: int) -> None:
    random = Random(seed)
    nodes = random_nodes(random)
    shop.publish(nodes, "n0", entry={"event": "Signed Up", "key": "once"})
    people: dict[UUID, Person] = {}
    for _ in range(random.randint(5, 25)):
        stage = random.choice(["x", "y", None])
        who = shop.person(**({"stage": stage} if stage else {}))
        people[who] = Person(stage, [])
        shop.happens(who, "Signed Up")
    shop.enter()
    for person in people.values():
        person.arrive(nodes, "n0", shop.now)
    now = shop.now
    for _ in range(random.randint(3, 12)):
        for who in random.sample(sorted(people), k=len(people) // 3):
            at = now + random.randint(1, 60) * timedelta(minutes=1)
            shop.happens(who, order_id=str(random.random()), at=at)
            people[who].orders.append(at)
        now += timedelta(minutes=random.choice([30, 60, 240, 1440, 2880]))
        shop.tick(now, limit=random.choice([1, 3, 2000]))
        for person in people.values():
            person.walk(nodes, now)
    compare(shop, people)


def compare(shop: Shop, people: Mapping[UUID, Person]) -> None:
    """Paths, places, due times, lists, attributes, messages and ends are the same."""
    with shop.scope():
        order = read_graph(Version.objects.get().graph).order
        loyal = set(ListMember.objects.values_list("contact_id", flat=True))
        stages = {contact.pk: contact.attributes.get("stage") for contact in Contact.objects.all()}
        paths = {
            run.pk: [
                (order[step.node], step.outcome, step.at)
                for step in Step.objects.filter(run_id=run.pk).order_by("at", "id")
            ]
            for run in shop.runs()
        }
    for run in shop.runs():
        person = people[run.contact_id]
        assert sorted(paths[run.pk]) == sorted(person.path)
        assert (order[run.node] if run.due_at else None, run.due_at) == (person.at, person.due)
        assert (run.finished_at is None) == (person.at is not None)
        assert (stages[run.contact_id], run.contact_id in loyal) == (person.stage, person.loyal)
    queued = sum(outcome == "queued" for person in people.values() for _, outcome, _ in person.path)
    assert len(shop.messages()) == queued
    assert len(shop.happened("Journey Finished")) == sum(person.at is None for person in people.values())
