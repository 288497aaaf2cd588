"""Segments as people edit them and as workers keep them: built, refreshed from events, rechecked in time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from parcours.accounts.models import AuditEntry, Workspace
from parcours.audiences import actions, evaluation, language, queries
from parcours.audiences.errors import PreviewTooSlow, RuleInvalid, SegmentExists, SegmentInUse
from parcours.audiences.models import Recheck, Segment
from parcours.audiences.types import Outcome
from parcours.contacts.models import List
from parcours.contacts.types import Person
from parcours.events import actions as events
from parcours.events import people
from parcours.events.types import NewEvent
from parcours.kernel import sql
from parcours.kernel.errors import NotFound
from tests.audiences import crowd
from tests.audiences.evaluator import is_true
from tests.audiences.shop import LEA, Shop

pytestmark = pytest.mark.django_db(transaction=True)
BUYERS = {"event": "Order Completed"}
RECENT = {"event": "Order Completed", "within": "90d"}


@pytest.fixture
def shop(workspace: Workspace, now: datetime) -> Shop:
    return Shop(workspace, now)


def test_new_segment_is_built_with_those_it_covers(shop: Shop) -> None:
    alice, bob = shop.person("alice"), shop.person("bob")
    shop.happens("Order Completed", alice)
    shop.segment("buyers", BUYERS)
    shop.work(seconds=1)
    assert shop.inside("buyers") == {alice}
    assert shop.told() == [("Segment Entered", "buyers", alice)]
    assert bob not in shop.inside("buyers")


def test_person_enters_with_an_event_and_leaves_with_time(shop: Shop) -> None:
    alice = shop.person("alice")
    shop.segment("recent", RECENT)
    shop.work(seconds=1)
    shop.happens("Order Completed", alice)
    shop.work(seconds=1)
    assert shop.inside("recent") == {alice}
    shop.work(days=90, seconds=-2)
    assert shop.inside("recent") == {alice}
    shop.work(seconds=1)
    assert shop.inside("recent") == set()
    assert shop.told() == [("Segment Entered", "recent", alice), ("Segment Left", "recent", alice)]


def test_nothing_is_told_twice_and_workers_come_to_rest(shop: Shop) -> None:
    alice = shop.person("alice")
    shop.segment("buyers", BUYERS)
    shop.happens("Order Completed", alice)
    shop.work(seconds=1)
    shop.happens("Order Completed", alice)
    shop.work(seconds=1)
    assert len(shop.told()) == 1
    assert actions.refresh(shop.id, now=shop.now) == 0
    assert actions.recheck(shop.id, now=shop.now) == 0


def test_new_contact_enters_a_segment_of_those_who_did_nothing(shop: Shop) -> None:
    shop.segment("silent", {"event": "Order Completed", "never": True})
    shop.work(seconds=1)
    alice = shop.person("alice")
    shop.work(seconds=1)
    assert shop.inside("silent") == {alice}


@pytest.mark.parametrize("rule", [{"attribute": "city", "is": "Lyon"}, {"list": "vip"}])
def test_changes_of_people_count_at_once(shop: Shop, rule: dict[str, str]) -> None:
    alice = shop.person("alice")
    with shop.scope():
        people.save_people(
            shop.id,
            [Person(email="bob@example.org", attributes={"city": "Paris"})],
            now=shop.now,
            declare=True,
        )
        List.objects.create(workspace_id=shop.id, slug="vip", name="VIP", created_at=shop.now)
    shop.segment("chosen", rule)
    shop.work(seconds=1)
    with shop.scope():
        people.save_people(
            shop.id, [Person(email="alice@example.org", attributes={"city": "Lyon"})], now=shop.now
        )
        people.add_to_list(shop.id, "vip", [alice], now=shop.now)
    shop.work(seconds=1)
    assert shop.inside("chosen") == {alice}


def test_segment_of_a_segment_follows_it(shop: Shop) -> None:
    alice, bob = shop.person("alice"), shop.person("bob")
    shop.segment("buyers", BUYERS)
    shop.segment("others", {"not": {"segment": "buyers"}})
    shop.work(seconds=1)
    assert shop.inside("others") == {alice, bob}
    shop.happens("Order Completed", alice)
    shop.work(seconds=1)
    assert shop.inside("others") == {bob}


def test_changed_rule_rebuilds_the_segment_and_those_that_refer_to_it(shop: Shop) -> None:
    alice = shop.person("alice")
    shop.segment("buyers", BUYERS)
    shop.segment("others", {"not": {"segment": "buyers"}})
    shop.work(seconds=1)
    with shop.scope():
        actions.update_segment(shop.id, "buyers", rule={"event": "Contact Created"}, actor=LEA, now=shop.now)
    shop.work(seconds=1)
    assert shop.inside("buyers") == {alice}
    assert shop.inside("others") == set()
    with shop.scope():
        assert queries.segment(shop.id, "buyers").revision == 2
        assert AuditEntry.objects.filter(subject="segment", action="changed").count() == 1


def test_merged_people_are_judged_as_one(shop: Shop) -> None:
    shop.segment("twice", {"event": "Order Completed", "count": {"at_least": 2}})
    shop.segment("once", {"event": "Order Completed", "count": {"is": 1}})
    alice, double = shop.person("alice"), shop.person("double")
    shop.happens("Order Completed", alice, double)
    shop.work(seconds=1)
    assert shop.inside("once") == {alice, double}
    with shop.scope():
        people.merge(shop.id, alice, double, now=shop.now)
    shop.work(seconds=1)
    assert shop.inside("twice") == {alice}
    assert shop.inside("once") == set()
    assert ("Segment Left", "once", double) not in shop.told()


def test_refreshed_segments_are_what_a_rebuild_gives(shop: Shop) -> None:
    rules = {
        "a": {"event": "Order Completed", "within": "30d", "count": {"at_least": 2}},
        "b": {
            "all": [
                {"attribute": "city", "is_not": "Lyon"},
                {"event": "Email Opened", "last": {"more_than_ago": "7d"}},
            ]
        },
        "c": {"event": "Order Completed", "sum": "total", "at_least": 50, "within": "13w"},
    }
    with shop.scope():
        for name, type_ in (("city", "text"), ("age", "number")):
            crowd.declare(shop.id, name, type_)
    for slug, rule in rules.items():
        shop.segment(slug, rule)
    shop.work(seconds=1)
    everyone = crowd.crowd(7, 50)
    with shop.scope():
        crowd.store(shop.id, everyone)
        events.append(
            shop.id, [NewEvent(p.id, "Contact Created", {}, at=p.created_at) for p in everyone], now=shop.now
        )
    for _ in range(4):
        shop.work(days=9)
        with shop.scope():
            for slug, rule in rules.items():
                parsed = queries.rule(shop.id, rule)
                assert shop.inside(slug) == {p.id for p in everyone if is_true(parsed, p, shop.now)}


def test_rechecks_are_taken_in_portions(shop: Shop) -> None:
    people_ = [shop.person(f"person{number}") for number in range(5)]
    shop.segment("recent", RECENT)
    shop.happens("Order Completed", *people_)
    shop.work(seconds=1)
    assert actions.recheck(shop.id, now=shop.now + timedelta(days=91), limit=2) == 5
    assert shop.inside("recent") == set()
    with shop.scope():
        assert not Recheck.objects.exists()


def test_events_to_come_count_when_their_time_has_come(shop: Shop) -> None:
    alice = shop.person("alice")
    shop.segment("buyers", BUYERS)
    with shop.scope():
        later = NewEvent(alice, "Order Completed", {}, at=shop.now + timedelta(days=2))
        events.append(shop.id, [later], now=shop.now)
    shop.work(seconds=1)
    assert shop.inside("buyers") == set()
    shop.work(days=2)
    assert shop.inside("buyers") == {alice}


def test_page_of_members_and_memberships(shop: Shop) -> None:
    alice, bob = shop.person("alice"), shop.person("bob")
    segment = shop.segment("everybody", {"event": "Contact Created"})
    shop.work(seconds=1)
    with shop.scope():
        first = queries.members(shop.id, segment.id, limit=1)
        second = queries.members(shop.id, segment.id, before=first[0].id, limit=1)
        assert [each.email for each in first + second] == ["bob@example.org", "alice@example.org"]
        assert queries.members(shop.id, segment.id, before=second[0].id) == []
        assert queries.count(shop.id, segment.id) == 2
        assert [each.slug for each in queries.memberships(shop.id, alice)] == ["everybody"]
        assert [(each.slug, each.count, each.is_built) for each in queries.list_segments(shop.id)] == [
            ("everybody", 2, True)
        ]
    assert bob in shop.inside("everybody")


def test_preview_counts_exactly_and_shows_the_newest(shop: Shop) -> None:
    everyone = [shop.person(f"person{number}") for number in range(25)]
    shop.happens("Order Completed", *everyone[1:])
    with shop.scope():
        found = queries.preview(shop.id, BUYERS, now=shop.now)
    assert found.count == 24
    assert len(found.people) == 20


def test_preview_that_takes_too_long_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_arguments: Any, **_names: Any) -> int:
        return int(sql.scalar("SELECT 1 FROM pg_sleep(5)", {}))

    monkeypatch.setattr(queries, "PREVIEW_TIME", timedelta(milliseconds=50))
    monkeypatch.setattr(evaluation, "covered", slow)
    with shop.scope():
        with pytest.raises(PreviewTooSlow):
            queries.preview(shop.id, BUYERS, now=shop.now)
        assert queries.list_segments(shop.id) == []


def test_segment_cannot_refer_to_itself(shop: Shop) -> None:
    shop.segment("a", BUYERS)
    shop.segment("b", {"segment": "a"})
    with shop.scope(), pytest.raises(RuleInvalid, match="circle"):
        actions.update_segment(shop.id, "a", rule={"not": {"segment": "b"}}, actor=LEA, now=shop.now)
    with shop.scope(), pytest.raises(RuleInvalid, match="circle"):
        actions.create_segment(shop.id, "c", "C", {"segment": "c"}, actor=LEA, now=shop.now)


def test_segment_cannot_ask_about_its_own_events(shop: Shop) -> None:
    with shop.scope(), pytest.raises(RuleInvalid, match="answer to itself"):
        actions.create_segment(shop.id, "x", "X", {"event": "Segment Left"}, actor=LEA, now=shop.now)


def test_segment_names_are_unique_and_used_ones_stay(shop: Shop) -> None:
    shop.segment("a", BUYERS)
    shop.segment("b", {"segment": "a"})
    with shop.scope(), pytest.raises(SegmentExists):
        actions.create_segment(shop.id, "a", "A", BUYERS, actor=LEA, now=shop.now)
    with shop.scope(), pytest.raises(SegmentInUse, match="B"):
        actions.delete_segment(shop.id, "a", actor=LEA, now=shop.now)
    with shop.scope():
        actions.delete_segment(shop.id, "b", actor=LEA, now=shop.now)
        actions.delete_segment(shop.id, "a", actor=LEA, now=shop.now)
        with pytest.raises(NotFound):
            queries.segment(shop.id, "a")


def many(count: int, *more: object) -> dict[str, object]:
    """A rule of so many conditions."""
    return {
        "all": [*more, *({"event": "Order Completed", "count": {"at_least": n + 1}} for n in range(count))]
    }


def change(shop: Shop, slug: str, rule: object) -> None:
    with shop.scope():
        actions.update_segment(shop.id, slug, rule=rule, actor=LEA, now=shop.now)


def test_rule_that_would_break_the_segments_above_is_refused_and_names_them(shop: Shop) -> None:
    shop.segment("base", many(90))
    shop.segment("above", many(100, {"segment": "base"}))
    shop.segment("top", {"segment": "above"})
    with pytest.raises(RuleInvalid, match=r"“Above”, “Top”.*200 conditions"):
        change(shop, "base", many(120))
    change(shop, "base", many(95))
    shop.work(seconds=1)
    assert shop.is_built("above", "top")


def test_chain_that_would_become_too_long_above_is_refused(shop: Shop) -> None:
    shop.segment("first", BUYERS)
    shop.segment("s0", BUYERS)
    for n in range(1, 5):
        shop.segment(f"s{n}", {"segment": f"s{n - 1}"})
    with pytest.raises(RuleInvalid, match="“S4”"):
        change(shop, "s0", {"not": {"segment": "first"}})


def test_segments_that_are_broken_already_stand_in_nobodys_way(shop: Shop) -> None:
    alice = shop.person("alice")
    shop.happens("Order Completed", alice)
    base = shop.segment("base", BUYERS)
    for slug in ("a", "c"):
        shop.segment(slug, many(100, {"segment": "base"}))
    shop.segment("other", RECENT)
    with shop.scope():
        Segment.objects.filter(id=base.id).update(rule=many(120))
        words = queries.vocabulary(shop.id)
        assert language.problem("base", words) is None
        assert "200 conditions" in str(language.problem("a", words))
        with pytest.raises(SegmentInUse, match=r"“A”.*“C”"):
            actions.delete_segment(shop.id, "base", actor=LEA, now=shop.now)
    change(shop, "other", BUYERS)
    change(shop, "a", {"segment": "base"})
    change(shop, "base", many(1))
    shop.work(seconds=1)
    assert shop.is_built("base", "a", "c", "other")
    assert shop.inside("a") == shop.inside("base") == {alice}
    with shop.scope():
        actions.delete_segment(shop.id, "c", actor=LEA, now=shop.now)


def test_stored_rule_that_no_longer_means_anything_stops_nobody_else(shop: Shop) -> None:
    alice = shop.person("alice")
    shop.segment("buyers", BUYERS)
    broken = shop.segment("broken", BUYERS)
    with shop.scope():
        Segment.objects.filter(id=broken.id).update(rule={"weather": "fine"})
    shop.happens("Order Completed", alice)
    shop.work(seconds=1)
    assert shop.inside("buyers") == {alice}


def test_unchanged_update_changes_nothing(shop: Shop) -> None:
    shop.segment("a", BUYERS)
    with shop.scope():
        same = actions.update_segment(shop.id, "a", name="A", rule=BUYERS, actor=LEA, now=shop.now)
        renamed = actions.update_segment(shop.id, "a", name="Buyers", actor=LEA, now=shop.now)
    assert (same.revision, renamed.revision, renamed.name) == (1, 1, "Buyers")


def test_building_goes_range_by_range_and_goes_on_where_it_was(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "PEOPLE_AT_ONCE", 2)
    everyone = [shop.person(f"p{number}") for number in range(5)]
    shop.work()
    shop.segment("buyers", BUYERS)
    shop.happens("Order Completed", *everyone[:4])
    real, judged = evaluation.judge_everybody, list[Outcome]()

    def dies_on_the_second(*arguments: Any, now: datetime) -> Outcome:
        if len(judged) == 1:
            raise OperationalError("killed")
        judged.append(real(*arguments, now=now))
        return judged[-1]

    with monkeypatch.context() as dying, pytest.raises(OperationalError):
        dying.setattr(evaluation, "judge_everybody", dies_on_the_second)
        actions.refresh(shop.id, now=shop.now)
    assert shop.inside("buyers") == set(everyone[:2])
    with shop.scope():
        assert Segment.objects.get(slug="buyers").built_revision == 0

    seen: list[Outcome] = []

    def watched(*arguments: Any, now: datetime) -> Outcome:
        seen.append(real(*arguments, now=now))
        return seen[-1]

    monkeypatch.setattr(evaluation, "judge_everybody", watched)
    shop.work()
    assert [one.judged for one in seen] == [2, 1]
    assert shop.inside("buyers") == set(everyone[:4])
    assert sorted(who for name, _, who in shop.told() if name == "Segment Entered") == sorted(everyone[:4])
    with shop.scope():
        assert Segment.objects.get(slug="buyers").built_revision == 1


def test_rule_that_changes_while_it_is_built_begins_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "PEOPLE_AT_ONCE", 1)
    first, second = shop.person("a"), shop.person("b")
    shop.work()
    shop.happens("Order Completed", first, second)
    built = shop.segment("buyers", BUYERS)
    with shop.scope():
        assert actions._build_range(shop.id, built.pk, now=shop.now) is not None
    assert shop.inside("buyers") == {first}
    with shop.scope():
        actions.update_segment(shop.id, "buyers", rule={"not": BUYERS}, actor=LEA, now=shop.now)
    shop.work()
    assert shop.inside("buyers") == set()
    assert [name for name, _, _ in shop.told()] == ["Segment Entered", "Segment Left"]


def test_event_between_two_ranges_is_not_passed_by(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "PEOPLE_AT_ONCE", 1)
    first, second = shop.person("a"), shop.person("b")
    shop.work()
    built = shop.segment("buyers", BUYERS)
    actions._build_range(shop.id, built.pk, now=shop.now)
    shop.happens("Order Completed", first, second)
    with monkeypatch.context() as busy:
        busy.setattr(actions, "_build_changed", lambda *_, now: None)
        shop.work()
    assert shop.inside("buyers") == {first, second}
    shop.work()
    assert shop.inside("buyers") == {first, second}
    assert len(shop.told()) == 2
