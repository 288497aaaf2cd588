"""A test of a template arrives in a member's mailbox as the contact would have it, and nothing else anywhere says that it was sent."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from parcours.accounts import actions as accounts
from parcours.accounts.models import AuditEntry, Membership, User
from parcours.accounts.types import SYSTEM, Actor, Role
from parcours.consent.models import Purpose, Record, Suppression
from parcours.consent.types import Act
from parcours.contacts import queries as contacts
from parcours.contacts.models import Contact
from parcours.content.errors import TemplateError
from parcours.content.models import TemplateVersion
from parcours.delivery import actions, feedback, queries, readers, trials
from parcours.delivery import settings as sending
from parcours.delivery.errors import NoReader, NotAMember, NotSetUp, Paused, TooManyTests
from parcours.delivery.models import Allowance, AnonymousClick, Mailing, Message, Return, Sending
from parcours.delivery.receiving import receive
from parcours.delivery.replies import ReplyClass
from parcours.delivery.types import AttemptOutcome, Outcome, ReturnKind, ToStart
from parcours.events import actions as events
from parcours.events.models import Event
from parcours.events.types import NewEvent
from parcours.insights import actions as insights
from parcours.insights.models import Daily
from parcours.kernel import sql, tenancy
from tests.delivery.mails import complaint_report, delivery_report, recipient_status, return_path
from tests.delivery.post import Post
from tests.delivery.stories import codes, message
from tests.settling import settle
from tests.tables import digest

BODY = {
    "subject": "Bonjour {{ contact.first_name }}",
    "preheader": "",
    "mjml": (
        "<mjml><mj-body><mj-section><mj-column><mj-text>Commande {{ event.order_id }}, {{ purpose.name }}, {{ coupon.code }} "
        '<a href="https://shop.example/offres?a=1&b=2">nos offres</a></mj-text></mj-column></mj-section></mj-body></mjml>'
    ),
    "text": "",
}


class Team:
    """Olive, who asks for tests of the shop's template as Julie sees it, and her colleagues."""

    def __init__(self, post: Post) -> None:
        self.post, self.shop = post, post.shop
        self.olive = self.joins("olive")
        self.actor = Actor("Olive", user_id=self.olive.pk)
        self.julie = self.shop.person("Julie")
        self.shop.says(self.julie, "measure_opens", Act.GRANTED)
        self.shop.says(self.julie, "measure_clicks", Act.GRANTED)
        order = NewEvent(self.julie, "Order Completed", {"order_id": "A-17"}, at=self.shop.now)
        events.append(self.shop.id, [order], now=self.shop.now)
        self.says(fr=BODY, en={**BODY, "subject": "Hello {{ contact.first_name }}"})

    def joins(self, name: str, role: Role = Role.OWNER) -> User:
        """A new member."""
        user = accounts.create_user(f"{name}@shop.example", password=None, now=self.shop.now)
        accounts.set_member(self.shop.id, user, role, actor=SYSTEM, now=self.shop.now)
        return user

    def says(self, **bodies: dict[str, str]) -> None:
        """The template's next version, by the row itself."""
        self.shop.version = TemplateVersion.objects.create(
            workspace=self.shop.workspace,
            template=self.shop.version.template,
            number=self.shop.version.number + 1,
            bodies=bodies,
            actor="test",
            created_at=self.shop.now,
        )

    def wanted(self, **changes: Any) -> trials.Wanted:
        """A test to Olive, as Julie sees it."""
        wanted = trials.Wanted(
            version=self.shop.version,
            purpose=self.shop.purposes["promotions"],
            reader=readers.reader(self.shop.id, contacts.contact(self.shop.id, self.julie)),
            to=["olive@shop.example"],
            subject="template",
            subject_id="bonjour",
        )
        return replace(wanted, **changes)

    def asks(self, **changes: Any) -> list[UUID]:
        """Olive asks; returns the messages."""
        with tenancy.scope(workspace_id=self.shop.id):
            rows = trials.ask(self.shop.id, self.wanted(**changes), actor=self.actor, now=self.post.now)
        return [row.message_id for row in rows]

    def stand(self, message_id: UUID) -> tuple[str, list[str]]:
        """State and reasons of a message."""
        with tenancy.scope(workspace_id=self.shop.id):
            return message(message_id).state, codes(message_id)


