"""Sending a test from the page of a template or a campaign: who it goes to, what is said when it cannot, and how it is seen to leave."""

from typing import Any

import pytest
from django.test import Client

from parcours.accounts import actions as accounts
from parcours.accounts.models import User
from parcours.accounts.types import SYSTEM, Role
from parcours.campaigns import actions as campaigns
from parcours.campaigns.models import Campaign
from parcours.content.models import Template, TemplateVersion
from parcours.delivery import actions as delivery
from parcours.delivery.models import Message, Trial
from parcours.kernel import tenancy
from tests.web.conftest import Shop, signed_in

TEMPLATE = "we-miss-you"
WANTED = {"person": "client7@mail.example", "language": "", "purpose": "promotions"}


def ask(client: Client, shop: Shop, path: str = f"templates/{TEMPLATE}/test/", **changes: Any) -> Any:
    return client.post(shop.path(path), {**WANTED, **changes})


def sent_as_tests(shop: Shop) -> list[Message]:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return list(Message.objects.filter(is_test=True).select_related("mailing__purpose").order_by("run"))


def joins(shop: Shop, name: str, role: Role) -> User:
    user = accounts.create_user(f"{name}@shop.example", password=None, now=shop.now)
    with tenancy.scope(workspace_id=shop.workspace.pk):
        accounts.set_member(shop.workspace.pk, user, role, actor=SYSTEM, now=shop.now)
    return user


def draft(shop: Shop) -> Campaign:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return Campaign.objects.select_related("purpose").get(state="draft")


def leaves(shop: Shop) -> None:
    """The workers send what is due."""
    with tenancy.scope(workspace_id=shop.workspace.pk):
        while delivery.deliver_nowhere(shop.workspace.pk, now=sent_as_tests(shop)[0].due_at):
            pass


def test_owner_sends_a_template_to_herself_and_sees_it_leave(shop: Shop, owner: Client) -> None:
    page = owner.get(shop.path(f"templates/{TEMPLATE}/")).content.decode().replace("<wbr>", "")
    assert "To olive@shop.example, as the contact would see it" in page
    assert "Your tests of the last hour" not in page
    response = ask(owner, shop)
    assert response.status_code == 302
    assert response.headers["Location"].endswith(f"templates/{TEMPLATE}/#tests")
    [test] = sent_as_tests(shop)
    assert (test.mailing.origin, test.mailing.purpose.code) == ("test", "promotions")
    page = owner.get(shop.path(f"templates/{TEMPLATE}/")).content.decode().replace("<wbr>", "")
    assert "The test is on its way to olive@shop.example." in page
    part = owner.get(shop.path(f"templates/{TEMPLATE}/tests/")).content.decode()
    assert "Waiting" in part
    assert 'hx-trigger="every 2s"' in part
    leaves(shop)
    part = owner.get(shop.path(f"templates/{TEMPLATE}/tests/")).content.decode()
    assert "Sent" in part
    assert "hx-trigger" not in part
    one = owner.get(shop.path(f"messages/{test.pk}/")).content.decode().replace("<wbr>", "")
    assert "Sent as a test to a member of the workspace" in one
    assert "olive@shop.example" in one
    assert "not measured" not in one
    assert "olive@shop.example" in owner.get(shop.path("messages/")).content.decode().replace("<wbr>", "")


def test_timeline_of_the_contact_does_not_know_it(shop: Shop, owner: Client) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        before = owner.get(shop.path("")).content
    ask(owner, shop)
    leaves(shop)
    [test] = sent_as_tests(shop)
    page = owner.get(shop.path(f"contacts/{test.contact_id}/")).content.decode()
    assert str(test.pk) not in page
    assert "[Test]" not in page
    assert len(owner.get(shop.path("")).content) == len(before)


