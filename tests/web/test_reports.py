"""The report of a mailing as the people of a shop read it, and the files that analysts take away."""

import csv
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.test import Client

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, Role
from parcours.contacts.types import Person
from parcours.content.models import TemplateVersion
from parcours.content.queries import Link
from parcours.events import actions as events
from parcours.events import people
from parcours.events.types import EMAIL_OPENED, NewEvent
from parcours.insights.types import LinkClicks, LinkFigures
from parcours.kernel import clock, tenancy
from parcours.kernel.tables import BOM
from parcours.web.pages.reports import link_row
from tests.insights.sale import Sale, follow
from tests.web.conftest import signed_in


def member(workspace: Workspace, role: Role, now: datetime, language: str = "en") -> Client:
    user = accounts.create_user(f"{role.value}@shop.example", password=None, now=now)
    owner = accounts.create_user(f"owner-of-{role.value}@shop.example", password=None, now=now)
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.set_member(workspace.pk, owner, Role.OWNER, actor=SYSTEM, now=now)
        accounts.set_member(workspace.pk, user, role, actor=SYSTEM, now=now)
    return signed_in(user, language)


def sold(workspace: Workspace, now: datetime) -> Sale:
    """Julie, who may be measured, opened and clicked; a scanner did; somebody without a name did."""
    with tenancy.scope(workspace_id=workspace.pk):
        sale = Sale.open(workspace, now)
        sale.to("Julie", measured_opens=True, measured_clicks=True, opened_at=now, clicked_at=now)
        sale.to("Karim", "karim@=cmd.example", measured_clicks=True)
        sale.did("Julie", EMAIL_OPENED)
        sale.clicks("Julie", 0)
        sale.clicks("Karim", 0, machine=True)
        sale.unnamed(1)
    follow(workspace, now)
    return sale


def shown(client: Client, workspace: Workspace, rest: str) -> str:
    response = client.get(f"/w/{workspace.slug}/{rest}")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def rows(client: Client, workspace: Workspace, rest: str, delimiter: str = ",") -> list[list[str]]:
    response = client.get(f"/w/{workspace.slug}/{rest}")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]  # it is streamed
    assert text.startswith(BOM)
    return list(csv.reader(StringIO(text.removeprefix(BOM)), delimiter=delimiter))


@pytest.mark.django_db(transaction=True)
def test_report_tells_links_mail_systems_and_devices(workspace: Workspace, now: datetime) -> None:
    sale = sold(workspace, now)
    analyst = member(workspace, Role.ANALYST, now)
    page = shown(analyst, workspace, f"mailings/{sale.mailing.pk}/")
    for words in (
        *("See the sale", "shop.example/soldes<", "notre blog", "without a name: 1", "By machines"),
        *("mail.example", "=cmd.example", "100%", "Phone", "(not counted above)", "Export (CSV)"),
    ):
        assert words in page
    assert "utm_source" not in page
    french = shown(member(workspace, Role.VIEWER, now, "fr"), workspace, f"mailings/{sale.mailing.pk}/")
    assert "Voir les soldes" in french
    assert "Téléphone" in french
    assert "Exporter (CSV)" not in french  # a viewer looks, and takes nothing away


@pytest.mark.django_db(transaction=True)
def test_report_opens_when_a_version_cannot_be_read_any_more(workspace: Workspace, now: datetime) -> None:
    """Its rules have become stricter since: what came of it is told all the same, links by their numbers."""
    sale = sold(workspace, now)
    broken = {"subject": "Sale", "mjml": "<mjml><mj-body>{% nothing %}</mj-body></mjml>"}
    with tenancy.scope(workspace_id=workspace.pk):
        TemplateVersion.objects.filter(pk=sale.mailing.template_version_id).update(
            bodies={"fr": broken, "en": broken}
        )
    page = shown(member(workspace, Role.VIEWER, now), workspace, f"mailings/{sale.mailing.pk}/")
    assert "Link 1" in page
    assert "mail.example" in page


@pytest.mark.parametrize(
    ("link", "title", "addresses"),
    [
        (Link("See the sale", ("https://shop.example/sale",)), "See the sale", ["shop.example/sale"]),
        (Link("Your shop", ("{{ contact.shop_url }}",)), "Your shop", []),
        (Link("", ("https://shop.example/p/{{ id }}?utm_source=m",)), "shop.example/p/…", []),
        (Link("", ("{% if a %}{{ a.url }}{% endif %}",)), "Link 3", []),
        (Link("", ("{{ known.url }}",)), "Link 3", []),
    ],
)
def test_links_never_show_liquid(link: Link, title: str, addresses: list[str]) -> None:
    row = link_row(LinkFigures(link.label, link.addresses, LinkClicks(2)))
    assert (row.title, row.addresses) == (title, addresses)


@pytest.mark.django_db(transaction=True)
def test_report_of_a_mailing_that_nobody_answered_says_so(workspace: Workspace, now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        sale = Sale.open(workspace, now)
    page = shown(member(workspace, Role.VIEWER, now), workspace, f"mailings/{sale.mailing.pk}/")
    for words in ("Nobody has clicked yet", "Nothing has been handed over yet", "No device is known yet"):
        assert words in page


@pytest.mark.django_db(transaction=True)
def test_tables_are_taken_away_as_files_that_run_nothing(workspace: Workspace, now: datetime) -> None:
    sale = sold(workspace, now)
    analyst = member(workspace, Role.ANALYST, now)
    header, first, *others = rows(analyst, workspace, f"mailings/{sale.mailing.pk}/links.csv")
    told = dict(zip(header, first, strict=True))
    assert (told["label"], told["people"], told["clicks"], told["machine_clicks"]) == (
        "See the sale",
        "1",
        "1",
        "1",
    )
    assert [each[1] for each in others] == ["notre blog", "votre magasin"]
    domains = rows(analyst, workspace, f"mailings/{sale.mailing.pk}/domains.csv")
    assert [each[0] for each in domains] == ["domain", "'=cmd.example", "mail.example"]
    devices = rows(analyst, workspace, f"mailings/{sale.mailing.pk}/devices.csv")
    assert devices == [["device", "opened", "clicked"], ["phone", "1", "1"], ["machine", "0", "1"]]
    assert analyst.get(f"/w/{workspace.slug}/mailings/{sale.mailing.pk}/people.csv").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_days_of_the_home_page_are_a_file_for_the_readers_spreadsheet(
    workspace: Workspace, now: datetime
) -> None:
    at = clock.now() - timedelta(days=2)
    with tenancy.scope(workspace_id=workspace.pk):
        [marc] = people.save_people(workspace.pk, [Person(email="marc@example.com")], now=at)
        order = NewEvent(marc.contact_id, "Order Completed", {"total": 10.5}, at)
        events.append(workspace.pk, [order], now=at)
    follow(workspace, now)
    analyst = member(workspace, Role.ANALYST, now, "fr")
    assert "Exporter (CSV)" in shown(analyst, workspace, "")
    header, *days = rows(analyst, workspace, "days.csv", delimiter=";")
    told = [dict(zip(header, day, strict=True)) for day in days]
    assert len(told) == 365
    [ordered] = [day for day in told if day["orders"] != "0"]
    assert (ordered["revenue"], ordered["new_contacts"], ordered["sent"]) == ("10,50", "1", "0")
    assert told[0]["revenue"] == "0"
