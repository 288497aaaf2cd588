"""From the queue to the mail server: what a message looks like there, and what is written down."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import dkim
from django.conf import settings

from parcours.consent.types import Act
from parcours.delivery import actions, queries
from parcours.delivery.feedback import Call, count_anonymous, outcome
from parcours.delivery.models import AnonymousClick, Attempt, Sending
from parcours.delivery.settings import dns_record
from parcours.delivery.types import ToQueue
from parcours.events import actions as events
from parcours.events import tokens
from parcours.events.models import Event
from parcours.events.types import NewEvent
from parcours.insights.queries import mailing_figures
from parcours.kernel import sql, tenancy
from tests.delivery.post import Post
from tests.delivery.stories import message
from tests.settling import settle


def test_confirmation_arrives_signed_and_complete(post: Post) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        julie = post.shop.person("Julie")
        sent = post.shop.queue(post.shop.mailing("order_information"), julie)
        record = dns_record(Sending.objects.get())
    post.send()
    [mail] = post.arrived
    raw = post.sink.ledger.raw(post.sink.ledger.messages[0])
    assert mail["From"] == "La Boutique <bonjour@shop.example>"
    assert mail["To"] == "julie@example.com"
    assert mail["Subject"] == "Bonjour Julie"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Help"].startswith(f"<{settings.BASE_URL}/why/")
    assert mail["List-Id"] == "<order_information.shop.shop.example>"
    assert re.fullmatch(r"<[0-9a-f]{40}@shop\.example>", mail["Message-ID"])
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "Julie" in text
    assert "Julie" in html
    assert "La Boutique" in html
    assert f"{settings.BASE_URL}/u/" in text
    assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: record.value.encode())
    signed = re.search(rb"h=([^;]*);", raw.split(b"\r\n\r\n")[0])
    assert signed is not None
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= {
        name.strip().lower() for name in signed[1].decode().split(":")
    }
    with tenancy.scope(workspace_id=post.shop.id):
        row = message(sent)
        assert (row.state, row.sent_at, row.subject) == ("sent", post.now, "Bonjour Julie")
        tried = Attempt.objects.filter(message_id=sent).values_list("outcome", "code")
        assert list(tried) == [("accepted", 250)]
        [told] = Event.objects.filter(name="Email Sent").values_list("properties", flat=True)
        assert told["message"] == str(sent)
        assert (told["purpose"], told["origin"]) == ("order_information", "campaign")


def test_return_path_names_the_message(post: Post) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        sent = post.shop.queue(post.shop.mailing("order_information"), post.shop.person("Julie"))
    post.send()
    local, _, domain = post.sink.ledger.messages[0].sender.partition("@")
    assert domain == "bounce.shop.example"
    assert len(local) <= 64
    named = tokens.signer().verify(local.removeprefix("bounce+"), tokens.Purpose.BOUNCE)
    assert (named.workspace_id, named.message_id) == (post.shop.id, sent)


def test_headers_of_bulk_mail_are_complete_stable_and_oversigned(post: Post) -> None:
    """Compliance 3.1 and 3.2, on the bytes that left."""
    with tenancy.scope(workspace_id=post.shop.id):
        mailing = post.shop.mailing("promotions")
        for name in ("Julie", "Marc"):
            person = post.shop.person(name)
            post.shop.says(person, "promotions", Act.GRANTED)
            post.shop.queue(mailing, person)
    post.send()
    one, other = post.arrived
    assert one["Feedback-ID"] == other["Feedback-ID"]
    *_, sender_id = fields = one["Feedback-ID"].split(":")
    assert fields[:3] == [str(mailing.pk), "shop", "promotions"]
    assert 5 <= len(sender_id) <= 15
    assert one["Auto-Submitted"] is None
    page, mailto = re.fullmatch(r"<(http[^>]*)>, <mailto:([^>]*)>", str(one["List-Unsubscribe"])).groups()  # type: ignore[union-attr]
    local, _, domain = mailto.partition("@")
    assert (page.rpartition("/")[2], len(local) <= 64, domain) == (
        local.removeprefix("unsub+"),
        True,
        "bounce.shop.example",
    )
    names = [name.lower() for name, _ in one.items()]
    assert len(names) == len(set(names))
    signed = re.sub(r"\s", "", str(one["DKIM-Signature"])).partition(";h=")[2].partition(";")[0].split(":")
    twice = [
        "from",
        "to",
        "subject",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "feedback-id",
        "date",
        "message-id",
    ]
    assert [signed.count(name) for name in twice] == [2] * len(twice)
    assert [signed.count(name) for name in ("reply-to", "cc", "list-id", "list-help")] == [1] * 4


def tracked(html: str) -> tuple[tokens.ClickToken, str]:
    """The first tracked link: what its token names, and where it leads."""
    found = re.search(r'href="([^"]*/t/c/[^"]*)"', html)
    assert found is not None
    parts = urlsplit(found[1].replace("&amp;", "&"))
    url = parse_qs(parts.query)["u"][0]
    return tokens.signer().verify_click(parts.path.rpartition("/")[2], url), url


def html_of(post: Post, who: str) -> str:
    [mail] = [one for one in post.arrived if one["To"] == who]
    return str([part.get_content() for part in mail.iter_parts()][1])


def test_only_those_who_agreed_are_measured(post: Post) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        julie, marc = post.shop.person("Julie"), post.shop.person("Marc")
        post.shop.says(julie, "measure_opens", Act.GRANTED)
        post.shop.says(julie, "measure_clicks", Act.GRANTED)
        mailing = post.shop.mailing("order_information")
        of_julie, _ = post.shop.queue(mailing, julie), post.shop.queue(mailing, marc)
    post.send()
    token, url = tracked(html_of(post, "julie@example.com"))
    assert (token.message_id, url) == (of_julie, "https://shop.example/offres")
    assert "/t/o/" in html_of(post, "julie@example.com")
    token, url = tracked(html_of(post, "marc@example.com"))
    assert (token.message_id, url) == (None, "https://shop.example/offres")
    assert "/t/o/" not in html_of(post, "marc@example.com")


def test_where_everybodys_clicks_are_recorded_everybody_is_measured(post: Post) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        Sending.objects.update(click_tracking="everyone")
        julie, marc = post.shop.person("Julie"), post.shop.person("Marc")
        post.shop.says(julie, "measure_clicks", Act.GRANTED)
        mailing = post.shop.mailing("order_information")
        _, of_marc = post.shop.queue(mailing, julie), post.shop.queue(mailing, marc)
    post.send()
    token, _url = tracked(html_of(post, "marc@example.com"))
    with tenancy.scope(workspace_id=post.shop.id):
        click = {"message": str(of_marc), "mailing": mailing.pk, "link": 0, "machine": False}
        events.append(post.shop.id, [NewEvent(marc, "Email Link Clicked", click, post.now)], now=post.now)
    settle(post.shop.id)
    actions.project(post.shop.id, now=post.now)
    with tenancy.scope(workspace_id=post.shop.id):
        figures = mailing_figures(post.shop.id, [mailing.pk])[mailing.pk]
    assert token.message_id == of_marc
    assert (figures.sent, figures.click_measured, figures.clicked) == (2, 2, 1)


def test_click_without_a_name_counts_for_the_mailing_that_it_came_with(post: Post) -> None:
    """Two mailings of one version: what is clicked in the first is not the second's, though that one is newer."""
    links = []
    for name in ("Marc", "Karim"):
        with tenancy.scope(workspace_id=post.shop.id):
            mailing = post.shop.mailing("order_information")
            post.shop.queue(mailing, post.shop.person(name))
        post.send()
        token, _url = tracked(html_of(post, f"{name.lower()}@example.com"))
        assert (token.message_id, token.mailing_id) == (None, mailing.pk)
        links.append(token)
    first, second = links
    call = Call(
        post.shop.id,
        None,
        post.now,
        uuid4(),
        "Mozilla/5.0",
        is_prefetch=False,
        link=first.link,
        template_version_id=first.template_version_id,
        mailing_id=first.mailing_id,
    )
    with tenancy.scope(workspace_id=post.shop.id):
        _events, clicks = outcome([call, replace(call, mailing_id=0)], [])
        counting = count_anonymous(post.shop.id, clicks, now=post.now)
        sql.run(counting.text, counting.parameters)
        counted = AnonymousClick.objects.order_by("id").values_list("mailing_id", flat=True)
        assert list(counted) == [first.mailing_id, second.mailing_id]


