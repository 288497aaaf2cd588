"""Less, or later: a pause and a lower frequency, chosen on the preference page, kept by the gate, and ended again."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client

from parcours.consent import queries
from parcours.consent.types import Act, Wish
from parcours.contacts import actions as contacts
from parcours.delivery import actions
from parcours.delivery.models import Message
from parcours.delivery.types import ToStart
from parcours.events import queries as log
from parcours.events import tokens
from parcours.kernel import tenancy
from tests.delivery.post import Post
from tests.delivery.stories import codes
from tests.public.forms import save

pytestmark = pytest.mark.usefixtures("one_clock")
BOXES = ["promotions.email", "advice.email"]


@pytest.fixture
def julie(post: Post) -> UUID:
    with tenancy.scope(workspace_id=post.shop.id):
        julie = post.shop.person("Julie")
        post.shop.says(julie, "promotions", Act.GRANTED)
    return julie


def ask(post: Post, who: UUID, purpose: str = "promotions") -> UUID:
    """Queue one more message to her, worth two months."""
    with tenancy.scope(workspace_id=post.shop.id):
        mailing = post.shop.mailing(purpose, valid_for=timedelta(days=60))
        return post.shop.queue(mailing, who, at=post.now)


def choose(post: Post, message_id: UUID, yes: Sequence[str] = BOXES, **chosen: str) -> str:
    """Save the preference page behind a link of that message; returns the page."""
    named = tokens.MessageToken(post.shop.id, message_id)
    link = f"/p/{tokens.signer().sign(named, tokens.Purpose.PREFERENCES)}"
    response = save(Client(enforce_csrf_checks=True), link, yes=yes, **chosen)
    assert response.status_code == 200
    return str(response.content.decode())


def reasons(post: Post, message_id: UUID) -> list[str]:
    with tenancy.scope(workspace_id=post.shop.id):
        return codes(message_id)


def names(post: Post, who: UUID) -> list[str]:
    with tenancy.scope(workspace_id=post.shop.id):
        return [one.name for one in log.timeline(post.shop.id, who)]


def wish(post: Post, who: UUID) -> Wish:
    with tenancy.scope(workspace_id=post.shop.id):
        return queries.wish(post.shop.id, who, now=post.now)


def test_pause_holds_marketing_until_it_ends(post: Post, julie: UUID) -> None:
    first = ask(post, julie)
    post.send()
    page = choose(post, first, pause="30")
    assert "9 avril 2026" in page
    post.later(days=1)
    offer, order = ask(post, julie), ask(post, julie, "order_information")
    post.send()
    assert (reasons(post, offer), reasons(post, order)) == (["paused"], ["basis_contract"])
    post.later(days=30)
    post.send()
    assert reasons(post, offer) == ["basis_consent"]
    assert len(post.arrived) == 3
    assert names(post, julie).count("Marketing Paused") == 1


def test_pause_that_is_ended_lets_what_waited_go_at_once(post: Post, julie: UUID) -> None:
    first = ask(post, julie)
    choose(post, first, pause="90")
    post.send()
    assert reasons(post, first) == ["paused"]
    choose(post, first, pause="none")
    post.send()
    assert reasons(post, first) == ["basis_consent"]
    assert names(post, julie).count("Marketing Resumed") == 1


def test_saving_again_neither_extends_nor_ends_the_pause(post: Post, julie: UUID) -> None:
    first = ask(post, julie)
    choose(post, first, pause="7")
    before = wish(post, julie)
    post.later(days=2)
    choose(post, first, pause="keep")
    choose(post, first)
    assert wish(post, julie) == before
    assert names(post, julie).count("Marketing Paused") == 1


def test_lower_frequency_leaves_a_week_between_two_messages(post: Post, julie: UUID) -> None:
    first = ask(post, julie)
    choose(post, first, frequency="7")
    second = ask(post, julie)
    post.send()
    assert (reasons(post, first), reasons(post, second)) == (["basis_consent"], ["chosen_frequency"])
    for _ in range(6):
        post.later(days=1)
        post.send()
    assert len(post.arrived) == 1
    post.later(days=1)
    post.send()
    assert (reasons(post, second), len(post.arrived)) == (["basis_consent"], 2)
    third = ask(post, julie)
    post.send()
    assert reasons(post, third) == ["chosen_frequency", "frequency_cap"]
    choose(post, first, frequency="any")
    post.later(days=1)
    post.send()
    assert len(post.arrived) == 3
    assert names(post, julie).count("Frequency Chosen") == 2


def test_pause_that_begins_while_a_message_is_being_made_stops_it(post: Post, julie: UUID) -> None:
    offer = ask(post, julie)
    with tenancy.scope(workspace_id=post.shop.id):
        [claimed] = actions.claim(post.shop.id, now=post.now, limit=10).to_send
    choose(post, offer, pause="7")
    with tenancy.scope(workspace_id=post.shop.id):
        wanted = ToStart(claimed.id, claimed.fence, "c1", claimed.address_hash)
        assert actions.start(post.shop.id, [wanted], now=post.now) == set()


def test_merging_keeps_the_calmer_wish(post: Post, julie: UUID) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        twin = post.shop.person("Julia")
    choose(post, ask(post, julie), frequency="7")
    choose(post, ask(post, twin), pause="30", frequency="30")
    paused = wish(post, twin).paused_until
    with tenancy.scope(workspace_id=post.shop.id):
        contacts.merge(post.shop.id, julie, twin, now=post.now)
    assert wish(post, julie) == Wish(paused, 30)


def test_withdrawing_on_the_page_is_an_unsubscription_told_once(post: Post, julie: UUID) -> None:
    first = ask(post, julie)
    choose(post, first)
    assert "Unsubscribed" not in names(post, julie)
    for boxes in (["advice.email"], [], ["promotions.email"], []):
        choose(post, first, yes=boxes)
    assert names(post, julie).count("Unsubscribed") == 1
    with tenancy.scope(workspace_id=post.shop.id):
        [told] = [one for one in log.timeline(post.shop.id, julie) if one.name == "Unsubscribed"]
        assert told.properties["message"] == str(first)
        assert Message.objects.filter(pk=first).exists()
