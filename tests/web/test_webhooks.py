"""Webhooks on their pages: an owner makes one and sees its secret once; editors read the log, test and deliver again."""

import re
from typing import Any

import pytest
from django.test import Client

from parcours.accounts import actions as accounts
from parcours.accounts.types import SYSTEM, Role
from parcours.integrations.models import Delivery, Endpoint
from parcours.kernel import tenancy
from tests.web.conftest import Shop, signed_in

PAGE = "settings/webhooks/"
URL = "https://hooks.example.com/parcours"


@pytest.fixture
def editor(shop: Shop) -> Client:
    """Edith, who writes and sends."""
    user = accounts.create_user("edith@shop.example", password=None, now=shop.now)
    with tenancy.scope(workspace_id=shop.workspace.pk):
        accounts.set_member(shop.workspace.pk, user, Role.EDITOR, actor=SYSTEM, now=shop.now)
    return signed_in(user)


def endpoint(shop: Shop) -> Endpoint:
    """The CRM that the shop was furnished with, or what was made since."""
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return Endpoint.objects.order_by("-id")[0]


def deliveries(shop: Shop) -> list[Delivery]:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return list(Delivery.objects.order_by("created_at", "id"))


def make(shop: Shop, owner: Client, **fields: Any) -> str:
    """Fill the form in; the page that follows."""
    page = owner.post(shop.path(f"{PAGE}new/"), {"url": URL, "names": ["Order Completed"], **fields})
    return page.content.decode()


def test_secret_is_shown_once(shop: Shop, owner: Client) -> None:
    page = make(shop, owner, description="Till")
    [secret] = re.findall(r"whsec_[A-Za-z0-9+/=]+", page)
    assert len(secret) > 30
    again = owner.get(shop.path(f"{PAGE}{endpoint(shop).pk}/")).content.decode()
    assert "Till" in again
    assert "whsec_" not in again


def test_names_are_ticked_and_written(shop: Shop, owner: Client) -> None:
    make(
        shop,
        owner,
        names=["Order Completed", "Unsubscribed"],
        others="Quiz Finished\r\n\r\n Order Completed \r\n",
    )
    made = endpoint(shop)
    assert made.names == ["Order Completed", "Unsubscribed", "Quiz Finished"]
    form = owner.get(shop.path(f"{PAGE}{made.pk}/edit/")).content.decode()
    ticked = re.findall(r'<input type="checkbox" name="names" value="([^"]+)"[^>]* checked', form)
    assert sorted(ticked) == sorted(made.names)


def test_event_of_the_shop_is_offered(shop: Shop, owner: Client) -> None:
    form = owner.get(shop.path(f"{PAGE}new/")).content.decode()
    offered = re.findall(r'name="names" value="([^"]+)"', form)
    assert offered[0] == "Order Completed"
    assert "Email Withheld" in offered
    assert len(offered) == len(set(offered))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "http://hooks.example.com/"}, "must begin with https://"),
        ({"url": "https://169.254.169.254/"}, "not public"),
        ({"url": ""}, "required"),
        ({"names": []}, "Choose at least one event"),
        ({"names": ["Nonsense"]}, "Select a valid choice"),
        ({"others": "x" * 201}, "at most 200 characters"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    shop: Shop, owner: Client, fields: dict[str, Any], said: str
) -> None:
    filled = {"url": URL, "names": ["Order Completed"], **fields}
    page = owner.post(shop.path(f"{PAGE}new/"), filled)
    assert page.status_code == 422
    assert said in page.content.decode()
    assert "whsec_" not in page.content.decode()


def test_all_events_need_no_names(shop: Shop, owner: Client) -> None:
    make(shop, owner, names=[], takes_all="on")
    assert (endpoint(shop).takes_all, endpoint(shop).names) == (True, [])


def test_webhook_is_changed_paused_and_resumed(shop: Shop, owner: Client) -> None:
    one = f"{PAGE}{endpoint(shop).pk}/"
    owner.post(shop.path(f"{one}edit/"), {"url": URL, "description": "New CRM", "names": ["Unsubscribed"]})
    changed = endpoint(shop)
    assert (changed.url, changed.description, changed.names) == (URL, "New CRM", ["Unsubscribed"])
    page = owner.post(shop.path(f"{one}move/"), {"move": "pause"}, follow=True).content.decode()
    assert "Paused by hand." in page
    page = owner.post(shop.path(f"{one}move/"), {"move": "resume"}, follow=True).content.decode()
    assert "Paused by hand." not in page


def test_new_secret_is_shown_and_the_former_one_signs_for_a_day(shop: Shop, owner: Client) -> None:
    one = shop.path(f"{PAGE}{endpoint(shop).pk}/")
    assert "whsec_" in owner.post(f"{one}secret/").content.decode()
    assert "The former secret signs too until" in owner.get(one).content.decode()


def test_removal_is_confirmed(shop: Shop, owner: Client) -> None:
    one = shop.path(f"{PAGE}{endpoint(shop).pk}/")
    asked = owner.get(f"{one}remove/").content.decode()
    assert "Remove the webhook?" in asked
    assert owner.get(one).status_code == 200  # looking has removed nothing
    owner.post(f"{one}remove/")
    assert owner.get(one).status_code == 404
    empty = owner.get(shop.path(PAGE)).content.decode()
    assert "No webhooks yet" in empty
    assert f'href="{shop.path(PAGE)}new/"' in empty


def test_editor_reads_tests_and_delivers_again_and_sees_no_button_of_owners(
    shop: Shop, editor: Client
) -> None:
    one = shop.path(f"{PAGE}{endpoint(shop).pk}/")
    page = editor.get(one).content.decode()
    for part in ("edit/", "move/", "secret/", "remove/"):
        assert f"{one}{part}" not in page
    assert "204" in page
    assert "503" in page
    assert "1 delivery was given up." in page
    count = len(deliveries(shop))
    editor.post(f"{one}test/")
    assert len(deliveries(shop)) == count + 1
    [failed] = [each for each in deliveries(shop) if each.state == "failed"]
    editor.post(f"{one}replay/{failed.pk}/")
    assert [each.state for each in deliveries(shop) if each.pk == failed.pk] == ["pending"]
    told = editor.post(f"{one}replay/", follow=True).content.decode()
    assert "0 deliveries begin again." in told


def test_log_is_shown_by_state(shop: Shop, owner: Client) -> None:
    one = shop.path(f"{PAGE}{endpoint(shop).pk}/")
    states = {each.pk: each.state for each in deliveries(shop)}
    for state in ("delivered", "failed"):
        page = owner.get(one, {"state": state}).content.decode()
        assert {str(key) for key in states if str(key) in page} == {
            str(k) for k, v in states.items() if v == state
        }
    assert owner.get(one, {"state": "nonsense", "after": "nonsense"}).status_code == 200


def test_viewer_sees_neither_page_nor_tab(shop: Shop, viewer: Client) -> None:
    assert viewer.get(shop.path(PAGE)).status_code == 403
    assert PAGE not in viewer.get(shop.path("settings/")).content.decode()


def test_pages_are_french(shop: Shop) -> None:
    client = signed_in(shop.owner, "fr")
    page = client.get(shop.path(f"{PAGE}{endpoint(shop).pk}/")).content.decode()
    assert "Livrer à nouveau" in page
    assert "1 livraison a été abandonnée." in page
