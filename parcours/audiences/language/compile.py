"""Tree → SQL over `contact`, a row of contacts_contact. Values are bound parameters, always.

Three forms of one meaning, which differ only in how they look at events. `compile` is a condition that stands anywhere,
each look a probe of the index (workspace_id, contact_id, name, at) that stops as soon as it knows: for journeys and the
gate. `compile_judgement` also says when time alone may change the truth, from facts that it joins: for a cohort, one
range of that index per condition and person; for everybody, the log read once per condition (measured on 200,000 people
and 2 million events: 10 to 20 times faster than person by person).

Every expression is true or false, never NULL, so that `NOT` may stand before it. Events after `now` are not looked at,
except to say when they will count. `changes_at` is never late and sometimes early; NULL means never.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, assert_never
from uuid import UUID

from psycopg.sql import SQL, Composable, Composed, Placeholder

from parcours.audiences.language import tree

EVERYBODY = {"after": UUID(int=0), "until": UUID(int=2**128 - 1)}
TRUE, FALSE, NEVER = SQL("true"), SQL("false"), SQL("NULL::timestamptz")


@dataclass(frozen=True)
class Compiled:
    """A rule as a boolean expression over the alias `contact`, with its parameters. Reads only its `id` unless `reads_contact`."""

    condition: Composed
    parameters: Mapping[str, Any]
    reads_contact: bool


@dataclass(frozen=True)
class Judgement:
    """A rule as a boolean and the next instant (after now) when time may change it, over `contact` and then `joins`."""

    joins: Composed
    condition: Composed
    changes_at: Composed
    parameters: Mapping[str, Any]


def compile(rule: tree.Rule, prefix: str) -> Compiled:
    """SQL over the alias `contact`, using `workspace_id` and `now` and parameters named `<prefix>_1`, ….

    A reference to a segment that `check` has looked up is that segment's rule; one that it has not is its membership.
    """
    probes = _Probes(prefix)
    return _compiled(probes, probes.rule(rule).condition)


def compile_judgement(rule: tree.Rule, prefix: str, *, of_everybody: bool) -> Judgement:
    """The same, with `changes_at`: for a whole workspace, or for the people of a cohort. Joined tables begin with `prefix`.

    For a whole workspace the parameters `after` and `until` may be changed to look at a range of contacts only.
    """
    facts = _Facts(prefix, of_everybody=of_everybody)
    piece = facts.rule(rule)
    return Judgement(
        SQL(" ").join(facts.joins),
        Composed([piece.condition]),
        Composed([piece.changes or NEVER]),
        {**facts.parameters, **EVERYBODY} if of_everybody else facts.parameters,
    )


def compile_event(name: str, where: tuple[tree.Filter, ...], prefix: str) -> Compiled:
    """Which events are meant, over the alias `event`, a row of events_event of the workspace."""
    probes = _Probes(prefix)
    return _compiled(probes, probes.happening(name, where))


@dataclass(frozen=True)
class _Piece:
    """A condition, and when time may change it; None when it cannot."""

    condition: Composable
    changes: Composable | None = None


@dataclass(frozen=True)
class _Value:
    """A stored value seen as text, as number, as instant; each is NULL when it cannot be seen so. `json` if it is JSON."""

    text: Composable
    number: Composable
    instant: Composable
    json: Composable | None = None


_COLUMNS: Mapping[str, _Value] = {
    name: _Value(
        SQL("NULLIF(contact.{}, '')").format(SQL(name)), SQL("NULL::numeric"), SQL("NULL::timestamptz")
    )
    for name in ("email", "language", "time_zone", "source")
} | {"created_at": _Value(SQL("contact.created_at::text"), SQL("NULL::numeric"), SQL("contact.created_at"))}


def _json_value(document: str, key: Composable) -> _Value:
    """One member of a JSON column. A text that only looks like a number or a date is one; any other gives NULL, no error."""
    json = SQL("({} -> {})").format(SQL(document), key)
    text = SQL("({} ->> {})").format(SQL(document), key)
    number = SQL(
        "CASE jsonb_typeof({json}) WHEN 'number' THEN {json}::numeric WHEN 'string' THEN"
        " CASE WHEN {text} ~ '^-?[0-9]{{1,20}}([.][0-9]{{1,20}})?$' THEN {text}::numeric END END"
    ).format(json=json, text=text)
    instant = SQL(
        "CASE WHEN {text} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}"
        "([T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}([.][0-9]{{1,6}})?)?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?)?$' THEN"
        " CASE WHEN pg_input_is_valid({text}, 'timestamptz') THEN {text}::timestamptz END END"
    ).format(text=text)
    return _Value(text, number, instant, json)


class _Compiler(ABC):
    """What both forms share: everything but the conditions about events, which each form writes in its own way."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.parameters: dict[str, Any] = {}
        self.reads_contact = False

    def bind(self, value: Any) -> Placeholder:
        name = f"{self.prefix}_{len(self.parameters) + 1}"
        self.parameters[name] = value
        return Placeholder(name)

    def text(self, value: str) -> Composed:
        return SQL("{}::text").format(self.bind(value))

    def window(self, duration: tree.Duration | None) -> Composed | None:
        return None if duration is None else self.span(duration)

    def span(self, duration: tree.Duration) -> Composed:
        """An interval in seconds, which no daylight saving stretches."""
        return SQL("make_interval(secs => {}::integer)").format(self.bind(duration.seconds))

    def rule(self, rule: tree.Rule) -> _Piece:
        match rule:
            case tree.AllOf(rules):
                return _joined([self.rule(each) for each in rules], SQL(" AND "), stands_when=SQL("{}"))
            case tree.AnyOf(rules):
                return _joined([self.rule(each) for each in rules], SQL(" OR "), stands_when=SQL("NOT {}"))
            case tree.Not(inner):
                piece = self.rule(inner)
                return _Piece(SQL("NOT {}").format(piece.condition), piece.changes)
            case tree.Attribute(name, test):
                self.reads_contact = True
                value = _COLUMNS.get(name) or _json_value("contact.attributes", self.text(name))
                return self.test(value, test)
            case tree.OnList(slug):
                return _Piece(_ON_LIST.format(self.text(slug)))
            case tree.InSegment(slug, inner):
                return _Piece(_IN_SEGMENT.format(self.text(slug))) if inner is None else self.rule(inner)
            case tree.Consent(purpose, channel, act):
                return _Piece(_CONSENT.format(self.text(purpose), self.text(channel), self.text(act)))
            case tree.Happened():
                return self.happened(rule)
            case tree.Total():
                return self.total(rule)
            case tree.Latest():
                return self.latest(rule)
            case _:
                assert_never(rule)

    @abstractmethod
    def happened(self, rule: tree.Happened) -> _Piece:
        """How often something happened."""

    @abstractmethod
    def total(self, rule: tree.Total) -> _Piece:
        """The sum of a property."""

    @abstractmethod
    def latest(self, rule: tree.Latest) -> _Piece:
        """When something happened last."""

    def filter(self, each: tree.Filter) -> Composable:
        """One test of a property of the alias `event`. Time cannot change it: `parse` refuses ages here."""
        return self.test(_json_value("event.properties", self.text(each.property)), each.test).condition

    def test(self, value: _Value, test: tree.Test) -> _Piece:
        match test:
            case tree.Is(wanted):
                return _Piece(self.equal(value, wanted))
            case tree.IsNot(wanted):
                return _Piece(SQL("NOT {}").format(self.equal(value, wanted)))
            case tree.OneOf(values):
                if isinstance(values[0], str):
                    return _Piece(
                        _known(SQL("{} = ANY({}::text[])").format(value.text, self.bind(list(values))))
                    )
                return _Piece(
                    _known(SQL("{} = ANY({}::numeric[])").format(value.number, self.bind(list(values))))
                )
            case tree.Contains(text):
                return _Piece(self.contains(value, text))
            case tree.Bound():
                return _Piece(_known(self.bound(value.number, test)))
            case tree.Dated(side, instant):
                compared = _BEFORE if side == "before" else _AFTER
                return _Piece(_known(compared.format(value.instant, self.bind(instant))))
            case tree.Aged(side, age):
                return self.aged(value.instant, side, self.span(age))
            case tree.IsSet(expected):
                is_set = SQL("(coalesce({}, '') NOT IN ('', '[]'))").format(value.text)
                return _Piece(is_set if expected else SQL("NOT {}").format(is_set))
            case _:
                assert_never(test)

    def equal(self, value: _Value, wanted: tree.Scalar) -> Composed:
        """Equality that is false for a missing value; in a form whose share of rows PostgreSQL can estimate."""
        if isinstance(wanted, Decimal):
            return _known(SQL("{} = {}::numeric").format(value.number, self.bind(wanted)))
        text = wanted if isinstance(wanted, str) else str(wanted).lower()
        return SQL("({value} IS NOT NULL AND {value} = {text})").format(
            value=value.text, text=self.text(text)
        )

    def contains(self, value: _Value, text: str) -> Composed:
        inside = SQL("position(lower({} COLLATE pg_c_utf8) IN lower({} COLLATE pg_c_utf8)) > 0")
        in_text = inside.format(self.text(text), value.text)
        if value.json is None:
            return _known(in_text)
        in_list = SQL("{} ? {}").format(value.json, self.text(text))
        either = SQL("CASE jsonb_typeof({}) WHEN 'array' THEN {} WHEN 'string' THEN {} END")
        return _known(either.format(value.json, in_list, in_text))

    def bound(self, number: Composable, bound: tree.Bound) -> Composed:
        return SQL("{} {} {}::numeric").format(number, _SIGNS[bound.order], self.bind(bound.number))

    def aged(self, instant: Composable, side: str, age: Composable) -> _Piece:
        parts = {"instant": instant, "age": age}
        condition = _LONG_AGO if side == "more_than_ago" else _LATELY
        return _Piece(_known(condition.format(**parts)), _AGES_AT.format(**parts))

    def happening(self, name: str, where: tuple[tree.Filter, ...]) -> Composed:
        """The rows of the alias `event` that a condition is about, apart from whose they are and when."""
        filters: list[Composable] = [SQL(" AND {}").format(self.filter(each)) for each in where]
        if tree.leaves_machines_out(name, where):
            filters.append(_BY_PEOPLE)
        return SQL("event.workspace_id = %(workspace_id)s AND event.name = {}{}").format(
            self.text(name), SQL("").join(filters)
        )


