"""The walk: people go on in cohorts until they wait, change or leave, and every step is told."""

from datetime import timedelta

from parcours.accounts.models import AuditEntry
from parcours.contacts.models import Contact, List, ListMember
from parcours.delivery.models import Mailing
from parcours.journeys.models import Journey
from tests.journeys.shop import SEND, Shop

DAY = timedelta(days=1)
TWICE = {"event": "Order Completed", "count": {"at_least": 2}}


def test_walk_passes_all_nodes_up_to_the_wait_in_one_go(shop: Shop) -> None:
    shop.publish(
        {"a": {"send": SEND, "next": "b"}, "b": {"wait": "7d", "next": "c"}, "c": {"exit": "done"}}, "a"
    )
    marc = shop.person("marc@example.com")
    shop.happens(marc, order_id="A1")
    assert shop.enter() == 1
    assert shop.tick() == 1
    assert shop.paths() == [["a:queued"]]
    [run] = shop.runs()
    assert (run.due_at, run.finished_at) == (shop.now + 7 * DAY, None)
    assert shop.tick(shop.now + 7 * DAY - timedelta(seconds=1)) == 0
    assert shop.tick(shop.now + 7 * DAY) == 2
    assert shop.paths() == [["a:queued", "b:waited", "c:exit"]]
    [run] = shop.runs()
    assert (run.due_at, run.finished_at) == (None, shop.now + 7 * DAY)
    assert shop.happened("Journey Entered") == [{"journey": "j"}]
    assert shop.happened("Journey Finished") == [{"journey": "j", "reason": "done"}]


def test_large_journey_leaves_the_rest_for_its_next_turn(shop: Shop) -> None:
    """Each version has moved by then, a new one behind a large one too; what is left is due as before."""
    for slug in ("large", "new"):
        shop.publish({"a": {"exit": "done"}}, "a", slug=slug)
    for _ in range(3):
        shop.happens(shop.person(), order_id="A1")
    assert shop.enter() == 6
    assert shop.tick(limit=1, patience=0) == 2
    finished = [run.version_id for run in shop.runs() if run.finished_at]
    assert len(set(finished)) == 2
    assert shop.tick(limit=1, patience=60) == 4
    assert shop.tick() == 0


def test_message_names_its_run_its_step_and_its_event(shop: Shop) -> None:
    version = shop.publish({"a": {"send": SEND}}, "a")
    marc = shop.person("marc@example.com")
    shop.happens(marc, order_id="A1", at=shop.now)
    shop.enter()
    shop.tick()
    [message], [run] = shop.messages(), shop.runs()
    assert (message.run, message.contact_id, message.due_at) == (run.pk, marc, shop.now)
    assert (message.event_at, message.event_id) == (run.event_at, run.event_id)
    with shop.scope():
        mailing = Mailing.objects.get(pk=message.mailing_id)
    assert (mailing.origin, mailing.origin_id, mailing.origin_version, mailing.step) == (
        "journey",
        version.journey_id,
        1,
        "a",
    )
    assert shop.happened("Journey Finished") == [{"journey": "j", "reason": "end"}]


def test_condition_splits_the_cohort(shop: Shop) -> None:
    shop.publish(
        {
            "twice?": {"if": TWICE, "then": "yes", "else": "no"},
            "yes": {"exit": "twice"},
            "no": {"exit": "once"},
        },
        "twice?",
        entry={"event": "Order Completed", "key": "once"},
    )
    alice, bob = shop.person(), shop.person()
    for who, orders in ((alice, 2), (bob, 1)):
        for number in range(orders):
            shop.happens(who, order_id=str(number))
    shop.enter()
    shop.tick()
    ends = {run.contact_id: path for run, path in zip(shop.runs(), shop.paths(), strict=True)}
    assert ends == {alice: ["twice?:yes", "yes:exit"], bob: ["twice?:no", "no:exit"]}


def test_change_is_seen_by_the_condition_after_it(shop: Shop) -> None:
    shop.publish(
        {
            "join": {"add_to_list": "loyal", "next": "name"},
            "name": {"set": {"attribute": "stage", "value": "ambassador"}, "next": "both?"},
            "both?": {
                "if": {"all": [{"list": "loyal"}, {"attribute": "stage", "is": "ambassador"}]},
                "then": "off",
                "else": "lost",
            },
            "off": {"remove_from_list": "loyal", "next": "end"},
            "end": {"exit": "changed"},
            "lost": {"exit": "not seen"},
        },
        "join",
    )
    marc = shop.person()
    shop.happens(marc, order_id="A1")
    shop.enter()
    assert shop.tick() == 5
    assert shop.paths() == [["join:changed", "name:changed", "both?:yes", "off:changed", "end:exit"]]
    with shop.scope():
        assert not ListMember.objects.exists()
        assert Contact.objects.get(pk=marc).attributes == {"stage": "ambassador"}
    assert shop.happened("List Joined") == [{"list": "loyal"}]
    assert shop.happened("List Left") == [{"list": "loyal"}]


