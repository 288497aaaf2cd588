"""Rules run over people: one statement judges a cohort, or everybody, and changes who is in a segment.

The statements are composed, because a rule is part of them: compiled SQL with bound parameters. Each writes
audiences_member and audiences_recheck of one segment whose row the caller has locked, and nothing else.

Not here: which segments, which people, which events follow (`actions`).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from psycopg.sql import SQL, Composed

from parcours.audiences import language
from parcours.audiences.errors import RuleInvalid
from parcours.audiences.language import EVERYBODY, Judgement, Rule, SegmentWord, Vocabulary
from parcours.audiences.types import Outcome, PersonRow, Preview, StoredRule
from parcours.kernel import sql

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """A segment's rule, ready to run. `watched` names the events that can change its truth."""

    watched: frozenset[str]
    of_cohort: Judgement
    of_everybody: Judgement


@dataclass(frozen=True)
class Cohort:
    """A query that gives the people to judge (column contact_id), with its parameters."""

    query: SQL
    parameters: Mapping[str, Any]


# The order and the limit keep the reading on the log's primary key, whatever the statistics say.
TOUCHED = SQL("""
    SELECT DISTINCT span.contact_id FROM (
        SELECT event.contact_id, event.name FROM events_event AS event
        WHERE event.workspace_id = %(workspace_id)s
          AND (event.xid, event.id) > (%(after_xid)s::text::xid8, %(after_id)s::bigint)
          AND (event.xid, event.id) <= (%(until_xid)s::text::xid8, %(until_id)s::bigint)
          AND event.at BETWEEN %(first_at)s AND %(last_at)s
        ORDER BY event.xid, event.id LIMIT %(count)s
    ) AS span
    WHERE span.name = ANY(%(watched)s)""")
"""The people to whom something watched happened in a span of the log."""

DUE = SQL("""
    SELECT recheck.contact_id FROM audiences_recheck AS recheck
    WHERE recheck.workspace_id = %(workspace_id)s AND recheck.segment_id = %(segment_id)s
      AND recheck.due_at <= %(now)s
    ORDER BY recheck.due_at LIMIT %(limit)s""")
"""The people for whom time may have changed something."""

# OFFSET 0 keeps the verdict apart: one look at each person through the primary key and the index of the log, however
# many people the planner expects. IS TRUE makes a hashed look-up of the last question, never a nested loop.
_JUDGE_COHORT = SQL("""
WITH cohort AS MATERIALIZED ({cohort}),
judged AS MATERIALIZED (
    SELECT cohort.contact_id, verdict.inside, verdict.changes_at
    FROM cohort
    LEFT JOIN LATERAL (
        SELECT {condition} AS inside, {changes_at} AS changes_at
        FROM contacts_contact AS contact {joins}
        WHERE contact.workspace_id = %(workspace_id)s AND contact.id = cohort.contact_id
        OFFSET 0
    ) AS verdict ON true
),
gone AS (
    DELETE FROM audiences_member
    WHERE workspace_id = %(workspace_id)s AND segment_id = %(segment_id)s
      AND contact_id = ANY(ARRAY(SELECT contact_id FROM judged WHERE inside IS NOT TRUE))
    RETURNING contact_id
),
settled AS (
    DELETE FROM audiences_recheck
    WHERE workspace_id = %(workspace_id)s AND segment_id = %(segment_id)s
      AND contact_id = ANY(ARRAY(SELECT contact_id FROM judged WHERE changes_at IS NULL))
),
{entered_and_planned}
SELECT ARRAY(SELECT contact_id FROM entered) AS entered,
       ARRAY(SELECT contact_id FROM gone
             WHERE (contact_id IN (SELECT contact_id FROM judged WHERE inside IS NOT NULL)) IS TRUE) AS left,
       (SELECT count(*) FROM judged) AS judged
""")

_JUDGE_EVERYBODY = SQL("""
WITH judged AS MATERIALIZED (
    SELECT contact.id AS contact_id, {condition} AS inside, {changes_at} AS changes_at
    FROM contacts_contact AS contact {joins}
    WHERE contact.workspace_id = %(workspace_id)s AND contact.id > %(after)s::uuid AND contact.id <= %(until)s::uuid
),
gone AS (
    DELETE FROM audiences_member AS member
    WHERE member.workspace_id = %(workspace_id)s AND member.segment_id = %(segment_id)s
      AND member.contact_id > %(after)s::uuid AND member.contact_id <= %(until)s::uuid
      AND NOT EXISTS (SELECT FROM judged WHERE judged.contact_id = member.contact_id AND judged.inside)
    RETURNING member.contact_id
),
settled AS (
    DELETE FROM audiences_recheck AS recheck
    WHERE recheck.workspace_id = %(workspace_id)s AND recheck.segment_id = %(segment_id)s
      AND recheck.contact_id > %(after)s::uuid AND recheck.contact_id <= %(until)s::uuid
      AND NOT EXISTS (SELECT FROM judged
                      WHERE judged.contact_id = recheck.contact_id AND judged.changes_at IS NOT NULL)
),
{entered_and_planned}
SELECT ARRAY(SELECT contact_id FROM entered) AS entered,
       ARRAY(SELECT contact_id FROM gone JOIN judged USING (contact_id)) AS left,
       (SELECT count(*) FROM judged) AS judged
""")

