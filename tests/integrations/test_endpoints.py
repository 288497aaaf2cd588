"""What people do with webhooks: make, change, pause, remove, rotate, test, replay; who did it is in the trail."""

from datetime import timedelta
from typing import Any

import pytest

from parcours.accounts.types import SYSTEM
from parcours.integrations import actions, queries, queue
from parcours.integrations.errors import (
    BadEvents,
    NotActive,
    NotPaused,
    TooManyEndpoints,
    UnderWay,
    UnknownDelivery,
    UnknownEndpoint,
)
from parcours.integrations.models import Delivery, Endpoint
from parcours.integrations.types import PAUSES, Wanted
from parcours.kernel import tenancy
from parcours.kernel.ids import uuid7
from parcours.kernel.targets import RefusedAddress
from tests.integrations.receiver import Receiver
from tests.integrations.stories import Story

URL = "https://hooks.example.com/parcours"


def test_secret_is_shown_once_and_sealed(shop: Story) -> None:
    made = shop.listens(URL, "Order Completed")
    assert made.secret.startswith("whsec_")
    stored = bytes(shop.endpoint(made).secret)
    assert made.secret.encode() not in stored
    assert len(stored) > 32
    assert shop.trail() == [("created", {"url": URL, "events": ["Order Completed"]})]


def test_rotated_secret_signs_beside_the_former_one_for_a_day(shop: Story, server: Receiver) -> None:
    ada, first = shop.person(), shop.listens(server.url)
    second = shop.does(actions.rotate, first.endpoint.pk)
    shop.happens("Order Completed", ada)
    shop.works()
    assert server.heard[0].is_signed_with(first.secret)
    assert server.heard[0].is_signed_with(second.secret)
    shop.passes(hours=24)
    shop.happens("Order Completed", ada)
    shop.works()
    assert not server.heard[1].is_signed_with(first.secret)
    assert server.heard[1].is_signed_with(second.secret)
    assert shop.trail()[-1] == ("renewed", {})


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (Wanted("http://hooks.example.com/", takes_all=True), RefusedAddress),
        (Wanted("https://169.254.169.254/", takes_all=True), RefusedAddress),
        (Wanted(URL), BadEvents),
        (Wanted(URL, names=(" ", "")), BadEvents),
        (Wanted(URL, names=("x" * 201,)), BadEvents),
        (Wanted(URL, names=tuple(str(number) for number in range(101))), BadEvents),
    ],
)
def test_what_cannot_be_is_refused(shop: Story, wanted: Wanted, error: type[Exception]) -> None:
    with pytest.raises(error), tenancy.scope(workspace_id=shop.id):
        actions.create(shop.id, wanted, actor=SYSTEM, now=shop.now)