@pytest.fixture
def team(post: Post) -> Team:
    with tenancy.scope(workspace_id=post.shop.id):
        return Team(post)


def test_member_has_the_message_as_the_contact_would(team: Team) -> None:
    [sent] = team.asks()
    team.post.send()
    [mail] = team.post.arrived
    assert mail["To"] == "olive@shop.example"
    assert mail["Subject"] == "[Test] Bonjour Julie"
    assert mail["X-Parcours-Test"] == "yes"
    assert mail["DKIM-Signature"]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Feedback-ID"] is None
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "Commande A-17, promotions, EXEMPLE-2345" in html
    assert 'href="https://shop.example/offres?a=1&amp;b=2"' in html
    assert "https://shop.example/offres?a=1&b=2" in text
    assert "/t/c/" not in html + text
    assert "/t/o/" not in html
    assert team.stand(sent) == ("sent", ["test_asked"])


def test_without_consent_in_the_night_and_twice_a_day(team: Team) -> None:
    """What the contact said, the hour and the day's places are not asked: a test is no marketing, and Julie is not who has it."""
    team.post.later(hours=13)  # it is midnight in Paris
    team.asks()
    team.asks()
    team.post.send()
    assert [mail["To"] for mail in team.post.arrived] == ["olive@shop.example"] * 2
    with tenancy.scope(workspace_id=team.shop.id):
        assert not Allowance.objects.exists()


def test_colleagues_have_it_in_the_language_that_is_asked_for(team: Team) -> None:
    with tenancy.scope(workspace_id=team.shop.id):
        team.joins("paul", Role.VIEWER)
    team.asks(to=["olive@shop.example", "Paul@shop.example", "olive@shop.example"], language="en")
    team.post.send()
    assert sorted((str(mail["To"]), str(mail["Subject"])) for mail in team.post.arrived) == [
        ("olive@shop.example", "[Test] Hello Julie"),
        ("paul@shop.example", "[Test] Hello Julie"),
    ]


def test_nothing_is_noted_about_the_contact(team: Team) -> None:
    shop = team.shop
    with tenancy.scope(workspace_id=shop.id):
        offer = shop.mailing("order_information")
        real = shop.queue(offer, team.julie)
    team.post.send()
    settle(shop.id)
    insights.roll_up(shop.id, now=team.post.now)
    with tenancy.scope(workspace_id=shop.id):
        before = figures(team)
        journal = list(Event.objects.values_list("id", flat=True))
    team.asks()
    team.post.send()
    assert len(team.post.arrived) == 2
    settle(shop.id)
    actions.project(shop.id, now=team.post.now)
    insights.roll_up(shop.id, now=team.post.now)
    with tenancy.scope(workspace_id=shop.id):
        assert figures(team) == before
        assert list(Event.objects.values_list("id", flat=True)) == journal
        assert [row.id for row in queries.messages_of_contact(shop.id, team.julie)] == [real]


def figures(team: Team) -> list[tuple[Any, ...]]:
    days = Daily.objects.filter(workspace_id=team.shop.id).order_by("day", "name")
    return list(days.values_list("day", "name", "count", "amount"))


def links(team: Team) -> set[str]:
    """Where the links of ours in the test lead, as paths."""
    [mail] = team.post.arrived
    bodies = "".join(part.get_content() for part in mail.iter_parts()) + str(mail["List-Unsubscribe"])
    return set(re.findall(r"/(?:u|p|why|confirm)/[A-Za-z0-9_-]{56}", bodies))


