"""Which journeys need a segment (see `audiences.usage`): as their entry, or in a rule that still decides about somebody."""

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from parcours.audiences.usage import segments_of
from parcours.journeys.graph import Graph
from parcours.journeys.models import Journey, Run, Version
from parcours.journeys.nodes.send import Send
from parcours.journeys.types import JourneyState
from parcours.journeys.versions import read_graph


def users(workspace_id: int, slug: str) -> Iterator[str]:
    """The journeys that people enter or are inside, and whose graph names this segment."""
    names = {
        version.journey_id: _name(version.journey)
        for version in _alive(workspace_id)
        if slug in _segments(read_graph(version.graph))
    }
    for name in sorted(names.values()):
        yield _("journey “%(name)s”") % {"name": name}


def _alive(workspace_id: int) -> list[Version]:
    """The versions that people enter, and the older ones that somebody is still inside."""
    inside = Run.objects.filter(workspace_id=workspace_id, version_id=OuterRef("id"), due_at__isnull=False)
    found = Version.objects.filter(
        Q(journey__live=F("id")) | Exists(inside),
        workspace_id=workspace_id,
        journey__state__in=[JourneyState.PUBLISHED.value, JourneyState.PAUSED.value],
    )
    return list(found.select_related("journey"))


def _segments(graph: Graph) -> set[str]:
    entry = set() if graph.entry.segment is None else {graph.entry.segment}
    guards = [
        node.guard for node in graph.nodes.values() if isinstance(node, Send) and node.guard is not None
    ]
    return entry | segments_of(*graph.rules, *guards)


def _name(journey: Journey) -> str:
    return journey.name_fr if get_language() == "fr" else journey.name_en