class _Probes(_Compiler):
    """Conditions about events as probes of the index for one contact. When they change is not asked."""

    def happened(self, rule: tree.Happened) -> _Piece:
        theirs, span = self.theirs(rule.event, rule.where), self.window(rule.within)
        conditions: list[Composable] = []
        if rule.least > 0:
            conditions.append(self.at_least(rule.least, theirs, span))
        if rule.most is not None:
            conditions.append(SQL("NOT {}").format(self.at_least(rule.most + 1, theirs, span)))
        return _Piece(_all(conditions))

    def total(self, rule: tree.Total) -> _Piece:
        theirs, span = self.theirs(rule.event, rule.where), self.window(rule.within)
        number = _json_value("event.properties", self.text(rule.property)).number
        amount = SQL("(SELECT coalesce(sum({}), 0) {} AND {})").format(number, theirs, _period(span))
        return _Piece(_all([self.bound(amount, bound) for bound in rule.bounds]))

    def latest(self, rule: tree.Latest) -> _Piece:
        theirs = self.theirs(rule.event, rule.where)
        conditions: list[Composable] = [self.at_least(1, theirs, self.window(rule.less_than_ago))]
        if rule.more_than_ago is not None:
            recently = self.at_least(1, theirs, self.span(rule.more_than_ago))
            conditions.append(SQL("NOT {}").format(recently))
        return _Piece(_all(conditions))

    def theirs(self, name: str, where: tuple[tree.Filter, ...]) -> Composed:
        return SQL("FROM events_event AS event WHERE event.contact_id = contact.id AND {}").format(
            self.happening(name, where)
        )

    def at_least(self, count: int, theirs: Composable, span: Composable | None) -> Composed:
        """True as soon as so many rows are found: the index is read no further."""
        skipped = SQL(" OFFSET {}::integer").format(self.bind(count - 1)) if count > 1 else SQL("")
        return SQL("EXISTS (SELECT {} AND {}{})").format(theirs, _period(span), skipped)


