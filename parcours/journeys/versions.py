"""A version as it is stored, and as the engine uses it.

Stored: {"graph": what its author wrote, "order": the names of the nodes by number, "mailings": the mailing of each send node}.
The numbering and the mailings are fixed when the version is published, so that what a run's `node` means, and what a send node
sends, never change after that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from parcours.audiences import queries as audiences
from parcours.journeys import graph as graphs
from parcours.journeys.compile import Compiled, compile_graph
from parcours.journeys.graph import Graph


@dataclass(frozen=True)
class Program:
    """A version ready to run."""

    graph: Graph
    mailings: Mapping[str, int]
    compiled: Compiled


def stored(source: object, graph: Graph, mailings: Mapping[str, int]) -> dict[str, Any]:
    """What `Version.graph` holds."""
    return {"graph": source, "order": list(graph.order), "mailings": dict(mailings)}


def program(workspace_id: int, document: str) -> Program:
    """The program of a stored version, from its JSON text.

    Made once for each text, unless a rule refers to a segment: then every cohort asks that segment's rule of the day.
    """
    ready = _program(document)
    if not ready.graph.names_segments:
        return ready
    graph = ready.graph.resolved(audiences.vocabulary(workspace_id))
    return Program(graph, ready.mailings, compile_graph(graph))


@lru_cache(maxsize=256)
def _program(document: str) -> Program:
    data = msgspec.json.decode(document)
    graph = read_graph(data)
    return Program(graph, data["mailings"], compile_graph(graph))


def read_graph(data: Mapping[str, Any]) -> Graph:
    """The graph alone, from a version's JSON."""
    return graphs.parse(data["graph"], order=tuple(data["order"]))
