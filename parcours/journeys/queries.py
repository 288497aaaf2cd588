"""Reads about journeys: the list, the canvas with its people, one person's path."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from parcours.accounts.models import Workspace
from parcours.audiences import language as rules
from parcours.audiences import queries as audiences
from parcours.consent import queries as consent
from parcours.content.models import Coupon, Template
from parcours.events.types import LIST_JOINED
from parcours.journeys import graph as graphs
from parcours.journeys.errors import UnknownJourney
from parcours.journeys.graph import Entry, Graph
from parcours.journeys.models import Journey, Version
from parcours.journeys.nodes.base import Description, Surroundings
from parcours.journeys.types import EdgeView, GraphView, JourneyCount, NodeView
from parcours.journeys.versions import read_graph
from parcours.kernel import sql

statements = sql.load(__package__)


def journeys(workspace_id: int) -> list[Journey]:
    """Every journey, those that run first, then by name."""
    order = {"published": 0, "paused": 1, "draft": 2, "archived": 3}
    found = Journey.objects.filter(workspace_id=workspace_id).select_related("live")
    return sorted(found, key=lambda journey: (order[journey.state], journey.name_fr))


def counts(workspace_id: int, *, journey_id: int | None = None) -> dict[int, JourneyCount]:
    """People inside and entered, by journey id, in one statement: of one journey, or of all that anybody entered."""
    rows = statements.people_by_journey.records(workspace_id=workspace_id, journey_id=journey_id)
    return {row["journey_id"]: JourneyCount(row["inside"], row["entered"]) for row in rows}


def origin(workspace_id: int, journey_id: int, number: int) -> tuple[Journey | None, Version | None]:
    """The journey and the version that a message came from; None for what is gone."""
    version = (
        Version.objects.filter(workspace_id=workspace_id, journey_id=journey_id, number=number)
        .select_related("journey")
        .first()
    )
    if version is not None:
        return version.journey, version
    return Journey.objects.filter(workspace_id=workspace_id, pk=journey_id).first(), None


def access_journey(workspace_id: int, slug: str) -> Journey:
    """The journey of this address. Raises UnknownJourney."""
    found = Journey.objects.filter(workspace_id=workspace_id, slug=slug).select_related("live").first()
    if found is None:
        raise UnknownJourney(_("There is no journey “%(slug)s”.") % {"slug": slug}, field="slug")
    return found


def versions(workspace_id: int, journey: Journey) -> list[Version]:
    """The versions of a journey, newest first; the graph of one is read when it is asked for."""
    found = Version.objects.filter(workspace_id=workspace_id, journey=journey).order_by("-number")
    return list(found.defer("graph"))


def access_version(workspace_id: int, journey: Journey, number: int) -> Version:
    """One version of a journey. Raises UnknownJourney."""
    found = Version.objects.filter(workspace_id=workspace_id, journey=journey, number=number).first()
    if found is None:
        raise UnknownJourney(
            _("This journey has no version %(number)s.") % {"number": number}, field="version"
        )
    return found


def surroundings(workspace_id: int) -> Surroundings:
    """What the graphs of this workspace may name."""
    templates = Template.objects.filter(workspace_id=workspace_id).values_list("slug", "name")
    coupons = Coupon.objects.filter(workspace_id=workspace_id).values_list("slug", "name")
    purposes = {one.code for one in consent.sendable_purposes(workspace_id)}
    return Surroundings(audiences.vocabulary(workspace_id), purposes, dict(templates), dict(coupons))


def graph_view(workspace_id: int, version: Version, *, language: str, now: datetime) -> GraphView:
    """A version as the canvas draws it, in `language` (`fr` or `en`), with its messages since midnight in the workspace's zone."""
    figures = _figures(workspace_id, version, now)
    return _drawn(read_graph(version.graph), surroundings(workspace_id), figures, version.number, language)


def preview(workspace_id: int, source: object, *, language: str) -> GraphView:
    """A graph that nobody has published, as the canvas would draw it. Raises GraphInvalid or RuleInvalid where it cannot run."""
    graph, around = graphs.parse(source), surroundings(workspace_id)
    graph.validate(around)
    return _drawn(graph, around, _NOTHING, 0, language)


def _drawn(graph: Graph, around: Surroundings, figures: "_Figures", number: int, language: str) -> GraphView:
    return GraphView(
        version=number,
        start=graph.start,
        entry=describe_entry(graph.entry, around, language),
        entered=figures.entered,
        nodes=[
            _node_view(graph, name, graph.nodes[name].describe(around, language), figures)
            for name in graph.order
        ],
        edges=list(_edges(graph, figures)),
    )