def _compiled(probes: _Probes, condition: Composable) -> Compiled:
    return Compiled(Composed([condition]), probes.parameters, probes.reads_contact)


class _Facts(_Compiler):
    """Conditions about events over joined facts: how many or how much, the row whose leaving counts, what is to come."""

    def __init__(self, prefix: str, *, of_everybody: bool) -> None:
        super().__init__(prefix)
        self.of_everybody = of_everybody
        self.joins: list[Composed] = []

    def happened(self, rule: tree.Happened) -> _Piece:
        span = self.window(rule.within)
        facts = self.join(rule.event, rule.where, span, amount=SQL("count(*)"), edge=self.edge(rule))
        conditions: list[Composable] = []
        if rule.least > 0:
            # Not coalesce: so PostgreSQL knows that NULL means no, and may make the join an inner one.
            known = SQL("({facts}.amount IS NOT NULL AND {facts}.amount >= {least}::integer)")
            conditions.append(known.format(facts=facts, least=self.bind(rule.least)))
        if rule.most is not None:
            conditions.append(
                SQL("coalesce({}.amount, 0) <= {}::integer").format(facts, self.bind(rule.most))
            )
        return _Piece(_all(conditions), _turns(facts, [] if span is None else [span]))

    def total(self, rule: tree.Total) -> _Piece:
        span = self.window(rule.within)
        number = _json_value("event.properties", self.text(rule.property)).number
        facts = self.join(rule.event, rule.where, span, amount=SQL("sum({})").format(number), edge=_OLDEST)
        amount = SQL("coalesce({}.amount, 0)").format(facts)
        conditions = [self.bound(amount, bound) for bound in rule.bounds]
        return _Piece(_all(conditions), _turns(facts, [] if span is None else [span]))

    def latest(self, rule: tree.Latest) -> _Piece:
        less = self.window(rule.less_than_ago)
        facts = self.newest(rule.event, rule.where, less)
        conditions: list[Composable] = [SQL("{}.edge_at IS NOT NULL").format(facts)]
        spans = [] if less is None else [less]
        if rule.more_than_ago is not None:
            spans.append(self.span(rule.more_than_ago))
            conditions.append(SQL("{}.edge_at <= %(now)s::timestamptz - {}").format(facts, spans[-1]))
        return _Piece(_all(conditions), _turns(facts, spans))

    def newest(self, name: str, where: tuple[tree.Filter, ...], span: Composable | None) -> Composable:
        """Join the newest event and the next one alone (edge_at, next_at); return the alias."""
        if self.of_everybody:
            return self.join(name, where, span, amount=SQL("count(*)"), edge=_NEWEST)
        return self.joined(_NEWEST_OF_ONE, name, where, span)

    def edge(self, rule: tree.Happened) -> Composable:
        """The event whose leaving the window turns the truth: the n-th newest, where n events are just enough.

        For everybody the oldest is early enough, and needs no sorting.
        """
        steps = [step for step in (rule.least, rule.most + 1 if rule.most is not None else 0) if step > 0]
        if steps == [1]:
            return _NEWEST
        if self.of_everybody:
            return _OLDEST
        return _earliest([_NTH_NEWEST.format(self.bind(step)) for step in steps])

    def join(
        self,
        name: str,
        where: tuple[tree.Filter, ...],
        span: Composable | None,
        *,
        amount: Composable,
        edge: Composable,
    ) -> Composable:
        """Join the facts of one condition (amount, edge_at, next_at); return the alias."""
        form = _FACTS_OF_EVERYBODY if self.of_everybody else _FACTS_OF_ONE
        return self.joined(form, name, where, span, amount=amount, edge=edge)

    def joined(
        self,
        form: SQL,
        name: str,
        where: tuple[tree.Filter, ...],
        span: Composable | None,
        **parts: Composable,
    ) -> Composable:
        facts = SQL(f"{self.prefix}_log_{len(self.joins) + 1}")
        since = TRUE if span is None else _SINCE.format(span)
        happening = self.happening(name, where)
        self.joins.append(form.format(facts=facts, since=since, happening=happening, **parts))
        return facts