def test_private_address_is_refused_unless_the_operator_allows_it(shop: Story, settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    with pytest.raises(RefusedAddress):
        shop.listens("https://10.0.0.1/")
    settings.WEBHOOK_ALLOW_PRIVATE = True
    assert shop.listens("https://10.0.0.1/")


def test_there_is_an_end_to_endpoints(shop: Story) -> None:
    made = [shop.listens(URL) for _ in range(actions.MOST_ENDPOINTS)]
    with pytest.raises(TooManyEndpoints):
        shop.listens(URL)
    shop.does(actions.remove, made[0].endpoint.pk)
    assert shop.listens(URL)


def test_changed_endpoint_wants_other_things_from_then_on(shop: Story, server: Receiver) -> None:
    ada, made = shop.person(), shop.listens(URL, "Order Completed")
    shop.does(actions.change, made.endpoint.pk, Wanted(server.url, "till", names=("Order Refunded",)))
    shop.happens("Order Completed", ada)
    shop.happens("Order Refunded", ada)
    shop.works()
    assert server.names == ["Order Refunded"]
    assert server.heard[0].is_signed_with(made.secret)
    assert shop.trail()[-1] == (
        "changed",
        {
            "from": {"url": URL, "description": "", "names": ["Order Completed"]},
            "to": {"url": server.url, "description": "till", "names": ["Order Refunded"]},
        },
    )


def test_change_that_changes_nothing_leaves_no_trace(shop: Story) -> None:
    made = shop.listens(URL, "Order Completed")
    shop.does(actions.change, made.endpoint.pk, Wanted(URL, names=("Order Completed",)))
    assert len(shop.trail()) == 1


def test_paused_endpoint_hears_later_what_it_missed(shop: Story, server: Receiver) -> None:
    ada, made = shop.person(), shop.listens(server.url)
    shop.does(actions.pause, made.endpoint.pk)
    with pytest.raises(NotActive):
        shop.does(actions.pause, made.endpoint.pk)
    with pytest.raises(NotActive):
        shop.does(actions.send_test, made.endpoint.pk)
    shop.happens("Order Completed", ada, times=3)
    shop.works()
    assert server.heard == []
    shop.does(actions.resume, made.endpoint.pk)
    with pytest.raises(NotPaused):
        shop.does(actions.resume, made.endpoint.pk)
    shop.posts()
    assert server.names == ["Order Completed"] * 3
    assert [what for what, _ in shop.trail()] == ["created", "paused", "resumed"]


def test_removed_endpoint_is_forgotten_with_all_that_was_for_it(shop: Story, server: Receiver) -> None:
    ada, made, other = shop.person(), shop.listens(server.url), shop.listens(server.url + "/other")
    shop.happens("Order Completed", ada, times=3)
    shop.notices()
    shop.does(actions.remove, made.endpoint.pk)
    assert bytes(shop.endpoint(made).secret) == b""
    with pytest.raises(UnknownEndpoint):
        shop.does(actions.resume, made.endpoint.pk)
    shop.works()
    assert {one.path for one in server.heard} == {"/hook/other"}
    assert queue.clear(shop.id, now=shop.now) == 3 + 1
    assert queue.clear(shop.id, now=shop.now) == 0
    with tenancy.scope(workspace_id=shop.id):
        assert [one.pk for one in Endpoint.objects.all()] == [other.endpoint.pk]
        assert Delivery.objects.count() == 3


def test_what_a_lost_worker_left_of_a_removed_endpoint_is_cleared_when_its_lease_has_run_out(
    shop: Story, server: Receiver
) -> None:
    made = shop.listens(server.url)
    shop.happens("Order Completed", shop.person())
    shop.notices()
    with tenancy.scope(workspace_id=shop.id):
        [claimed, *_others] = queue.claim(shop.id, limit=16, now=shop.now)
    shop.does(actions.remove, made.endpoint.pk)
    queue.clear(shop.id, now=shop.now)
    with tenancy.scope(workspace_id=shop.id):
        assert Delivery.objects.filter(pk=claimed.id, state="sending").exists()
        assert Endpoint.objects.count() == 1
    queue.clear(shop.id, now=shop.now + queue.LEASE)
    with tenancy.scope(workspace_id=shop.id):
        assert (Delivery.objects.count(), Endpoint.objects.count()) == (0, 0)


def test_test_is_tried_once_and_tells_of_nobody(shop: Story, server: Receiver) -> None:
    made = shop.listens(server.url, "Order Completed")
    server.answer = lambda heard: 500
    shop.does(actions.send_test, made.endpoint.pk)
    shop.works()
    assert server.heard[0].says == {
        "type": "Webhook Test",
        "timestamp": "2026-03-10T10:00:00Z",
        "data": {"name": "Webhook Test", "at": "2026-03-10T10:00:00Z"},
    }
    assert server.heard[0].is_signed_with(made.secret)
    assert (shop.delivery().state, shop.delivery().code) == ("failed", 500)
    assert shop.trail()[-1] == ("tested", {})


def test_replay_goes_out_again_under_the_same_id(shop: Story, server: Receiver) -> None:
    made = shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", shop.person())
    shop.works()
    first = shop.delivery()
    shop.does(actions.replay, made.endpoint.pk, first.pk)
    with pytest.raises(UnderWay):
        shop.does(actions.replay, made.endpoint.pk, first.pk)
    shop.posts()
    assert [one.id for one in server.heard] == [str(first.pk)] * 2
    assert shop.delivery().tries == 1
    with pytest.raises(UnknownDelivery):
        shop.does(actions.replay, made.endpoint.pk, uuid7())
    assert shop.trail()[-1] == ("replayed", {"delivery": str(first.pk)})


def test_all_that_failed_is_replayed(shop: Story, server: Receiver) -> None:
    ada = shop.person()
    made, other = shop.listens(server.url), shop.listens(server.url + "/other")
    server.answer = lambda heard: 500
    shop.happens("Order Completed", ada, times=3)
    shop.notices()
    with tenancy.scope(workspace_id=shop.id):
        Delivery.objects.update(tries=len(PAUSES))
    shop.posts()
    assert {one.state for one in shop.deliveries()} == {"failed"}
    with tenancy.scope(workspace_id=shop.id):
        assert {key: each.failed for key, each in queries.figures(shop.id).items()} == {
            made.endpoint.pk: 3,
            other.endpoint.pk: 3,
        }
    server.answer = lambda heard: 204
    server.heard.clear()
    assert shop.does(actions.replay_failed, made.endpoint.pk) == 3
    assert shop.does(actions.replay_failed, made.endpoint.pk) == 0
    shop.posts()
    assert [one.path for one in server.heard] == ["/hook"] * 3
    assert shop.trail()[-1] == ("replayed", {"count": 3})


def test_deliveries_are_cleared_after_thirty_days_in_small_steps(
    shop: Story, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_CLEARED_AT_ONCE", 2)
    ada = shop.person()
    shop.listens(server.url)
    shop.happens("Order Completed", ada, times=5)
    shop.notices()
    shop.now += timedelta(days=30)
    shop.happens("Order Refunded", ada)
    shop.notices()
    assert queue.clear(shop.id, now=shop.now) == 0
    shop.passes(seconds=1)
    assert [queue.clear(shop.id, now=shop.now) for _ in range(4)] == [2, 2, 1, 0]
    assert [one.name for one in shop.deliveries()] == ["Order Refunded"]