_ENTERED_AND_PLANNED = SQL("""entered AS (
    INSERT INTO audiences_member (workspace_id, segment_id, contact_id, since)
    SELECT %(workspace_id)s, %(segment_id)s, contact_id, %(now)s FROM judged WHERE inside
    ON CONFLICT (segment_id, contact_id) DO NOTHING
    RETURNING contact_id
),
planned AS (
    INSERT INTO audiences_recheck (workspace_id, segment_id, contact_id, due_at)
    SELECT %(workspace_id)s, %(segment_id)s, contact_id, changes_at FROM judged WHERE changes_at IS NOT NULL
    ON CONFLICT (segment_id, contact_id) DO UPDATE SET due_at = excluded.due_at
    WHERE audiences_recheck.due_at <> excluded.due_at
)""")

_PREVIEW = SQL("""
WITH covered AS MATERIALIZED (
    SELECT contact.id, contact.created_at
    FROM contacts_contact AS contact {joins}
    WHERE contact.workspace_id = %(workspace_id)s AND {condition}
),
newest AS (SELECT id FROM covered ORDER BY created_at DESC, id DESC LIMIT %(limit)s)
SELECT contact.id, contact.email, contact.attributes, contact.created_at,
       (SELECT count(*) FROM covered) AS count
FROM contacts_contact AS contact
WHERE contact.workspace_id = %(workspace_id)s AND contact.id = ANY(ARRAY(SELECT id FROM newest))
ORDER BY contact.created_at DESC, contact.id DESC
""")


def prepare(stored: Sequence[StoredRule]) -> Mapping[str, Prepared]:
    """The rules of all segments of a workspace, ready to run, by slug. Remembers what it has prepared.

    A stored rule that no longer means anything is left out and logged: its segment keeps its people as they are.
    """
    return _prepare(tuple((segment.slug, segment.rule) for segment in stored))


@lru_cache(maxsize=256)
def _prepare(rules: tuple[tuple[str, str], ...]) -> Mapping[str, Prepared]:
    words: dict[str, SegmentWord] = {}
    for slug, text in rules:
        try:
            words[slug] = SegmentWord(slug, language.parse(msgspec.json.decode(text)))
        except RuleInvalid as error:
            logger.error("The rule of segment %s cannot be read: %s", slug, error.message)
    prepared: dict[str, Prepared] = {}
    for slug, word in words.items():
        try:
            rule = language.resolve(word.rule, Vocabulary(segments=words))
        except RuleInvalid as error:
            logger.error("The rule of segment %s cannot be used: %s", slug, error.message)
            continue
        prepared[slug] = Prepared(
            language.watched_events(rule),
            language.compile_judgement(rule, "rule", of_everybody=False),
            language.compile_judgement(rule, "rule", of_everybody=True),
        )
    return prepared


def judge_cohort(
    workspace_id: int, segment_id: int, rule: Judgement, cohort: Cohort, *, now: datetime
) -> Outcome:
    """Judge the people of a cohort, and change the segment accordingly. The caller has locked the segment."""
    query = _JUDGE_COHORT.format(
        cohort=cohort.query,
        joins=rule.joins,
        condition=rule.condition,
        changes_at=rule.changes_at,
        entered_and_planned=_ENTERED_AND_PLANNED,
    )
    return _outcome(query, workspace_id, segment_id, {**rule.parameters, **cohort.parameters}, now)


def judge_everybody(
    workspace_id: int,
    segment_id: int,
    rule: Judgement,
    limits: Mapping[str, UUID] = EVERYBODY,
    *,
    now: datetime,
) -> Outcome:
    """Judge everybody in the workspace, or a range of contacts (above `after`, up to `until`), and change the segment accordingly.

    The caller has locked the segment.
    """
    query = _JUDGE_EVERYBODY.format(
        condition=rule.condition,
        changes_at=rule.changes_at,
        joins=rule.joins,
        entered_and_planned=_ENTERED_AND_PLANNED,
    )
    with sql.over_everything():
        return _outcome(query, workspace_id, segment_id, {**rule.parameters, **limits}, now)


def _outcome(
    query: Composed, workspace_id: int, segment_id: int, parameters: Mapping[str, Any], now: datetime
) -> Outcome:
    own = {"workspace_id": workspace_id, "segment_id": segment_id, "now": now}
    return sql.rows(query, {**parameters, **own}, Outcome)[0]


def covered(workspace_id: int, rule: Rule, *, limit: int, now: datetime) -> Preview:
    """How many people a rule covers now, and the newest `limit` of them. Reads the log once per condition about events."""
    compiled = language.compile_judgement(rule, "rule", of_everybody=True)
    query = _PREVIEW.format(joins=compiled.joins, condition=compiled.condition)
    own = {"workspace_id": workspace_id, "now": now, "limit": limit}
    with sql.over_everything():
        found = sql.records(query, {**compiled.parameters, **own})
    count = found[0]["count"] if found else 0
    return Preview(count, [PersonRow(**{key: row[key] for key in _PERSON}) for row in found])


_PERSON = ("id", "email", "attributes", "created_at")