def _turns(facts: Composable, spans: Sequence[Composable]) -> Composable:
    """When time may turn a condition: an event to come counts, or the edge grows too old."""
    ages = [_IF_TO_COME.format(SQL("{}.edge_at + {}").format(facts, span)) for span in spans]
    return _earliest([SQL("{}.next_at").format(facts), *ages])


def _joined(pieces: Sequence[_Piece], word: SQL, *, stands_when: SQL) -> _Piece:
    """Several conditions in one. Those that time cannot change may settle it: then nothing else matters."""
    condition = SQL("({})").format(word.join(piece.condition for piece in pieces))
    moving = [piece.changes for piece in pieces if piece.changes is not None]
    if not moving:
        return _Piece(condition)
    still = [stands_when.format(piece.condition) for piece in pieces if piece.changes is None]
    if not still:
        return _Piece(condition, _earliest(moving))
    guarded = SQL("CASE WHEN {} THEN {} END").format(SQL(" AND ").join(still), _earliest(moving))
    return _Piece(condition, guarded)


def _all(conditions: Sequence[Composable]) -> Composable:
    return conditions[0] if len(conditions) == 1 else SQL("({})").format(SQL(" AND ").join(conditions))


def _earliest(instants: Sequence[Composable]) -> Composable:
    return instants[0] if len(instants) == 1 else SQL("LEAST({})").format(SQL(", ").join(instants))


def _known(condition: Composable) -> Composed:
    """A comparison that is false, not NULL, for a missing value."""
    return SQL("coalesce({}, false)").format(condition)


