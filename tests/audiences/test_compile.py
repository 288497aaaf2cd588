"""Compiled rules mean what the tree says: compared with a plain evaluator, for random rules, people and instants."""

import json
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL

from parcours.accounts.models import Workspace
from parcours.audiences import language
from parcours.audiences.language import Rule, SegmentWord, Vocabulary, tree
from parcours.kernel import sql
from tests.audiences import crowd
from tests.audiences.evaluator import Happening, Person, is_true, turning_ages, turning_points

NOW = crowd.NOW
PEOPLE = crowd.crowd(20260310, 60)
DURATIONS = st.sampled_from(["30m", "1h", "24h", "7d", "30d", "90d", "13w"])
NUMBERS = st.sampled_from([-3, 0, 10, 12.5, 49.5, 50, 100])
TEXTS = st.sampled_from(["Lyon", "LYON", "5", "é", "o'Neil", "%", "true", "vip"])
DATES = st.sampled_from(["2026-03-05", "2026-03-10T09:59:00Z", "2025-12-01 00:00", "2026-03-10T12:00+02:00"])


def one_key(keys: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(st.sampled_from(keys), values).map(lambda pair: {pair[0]: pair[1]})


BOUNDS = one_key(["is", "at_least", "at_most", "more_than", "less_than"], NUMBERS)
TESTS = st.one_of(
    one_key(["is", "is_not"], st.one_of(TEXTS, NUMBERS, st.booleans())),
    one_key(["one_of"], st.one_of(st.lists(TEXTS, min_size=1), st.lists(NUMBERS, min_size=1))),
    one_key(["contains"], TEXTS),
    one_key(["at_least", "at_most", "more_than", "less_than"], NUMBERS),
    one_key(["before", "after"], DATES),
    one_key(["is_set"], st.booleans()),
)
AGES = one_key(["more_than_ago", "less_than_ago"], DURATIONS)
FILTERS = st.lists(
    st.tuples(st.sampled_from(["total", "kind", "when", "none", "machine"]), TESTS).map(
        lambda two: {"property": two[0], **two[1]}
    ),
    min_size=1,
    max_size=2,
)
COUNTS = st.sampled_from(
    [
        {"at_least": 1},
        {"at_least": 2},
        {"is": 1},
        {"at_most": 1},
        {"more_than": 1, "at_most": 3},
        {"less_than": 2},
        {"is": 0},
    ]
)
EVENT = st.fixed_dictionaries({"event": st.sampled_from(crowd.EVENTS)}, optional={"where": FILTERS})


def both(left: st.SearchStrategy[Any], right: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(left, right).map(lambda two: {**two[0], **two[1]})


WINDOW = st.one_of(st.just({}), one_key(["within"], DURATIONS))
LATEST = st.one_of(AGES, st.just({"more_than_ago": "1h", "less_than_ago": "30d"}))
LEAVES = st.one_of(
    both(
        st.sampled_from([{"attribute": name} for name in ("city", "age", "birthday", "tags", "vip", "none")]),
        TESTS,
    ),
    both(st.sampled_from([{"attribute": name} for name in ("birthday", "created_at")]), AGES),
    both(st.sampled_from([{"attribute": name} for name in ("email", "language", "source")]), TESTS),
    st.sampled_from([{"list": slug} for slug in crowd.LISTS]),
    st.sampled_from([{"segment": "known"}]),
    st.sampled_from([{"consent": "promotions"}, {"consent": "advice", "channel": "email", "is": "objected"}]),
    both(
        both(EVENT, WINDOW),
        st.one_of(st.just({}), st.just({"never": True}), COUNTS.map(lambda count: {"count": count})),
    ),
    both(both(EVENT, WINDOW), BOUNDS.map(lambda bound: {"sum": "total", **bound})),
    both(EVENT, LATEST.map(lambda last: {"last": last})),
)
RULES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda rules: {"all": rules}),
        st.lists(inner, min_size=1, max_size=3).map(lambda rules: {"any": rules}),
        inner.map(lambda rule: {"not": rule}),
    ),
    max_leaves=6,
)
INSTANTS = st.one_of(
    st.integers(-2000, 900).map(lambda hours: NOW + timedelta(hours=hours)),
    st.sampled_from(
        [event.at + timedelta(hours=age) for p in PEOPLE for event in p.events for age in (0, 1, 24, 2160)]
    ),
)
KNOWN = language.parse({"event": "Order Completed", "within": "30d"})
WORDS = Vocabulary(segments={"known": SegmentWord("Known", KNOWN)})
Judged: TypeAlias = dict[UUID, tuple[bool, datetime | None]]
OFTEN = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def people(in_workspace: Workspace) -> int:
    crowd.store(in_workspace.id, PEOPLE)
    return in_workspace.id