@dataclass(frozen=True)
class _Figures:
    """What is counted about a version: people by node number, runs by (node number, outcome), today's messages by node name."""

    entered: int
    here: Mapping[int, int]
    ways: Mapping[tuple[int, str], int]
    messages: Mapping[str, Mapping[str, int]]


_NOTHING = _Figures(0, {}, {}, {})


def _figures(workspace_id: int, version: Version, now: datetime) -> _Figures:
    parameters = {"workspace_id": workspace_id, "version_id": version.pk}
    here = statements.people_by_node.records(**parameters)
    ways = statements.passed_by_node.records(**parameters)
    return _Figures(
        entered=version.entered,
        here={row["node"]: row["people"] for row in here},
        ways={(row["node"], row["outcome"]): row["passed"] for row in ways},
        messages=_messages_today(workspace_id, version.graph["mailings"], now),
    )


def _messages_today(
    workspace_id: int, mailings: Mapping[str, int], now: datetime
) -> dict[str, dict[str, int]]:
    zone = ZoneInfo(Workspace.objects.values_list("time_zone", flat=True).get(pk=workspace_id))
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = statements.messages_by_mailing.records(
        workspace_id=workspace_id, mailings=list(mailings.values()), since=midnight
    )
    found = {row["mailing_id"]: row for row in rows}
    return {name: found.get(mailing, {"mailing_id": mailing}) for name, mailing in mailings.items()}


def _node_view(graph: Graph, name: str, described: Description, figures: _Figures) -> NodeView:
    number = graph.number[name]
    messages = figures.messages.get(name, {})
    return NodeView(
        name=name,
        number=number,
        kind=graph.nodes[name].keyword,
        title=described.title,
        sentence=described.sentence,
        here=figures.here.get(number, 0),
        passed=sum(figures.ways.get((number, way.outcome), 0) for way in graph.nodes[name].ways),
        sent=messages.get("sent", 0),
        withheld=messages.get("withheld", 0),
        delayed=messages.get("delayed", 0),
        mailing_id=messages.get("mailing_id"),
    )


def _edges(graph: Graph, figures: _Figures) -> Iterator[EdgeView]:
    for name in graph.order:
        node, number = graph.nodes[name], graph.number[name]
        left = sum(figures.ways.get((number, way.outcome), 0) for way in node.ways)
        for way in node.ways:
            passed = figures.ways.get((number, way.outcome), 0)
            yield EdgeView(name, way.target, way.outcome, passed, passed / left if left else None)


# How people come in, for the events of shops; others are named as they are.
_OCCASIONS = {
    "Order Completed": gettext_noop("Enters after an order"),
    "Order Refunded": gettext_noop("Enters after a refund"),
    "Order Cancelled": gettext_noop("Enters after cancelling an order"),
    "Product Viewed": gettext_noop("Enters after looking at a product"),
    "Product Added": gettext_noop("Enters after putting a product into the cart"),
}
_OFTEN = {
    "once": gettext_noop("once in a life"),
    "event": gettext_noop("each time"),
    "order_id": gettext_noop("once for each order"),
    "product_id": gettext_noop("once for each product"),
}


def describe_entry(entry: Entry, around: Surroundings, language: str) -> str:
    """Who enters, as a sentence."""
    words = around.vocabulary
    with translation.override(language):
        if entry.subject is None:
            known = _OCCASIONS.get(entry.event)
            sentence = _(known) if known else _("Enters on the event “%(event)s”") % {"event": entry.event}
        elif entry.event == LIST_JOINED:
            sentence = _("Enters on joining the list “%(name)s”") % {
                "name": words.lists.get(entry.subject, entry.subject)
            }
        else:
            word = words.segments.get(entry.subject)
            sentence = _("Enters on coming into the segment “%(name)s”") % {
                "name": word.name if word else entry.subject
            }
        conditions = []
        if entry.subject is None and entry.where:
            conditions.append(rules.explain_filters(entry.where, language))
        if entry.rule is not None:
            conditions.append(rules.inside(rules.explain(entry.rule, words, language)))
        known = _OFTEN.get(entry.key)
        often = _(known) if known else _("once for each “%(key)s”") % {"key": entry.key}
        if conditions:
            sentence = _("%(sentence)s, if %(rule)s") % {"sentence": sentence, "rule": "; ".join(conditions)}
        return f"{sentence} ({often})."