def _period(span: Composable | None) -> Composable:
    """From the window's edge, which is outside, up to now."""
    return _UNTIL_NOW if span is None else SQL("{} AND {}").format(_SINCE.format(span), _UNTIL_NOW)


_SIGNS: Mapping[tree.Order, SQL] = {
    tree.Order.IS: SQL("="),
    tree.Order.AT_LEAST: SQL(">="),
    tree.Order.AT_MOST: SQL("<="),
    tree.Order.MORE_THAN: SQL(">"),
    tree.Order.LESS_THAN: SQL("<"),
}
_BY_PEOPLE = SQL(" AND (event.properties ->> 'machine') IS DISTINCT FROM 'true'")
_UNTIL_NOW = SQL("event.at <= %(now)s::timestamptz")
_SINCE = SQL("event.at > %(now)s::timestamptz - {}")
_OLDEST = SQL("min(event.at) FILTER (WHERE event.at <= %(now)s::timestamptz)")
_NEWEST = SQL("max(event.at) FILTER (WHERE event.at <= %(now)s::timestamptz)")
_NTH_NEWEST = SQL(
    "(array_agg(event.at ORDER BY event.at DESC) FILTER (WHERE event.at <= %(now)s::timestamptz))[{}::integer]"
)
_BEFORE = SQL("{} < {}::timestamptz")
_AFTER = SQL("{} > {}::timestamptz")
_LONG_AGO = SQL("{instant} <= %(now)s::timestamptz - {age}")
_LATELY = SQL("({instant} > %(now)s::timestamptz - {age} AND {instant} <= %(now)s::timestamptz)")
_IF_TO_COME = SQL("CASE WHEN {0} > %(now)s::timestamptz THEN {0} END")
_AGES_AT = SQL(
    "CASE WHEN {instant} > %(now)s::timestamptz THEN {instant}"
    " WHEN {instant} + {age} > %(now)s::timestamptz THEN {instant} + {age} END"
)
_ON_LIST = SQL(
    "EXISTS (SELECT FROM contacts_listmember AS listed JOIN contacts_list AS list ON list.id = listed.list_id"
    " WHERE listed.workspace_id = %(workspace_id)s AND listed.contact_id = contact.id"
    " AND list.workspace_id = %(workspace_id)s AND list.slug = {})"
)
_IN_SEGMENT = SQL(
    "EXISTS (SELECT FROM audiences_member AS member JOIN audiences_segment AS segment"
    " ON segment.id = member.segment_id"
    " WHERE member.workspace_id = %(workspace_id)s AND member.contact_id = contact.id"
    " AND segment.workspace_id = %(workspace_id)s AND segment.slug = {})"
)
_CONSENT = SQL(
    "EXISTS (SELECT FROM consent_state AS state JOIN consent_purpose AS purpose ON purpose.id = state.purpose_id"
    " WHERE state.workspace_id = %(workspace_id)s AND state.contact_id = contact.id"
    " AND purpose.workspace_id = %(workspace_id)s AND purpose.code = {} AND state.channel IN ({}, 'any') AND state.act = {})"
)
_AGGREGATES = (
    " {amount} FILTER (WHERE event.at <= %(now)s::timestamptz) AS amount,"
    " {edge} AS edge_at,"
    " min(event.at) FILTER (WHERE event.at > %(now)s::timestamptz) AS next_at"
    " FROM events_event AS event WHERE {happening} AND {since}"
)
_FACTS_OF_EVERYBODY = SQL(
    f"LEFT JOIN (SELECT event.contact_id,{_AGGREGATES}"
    " AND event.contact_id > %(after)s::uuid AND event.contact_id <= %(until)s::uuid"
    " GROUP BY event.contact_id) AS {facts}"
    " ON {facts}.contact_id = contact.id"
)
# Newest first, and no further than the first one found: however many months the log has, few of them are looked at.
_NEWEST_OF_ONE = SQL(
    "CROSS JOIN LATERAL (SELECT"
    " (SELECT event.at FROM events_event AS event WHERE {happening} AND {since} AND event.contact_id = contact.id"
    " AND event.at <= %(now)s::timestamptz ORDER BY event.at DESC LIMIT 1) AS edge_at,"
    " (SELECT event.at FROM events_event AS event WHERE {happening} AND event.contact_id = contact.id"
    " AND event.at > %(now)s::timestamptz ORDER BY event.at LIMIT 1) AS next_at) AS {facts}"
)
_FACTS_OF_ONE = SQL(
    f"CROSS JOIN LATERAL (SELECT{_AGGREGATES} AND event.contact_id = contact.id) AS {{facts}}"
)
