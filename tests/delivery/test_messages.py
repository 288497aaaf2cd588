"""Reading messages, explaining them, what comes back, and what a merge does to them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import queries as consent
from parcours.consent.models import Suppression
from parcours.consent.types import Act, Channel
from parcours.contacts.models import Contact
from parcours.delivery import actions, merging, queries, returns, settings, transactional
from parcours.delivery.errors import NotInDoubt, UnknownMessage
from parcours.delivery.models import Allowance, Mailing, Message, Sending
from parcours.delivery.replies import ReplyClass
from parcours.delivery.types import AttemptOutcome, Outcome, Reason, ToQueue, ToSend, ToStart
from parcours.delivery.wording import explain_reason, explain_refusal
from parcours.events import actions as events
from parcours.events import people
from parcours.events.models import Event
from parcours.events.types import NewEvent
from parcours.kernel import tenancy
from parcours.kernel.ids import uuid7
from tests.delivery.stories import Shop, codes, message
from tests.settling import settle


@pytest.fixture
def shop(in_workspace: Workspace, now: datetime) -> Shop:
    return Shop.open(in_workspace, now)


def test_page_of_messages_goes_on_where_it_ended(shop: Shop) -> None:
    julie = shop.person("Julie")
    mailing = shop.mailing("order_information")
    sent = [shop.queue(mailing, julie, run=n, at=shop.now + timedelta(minutes=n)) for n in range(5)]
    first = queries.messages_of_contact(shop.id, julie, limit=3)
    rest = queries.messages_of_contact(shop.id, julie, limit=3, before=(first[-1].queued_at, first[-1].id))
    assert [row.id for row in first + rest] == sent[::-1]
    listed = queries.list_messages(shop.id, limit=3, before=(first[-1].queued_at, first[-1].id))
    assert [row.id for row in listed] == sent[1::-1]
    assert queries.list_messages(shop.id, state="sent") == []


def test_why_tells_ground_rules_and_data(shop: Shop) -> None:
    julie = shop.person("Julie")
    shop.says(julie, "promotions", Act.GRANTED)
    guard = {"attribute": "city", "is": "Lyon"}
    sent = shop.queue(shop.mailing("promotions", guard=guard), julie)
    told = queries.why(shop.id, sent, "fr")
    assert (told.message.purpose, told.ground.act, told.ground.source) == ("promotions", "granted", "form")
    assert told.ground.wording == "Yes, please."
    assert len(told.rules) == 1
    assert "Lyon" in told.rules[0]
    assert told.data == ["contact.first_name"]


def test_unknown_message(shop: Shop) -> None:
    with pytest.raises(UnknownMessage):
        queries.message(shop.id, uuid7())


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("code", list(Reason))
def test_every_reason_has_a_sentence(code: Reason, language: str) -> None:
    said = explain_reason({"code": code.value, "evidence": {}}, language)
    assert said.endswith((".", "?"))
    assert said != code.value


def test_reason_is_told_with_its_evidence() -> None:
    evidence = {"purpose": "promotions", "since": "2026-03-10T10:00:00+00:00", "record": 4}
    said = explain_reason(
        {"code": "consent_withdrawn", "evidence": evidence},
        "fr",
        time_zone="Europe/Paris",
        purposes={"promotions": "Promotions"},
    )
    assert said == (
        "La personne a retiré son consentement à «\u00a0Promotions\u00a0» le 10 mars 2026 11:00 CET. Elle seule peut le redonner."
    )


@pytest.mark.parametrize(
    ("per_day", "french", "english"),
    [
        (1, "1 message commercial", "1 marketing message"),
        (2, "2 messages commerciaux", "2 marketing messages"),
    ],
)
def test_message_that_waits_says_until_when_and_counts_in_words(
    per_day: int, french: str, english: str
) -> None:
    evidence = {"per_day": per_day, "day": "2026-03-10", "until": "2026-03-11T07:00:00+00:00"}
    reason = {"code": "frequency_cap", "evidence": evidence}
    assert explain_reason(reason, "fr").replace("\u00a0", " ") == (
        f"La personne a déjà reçu {french} le 10 mars 2026 : le message attend le 11 mars 2026 07:00 UTC."
    )
    assert explain_reason(reason, "en") == (
        f"The person has already had {english} on 10 March 2026: the message waits until 11 March 2026 07:00 UTC."
    )


SUPPRESSIONS = [
    (
        "bounce",
        "no_such_address: 550 5.1.1 x",
        "rejet\u00a0: l’adresse n’existe pas",
        "bounce: there is no such address",
    ),
    ("complaint", "", "plainte", "complaint"),
    ("manual", "asked by telephone", "décision", "decision"),
]


@pytest.mark.parametrize(("cause", "detail", "french", "english"), SUPPRESSIONS)
def test_exclusion_is_told_with_its_cause(cause: str, detail: str, french: str, english: str) -> None:
    evidence = {"since": "2026-03-10T10:00:00+00:00", "cause": cause, "detail": detail}
    for language, words in (("fr", french), ("en", english)):
        assert f"({words})" in explain_reason({"code": "suppressed", "evidence": evidence}, language)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_refusal_has_words(language: str) -> None:
    refusals = set(ReplyClass) - {ReplyClass.ACCEPTED}
    assert all(explain_refusal(each.value, language) for each in refusals)
    assert explain_refusal("accepted", language) == ""


def test_unknown_code_is_shown_as_it_is() -> None:
    assert explain_reason({"code": "phase_of_the_moon"}, "en") == "phase_of_the_moon"


def test_stopped_mailing_cancels_what_waits(shop: Shop) -> None:
    mailing = shop.mailing("order_information")
    sent = shop.queue(mailing, shop.person("Julie"))
    assert actions.stop(shop.id, [mailing.pk], now=shop.now) == 1
    assert message(sent).state == "cancelled"


def test_only_a_message_in_doubt_is_settled(shop: Shop) -> None:
    sent = shop.queue(shop.mailing("order_information"), shop.person("Julie"))
    with pytest.raises(NotInDoubt):
        actions.settle(shop.id, sent, was_sent=True, actor=SYSTEM, now=shop.now)


def delivered(shop: Shop, who: UUID | None = None) -> Message:
    """A message that was sent to Julie."""
    sent = shop.queue(shop.mailing("order_information"), who or shop.person("Julie"), at=shop.now)
    actions.deliver_nowhere(shop.id, now=shop.now)
    return message(sent)


def bounces(shop: Shop, who: UUID, meaning: ReplyClass = ReplyClass.SOFT, *, after: timedelta) -> Message:
    """Some time later a message is sent to somebody and comes back."""
    shop.now += after
    sent = delivered(shop, who)
    returns.bounce(shop.id, sent.pk, meaning, "452 4.2.2 mailbox full", now=shop.now)
    return sent


def is_suppressed(shop: Shop) -> bool:
    return consent.is_suppressed(shop.id, Channel.EMAIL, "julie@example.com")


def test_bounce_of_no_such_address_suppresses_it(shop: Shop) -> None:
    sent = delivered(shop)
    said = "550 5.1.1 <julie@example.com>: User unknown"
    assert returns.bounce(shop.id, sent.pk, ReplyClass.NO_SUCH_ADDRESS, said, now=shop.now)
    assert is_suppressed(shop)
    assert Suppression.objects.get().detail == "no_such_address: 550 5.1.1 …: User unknown", "it outlives her"
    assert Event.objects.filter(name="Email Bounced").count() == 1


DISABLED = ReplyClass.ADDRESS_DISABLED


def test_disabled_mailbox_is_suppressed_after_two_days(shop: Shop) -> None:
    julie = shop.person("Julie")
    bounces(shop, julie, DISABLED, after=timedelta())
    bounces(shop, julie, DISABLED, after=timedelta(hours=1))
    assert not is_suppressed(shop)
    bounces(shop, julie, DISABLED, after=timedelta(days=1))
    assert is_suppressed(shop)


def test_one_message_that_comes_back_again_another_day_is_one_day(shop: Shop) -> None:
    sent = bounces(shop, shop.person("Julie"), DISABLED, after=timedelta())
    returns.bounce(shop.id, sent.pk, DISABLED, "5.2.1", now=shop.now + timedelta(days=1))
    assert not is_suppressed(shop)


def test_bounces_of_a_former_address_do_not_count_against_the_new_one(shop: Shop) -> None:
    julie = shop.person("Julie", email="old@example.com")
    bounces(shop, julie, DISABLED, after=timedelta())
    Contact.objects.filter(pk=julie).update(email="julie@example.com")
    bounces(shop, julie, DISABLED, after=timedelta(days=1))
    assert not is_suppressed(shop)


def test_five_soft_bounces_over_a_fortnight_end_it(shop: Shop) -> None:
    julie = shop.person("Julie")
    for days in (0, 4, 4, 4):
        bounces(shop, julie, after=timedelta(days=days))
    assert not is_suppressed(shop)
    bounces(shop, julie, after=timedelta(days=1))  # the fifth, after 13 days only
    assert not is_suppressed(shop)
    bounces(shop, julie, after=timedelta(days=1))
    assert is_suppressed(shop)
    assert Suppression.objects.get().detail.startswith("soft: 452 4.2.2")


def test_message_that_was_refused_for_three_days_is_a_soft_bounce(shop: Shop) -> None:
    """Refusals that the server tells at once count as those that come back by mail."""
    who = shop.person("Julie")
    sent = shop.queue(shop.mailing("order_information"), who)
    Mailing.objects.update(valid_for=timedelta(days=30))
    Message.objects.update(expires_at=shop.now + timedelta(days=30))
    for hours in (0, 100):
        now = shop.now + timedelta(hours=hours)
        [claim] = actions.claim(shop.id, now=now, limit=10).to_send
        actions.start(shop.id, [ToStart(sent, claim.fence, "test", claim.address_hash)], now=now)
        full = Outcome(
            sent, claim.fence, AttemptOutcome.DEFERRED, 452, "452 4.2.2 full", meaning=ReplyClass.SOFT
        )
        actions.finish(shop.id, [full], transport="test", now=now)
        assert Event.objects.filter(name="Email Bounced").count() == (1 if hours else 0)
    assert message(sent).state == "failed"
    assert Event.objects.get(name="Email Bounced").properties["class"] == "soft"
    assert not is_suppressed(shop)


def test_other_refusals_do_not_make_four_soft_bounces_five(shop: Shop) -> None:
    julie = shop.person("Julie")
    for _ in range(4):
        bounces(shop, julie, after=timedelta(days=4))
    for meaning in (ReplyClass.POLICY, ReplyClass.CONTENT, ReplyClass.CONFIGURATION, ReplyClass.UNKNOWN):
        bounces(shop, julie, meaning, after=timedelta(days=1))
    assert not is_suppressed(shop)


@pytest.mark.parametrize("sign", ["delivered_at", "opened_at", "clicked_at", ""])
def test_series_begins_anew_when_something_arrives(shop: Shop, sign: str) -> None:
    """A report of it, an opening or a click; or silence for five days."""
    julie = shop.person("Julie")
    for _ in range(4):
        bounces(shop, julie, after=timedelta(days=4))
    arrived = delivered(shop, julie)
    if sign:
        Message.objects.filter(pk=arrived.pk).update(**{sign: shop.now + timedelta(minutes=5)})
    bounces(shop, julie, after=timedelta(days=1 if sign else 6))
    for _ in range(3):
        bounces(shop, julie, after=timedelta(days=4))
    assert not is_suppressed(shop)
    bounces(shop, julie, after=timedelta(days=4))
    assert is_suppressed(shop)


def test_message_of_yesterday_has_not_arrived_yet(shop: Shop) -> None:
    """Whether it will come back is not known for five days."""
    julie = shop.person("Julie")
    for _ in range(4):
        bounces(shop, julie, after=timedelta(days=4))
    shop.now += timedelta(days=3)
    delivered(shop, julie)
    bounces(shop, julie, after=timedelta(days=1))
    assert is_suppressed(shop)


@pytest.mark.parametrize(
    "meaning", [ReplyClass.SOFT, ReplyClass.CONTENT, ReplyClass.CONFIGURATION, ReplyClass.POLICY]
)
def test_other_bounces_never_count_against_the_person(shop: Shop, meaning: ReplyClass) -> None:
    returns.bounce(shop.id, delivered(shop).pk, meaning, "5.7.1", now=shop.now)
    assert not is_suppressed(shop)


def test_complaint_suppresses_once(shop: Shop) -> None:
    sent = delivered(shop)
    for _ in range(3):
        assert returns.complain(shop.id, sent.pk, now=shop.now)
    assert is_suppressed(shop)
    assert Event.objects.filter(name="Email Marked as Spam").count() == 1


def test_bounce_of_an_unknown_message_changes_nothing(shop: Shop) -> None:
    assert not returns.bounce(shop.id, uuid7(), ReplyClass.NO_SUCH_ADDRESS, "5.1.1", now=shop.now)


def test_person_who_was_two_gets_one_of_each(shop: Shop) -> None:
    one, other = shop.person("Julie"), shop.person("Julia")
    mailing, second = shop.mailing("promotions"), shop.mailing("newsletter")
    kept, twin, own = shop.queue(mailing, one), shop.queue(mailing, other), shop.queue(second, other)
    Allowance.objects.create(
        workspace_id=shop.id, contact_id=other, day=shop.now.date(), place=1, message_id=own
    )
    merging.move(shop.id, one, other, shop.now)
    assert [message(each).state for each in (kept, twin, own)] == ["queued", "cancelled", "queued"]
    assert message(own).contact_id == one
    assert Allowance.objects.get().contact_id == one


def test_merged_person_who_had_it_already_does_not_get_it_again(shop: Shop) -> None:
    one, other = shop.person("Julie"), shop.person("Julia")
    mailing = shop.mailing("order_information")
    shop.queue(mailing, other)
    actions.deliver_nowhere(shop.id, now=shop.now)
    kept = shop.queue(mailing, one)
    merging.move(shop.id, one, other, shop.now)
    assert message(kept).state == "cancelled"


def test_both_copies_of_a_merged_person_stay_theirs(shop: Shop) -> None:
    """However many contacts they were: a link of any copy leads to the person, and nobody can queue the message again."""
    people = [shop.person(name) for name in ("Julie", "Julia", "Julika")]
    mailing = shop.mailing("order_information")
    sent = [shop.queue(mailing, who) for who in people]
    actions.deliver_nowhere(shop.id, now=shop.now)
    for other in people[1:]:
        merging.move(shop.id, people[0], other, shop.now)
    assert {message(one).contact_id for one in sent} == {people[0]}
    assert [message(one).state for one in sent] == ["sent", "sent", "sent"]
    assert sorted(message(one).run for one in sent) == [-2, -1, 0]
    assert (
        actions.enqueue(shop.id, [ToQueue(mailing.pk, 0, people[0], None, None, shop.now)], now=shop.now) == 0
    )


@pytest.mark.parametrize("stopped", ["withheld", "failed", "cancelled"])
def test_message_that_came_to_nothing_for_the_kept_one_goes_for_the_other(shop: Shop, stopped: str) -> None:
    one, other = shop.person("Julie"), shop.person("Julia")
    mailing = shop.mailing("order_information")
    kept, twin = shop.queue(mailing, one), shop.queue(mailing, other)
    Message.objects.filter(pk=kept).update(state=stopped, verdict="withhold")
    merging.move(shop.id, one, other, shop.now)
    assert (message(twin).state, message(twin).contact_id, message(twin).run) == ("queued", one, 0)
    [going] = actions.claim(shop.id, now=shop.now, limit=10).to_send
    assert (going.id, going.address) == (twin, "julie@example.com")


@pytest.mark.parametrize("is_kept", [True, False])
def test_of_two_that_wait_the_one_worth_longer_stays(shop: Shop, is_kept: bool) -> None:
    one, other = shop.person("Julie"), shop.person("Julia")
    mailing = shop.mailing("order_information")
    ids = [shop.queue(mailing, one), shop.queue(mailing, other)]
    soon = shop.now + timedelta(hours=1)
    Message.objects.filter(pk=ids[1 if is_kept else 0]).update(expires_at=soon)
    people.merge(shop.id, one, other, now=shop.now)
    actions.deliver_nowhere(shop.id, now=soon)
    assert [message(each).state for each in ids] == (
        ["sent", "cancelled"] if is_kept else ["cancelled", "sent"]
    )
    assert Message.objects.get(state="sent").run == 0  # so that nothing is queued in its place


def started(shop: Shop, claim: ToSend) -> set[UUID]:
    wanted = ToStart(claim.id, claim.fence, "test", claim.address_hash)
    return actions.start(shop.id, [wanted], now=shop.now)


@pytest.mark.parametrize("is_claimed", ["dropped", "both"])
def test_merge_between_claim_and_start_writes_once(shop: Shop, is_claimed: str) -> None:
    one, other = shop.person("Julie"), shop.person("Julia")
    mailing = shop.mailing("order_information")
    if is_claimed == "dropped":
        shop.queue(mailing, other)
        claims = actions.claim(shop.id, now=shop.now, limit=10).to_send
        shop.queue(mailing, one)
    else:
        shop.queue(mailing, one)
        shop.queue(mailing, other)
        claims = actions.claim(shop.id, now=shop.now, limit=10).to_send
    merging.move(shop.id, one, other, shop.now)
    Contact.objects.filter(pk=other).delete()
    begun = {claim.id for claim in claims if started(shop, claim)}
    actions.give_back(shop.id, [claim for claim in claims if claim.id not in begun])
    again = actions.claim(shop.id, now=shop.now, limit=10).to_send
    assert [claim.address for claim in again] == (["julie@example.com"] if is_claimed == "dropped" else [])
    assert len(begun) + len(again) == 1


@pytest.mark.parametrize("kept_is", ["queued", "claimed"])
@pytest.mark.parametrize("answer", [AttemptOutcome.ACCEPTED, AttemptOutcome.REFUSED])
def test_copy_that_is_being_handed_over_goes_first(shop: Shop, kept_is: str, answer: AttemptOutcome) -> None:
    """The other one waits for what becomes of it: the address it goes to may not exist."""
    one, other = shop.person("Julie"), shop.person("Julia")
    mailing = shop.mailing("order_information")
    twin = shop.queue(mailing, other)
    kept = shop.queue(mailing, one) if kept_is == "claimed" else None
    claims = {claim.id: claim for claim in actions.claim(shop.id, now=shop.now, limit=10).to_send}
    assert started(shop, claims[twin]) == {twin}
    kept = kept or shop.queue(mailing, one)
    people.merge(shop.id, one, other, now=shop.now)
    assert (message(kept).state, message(twin).state) == ("queued", "sending")
    assert kept not in claims or not started(shop, claims[kept])
    told = Outcome(twin, claims[twin].fence, answer, meaning=ReplyClass.UNKNOWN)
    actions.finish(shop.id, [told], transport="test", now=shop.now)
    actions.deliver_nowhere(shop.id, now=shop.now)
    assert message(kept).state == ("withheld" if answer is AttemptOutcome.ACCEPTED else "sent")


def come_back(shop: Shop, which: UUID) -> None:
    """The mail server had accepted it, and reports that it could not be delivered; `project` reads only what has committed."""
    assert returns.bounce(shop.id, which, ReplyClass.NO_SUCH_ADDRESS, "5.1.1", now=shop.now)
    Message.objects.filter(pk=which).update(bounced_at=shop.now)


def test_message_that_came_back_from_one_address_goes_to_the_other(shop: Shop) -> None:
    one, other = shop.person("Julie"), shop.person("Julia")
    mailing = shop.mailing("order_information")
    lost = shop.queue(mailing, other)
    actions.deliver_nowhere(shop.id, now=shop.now)
    come_back(shop, lost)
    kept = shop.queue(mailing, one)
    people.merge(shop.id, one, other, now=shop.now)
    [going] = actions.claim(shop.id, now=shop.now, limit=10).to_send
    assert (going.id, going.address) == (kept, "julie@example.com")


@dataclass
class Twins:
    """A message to each of two contacts who prove to be one while both are being handed over."""

    shop: Shop
    ids: tuple[UUID, ...]
    claims: dict[UUID, ToSend]

    def end(self, which: int, outcome: AttemptOutcome) -> None:
        """The mail server answers one of the two: of the kept contact (0) or of the dropped one (1)."""
        code = {AttemptOutcome.DEFERRED: 451, AttemptOutcome.REFUSED: 554}.get(outcome)
        meaning = ReplyClass.ACCEPTED if code is None else ReplyClass.UNKNOWN
        told = Outcome(
            self.ids[which], self.claims[self.ids[which]].fence, outcome, code, "said", meaning=meaning
        )
        actions.finish(self.shop.id, [told], transport="test", now=self.shop.now)

    def go_on(self) -> None:
        """Everything that may leave leaves, an hour later."""
        actions.deliver_nowhere(self.shop.id, now=self.shop.now + timedelta(hours=1))

    @property
    def states(self) -> list[str]:
        return [message(one).state for one in self.ids]


@pytest.fixture
def twins(shop: Shop) -> Twins:
    one, other = shop.person("Julie"), shop.person("Julia")
    mailing = shop.mailing("order_information")
    ids = (shop.queue(mailing, one), shop.queue(mailing, other))
    claims = {claim.id: claim for claim in actions.claim(shop.id, now=shop.now, limit=10).to_send}
    assert all(started(shop, claim) for claim in claims.values())
    people.merge(shop.id, one, other, now=shop.now)
    return Twins(shop, ids, claims)


@pytest.mark.parametrize("deferred", [0, 1])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("arrived", [AttemptOutcome.ACCEPTED, AttemptOutcome.IN_DOUBT])
def test_copy_refused_for_now_does_not_follow_the_one_that_left(
    twins: Twins, deferred: int, is_first: bool, arrived: AttemptOutcome
) -> None:
    """Whichever copy it is, and whichever is answered first: a message in doubt may have arrived, too."""
    answers = [(deferred, AttemptOutcome.DEFERRED), (1 - deferred, arrived)]
    for which, outcome in answers if is_first else answers[::-1]:
        twins.end(which, outcome)
    twins.go_on()
    assert twins.states[1 - deferred] == ("sent" if arrived is AttemptOutcome.ACCEPTED else "in_doubt")
    assert twins.states[deferred] == "withheld"
    assert codes(twins.ids[deferred]) == ["had_already"]


@pytest.mark.parametrize("deferred", [0, 1])
def test_copy_refused_for_now_goes_when_the_other_came_to_nothing(twins: Twins, deferred: int) -> None:
    twins.end(deferred, AttemptOutcome.DEFERRED)
    twins.end(1 - deferred, AttemptOutcome.REFUSED)
    twins.go_on()
    assert (twins.states[deferred], twins.states[1 - deferred]) == ("sent", "failed")
    assert message(twins.ids[deferred]).address == "julie@example.com"


def test_of_two_copies_refused_for_now_one_goes(twins: Twins) -> None:
    for which in (1, 0):
        twins.end(which, AttemptOutcome.DEFERRED)
    twins.go_on()
    assert twins.states == ["sent", "queued"]
    assert codes(twins.ids[1]) == ["had_already"]
    twins.shop.now += timedelta(minutes=1)
    twins.go_on()
    assert twins.states == ["sent", "withheld"]


def test_copy_goes_when_the_one_before_it_waited_too_long(twins: Twins) -> None:
    """Nobody has been given the message while two copies of it wait."""
    for which in (0, 1):
        twins.end(which, AttemptOutcome.DEFERRED)
    Message.objects.filter(pk=twins.ids[0]).update(expires_at=twins.shop.now + timedelta(minutes=2))
    for _ in range(2):
        twins.go_on()
        twins.shop.now += timedelta(minutes=1)
    assert twins.states == ["withheld", "sent"]
    assert codes(twins.ids[0]) == ["expired"]


def test_copy_waits_as_long_as_the_one_before_it(twins: Twins) -> None:
    """It is not asked about every half a minute meanwhile."""
    for which in (0, 1):
        twins.end(which, AttemptOutcome.DEFERRED)
    later = twins.shop.now + timedelta(hours=6)
    Message.objects.filter(pk=twins.ids[0]).update(due_at=later)
    twins.go_on()
    assert twins.states == ["queued", "queued"]
    assert message(twins.ids[1]).due_at == later


@pytest.mark.parametrize("deferred", [0, 1])
def test_copy_refused_for_now_goes_when_the_other_came_back(twins: Twins, deferred: int) -> None:
    twins.end(deferred, AttemptOutcome.DEFERRED)
    twins.end(1 - deferred, AttemptOutcome.ACCEPTED)
    come_back(twins.shop, twins.ids[1 - deferred])
    if message(twins.ids[1 - deferred]).address == "julie@example.com":
        Contact.objects.update(email="julia@example.com")
    twins.go_on()
    assert twins.states[deferred] == "sent"


def test_copy_that_waits_is_not_given_up_when_somebody_else_is_merged(twins: Twins) -> None:
    twins.end(0, AttemptOutcome.DEFERRED)
    person = message(twins.ids[0]).contact_id
    people.merge(twins.shop.id, person, twins.shop.person("Anna"), now=twins.shop.now)
    twins.end(1, AttemptOutcome.REFUSED)
    twins.go_on()
    assert twins.states == ["sent", "failed"]


@pytest.mark.parametrize("deferred", [0, 1])
@pytest.mark.parametrize("answer", [AttemptOutcome.ACCEPTED, AttemptOutcome.REFUSED])
def test_copy_waits_for_what_becomes_of_the_one_that_is_being_handed_over(
    twins: Twins, deferred: int, answer: AttemptOutcome
) -> None:
    twins.end(deferred, AttemptOutcome.DEFERRED)
    twins.go_on()
    assert (twins.states[deferred], twins.states[1 - deferred]) == ("queued", "sending")
    assert codes(twins.ids[deferred]) == ["had_already"]
    twins.end(1 - deferred, answer)
    twins.shop.now += timedelta(minutes=1)
    twins.go_on()
    assert twins.states[deferred] == ("withheld" if answer is AttemptOutcome.ACCEPTED else "sent")


def test_place_of_the_day_that_a_copy_holds_does_not_keep_the_other_from_going_today(shop: Shop) -> None:
    one, other = shop.person("Julie"), shop.person("Julia")
    for who in (one, other):
        shop.says(who, "newsletter", Act.GRANTED)
    mailing = shop.mailing("newsletter")
    ids = (shop.queue(mailing, one), shop.queue(mailing, other))
    claims = {claim.id: claim for claim in actions.claim(shop.id, now=shop.now, limit=10).to_send}
    assert all(started(shop, claim) for claim in claims.values())
    people.merge(shop.id, one, other, now=shop.now)
    both = Twins(shop, ids, claims)
    both.end(0, AttemptOutcome.DEFERRED)
    both.go_on()
    assert codes(ids[0]) == ["had_already"]
    both.end(1, AttemptOutcome.REFUSED)
    shop.now += timedelta(minutes=1)
    both.go_on()
    assert both.states == ["sent", "failed"]


def test_copy_whose_doubt_is_settled_does_not_follow_the_one_that_left(twins: Twins) -> None:
    twins.end(0, AttemptOutcome.ACCEPTED)
    twins.end(1, AttemptOutcome.IN_DOUBT)
    actions.settle(twins.shop.id, twins.ids[1], was_sent=False, actor=SYSTEM, now=twins.shop.now)
    twins.go_on()
    assert twins.states == ["sent", "withheld"]


@pytest.mark.parametrize("is_kept", [True, False])
def test_third_contact_does_not_bring_a_copy_back(twins: Twins, is_kept: bool) -> None:
    """The person was three contacts: what waits for the third does not leave while a copy may have arrived."""
    shop = twins.shop
    twins.end(0, AttemptOutcome.REFUSED)
    third, person = shop.person("Julika"), message(twins.ids[0]).contact_id
    waiting = shop.queue(Mailing.objects.get(), third)
    kept, dropped = (third, person) if is_kept else (person, third)
    people.merge(shop.id, kept, dropped, now=shop.now)
    twins.go_on()
    assert [*twins.states, message(waiting).state] == ["failed", "sending", "queued"]
    twins.end(1, AttemptOutcome.DEFERRED)
    for _ in range(2):
        shop.now += timedelta(minutes=1)
        twins.go_on()
    assert [*twins.states, message(waiting).state] == ["failed", "withheld", "sent"]


def test_place_of_what_is_given_up_in_a_merge_is_free_again(shop: Shop) -> None:
    one, other = shop.person("Julie"), shop.person("Julia")
    for who in (one, other):
        shop.says(who, "promotions", Act.GRANTED)
    mailing = shop.mailing("promotions")
    going = [shop.queue(mailing, who) for who in (one, other)]
    actions.claim(shop.id, now=shop.now, limit=10)
    merging.move(shop.id, one, other, shop.now)
    assert [(row.contact_id, row.message_id, row.place) for row in Allowance.objects.all()] == [
        (one, going[0], 1)
    ]


def test_merged_person_keeps_every_place_that_was_taken(shop: Shop) -> None:
    """With two places a day, each of the two had one message: there is no third."""
    Sending.objects.update(marketing_per_day=2)
    one, other = shop.person("Julie"), shop.person("Julia")
    for who in (one, other):
        shop.says(who, "promotions", Act.GRANTED)
        shop.queue(shop.mailing("promotions"), who)
    actions.deliver_nowhere(shop.id, now=shop.now)
    merging.move(shop.id, one, other, shop.now)
    assert sorted(Allowance.objects.values_list("contact_id", "place")) == [(one, 1), (one, 2)]
    third = shop.queue(shop.mailing("promotions"), one)
    actions.claim(shop.id, now=shop.now, limit=10)
    assert codes(third) == ["frequency_cap"]


def test_message_keeps_its_message_id_in_a_merge(shop: Shop) -> None:
    """What is in doubt may be sent again after it."""
    one, other = shop.person("Julie"), shop.person("Julia")
    sent = shop.queue(shop.mailing("order_information"), other)
    before = transactional.message_id(shop.id, queries.message(shop.id, sent))
    merging.move(shop.id, one, other, shop.now)
    assert queries.message(shop.id, sent).contact_id == one
    assert transactional.message_id(shop.id, queries.message(shop.id, sent)) == before


def test_change_of_domain_makes_a_new_key(shop: Shop) -> None:
    before = bytes(Sending.objects.get().dkim_key)
    settings.change_sending(shop.id, {"from_name": "Boutique"}, actor=SYSTEM, now=shop.now)
    assert bytes(Sending.objects.get().dkim_key) == before
    settings.change_sending(shop.id, {"from_email": "a@autre.example"}, actor=SYSTEM, now=shop.now)
    sending = Sending.objects.get()
    assert bytes(sending.dkim_key) != before
    assert (sending.dkim_domain, sending.from_name) == ("autre.example", "Boutique")
    assert settings.dns_record(sending).value.startswith("v=DKIM1; k=rsa; p=")


@pytest.mark.django_db(transaction=True)
def test_opens_and_clicks_reach_the_message(workspace: Workspace, now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace.id):
        sent = delivered(Shop.open(workspace, now))
    with tenancy.scope(workspace_id=workspace.id):
        told = [
            NewEvent(
                sent.contact_id,
                name,
                {"message": str(sent.pk), "machine": machine},
                at=now + timedelta(minutes=n),
            )
            for n, (name, machine) in enumerate(
                [
                    ("Email Opened", True),
                    ("Email Opened", False),
                    ("Email Opened", False),
                    ("Email Link Clicked", False),
                ]
            )
        ]
        events.append(workspace.id, told, now=now)
    settle(workspace.id)
    assert actions.project(workspace.id, now=now) > 0
    assert actions.project(workspace.id, now=now) == 0
    with tenancy.scope(workspace_id=workspace.id):
        row = message(sent.pk)
        assert (row.opened_at, row.clicked_at) == (now + timedelta(minutes=1), now + timedelta(minutes=3))
        assert (row.machine_opened_at, row.machine_clicked_at) == (now, None)
        assert row.bounced_at is None