def covered(workspace_id: int, rule: Rule, now: datetime) -> set[UUID]:
    """Those for whom the condition is true; only their ids are at hand when it says that it needs no more."""
    compiled = language.compile(rule, "p")
    query = SQL(
        "SELECT contact.id, {} AS inside, NULL::timestamptz AS changes_at FROM (SELECT {} FROM contacts_contact AS mine"
        " WHERE mine.workspace_id = %(workspace_id)s) AS contact"
    ).format(compiled.condition, SQL("mine.*" if compiled.reads_contact else "mine.id"))
    found = read(query, compiled.parameters, workspace_id, now)
    assert None not in {inside for inside, _changes in found.values()}
    return {each for each, (inside, _changes) in found.items() if inside}


def judged(workspace_id: int, rule: Rule, now: datetime, *, of_everybody: bool) -> Judged:
    """The truth and its next change for everybody."""
    compiled = language.compile_judgement(rule, "p", of_everybody=of_everybody)
    query = SQL(
        "SELECT contact.id, {} AS inside, {} AS changes_at FROM contacts_contact AS contact {}"
        " WHERE contact.workspace_id = %(workspace_id)s"
    ).format(compiled.condition, compiled.changes_at, compiled.joins)
    return read(query, compiled.parameters, workspace_id, now)


def read(query: Any, parameters: Any, workspace_id: int, now: datetime) -> Judged:
    found = sql.records(query, {**parameters, "workspace_id": workspace_id, "now": now})
    return {row["id"]: (row["inside"], row["changes_at"]) for row in found}


def is_steady(rule: Rule, person: Person, now: datetime, until: datetime | None) -> bool:
    """Nothing changes after now and before `until`."""
    truth = is_true(rule, person, now)
    return all(
        is_true(rule, person, instant) is truth
        for instant in turning_points(rule, person)
        if instant > now and (until is None or instant < until)
    )


@OFTEN
@given(data=RULES, now=INSTANTS)
def test_compiled_rule_means_what_the_tree_says(people: int, data: Any, now: datetime) -> None:
    rule = language.resolve(language.parse(data), WORDS)
    expected = {person.id: is_true(rule, person, now) for person in PEOPLE}
    assert covered(people, rule, now) == {each for each, inside in expected.items() if inside}
    for of_everybody in (False, True):
        found = judged(people, rule, now, of_everybody=of_everybody)
        assert {each: inside for each, (inside, _changes) in found.items()} == expected


@OFTEN
@given(data=RULES, now=INSTANTS)
def test_truth_is_constant_until_it_may_change(people: int, data: Any, now: datetime) -> None:
    rule = language.resolve(language.parse(data), WORDS)
    for of_everybody in (False, True):
        found = judged(people, rule, now, of_everybody=of_everybody)
        for person in PEOPLE:
            _inside, changes_at = found[person.id]
            assert changes_at is None or changes_at > now
            assert is_steady(rule, person, now, changes_at)


@pytest.mark.parametrize(
    ("data", "hours"),
    [
        ({"event": "Bought", "within": "90d"}, 88 * 24),
        ({"event": "Bought", "within": "90d", "count": {"at_least": 2}}, 80 * 24),
        ({"event": "Bought", "within": "90d", "count": {"at_least": 4}}, None),
        ({"event": "Bought", "within": "90d", "count": {"is": 2}}, 50 * 24),
        ({"event": "Bought", "last": {"more_than_ago": "60d"}}, 58 * 24),
        ({"event": "Bought", "last": {"more_than_ago": "1d"}}, None),
        ({"event": "Bought", "count": {"at_least": 2}}, None),
        ({"event": "Bought", "sum": "total", "at_least": 10, "within": "90d"}, 50 * 24),
        ({"attribute": "created_at", "less_than_ago": "7d"}, 24),
        ({"all": [{"list": "vip"}, {"event": "Bought", "within": "90d"}]}, None),
        ({"any": [{"not": {"list": "vip"}}, {"event": "Bought", "within": "90d"}]}, None),
        ({"any": [{"list": "vip"}, {"event": "Bought", "within": "90d"}]}, 88 * 24),
    ],
)
def test_change_is_foreseen_exactly_for_one_person(
    in_workspace: Workspace, data: Any, hours: int | None
) -> None:
    alice = Person(id=UUID(int=1), created_at=NOW - timedelta(days=6))
    alice.events = [Happening("Bought", NOW - timedelta(days=days), {"total": 9}) for days in (2, 10, 40)]
    crowd.store(in_workspace.id, [alice])
    rule = language.parse(data)
    _inside, changes_at = judged(in_workspace.id, rule, NOW, of_everybody=False)[alice.id]
    assert changes_at == (None if hours is None else NOW + timedelta(hours=hours))
    _inside, sooner = judged(in_workspace.id, rule, NOW, of_everybody=True)[alice.id]
    assert is_steady(rule, alice, NOW, sooner)
    assert sooner == changes_at or (sooner is not None and (changes_at is None or NOW < sooner < changes_at))


