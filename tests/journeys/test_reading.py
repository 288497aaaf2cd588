"""What pages show: the canvas with its people, and one person's path."""

from parcours.delivery.models import Message
from parcours.journeys import queries
from parcours.journeys.models import Run
from parcours.journeys.types import EdgeView, JourneyCount
from tests.journeys.shop import SEND, Shop

GRAPH = {
    "twice?": {"if": {"event": "Order Completed", "count": {"at_least": 2}}, "then": "thank", "else": "wait"},
    "thank": {"send": SEND, "next": "bye"},
    "wait": {"wait": "7d", "next": "bye"},
    "bye": {"exit": "done"},
}


def live(shop: Shop) -> None:
    """Three people: Alice bought twice, Bob and Charlie once."""
    shop.publish(GRAPH, "twice?", entry={"event": "Order Completed", "key": "once"})
    for orders in (2, 1, 1):
        who = shop.person()
        for number in range(orders):
            shop.happens(who, order_id=str(number))
    shop.enter()
    shop.tick()


def test_canvas_says_who_is_where_and_how_many_passed(shop: Shop) -> None:
    live(shop)
    with shop.scope():
        Message.objects.update(state="sent", verdict="send", sent_at=shop.now)
        journey = queries.access_journey(shop.workspace_id, "j")
        assert journey.live is not None
        view = queries.graph_view(shop.workspace_id, journey.live, language="en", now=shop.now)
        assert queries.counts(shop.workspace_id) == {journey.pk: JourneyCount(inside=2, entered=3)}
    nodes = {node.name: node for node in view.nodes}
    assert {name: (node.here, node.passed) for name, node in nodes.items()} == {
        "twice?": (0, 3),
        "thank": (0, 1),
        "wait": (2, 0),
        "bye": (0, 1),
    }
    assert (nodes["thank"].sent, nodes["thank"].withheld, nodes["thank"].title) == (1, 0, "Bonjour")
    assert (nodes["wait"].title, nodes["wait"].sentence) == ("7 days", "Waits 7 days.")
    assert view.edges[:2] == [
        EdgeView("twice?", "thank", "yes", 1, 1 / 3),
        EdgeView("twice?", "wait", "no", 2, 2 / 3),
    ]
    assert view.entered == 3
    assert view.entry == "Enters after an order (once in a life)."


def test_who_ever_entered_is_known_without_the_runs_that_have_ended(shop: Shop) -> None:
    live(shop)
    with shop.scope():
        Run.objects.filter(due_at=None).delete()
        journey = queries.access_journey(shop.workspace_id, "j")
        assert journey.live is not None
        view = queries.graph_view(shop.workspace_id, journey.live, language="en", now=shop.now)
        for asked in (None, journey.pk):
            counted = queries.counts(shop.workspace_id, journey_id=asked)
            assert counted == {journey.pk: JourneyCount(inside=2, entered=3)}
    assert view.entered == 3


def test_canvas_counts_today_by_the_clock_of_the_workspace(shop: Shop) -> None:
    live(shop)
    with shop.scope():
        Message.objects.update(state="sent", verdict="send", sent_at=shop.now)
        journey = queries.access_journey(shop.workspace_id, "j")
        assert journey.live is not None
        # 23:30 in UTC is past midnight in Paris.
        late = shop.now.replace(hour=23, minute=30)
        view = queries.graph_view(shop.workspace_id, journey.live, language="fr", now=late)
    assert sum(node.sent for node in view.nodes) == 0