def test_colleagues_are_offered_and_chosen(shop: Shop) -> None:
    editor = signed_in(joins(shop, "edith", Role.EDITOR), "fr")
    page = editor.get(shop.path(f"templates/{TEMPLATE}/")).content.decode()
    assert "Envoyer un test" in page
    assert "victor@shop.example" in page
    assert ask(editor, shop, others=["victor@shop.example"], language="en").status_code == 302
    with tenancy.scope(workspace_id=shop.workspace.pk):
        asked = list(Trial.objects.order_by("id").values_list("user__email", "language"))
    assert asked == [("edith@shop.example", "en"), ("victor@shop.example", "en")]
    refused = ask(editor, shop, others=["stranger@else.example"])
    assert refused.status_code == 422
    assert len(sent_as_tests(shop)) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"person": "nobody@mail.example"}, "There is no such contact."),
        ({"person": "no address"}, "There is no such contact."),
        ({"purpose": "measure_clicks"}, "Select a valid choice"),
        ({"language": "it"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_said_on_the_page(
    shop: Shop, owner: Client, changes: dict[str, str], said: str
) -> None:
    response = ask(owner, shop, **changes)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert sent_as_tests(shop) == []


def test_error_of_the_template_is_said_with_its_line(shop: Shop, owner: Client) -> None:
    """A version that was saved when more was allowed: its page opens, so that it can be mended, and no test of it leaves."""
    with tenancy.scope(workspace_id=shop.workspace.pk):
        template = Template.objects.get(slug=TEMPLATE)
        latest = TemplateVersion.objects.filter(template=template).order_by("-number")[0]
        broken = "<mjml><mj-body>\n<mj-text>{% for each in %}</mj-text></mj-body></mjml>"
        TemplateVersion.objects.create(
            workspace=shop.workspace,
            template=template,
            number=latest.number + 1,
            bodies={code: {**body, "mjml": broken} for code, body in latest.bodies.items()},
            actor="an older release",
            created_at=shop.now,
        )
    assert owner.get(shop.path(f"templates/{TEMPLATE}/")).status_code == 200
    response = ask(owner, shop)
    assert response.status_code == 422
    assert ".mjml, line 2: " in response.content.decode()
    assert sent_as_tests(shop) == []


def test_limit_is_said_on_the_page(shop: Shop, owner: Client) -> None:
    for _ in range(20):
        assert ask(owner, shop).status_code == 302
    response = ask(owner, shop)
    assert response.status_code == 422
    assert "You can send 20 tests in an hour." in response.content.decode()


def test_campaign_is_tested_for_its_own_purpose_until_it_starts(shop: Shop, owner: Client) -> None:
    found = draft(shop)
    path = f"campaigns/{found.pk}/test/"
    page = owner.get(shop.path(f"campaigns/{found.pk}/")).content.decode()
    assert "Send a test" in page
    assert ask(owner, shop, path, purpose="order_information").status_code == 302
    [test] = sent_as_tests(shop)
    assert test.mailing.purpose.code == found.purpose.code
    tests = owner.get(shop.path(f"campaigns/{found.pk}/tests/")).content.decode().replace("<wbr>", "")
    assert "olive@shop.example" in tests
    assert ask(owner, shop, path, person="nobody@mail.example").status_code == 422
    with tenancy.scope(workspace_id=shop.workspace.pk):
        campaigns.start(shop.workspace.pk, found.pk, actor=SYSTEM, now=shop.now)
    assert ask(owner, shop, path).status_code == 409
    page = owner.get(shop.path(f"campaigns/{found.pk}/")).content.decode()
    assert "Send a test" not in page


def test_viewers_neither_see_nor_send_tests(shop: Shop, viewer: Client) -> None:
    assert "Send a test" not in viewer.get(shop.path(f"templates/{TEMPLATE}/")).content.decode()
    assert "Send a test" not in viewer.get(shop.path(f"campaigns/{draft(shop).pk}/")).content.decode()
    assert ask(viewer, shop).status_code == 403


def test_content_of_a_test_is_shown_in_the_language_that_was_asked_for(shop: Shop, owner: Client) -> None:
    ask(owner, shop, language="en")
    ask(owner, shop, language="fr")
    english, french = (
        owner.get(shop.path(f"messages/{one.pk}/content/")).content for one in sent_as_tests(shop)
    )
    assert english != french
