"""What a page of a list costs does not grow with what is on it: as many reads for one item as for three."""

from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, Role
from parcours.audiences import actions as segments
from parcours.campaigns import actions as campaigns
from parcours.campaigns.types import Draft
from parcours.catalogue import actions as catalogue
from parcours.consent import actions as consent
from parcours.contacts import actions as contacts
from parcours.contacts.models import Contact
from parcours.content import actions as content
from parcours.delivery.models import Message
from parcours.journeys import actions as journeys
from parcours.journeys.types import Texts
from parcours.kernel import tenancy
from tests.web.conftest import Shop, signed_in

READS = {"campaigns/": 14, "catalogue/": 14, "journeys/": 14, "lists/": 14, "segments/": 16, "templates/": 14}
"""With those for the session, the member, the workspace and the frame of the page."""


@pytest.fixture
def olive(workspace: Workspace, now: datetime) -> Client:
    """The owner of an empty shop."""
    user = accounts.create_user("olive@shop.example", password=None, now=now)
    names = {"name_fr": "Offres", "name_en": "Offers", "basis": "consent", "is_marketing": True}
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.set_member(workspace.pk, user, Role.OWNER, actor=SYSTEM, now=now)
        consent.save_purpose(workspace.pk, "promotions", names, actor=SYSTEM, now=now)
    return signed_in(user)


def add(own: int, number: int, now: datetime) -> None:
    """One more of everything that is listed: the campaign is running, the journey published."""
    name = f"n{number}"
    body = {"fr": {"subject": "Bonjour", "mjml": "<mjml><mj-body></mj-body></mjml>"}}
    graph = {"entry": {"event": "Order Completed"}, "start": "end", "nodes": {"end": {"exit": "done"}}}
    with tenancy.scope(workspace_id=own):
        catalogue.add(own, name, {"name": name}, actor=SYSTEM, now=now)
        contacts.create_list(own, name, name, actor=SYSTEM, now=now)
        segments.create_segment(own, name, name, {"list": name}, actor=SYSTEM, now=now)
        content.save_template(own, name, name, body, actor=SYSTEM, now=now)
        texts = Texts(name_fr=name, name_en=name)
        journeys.create(own, name, texts, actor=SYSTEM, now=now)
        journeys.save(own, name, texts, graph, actor=SYSTEM, now=now)
        made = campaigns.create(own, Draft(name, name, "promotions", list=name), actor=SYSTEM, now=now)
        campaigns.start(own, made.pk, actor=SYSTEM, now=now)


@pytest.mark.parametrize("path", READS)
def test_list_costs_the_same_for_one_and_for_three(
    workspace: Workspace, olive: Client, now: datetime, path: str
) -> None:
    costs = []
    for number in range(1, 4):
        add(workspace.pk, number, now)
        with CaptureQueriesContext(connection) as asked:
            page = olive.get(f"/w/{workspace.slug}/{path}")
        assert f"n{number}" in page.content.decode()
        costs.append(len(asked))
    assert costs == [READS[path]] * 3


@pytest.mark.parametrize(("email", "reads"), [("client1@mail.example", 2), ("client50@mail.example", 1)])
def test_page_of_a_person_reads_the_purposes_for_itself_and_for_rules_only(
    shop: Shop, owner: Client, email: str, reads: int
) -> None:
    """Once for all of the page, and once in the vocabulary of the rules that withheld something, if any did.

    People are named here: their ids, made within one millisecond, are in an order that changes from run to run.
    """
    with tenancy.scope(workspace_id=shop.workspace.pk):
        person = Contact.objects.get(email=email)
        withheld = Message.objects.filter(contact_id=person.pk, state="withheld").exists()
    assert withheld is (reads == 2)
    with CaptureQueriesContext(connection) as asked:
        assert owner.get(shop.path(f"contacts/{person.pk}/")).status_code == 200
    assert len([one for one in asked if 'FROM "consent_purpose"' in one["sql"]]) == reads


def test_versions_of_a_journey_are_listed_without_their_graphs(shop: Shop, owner: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert owner.get(shop.path("journeys/post-purchase/")).status_code == 200
    [listed] = [one["sql"] for one in asked if 'FROM "journeys_version"' in one["sql"]]
    assert '"journeys_version"."graph"' not in listed