def test_links_say_that_it_is_a_test_and_change_nothing(team: Team) -> None:
    with tenancy.scope(workspace_id=team.shop.id):
        team.shop.says(team.julie, "promotions", Act.GRANTED)
        asked_to_confirm = (
            '<mj-text><a href="{{ confirm_url }}">oui</a> <a href="{{ why_url }}">?</a></mj-text>'
        )
        team.says(
            fr={**BODY, "mjml": BODY["mjml"].replace("</mj-column>", asked_to_confirm + "</mj-column>")}
        )
    team.asks()
    team.post.send()
    found = links(team)
    assert {path.split("/")[1] for path in found} == {"u", "p", "why", "confirm"}
    before = digest()
    client = Client(headers={"accept-language": "fr"})
    for path in found:
        for call in (client.get, client.head, client.post):
            response = call(path, {"List-Unsubscribe": "One-Click", "everything": "stop"})
            assert response.status_code == 200
        assert "Ceci est un test" in client.get(path).content.decode()
        assert "Julie" not in client.get(path).content.decode()
    assert digest() == before


@pytest.mark.parametrize(
    "mail",
    [
        lambda team, sent: delivery_report(
            return_path(team.shop.id, sent), recipient_status("550 5.1.1 unknown", who="olive@shop.example")
        ),
        lambda team, sent: complaint_report(return_path(team.shop.id, sent)),
    ],
    ids=["bounce", "complaint"],
)
def test_what_comes_back_is_noted_and_nothing_follows(
    team: Team, mail: Callable[[Team, UUID], bytes]
) -> None:
    [sent] = team.asks()
    team.post.send()
    raw = mail(team, sent)
    receipt = receive(raw, now=team.post.now, recipient=return_path(team.shop.id, sent))
    assert receipt.told.kind in (ReturnKind.BOUNCED, ReturnKind.COMPLAINED)
    with tenancy.scope(workspace_id=team.shop.id):
        assert Return.objects.count() == 1
        assert not Suppression.objects.exists()
        assert set(Event.objects.values_list("name", flat=True)) <= {"Order Completed", "Consent Granted"}


def test_unsubscribing_mail_to_a_test_withdraws_nothing(team: Team) -> None:
    team.asks()
    team.post.send()
    [mail] = team.post.arrived
    address = re.search(r"mailto:([^>]*)>", str(mail["List-Unsubscribe"]))
    assert address is not None
    with tenancy.scope(workspace_id=team.shop.id):
        records = Record.objects.count()
    receipt = receive(
        b"From: olive@shop.example\r\nSubject: unsubscribe\r\n\r\n", now=team.post.now, recipient=address[1]
    )
    assert receipt.told.kind is ReturnKind.UNSUBSCRIBED
    with tenancy.scope(workspace_id=team.shop.id):
        assert Record.objects.count() == records


def test_refused_test_fails_and_excludes_nobody(team: Team) -> None:
    [sent] = team.asks()
    with tenancy.scope(workspace_id=team.shop.id):
        [claim] = actions.claim(team.shop.id, now=team.post.now, limit=10).to_send
        actions.start(
            team.shop.id, [ToStart(sent, claim.fence, "one", claim.address_hash)], now=team.post.now
        )
        refused = Outcome(
            sent, claim.fence, AttemptOutcome.REFUSED, 550, "no", meaning=ReplyClass.NO_SUCH_ADDRESS
        )
        actions.finish(team.shop.id, [refused], transport="smtp", now=team.post.now)
        assert message(sent).state == "failed"
        assert not Suppression.objects.exists()
        assert not Event.objects.filter(name__startswith="Email").exists()


# The gate.


def test_who_left_the_team_meanwhile_has_nothing(team: Team) -> None:
    with tenancy.scope(workspace_id=team.shop.id):
        paul = team.joins("paul")
    [sent] = team.asks(to=["paul@shop.example"])
    with tenancy.scope(workspace_id=team.shop.id):
        accounts.remove_member(team.shop.id, paul, actor=SYSTEM, now=team.post.now)
    team.post.send()
    assert team.post.arrived == []
    assert team.stand(sent) == ("withheld", ["not_a_member"])