def test_same_message_queued_twice_is_one(post: Post) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        julie = post.shop.person("Julie")
        mailing = post.shop.mailing("order_information")
        row = ToQueue(mailing.pk, 7, julie, None, None, post.now)
        assert actions.enqueue(post.shop.id, [row], now=post.now) == 1
        assert actions.enqueue(post.shop.id, [row, row], now=post.now) == 0
    post.send()
    post.send()
    assert len(post.arrived) == 1


def test_three_hundred_go_over_several_connections_once_each(post: Post) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        mailing = post.shop.mailing("order_information")
        people = [post.shop.person(f"P{n}") for n in range(300)]
        rows = [ToQueue(mailing.pk, 0, who, None, None, post.now) for who in people]
        actions.enqueue(post.shop.id, rows, now=post.now)
    post.send(connections=8, batch=100)
    assert post.states() == {"sent": 300}
    assert len(post.arrived) == 300
    assert post.twice == []
    with tenancy.scope(workspace_id=post.shop.id):
        assert Attempt.objects.values("connection").distinct().count() == 8


def test_message_that_cannot_be_made_is_withheld_and_stops_nobody_else(post: Post) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        bad = post.shop.person("Bad", email="bad address@example.com")
        good = post.shop.person("Good")
        mailing = post.shop.mailing("order_information")
        of_bad, of_good = post.shop.queue(mailing, bad), post.shop.queue(mailing, good)
    post.send()
    with tenancy.scope(workspace_id=post.shop.id):
        assert message(of_good).state == "sent"
        assert message(of_bad).state == "withheld"
        assert message(of_bad).reasons[0]["code"] == "template_failed"


def test_history_is_delivered_nowhere_in_sets(post: Post) -> None:
    past = datetime(2025, 5, 5, 9, 0, tzinfo=UTC)
    with tenancy.scope(workspace_id=post.shop.id):
        mailing = post.shop.mailing("order_information", valid_for=timedelta(days=1))
        people = [post.shop.person(f"P{n}") for n in range(5)]
        for who in people:
            post.shop.queue(mailing, who, at=past)
        assert actions.deliver_nowhere(post.shop.id, now=past) == 5
        assert actions.deliver_nowhere(post.shop.id, now=past) == 0
        row = queries.list_messages(post.shop.id)[0]
        assert (row.state, row.transport, row.sent_at, row.subject) == ("sent", "nowhere", past, row.subject)
        assert row.subject.startswith("Bonjour P")
        assert Event.objects.filter(name="Email Sent", at=past).count() == 5
    assert post.arrived == []
