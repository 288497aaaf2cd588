"""The report of a mailing: what was followed, at which mail systems, on which devices, and never more than people agreed to."""

from datetime import datetime

import pytest

from parcours.accounts.models import Workspace
from parcours.consent.types import Act
from parcours.delivery import actions as delivery
from parcours.delivery.models import Message
from parcours.delivery.replies import ReplyClass
from parcours.delivery.types import AttemptOutcome, Outcome, ToStart
from parcours.events.types import EMAIL_OPENED
from parcours.insights import mailings, queries
from parcours.insights.models import Reaction
from parcours.insights.types import DeviceFigures, LinkClicks
from parcours.kernel import tenancy
from tests.insights.sale import Sale, begin_anew, follow
from tests.settling import settle


@pytest.mark.django_db(transaction=True)
def test_links_are_told_by_their_words_with_people_clicks_and_those_without_a_name(
    workspace: Workspace, now: datetime
) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        sale = Sale.open(workspace, now)
        for name in ("Julie", "Karim"):
            sale.to(name, measured_clicks=True)
        for link in (0, 0, 1):
            sale.clicks("Julie", link)
        sale.clicks("Julie", 0, device="computer")
        sale.clicks("Karim", 0)
        sale.clicks("Karim", 1, machine=True)
        sale.unnamed(1)
        sale.unnamed(1, is_machine=True)
    follow(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        first, second, third = mailings.links(sale.mailing, "fr")
        english = mailings.links(sale.mailing, "en")
        report = mailings.report(sale.mailing, "fr")
    assert (first.label, first.counted) == ("Voir les soldes", LinkClicks(0, people=2, named_clicks=4))
    assert first.addresses == (
        "https://shop.example/soldes?utm_source=mail",
        "https://shop.example/en/sale",
    )
    assert second.label == "notre blog"
    assert second.counted == LinkClicks(1, people=1, named_clicks=1, unnamed_clicks=1, machine_clicks=2)
    assert (third.label, third.addresses, third.counted.clicks) == (
        "votre magasin",
        ("{{ contact.shop_url }}",),
        0,
    )
    assert [each.label for each in english] == ["See the sale", "notre blog", "votre magasin"]
    assert report.clicks == 6


@pytest.mark.django_db(transaction=True)
def test_rolling_up_again_or_from_the_beginning_counts_nobody_twice(
    workspace: Workspace, now: datetime
) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        sale = Sale.open(workspace, now)
        sale.to("Julie", measured_clicks=True)
        sale.clicks("Julie", 0)
    follow(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        sale.clicks("Julie", 0)
    follow(workspace, now)
    follow(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        before = list(Reaction.objects.values("link", "message_id", "count"))
    begin_anew(workspace)
    follow(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        assert list(Reaction.objects.values("link", "message_id", "count")) == before
    assert before == [{"link": 0, "message_id": sale.messages["Julie"], "count": 2}]


@pytest.mark.django_db
def test_ten_largest_domains_stand_for_themselves(in_workspace: Workspace, now: datetime) -> None:
    sale = Sale.open(in_workspace, now)
    for number in range(3):
        sale.to(f"G{number}", f"g{number}@Gmail.example", measured_opens=True)
    for number in range(11):
        sale.to(f"O{number}", f"o@small{number:02}.example")
    sale.to("H", "h@gmail.example", bounced_at=now)
    sale.to("I", "i@gmail.example", state="failed", sent_at=None)
    sale.to("J", "j@gmail.example", state="withheld", verdict="withhold", sent_at=None)
    julie = Message.objects.filter(pk=sale.messages["G0"])
    julie.update(opened_at=now, unsubscribed_at=now, complained_at=now)
    gmail, *others = mailings.domains(sale.mailing)
    assert (gmail.domain, gmail.sent, gmail.failed, gmail.bounced) == ("gmail.example", 4, 1, 1)
    assert (gmail.opened, gmail.open_measured, gmail.click_measured) == (1, 3, 0)
    assert (gmail.unsubscribed, gmail.complained) == (1, 1)
    assert [each.domain for each in others] == [*(f"small{number:02}.example" for number in range(9)), ""]
    assert (others[-1].domains, others[-1].sent) == (2, 2)


@pytest.mark.django_db(transaction=True)
def test_refusal_in_the_conversation_is_no_bounce(workspace: Workspace, now: datetime) -> None:
    """The closed domain: one message was taken before, nine are refused. Both figures are of what left."""
    with tenancy.scope(workspace_id=workspace.pk):
        sale = Sale.open(workspace, now)
        sale.to("Julie")
        for number in range(9):
            who = sale.shop.person(f"P{number}", email=f"p{number}@mail.example")
            sale.shop.says(who, "promotions", Act.GRANTED)
            sale.shop.queue(sale.mailing, who)
        claims = delivery.claim(workspace.pk, now=now, limit=10).to_send
        wanted = [ToStart(one.id, one.fence, "test", one.address_hash) for one in claims]
        delivery.start(workspace.pk, wanted, now=now)
        refused = [
            Outcome(
                one.id, one.fence, AttemptOutcome.REFUSED, 550, "5.1.1", meaning=ReplyClass.NO_SUCH_ADDRESS
            )
            for one in claims
        ]
        delivery.finish(workspace.pk, refused, transport="test", now=now)
    settle(workspace.pk)
    delivery.project(workspace.pk, now=now)
    with tenancy.scope(workspace_id=workspace.pk):
        assert Message.objects.exclude(bounced_at=None).count() == 9
        [domain] = mailings.domains(sale.mailing)
        whole = queries.mailing_figures(workspace.pk, [sale.mailing.pk])[sale.mailing.pk]
    assert (domain.sent, domain.failed, domain.bounced) == (1, 9, 0)
    assert (whole.sent, whole.failed, whole.bounced) == (1, 9, 0)


@pytest.mark.django_db(transaction=True)
def test_devices_are_of_people_and_machines_stand_apart(workspace: Workspace, now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        sale = Sale.open(workspace, now)
        for name in ("Julie", "Karim"):
            sale.to(name, measured_opens=True, measured_clicks=True)
            sale.did(name, EMAIL_OPENED)
            sale.did(name, EMAIL_OPENED, device="computer", machine=True)
        sale.did("Julie", EMAIL_OPENED, device="computer")
        sale.did("Julie", EMAIL_OPENED, device="a fridge")
        for link in (0, 1):
            sale.clicks("Julie", link)
    follow(workspace, now)
    with tenancy.scope(workspace_id=workspace.pk):
        found = mailings.devices(sale.mailing)
    assert found == [
        DeviceFigures("computer", opened=1, clicked=0),
        DeviceFigures("phone", opened=2, clicked=1),
        DeviceFigures("other", opened=1, clicked=0),
        DeviceFigures("machine", opened=2, clicked=0),
    ]


@pytest.mark.django_db
def test_mailing_that_nobody_has_yet_answered_is_empty(in_workspace: Workspace, now: datetime) -> None:
    sale = Sale.open(in_workspace, now)
    report = mailings.report(sale.mailing, "en")
    assert (report.clicks, report.domains, report.devices, report.figures.targeted) == (0, [], [], 0)
    assert [each.counted for each in report.links] == [LinkClicks(0), LinkClicks(1), LinkClicks(2)]