@pytest.mark.parametrize("window", ["30m", "24h", "7d", "13w"])
@pytest.mark.parametrize(
    "rule",
    [
        {"within": "{}"},
        {"within": "{}", "count": {"at_most": 1}},
        {"last": {"less_than_ago": "{}"}},
        {"sum": "n", "more_than": 0, "within": "{}"},
    ],
)
def test_event_leaves_its_window_at_the_very_edge(in_workspace: Workspace, rule: Any, window: str) -> None:
    data = json.loads(json.dumps({"event": "Bought", **rule}).replace("{}", window))
    parsed = language.parse(data)
    age = next(iter(turning_ages(parsed)))
    alice = Person(id=UUID(int=1), created_at=NOW)
    alice.events = [Happening("Bought", NOW - age, {"n": 1}), Happening("Bought", NOW - 2 * age, {"n": 1})]
    crowd.store(in_workspace.id, [alice])
    for instant in (NOW - timedelta(microseconds=1), NOW):
        expected = is_true(parsed, alice, instant)
        assert (alice.id in covered(in_workspace.id, parsed, instant)) is expected
        for of_everybody in (False, True):
            assert (
                judged(in_workspace.id, parsed, instant, of_everybody=of_everybody)[alice.id][0] is expected
            )


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"property": "kind", "is_set": True}, {"property": "when", "is_set": True}],
        [{"property": "machine", "is": True}],
    ],
)
@pytest.mark.parametrize("name", ["Order Completed", "Email Opened"])
def test_events_are_meant_as_a_rule_means_them(people: int, name: str, data: Any) -> None:
    where = language.parse_filters(data) if data else ()
    compiled = language.compile_event(name, where, "w")
    query = SQL("SELECT count(*) FROM events_event AS event WHERE {}").format(compiled.condition)
    found = sql.scalar(query, {**compiled.parameters, "workspace_id": people})
    rule = tree.Happened(name, tree.ONCE, None, where)
    expected = sum(
        is_true(rule, Person(person.id, NOW, events=[event]), event.at)
        for person in PEOPLE
        for event in person.events
    )
    assert found == expected > 0


@pytest.mark.parametrize("name", ["Email Opened", "Email Link Clicked"])
def test_machine_acts_for_nobody_unless_the_rule_asks(in_workspace: Workspace, name: str) -> None:
    scanned, reader = (Person(id=UUID(int=number), created_at=NOW) for number in (1, 2))
    scanned.events = [Happening(name, NOW, {"machine": True}), Happening("Order Completed", NOW)]
    reader.events = [Happening(name, NOW, {"machine": True}), Happening(name, NOW, {"machine": False})]
    crowd.store(in_workspace.id, [scanned, reader])
    for data, expected in (
        ({"event": name}, {reader.id}),
        ({"event": name, "never": True}, {scanned.id}),
        ({"event": name, "last": {"less_than_ago": "7d"}}, {reader.id}),
        ({"event": name, "where": [{"property": "machine", "is": True}]}, {scanned.id, reader.id}),
        (
            {"event": name, "where": [{"property": "machine", "is_set": True}], "count": {"is": 2}},
            {reader.id},
        ),
    ):
        rule = language.parse(data)
        assert covered(in_workspace.id, rule, NOW) == expected
        for of_everybody in (False, True):
            found = judged(in_workspace.id, rule, NOW, of_everybody=of_everybody)
            assert {each for each, (inside, _changes) in found.items() if inside} == expected


def test_reference_that_was_not_looked_up_reads_memberships(people: int) -> None:
    assert covered(people, tree.InSegment("nowhere"), NOW) == set()