def test_who_leaves_between_verdict_and_data_has_nothing(team: Team) -> None:
    with tenancy.scope(workspace_id=team.shop.id):
        paul = team.joins("paul")
    [sent] = team.asks(to=["paul@shop.example"])

    def leave(point: str) -> None:
        if point == "claimed":
            with tenancy.scope(workspace_id=team.shop.id):
                Membership.objects.filter(user=paul).delete()
            connection.close()  # the loop's own

    team.post.send(hook=leave)
    assert team.post.arrived == []
    assert team.stand(sent) == ("withheld", ["not_a_member"])


def test_excluded_address_archived_purpose_and_erased_contact_keep_it_back(team: Team) -> None:
    with tenancy.scope(workspace_id=team.shop.id):
        team.shop.person("Marc")
        marc = readers.usual(team.shop.id, ())
    [sent] = team.asks(reader=marc)
    with tenancy.scope(workspace_id=team.shop.id):
        team.shop.suppress("olive@shop.example")
        Purpose.objects.filter(code="promotions").update(archived_at=team.post.now)
        Contact.objects.filter(email="marc@example.com").delete()
    team.post.send()
    assert team.post.arrived == []
    assert team.stand(sent) == ("withheld", ["purpose_archived", "contact_gone", "suppressed"])


def test_test_that_waited_an_hour_is_out_of_date(team: Team) -> None:
    [sent] = team.asks()
    team.post.later(hours=1)
    team.post.send()
    assert team.stand(sent) == ("withheld", ["expired"])
    with tenancy.scope(workspace_id=team.shop.id):
        assert not Event.objects.filter(name="Email Withheld").exists()


def test_database_refuses_that_a_test_says_something_of_its_contact(team: Team) -> None:
    [sent] = team.asks()
    for field, value in (("opened_at", team.post.now), ("measured_clicks", True)):
        with (
            tenancy.scope(workspace_id=team.shop.id),
            pytest.raises(IntegrityError, match="message_test_is_nobodys"),
            transaction.atomic(),
        ):
            Message.objects.filter(pk=sent).update(**{field: value})


# What is refused before anything is queued.


def nothing_is_kept(team: Team) -> bool:
    with tenancy.scope(workspace_id=team.shop.id):
        return not (
            Message.objects.exists()
            or Mailing.objects.exists()
            or AuditEntry.objects.filter(action="tested").exists()
        )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mjml": BODY["mjml"].replace("{{ coupon.code }}", "{% for x in (1..9) %}")}, "mjml"),
        ({"subject": "{{ contact.first_name | nonsense }}"}, "subject"),
    ],
)
def test_what_is_wrong_with_the_template_is_said_at_once(
    team: Team, body: dict[str, str], field: str
) -> None:
    with tenancy.scope(workspace_id=team.shop.id):
        team.says(fr={**BODY, **body})
    with pytest.raises(TemplateError) as caught:
        team.asks()
    assert caught.value.field == f"fr.{field}"
    assert nothing_is_kept(team)


@pytest.mark.parametrize("to", [["julie@example.com"], ["nobody@else.example"], []])
def test_it_goes_to_members_only(team: Team, to: list[str]) -> None:
    with pytest.raises(NotAMember):
        team.asks(to=to)
    assert nothing_is_kept(team)


def test_invited_members_and_first_passwords_are_not_written_to(team: Team) -> None:
    """An owner could name any address so: it is written to once its holder has shown up."""
    with tenancy.scope(workspace_id=team.shop.id):
        accounts.invite(team.shop.id, "new@else.example", Role.EDITOR, actor=SYSTEM, now=team.shop.now)
        accounts.create_user("known@else.example", password=None, now=team.shop.now)
        accounts.invite(team.shop.id, "known@else.example", Role.EDITOR, actor=SYSTEM, now=team.shop.now)
    for address in ("new@else.example", "known@else.example"):
        with pytest.raises(NotAMember):
            team.asks(to=[address])


