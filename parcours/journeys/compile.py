"""A version as one SQL statement that moves a cohort of runs, in one go, until each of them waits, changes or ends.

    claimed   due runs of the version, locked; rows that another worker holds are skipped
    present   those whose contact still exists; in the order of contacts, as the indexes have them: neighbours cost less
    node_N    one for each node, in the order of their numbers: who stands there or arrives, and which way they take
    passed    all of these together: it becomes the step log
    stops     where each run comes to rest, and until when

A wait holds those who arrive and lets go those who were claimed there. A change (an attribute, a list) ends the walk, since
what follows may ask about it: its people are returned, and go on in the next pass. The statement is the same for every cohort of
a version, so it is made once. Only bound parameters and literals of our own go into it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import sql

from parcours.journeys.graph import Graph
from parcours.journeys.nodes.base import Change, Node
from parcours.journeys.nodes.send import Send
from parcours.kernel.sql import written_out

CLAIM = sql.SQL("""
WITH claimed AS MATERIALIZED (
    SELECT run.id, run.contact_id, run.event_at, run.event_id, run.node
    FROM journeys_run run
    WHERE run.workspace_id = %(workspace_id)s AND run.version_id = %(version_id)s AND run.due_at <= %(now)s
    ORDER BY run.due_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
present AS MATERIALIZED (
    SELECT claimed.* FROM claimed
    JOIN contacts_contact contact ON contact.workspace_id = %(workspace_id)s AND contact.id = claimed.contact_id
    ORDER BY claimed.contact_id
)""")

NODE = sql.SQL(""",
{name} AS MATERIALIZED (
    SELECT arrived.*, {outcome} AS outcome
    FROM ({sources}) arrived
    {contact}
)""")

ASK_CONTACT = sql.SQL(
    "JOIN contacts_contact contact ON contact.workspace_id = %(workspace_id)s AND contact.id = arrived.contact_id"
)
KNOW_CONTACT = sql.SQL("CROSS JOIN LATERAL (SELECT arrived.contact_id AS id) contact")

MOVE = sql.SQL(""",
passed AS MATERIALIZED (
    {passed}
    UNION ALL
    SELECT id, contact_id, event_at, event_id, node, 'gone' FROM claimed WHERE id NOT IN (SELECT id FROM present)
),
stops AS MATERIALIZED (
    SELECT passed.id, stop.rest AS node, %(now)s::timestamptz + stop.pause AS due_at
    FROM passed
    JOIN (VALUES {stops}) AS stop (node, outcome, rest, pause) USING (node, outcome)
    UNION ALL
    SELECT id, node, NULL FROM passed WHERE outcome = 'gone'
),
moved AS (
    UPDATE journeys_run run
    SET node = stops.node, due_at = stops.due_at,
        finished_at = CASE WHEN stops.due_at IS NULL THEN %(now)s::timestamptz END
    FROM stops
    WHERE run.workspace_id = %(workspace_id)s AND run.id = stops.id
),
logged AS (
    INSERT INTO journeys_step (workspace_id, run_id, version_id, node, outcome, at)
    SELECT %(workspace_id)s, id, %(version_id)s, node, outcome, %(now)s FROM passed
)
SELECT totals.claimed, totals.rested, totals.passed,
       report.node, report.outcome, report.id AS run, report.contact_id, report.event_at, report.event_id
FROM (SELECT (SELECT count(*) FROM claimed) AS claimed, (SELECT count(*) FROM stops) AS rested,
             (SELECT count(*) FROM passed) AS passed) totals
LEFT JOIN (SELECT * FROM passed WHERE node = ANY(%(reported)s) AND outcome <> 'gone') report ON true
""")


@dataclass(frozen=True)
class Compiled:
    """The statement of a version. The caller adds workspace_id, version_id, now and limit to its parameters."""

    statement: sql.SQL
    parameters: Mapping[str, Any]


def compile_graph(graph: Graph) -> Compiled:
    """The one statement that walks a cohort through `graph`."""
    parameters: dict[str, Any] = {
        "reported": [graph.number[name] for name, node in graph.nodes.items() if _is_reported(node)]
    }
    walk: list[sql.Composable] = [CLAIM]
    for name in graph.order:
        choice = graph.nodes[name].compile(f"node_{graph.number[name]}")
        parameters.update(choice.parameters)
        walk.append(
            NODE.format(
                name=_cte(graph, name),
                outcome=choice.outcome,
                sources=sql.SQL(" UNION ALL ").join(_sources(graph, name)),
                contact=ASK_CONTACT if choice.asks_contact else KNOW_CONTACT,
            )
        )
    passed = sql.SQL("\n    UNION ALL\n    ").join(
        sql.SQL("SELECT id, contact_id, event_at, event_id, {}::smallint AS node, outcome FROM {}").format(
            sql.Literal(graph.number[name]), _cte(graph, name)
        )
        for name in graph.order
    )
    walk.append(MOVE.format(passed=passed, stops=sql.SQL(", ").join(_stops(graph))))
    return Compiled(written_out(sql.Composed(walk)), parameters)


def is_at_rest(graph: Graph, name: str) -> bool:
    """True when a run may be found at this node between two statements."""
    return name == graph.start or graph.nodes[name].pause is not None or _follows_a_change(graph, name)


def _follows_a_change(graph: Graph, name: str) -> bool:
    return any(
        isinstance(node, Change) and any(way.target == name for way in node.ways)
        for node in graph.nodes.values()
    )


def _is_reported(node: Node) -> bool:
    """Whether Python must hear who passed: messages to queue, people to change, and ends."""
    return isinstance(node, Send | Change) or any(way.target is None for way in node.ways)


def _cte(graph: Graph, name: str) -> sql.Identifier:
    return sql.Identifier(f"node_{graph.number[name]}")


def _sources(graph: Graph, name: str) -> Iterator[sql.Composed]:
    """Who is at a node in this walk: those claimed there, and those who come on from the nodes before it."""
    if is_at_rest(graph, name):
        yield sql.SQL("SELECT id, contact_id, event_at, event_id FROM present WHERE node = {}").format(
            sql.Literal(graph.number[name])
        )
    if graph.nodes[name].pause is not None:
        return
    for before in graph.order:
        for way in graph.nodes[before].ways:
            if way.target == name and not isinstance(graph.nodes[before], Change):
                yield sql.SQL("SELECT id, contact_id, event_at, event_id FROM {} WHERE outcome = {}").format(
                    _cte(graph, before), sql.Literal(way.outcome)
                )


def _stops(graph: Graph) -> Iterator[sql.Composed]:
    """Rows (node, outcome, where the run rests, for how long; NULL when it ends) for every way on which a walk stops."""
    for name in graph.order:
        node = graph.nodes[name]
        for way in node.ways:
            if way.target is None:
                rest, pause = name, None
            elif graph.nodes[way.target].pause is not None or isinstance(node, Change):
                rest, pause = way.target, pause_at(graph, way.target)
            else:
                continue
            yield sql.SQL("({}::smallint, {}::text, {}::smallint, {}::interval)").format(
                graph.number[name], way.outcome, graph.number[rest], pause
            )


def pause_at(graph: Graph, name: str) -> timedelta:
    """How long a run that is put down at this node rests there."""
    return graph.nodes[name].pause or timedelta()
