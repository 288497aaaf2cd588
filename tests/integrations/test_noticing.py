"""From the log to deliveries: every event that is wanted, once for each endpoint, from the moment that it was made."""

from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from parcours.accounts.models import Workspace
from parcours.events import people
from parcours.events.actions import prepare_months
from parcours.integrations import actions, queue
from parcours.integrations.models import Endpoint
from parcours.kernel import tenancy
from tests.integrations.receiver import Receiver
from tests.integrations.stories import Story


def test_events_that_are_wanted_are_delivered_and_no_others(shop: Story, server: Receiver) -> None:
    ada = shop.person()
    made = shop.listens(server.url, "Order Completed", "Order Refunded")
    shop.happens("Order Completed", ada, total=49.9, products=[{"name": "Lantern", "quantity": 1}])
    shop.happens("Product Viewed", ada)
    shop.works()
    [heard] = server.heard
    assert heard.is_signed_with(made.secret)
    assert not heard.is_signed_with("whsec_c29tZWJvZHkgZWxzZQ==")
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["webhook-timestamp"] == str(int(shop.now.timestamp()))
    delivery = shop.delivery()
    assert heard.id == str(delivery.pk)
    assert heard.says == {
        "type": "Order Completed",
        "timestamp": "2026-03-10T10:00:00Z",
        "data": {
            "event_id": str(delivery.event_id),
            "name": "Order Completed",
            "at": "2026-03-10T10:00:00Z",
            "contact": {"id": str(ada), "email": "ada@example.com", "external_id": "C-1"},
            "properties": {"total": 49.9, "products": [{"name": "Lantern", "quantity": 1}]},
        },
    }
    assert (delivery.state, delivery.code, delivery.tries) == ("delivered", 204, 1)


def test_each_endpoint_hears_each_event_once(shop: Story, server: Receiver) -> None:
    ada = shop.person()
    shop.listens(server.url + "/all")
    shop.listens(server.url + "/orders", "Order Completed")
    shop.happens("Order Completed", ada, times=30)
    shop.happens("Product Viewed", ada, times=5)
    assert shop.notices() >= 35
    assert shop.notices() == 0
    shop.works()
    paths = [one.path for one in server.heard]
    assert (paths.count("/hook/all"), paths.count("/hook/orders")) == (35, 30)
    assert len({one.id for one in server.heard}) == 65


def test_what_was_before_is_not_told(shop: Story, server: Receiver) -> None:
    ada = shop.person()
    shop.happens("Order Completed", ada, times=3)
    shop.listens(server.url)
    shop.happens("Order Refunded", ada)
    shop.works()
    assert server.names == ["Order Refunded"]


def test_second_endpoint_takes_nothing_from_the_first(shop: Story, server: Receiver) -> None:
    """The first one's events are not read yet when the second one is made: it must not move the cursor on."""
    ada = shop.person()
    shop.listens(server.url + "/first")
    shop.happens("Order Completed", ada)
    shop.listens(server.url + "/second")
    shop.happens("Order Refunded", ada)
    shop.works()
    assert sorted((one.path, one.says["type"]) for one in server.heard) == [
        ("/hook/first", "Order Completed"),
        ("/hook/first", "Order Refunded"),
        ("/hook/second", "Order Refunded"),
    ]


def test_event_that_was_being_written_when_the_endpoint_was_made_is_told(
    shop: Story, server: Receiver
) -> None:
    """Its transaction began before and has the lower number; committed after, it happened after."""
    ada = shop.person()
    with tenancy.scope(workspace_id=shop.id):
        prepare_months(shop.now)
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT set_config('app.workspace', %s, true)", [str(shop.id)])
        other.execute(
            "INSERT INTO events_event (workspace_id, at, received_at, contact_id, name) VALUES (%s, %s, %s, %s, 'Late')",
            [shop.id, shop.now, shop.now, ada],
        )
        shop.happens("Early", ada)
        shop.listens(server.url)
        shop.happens("Next", ada)
        assert queue.notice(shop.id, now=shop.now) == 0  # nothing is settled while it is open
    shop.works()
    assert sorted(server.names) == ["Late", "Next"]


def test_after_a_restore_into_another_server_nothing_new_is_passed_over(
    shop: Story, server: Receiver
) -> None:
    """The endpoint was made when the server that was lost had counted further than this one has."""
    ada, made = shop.person(), shop.listens(server.url)
    with tenancy.scope(workspace_id=shop.id):
        Endpoint.objects.filter(pk=made.endpoint.pk).update(since="900000000000:900000000000:")
    shop.passes(hours=1)
    shop.happens("Order Completed", ada)
    shop.works()
    assert server.names == ["Order Completed"]


def test_nobody_listens_and_the_log_is_not_read(shop: Story) -> None:
    shop.happens("Order Completed", shop.person())
    assert shop.notices() == 0


def test_after_a_removal_the_next_endpoint_begins_at_the_end(shop: Story, server: Receiver) -> None:
    ada = shop.person()
    first = shop.listens(server.url)
    shop.does(actions.remove, first.endpoint.pk)
    shop.happens("Order Completed", ada)
    shop.listens(server.url)
    shop.happens("Order Refunded", ada)
    shop.works()
    assert server.names == ["Order Refunded"]


def test_person_who_was_merged_away_is_told_as_who_they_are_now(shop: Story, server: Receiver) -> None:
    ada, double = shop.person(), shop.person("ada@example.org", "C-2")
    shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", double)
    shop.notices()
    with tenancy.scope(workspace_id=shop.id):
        people.merge(shop.id, ada, double, now=shop.now)
    shop.posts()
    assert server.heard[0].says["data"]["contact"]["id"] == str(ada)
    assert server.heard[0].says["data"]["contact"]["email"] == "ada@example.com"


def test_event_of_an_unknown_person_is_told_all_the_same(shop: Story, server: Receiver) -> None:
    nobody = uuid4()
    shop.listens(server.url, "Order Completed")
    shop.happens("Order Completed", nobody)
    shop.works()
    contact = server.heard[0].says["data"]["contact"]
    assert contact == {"id": str(nobody), "email": None, "external_id": None}


@pytest.mark.parametrize("count", [1, 3])
def test_noticing_is_one_statement_however_many_events(shop: Story, server: Receiver, count: int) -> None:
    ada = shop.person()
    shop.listens(server.url)
    shop.happens("Order Completed", ada, times=count * 100)
    assert queue.notice(shop.id, now=shop.now) in (0, count * 100) or shop.notices()
    assert len(shop.deliveries()) == count * 100


def test_other_workspaces_hear_nothing(shop: Story, other_workspace: Workspace, server: Receiver) -> None:
    other = Story(other_workspace, shop.now)
    other.listens(server.url)
    shop.listens(server.url + "/ours")
    shop.happens("Order Completed", shop.person())
    for each in (shop, other):
        each.works()
    assert {one.path for one in server.heard} == {"/hook/ours"}
