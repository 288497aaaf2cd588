"""The graph of a scenario: an immutable tree parsed from JSON (recipes are YAML of the same shape), and what must hold for it.

    entry:  {event: Order Completed, where: […], key: order_id, rule: {…}}   or {segment: slug} or {list: slug}
    start:  confirm
    nodes:  confirm: {send: {template: …, purpose: …}, next: wait}
            wait:    {wait: 7d, next: …}

Every error names its place (`nodes.confirm.next`). A node without `next` ends the journey. Nodes are numbered in an order in
which every step of one walk comes after the step before it; the numbers are stored with the version, so that a run's
`node` means the same for ever.
Not here: names that only the workspace can know (`validate` asks each node with its surroundings), SQL (`compile`).
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from django.utils.translation import gettext as _

from parcours.audiences import language
from parcours.audiences.language import Filter, Rule, Vocabulary, tree
from parcours.audiences.usage import segments_of
from parcours.events.types import JOURNEY_ENTERED, JOURNEY_FINISHED, LIST_JOINED, SEGMENT_ENTERED
from parcours.journeys.errors import GraphInvalid
from parcours.journeys.nodes import KINDS, reading
from parcours.journeys.nodes.base import Node, Surroundings
from parcours.journeys.nodes.send import Send

MOST_NODES = 200
_TRIGGERS = {"segment": SEGMENT_ENTERED, "list": LIST_JOINED}
_OWN = frozenset({JOURNEY_ENTERED, JOURNEY_FINISHED})


@dataclass(frozen=True)
class Entry:
    """Who enters: the people of an event, where its properties fit and the person fits the rule.

    `key` says how often: `once` in a life, `event` for each event, or a property, once for each of its values.
    """

    event: str
    where: tuple[Filter, ...]
    key: str
    rule: Rule | None
    subject: str | None = None
    """The slug of the segment or list, when the entry is written as one."""

    @property
    def segment(self) -> str | None:
        """The slug of the segment that people come in by coming into."""
        return self.subject if self.event == _TRIGGERS["segment"] else None


@dataclass(frozen=True)
class Graph:
    """A whole scenario. `order` gives each node its number."""

    entry: Entry
    start: str
    nodes: Mapping[str, Node]
    order: Sequence[str]
    number: Mapping[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", {name: place for place, name in enumerate(self.order)})

    def validate(self, around: Surroundings) -> None:
        """Refuse what the workspace does not have. Raises GraphInvalid."""
        _validate_entry(self.entry, around)
        for name, node in self.nodes.items():
            node.validate(around, f"nodes.{name}")

    @property
    def names_segments(self) -> bool:
        """Whether a rule refers to a segment: then what it means depends on that segment's rule of the day."""
        return bool(segments_of(*self.rules))

    @property
    def rules(self) -> list[Rule]:
        """Every rule that the graph asks, its entry's too."""
        entry = [] if self.entry.rule is None else [self.entry.rule]
        return entry + [rule for node in self.nodes.values() for rule in node.rules]

    def resolved(self, vocabulary: Vocabulary) -> "Graph":
        """The same graph with every reference to a segment looked up."""
        rule = self.entry.rule
        entry = replace(self.entry, rule=None if rule is None else language.resolve(rule, vocabulary))
        return replace(
            self, entry=entry, nodes={name: node.resolved(vocabulary) for name, node in self.nodes.items()}
        )


def parse(data: object, *, order: Sequence[str] | None = None) -> Graph:
    """Read a graph and check its structure. `order` is the stored numbering of a published version. Raises GraphInvalid."""
    whole = reading.mapping(data, "graph")
    reading.only(whole, {"entry", "start", "nodes"}, "graph")
    entry = _parse_entry(whole.get("entry"))
    nodes = _parse_nodes(whole.get("nodes"))
    start = reading.text(whole.get("start"), "start")
    if start not in nodes:
        raise GraphInvalid(
            _("There is no node “%(name)s”.") % {"name": start},
            field="start",
            hint=reading.nearest(start, nodes),
        )
    _check_targets(nodes)
    seen = _discovered(nodes, start)
    _check_reachable(nodes, seen)
    _check_sends(nodes)
    return Graph(entry, start, nodes, order if order is not None else _numbered(nodes, seen))


def _parse_entry(data: object) -> Entry:
    entry = reading.mapping(data, "entry")
    reading.only(entry, {"event", "segment", "list", "where", "key", "rule"}, "entry")
    kinds = [kind for kind in ("event", "segment", "list") if kind in entry]
    if len(kinds) != 1:
        raise GraphInvalid(_("An entry is one of event, segment or list."), field="entry")
    event, subject = _parse_trigger(kinds[0], entry[kinds[0]])
    where = language.parse_filters(entry["where"], at="entry.where") if "where" in entry else ()
    if subject is not None:
        where = (Filter(kinds[0], tree.Is(subject)), *where)
    return Entry(
        event=event,
        where=where,
        key=reading.text(entry.get("key", "event"), "entry.key"),
        rule=language.parse(entry["rule"], at="entry.rule") if "rule" in entry else None,
        subject=subject,
    )


