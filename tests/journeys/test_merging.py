"""Two contacts who prove to be one: all runs stay, and nobody goes through the same journey twice for the same reason."""

from datetime import timedelta

import pytest

from parcours.delivery.models import Message
from parcours.events import people
from parcours.journeys import merging
from parcours.journeys.models import Run
from tests.journeys.shop import SEND, Shop


def test_merge_keeps_all_runs_and_ends_the_repeated_one(shop: Shop) -> None:
    shop.publish({"a": {"wait": "1d"}}, "a")
    kept, dropped = shop.person(), shop.person()
    shop.happens(kept, order_id="both")
    for order in ("both", "mine"):
        shop.happens(dropped, order_id=order)
    shop.enter()
    later = shop.now + timedelta(hours=1)
    with shop.scope():
        merging.move(shop.workspace_id, kept, dropped, now=later)
        runs = Run.objects.order_by("id")
        assert {run.contact_id for run in runs} == {kept}
        assert [(run.entry_key, run.finished_at) for run in runs][0::2] == [("both", None), ("mine", None)]
        assert (runs[1].due_at, runs[1].finished_at) == (None, later)


ONCE = {"event": "Order Completed", "key": "once"}
WELCOME = {"a": {"send": SEND, "next": "b"}, "b": {"wait": "1d", "next": "c"}, "c": {"send": SEND}}


@pytest.mark.parametrize("kept_is", ["ahead", "behind"])
@pytest.mark.parametrize("is_sent", [False, True])
def test_person_who_was_two_gets_each_message_of_a_journey_once(
    shop: Shop, kept_is: str, is_sent: bool
) -> None:
    """Also when the one who was ahead is merged into the one behind, whose run goes on through steps that the other had passed."""
    shop.publish(WELCOME, "a", entry=ONCE)
    ahead, behind = shop.person(), shop.person()
    shop.happens(ahead)
    shop.enter()
    shop.tick()
    later = shop.now + timedelta(days=2)
    shop.tick(later)
    if is_sent:
        with shop.scope():
            Message.objects.update(state="sent", verdict="send", sent_at=later)
    shop.happens(behind)
    shop.enter(later)
    shop.tick(later)
    kept, dropped = (ahead, behind) if kept_is == "ahead" else (behind, ahead)
    with shop.scope():
        people.merge(shop.workspace_id, kept, dropped, now=later)
    for days in (2, 4):
        shop.tick(later + timedelta(days=days))
    assert all(run.finished_at and run.contact_id == kept for run in shop.runs())
    assert {one.contact_id for one in shop.messages()} == {kept}
    going = [one for one in shop.messages() if one.state in ("queued", "sent")]
    assert len({one.mailing_id for one in going}) == 2
    assert [one.state for one in going] == ["sent" if is_sent else "queued"] * 2


@pytest.mark.parametrize("kept_is", ["ahead", "behind"])
@pytest.mark.parametrize("is_sent", [False, True])
def test_person_who_was_in_two_versions_gets_each_step_once(shop: Shop, kept_is: str, is_sent: bool) -> None:
    """A step is the same in every version while it keeps its name; the run that goes on does not write what the ended one wrote."""
    shop.publish(WELCOME, "a", entry=ONCE)
    ahead, behind = shop.person(), shop.person()
    shop.happens(ahead)
    shop.enter()
    shop.tick()
    later = shop.now + timedelta(days=2)
    shop.tick(later)
    shop.publish({**WELCOME, "c": {"send": SEND, "next": "d"}, "d": {"send": SEND}}, "a", entry=ONCE)
    shop.happens(behind)
    shop.enter(later)
    if is_sent:
        with shop.scope():
            Message.objects.update(state="sent", verdict="send", sent_at=later)
    kept, dropped = (ahead, behind) if kept_is == "ahead" else (behind, ahead)
    with shop.scope():
        people.merge(shop.workspace_id, kept, dropped, now=later)
    for days in (0, 2, 4):
        shop.tick(later + timedelta(days=days))
    steps = written(shop)
    assert [step for step, _state in steps] == (["a", "c"] if kept_is == "ahead" else ["a", "c", "d"])
    assert steps[0] == ("a", "sent" if is_sent else "queued")


def test_step_that_waits_for_both_in_two_versions_leaves_once(shop: Shop) -> None:
    nodes = {"a": {"send": SEND}}
    both = []
    for text in (nodes, {**nodes, "a": {"send": SEND, "next": "b"}, "b": {"wait": "1d"}}):
        shop.publish(text, "a", entry=ONCE)
        both.append(shop.person())
        shop.happens(both[-1])
        shop.enter()
        shop.tick()
    with shop.scope():
        people.merge(shop.workspace_id, both[0], both[1], now=shop.now)
    assert sorted(one.state for one in shop.messages()) == ["cancelled", "queued"]
    assert {one.contact_id for one in shop.messages()} == {both[0]}


def written(shop: Shop) -> list[tuple[str, str]]:
    """Every message that has left or may leave: its step and its state."""
    with shop.scope():
        found = Message.objects.filter(state__in=["queued", "sent"]).order_by("queued_at", "id")
        return list(found.values_list("mailing__step", "state"))