def test_at_most_six_members_and_twenty_messages_an_hour(team: Team) -> None:
    with tenancy.scope(workspace_id=team.shop.id):
        others = [team.joins(f"member{number}").email for number in range(6)]
    with pytest.raises(NotAMember):
        team.asks(to=["olive@shop.example", *others])
    for _ in range(3):
        assert len(team.asks(to=["olive@shop.example", *others[:5]])) == 6
    with pytest.raises(TooManyTests):
        team.asks(to=others[:3])
    assert len(team.asks(to=others[:2])) == 2
    with pytest.raises(TooManyTests):
        team.asks()
    team.post.later(minutes=61)
    assert len(team.asks()) == 1


def test_limit_holds_for_those_who_ask_at_the_same_moment(team: Team) -> None:
    with tenancy.scope(workspace_id=team.shop.id):
        everybody = ["olive@shop.example", *(team.joins(f"member{number}").email for number in range(5))]

    def ask(_: int) -> int:
        try:
            return len(team.asks(to=everybody))
        except TooManyTests:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=5) as pool:
        assert sorted(pool.map(ask, range(5))) == [0, 0, 6, 6, 6]
    with tenancy.scope(workspace_id=team.shop.id):
        assert Message.objects.filter(is_test=True).count() == 18


def test_paused_or_missing_settings_and_missing_contacts_are_said(team: Team) -> None:
    with pytest.raises(NoReader):
        team.asks(reader=None)
    with tenancy.scope(workspace_id=team.shop.id):
        sending.pause_sending(team.shop.id, "holidays", now=team.post.now)
    with pytest.raises(Paused):
        team.asks()
    with tenancy.scope(workspace_id=team.shop.id):
        Sending.objects.all().delete()
    with pytest.raises(NotSetUp):
        team.asks()
    assert nothing_is_kept(team)


def test_trail_says_who_tested_what_and_on_whom(team: Team) -> None:
    team.asks()
    with tenancy.scope(workspace_id=team.shop.id):
        entry = AuditEntry.objects.get(action="tested")
    assert (entry.user_id, entry.subject, entry.subject_id) == (team.olive.pk, "template", "bonjour")
    assert entry.detail == {"recipients": ["olive@shop.example"], "contact": str(team.julie)}


def test_click_that_names_nobody_counts_for_the_real_mailing(team: Team) -> None:
    """Anonymous links of former times name the template's version only: the newest mailing of it that is no test has the click."""
    with tenancy.scope(workspace_id=team.shop.id):
        real = team.shop.mailing("promotions")
    team.asks()
    click = feedback.AnonymousClick(None, team.shop.version.pk, 0, is_machine=False)
    with tenancy.scope(workspace_id=team.shop.id):
        counting = feedback.count_anonymous(team.shop.id, [click], now=team.post.now)
        sql.run(counting.text, counting.parameters)
        assert AnonymousClick.objects.get().mailing_id == real.pk


def test_next_minute_shows_where_it_stands(team: Team) -> None:
    team.asks()
    place = trials.place("template", "bonjour")
    with tenancy.scope(workspace_id=team.shop.id):
        [row] = trials.recent(team.shop.id, place, actor=team.actor, now=team.post.now)
        assert (row.state, row.is_open, row.address) == ("queued", True, "olive@shop.example")
    team.post.send()
    with tenancy.scope(workspace_id=team.shop.id):
        [row] = trials.recent(team.shop.id, place, actor=team.actor, now=team.post.now)
        assert (row.state, row.is_open, row.verdict) == ("sent", False, "send")
        assert trials.recent(team.shop.id, place, actor=Actor("Paul", user_id=0), now=team.post.now) == []
        assert (
            trials.recent(team.shop.id, place, actor=team.actor, now=team.post.now + timedelta(hours=2)) == []
        )