def _parse_trigger(kind: str, value: object) -> tuple[str, str | None]:
    """The event that lets people in, and the slug of the segment or list when it is one."""
    if kind != "event":
        return _TRIGGERS[kind], reading.text(value, f"entry.{kind}")
    event = reading.text(value, "entry.event", longest=200)
    if event in _OWN:
        raise GraphInvalid(_("A journey cannot start from the events of journeys."), field="entry.event")
    return event, None


def _validate_entry(entry: Entry, around: Surroundings) -> None:
    words = around.vocabulary
    if entry.segment is not None:
        reading.known(entry.segment, words.segments, _("There is no segment “%(name)s”."), "entry.segment")
    if entry.event == _TRIGGERS["list"] and entry.subject is not None:
        reading.known(entry.subject, words.lists, _("There is no list “%(name)s”."), "entry.list")
    if entry.rule is not None:
        language.check(entry.rule, words, at="entry.rule")


def _parse_nodes(data: object) -> Mapping[str, Node]:
    nodes = reading.mapping(data, "nodes")
    if not 1 <= len(nodes) <= MOST_NODES:
        raise GraphInvalid(_("A journey has 1 to %(most)s nodes.") % {"most": MOST_NODES}, field="nodes")
    return {name: _parse_node(reading.mapping(node, f"nodes.{name}"), name) for name, node in nodes.items()}


def _parse_node(data: Mapping[str, object], name: str) -> Node:
    position = f"nodes.{reading.text(name, 'nodes')}"
    kinds = [key for key in data if key in KINDS]
    if len(kinds) != 1:
        raise GraphInvalid(
            _("%(place)s must be exactly one kind of node.") % {"place": position},
            field=position,
            hint=_("Kinds: %(kinds)s.") % {"kinds": ", ".join(KINDS)},
        )
    kind = KINDS[kinds[0]]
    reading.only(data, {kind.keyword, *kind.more}, position)
    return kind.parse(data, position)


def _check_targets(nodes: Mapping[str, Node]) -> None:
    for name, node in nodes.items():
        for way in node.ways:
            if way.target is not None and way.target not in nodes:
                key = {"yes": "then", "no": "else"}.get(way.outcome, "next")
                raise GraphInvalid(
                    _("There is no node “%(name)s”.") % {"name": way.target},
                    field=f"nodes.{name}.{key}",
                    hint=reading.nearest(way.target, nodes),
                )


def targets(node: Node) -> Iterator[str]:
    """The nodes that a node may lead to."""
    return (way.target for way in node.ways if way.target is not None)


def _discovered(nodes: Mapping[str, Node], start: str) -> Mapping[str, int]:
    """The nodes that can be reached, in the order in which one meets them going deep first."""
    seen: dict[str, int] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen[name] = len(seen)
            waiting.extend(reversed(list(targets(nodes[name]))))
    return seen


def _check_reachable(nodes: Mapping[str, Node], seen: Mapping[str, int]) -> None:
    for name in nodes:
        if name not in seen:
            raise GraphInvalid(
                _("Nobody can reach “%(name)s”.") % {"name": name},
                field=f"nodes.{name}",
                hint=_("Lead to it, or remove it."),
            )


def _check_sends(nodes: Mapping[str, Node]) -> None:
    """A step of a run writes once, for ever; in a loop, its later turns would be silent."""
    for name, node in nodes.items():
        if isinstance(node, Send) and any(name in _discovered(nodes, target) for target in targets(node)):
            raise GraphInvalid(
                _("“%(name)s” is in a loop, and would write only the first time.") % {"name": name},
                field=f"nodes.{name}",
                hint=_("Write each message as a node of its own."),
            )


def _numbered(nodes: Mapping[str, Node], seen: Mapping[str, int]) -> Sequence[str]:
    """Every node after those that lead to it within one walk. A walk stops at a wait, so only edges into waits may go back."""
    missing = dict.fromkeys(nodes, 0)
    for node in nodes.values():
        for target in _walked(nodes, node):
            missing[target] += 1
    ready = [(seen[name], name) for name, count in missing.items() if count == 0]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        _, name = heapq.heappop(ready)
        order.append(name)
        for target in _walked(nodes, nodes[name]):
            missing[target] -= 1
            if missing[target] == 0:
                heapq.heappush(ready, (seen[target], target))
    if len(order) < len(nodes):
        _refuse_loop(nodes, sorted(nodes.keys() - set(order)))
    return tuple(order)


def _refuse_loop(nodes: Mapping[str, Node], stuck: Sequence[str]) -> NoReturn:
    """Each of `stuck` has another of them before it: going backwards as often as there are of them ends inside a loop."""
    name = stuck[0]
    for _step in stuck:
        name = next(before for before in stuck if name in _walked(nodes, nodes[before]))
    raise GraphInvalid(
        _("“%(name)s” is in a loop without a wait: people would turn in it for ever.") % {"name": name},
        field=f"nodes.{name}",
        hint=_("Put a wait in the loop."),
    )


def _walked(nodes: Mapping[str, Node], node: Node) -> Iterator[str]:
    return (target for target in targets(node) if nodes[target].pause is None)