def test_wait_counts_from_when_it_was_reached(shop: Shop) -> None:
    shop.publish(
        {"a": {"wait": "1d", "next": "b"}, "b": {"wait": "1d", "next": "c"}, "c": {"exit": "done"}}, "a"
    )
    shop.happens(shop.person(), order_id="A1")
    shop.enter()
    late = shop.now + 5 * DAY
    shop.tick(late)
    assert [run.due_at for run in shop.runs()] == [late + DAY]


def test_start_with_a_wait_waits(shop: Shop) -> None:
    shop.publish({"a": {"wait": "2h", "next": "b"}, "b": {"exit": "done"}}, "a")
    shop.happens(shop.person(), order_id="A1")
    shop.enter()
    assert shop.tick() == 0
    assert shop.tick(shop.now + timedelta(hours=2)) == 2


def test_loop_turns_once_a_wait(shop: Shop) -> None:
    shop.publish(
        {
            "wait": {"wait": "1d", "next": "back?"},
            "back?": {"if": TWICE, "then": "end", "else": "wait"},
            "end": {"exit": "came back"},
        },
        "wait",
    )
    marc = shop.person()
    shop.happens(marc, order_id="A1")
    shop.enter()
    for day in range(1, 4):
        shop.tick(shop.now + day * DAY)
    shop.happens(marc, order_id="A2", at=shop.now + 3 * DAY + timedelta(hours=1))
    shop.tick(shop.now + 4 * DAY)
    turn = ["wait:waited", "back?:no"]
    assert shop.paths() == [[*turn, *turn, *turn, "wait:waited", "back?:yes", "end:exit"]]


def test_person_who_is_gone_leaves_quietly(shop: Shop) -> None:
    shop.publish({"a": {"wait": "1d", "next": "b"}, "b": {"send": SEND}}, "a")
    marc, alice = shop.person(), shop.person()
    for who in (marc, alice):
        shop.happens(who, order_id="A1")
    shop.enter()
    with shop.scope():
        Contact.objects.filter(pk=marc).delete()
    shop.tick(shop.now + DAY)
    assert shop.paths() == [["a:gone"], ["a:waited", "b:queued"]]
    assert [message.contact_id for message in shop.messages()] == [alice]
    assert all(run.finished_at for run in shop.runs())


def test_small_batches_come_to_the_same(shop: Shop) -> None:
    shop.publish({"a": {"add_to_list": "loyal", "next": "b"}, "b": {"exit": "done"}}, "a")
    for _ in range(7):
        shop.happens(shop.person(), order_id="A1")
    assert shop.enter() == 7
    assert shop.tick(limit=2) == 14
    assert shop.paths() == [["a:changed", "b:exit"]] * 7


def test_journey_that_fails_is_paused_with_its_reason_and_others_go_on(shop: Shop) -> None:
    shop.publish({"a": {"add_to_list": "loyal", "next": "b"}, "b": {"exit": "done"}}, "a", slug="poisoned")
    shop.publish({"a": {"exit": "done"}}, "a", slug="sound")
    shop.happens(shop.person(), order_id="A1")
    shop.enter()
    with shop.scope():
        List.objects.filter(slug="loyal").delete()
    assert shop.tick() == 1
    assert shop.tick() == 0
    with shop.scope():
        states = dict(Journey.objects.values_list("slug", "state"))
        assert states == {"poisoned": "paused", "sound": "published"}
        assert "loyal" in Journey.objects.get(slug="poisoned").trouble
        assert AuditEntry.objects.filter(action="halted", subject_id="poisoned").count() == 1
    assert [path for path in shop.paths() if path] == [["a:exit"]]


def test_run_of_a_version_finishes_on_it(shop: Shop) -> None:
    shop.publish({"a": {"wait": "1d", "next": "b"}, "b": {"exit": "old"}}, "a")
    shop.happens(shop.person(), order_id="A1")
    shop.enter()
    shop.publish({"z": {"exit": "new"}}, "z")
    shop.happens(shop.person(), order_id="A2")
    shop.enter()
    shop.tick(shop.now + DAY)
    assert shop.paths() == [["a:waited", "b:exit"], ["z:exit"]]
