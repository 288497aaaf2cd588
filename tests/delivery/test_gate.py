"""The gate's policy in stories: who gets what, who does not, and what is said about it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, transaction

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.consent.types import Act, Wish
from parcours.contacts.models import Contact
from parcours.delivery import gate, pacing
from parcours.delivery.models import Allowance, Sending
from parcours.delivery.types import Judgement
from parcours.delivery.wording import explain_reason
from tests.delivery.stories import Shop, codes, message

NIGHT = datetime(2026, 3, 10, 22, 0, tzinfo=UTC)  # 23:00 in Paris


@pytest.fixture
def shop(in_workspace: Workspace, now: datetime) -> Shop:
    return Shop.open(in_workspace, now)


def judge(shop: Shop, at: datetime | None = None, limit: int = 100) -> Judgement:
    return gate.judge(shop.id, now=at or shop.now, limit=limit)[0]


@dataclass(frozen=True)
class Story:
    """Somebody, what they said, what is sent to them, and what becomes of it."""

    name: str
    purpose: str
    verdict: str
    reasons: list[str]
    said: list[tuple[str, Act]] = field(default_factory=list)
    person: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    suppressed: bool = False
    guard: object = None
    audience: object = None


IN_LYON = {"attribute": "city", "is": "Lyon"}
STORIES = [
    Story(
        "promotion under a purpose that lets somebody be measured",
        "measure_opens",
        "withhold",
        ["not_judged"],
        said=[("measure_opens", Act.GRANTED)],
        at=NIGHT,
    ),
    Story("order confirmation without any consent", "order_information", "send", ["basis_contract"]),
    Story("order confirmation at night", "order_information", "send", ["basis_contract"], at=NIGHT),
    Story(
        "order confirmation to a bounced address",
        "order_information",
        "withhold",
        ["suppressed"],
        suppressed=True,
    ),
    Story(
        "order confirmation without an address",
        "order_information",
        "withhold",
        ["no_address"],
        person={"email": None},
    ),
    Story("promotion without consent", "promotions", "withhold", ["no_consent"]),
    Story("promotion with consent", "promotions", "send", ["basis_consent"], [("promotions", Act.GRANTED)]),
    Story(
        "consent to something else", "promotions", "withhold", ["no_consent"], [("newsletter", Act.GRANTED)]
    ),
    Story(
        "consent not yet confirmed",
        "promotions",
        "withhold",
        ["consent_pending"],
        [("promotions", Act.REQUESTED)],
    ),
    Story(
        "consent withdrawn",
        "promotions",
        "withhold",
        ["consent_withdrawn"],
        [("promotions", Act.GRANTED), ("promotions", Act.WITHDRAWN)],
    ),
    Story(
        "promotion at night", "promotions", "delay", ["quiet_hours"], [("promotions", Act.GRANTED)], at=NIGHT
    ),
    Story(
        "promotion at night elsewhere, where it is day",
        "promotions",
        "send",
        ["basis_consent"],
        [("promotions", Act.GRANTED)],
        {"time_zone": "America/New_York"},
        NIGHT - timedelta(hours=2),
    ),
    Story(
        "a zone that does not exist is the workspace's",
        "promotions",
        "delay",
        ["quiet_hours"],
        [("promotions", Act.GRANTED)],
        {"time_zone": "Mars/Olympus"},
        NIGHT,
    ),
    Story("advice without objection", "advice", "send", ["basis_legitimate_interest"]),
    Story("advice objected to", "advice", "withhold", ["objected"], [("advice", Act.OBJECTED)]),
    Story(
        "advice to somebody outside the audience",
        "advice",
        "withhold",
        ["outside_purpose_audience"],
        person={"attributes": {"city": "Lille"}},
        audience=IN_LYON,
    ),
    Story(
        "advice to somebody inside the audience",
        "advice",
        "send",
        ["basis_legitimate_interest"],
        person={"attributes": {"city": "Lyon"}},
        audience=IN_LYON,
    ),
    Story(
        "guard does not hold",
        "order_information",
        "withhold",
        ["guard"],
        person={"attributes": {"city": "Lille"}},
        guard=IN_LYON,
    ),
    Story(
        "guard that cannot be evaluated withholds",
        "order_information",
        "withhold",
        ["guard"],
        guard={"attribut": "city", "is": "Lyon"},
    ),
    Story(
        "out of date",
        "order_information",
        "withhold",
        ["expired"],
        at=datetime(2026, 3, 14, 10, 0, tzinfo=UTC),
    ),
    Story(
        "all reasons are told, at night too",
        "promotions",
        "withhold",
        ["suppressed", "no_consent", "guard", "quiet_hours"],
        suppressed=True,
        guard=IN_LYON,
        at=NIGHT,
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_story(shop: Shop, story: Story) -> None:
    julie = shop.person("Julie", **story.person)
    for purpose, act in story.said:
        shop.says(julie, purpose, act)
    if story.suppressed:
        shop.suppress("JULIE@example.com")
    if story.audience:
        shop.purposes[story.purpose].audience = story.audience
        shop.purposes[story.purpose].save()
    sent = shop.queue(shop.mailing(story.purpose, guard=story.guard), julie)
    judge(shop, story.at)
    found = message(sent)
    assert (found.verdict, codes(sent)) == (story.verdict, story.reasons)
    states = {"send": "sending", "delay": "queued", "withhold": "withheld"}
    assert found.state == states[story.verdict]


def test_consent_is_shown_with_its_record(shop: Shop) -> None:
    julie = shop.person("Julie")
    shop.says(julie, "promotions", Act.GRANTED)
    sent = shop.queue(shop.mailing("promotions"), julie)
    judge(shop)
    evidence = message(sent).reasons[0]["evidence"]
    assert evidence["purpose"] == "promotions"
    assert datetime.fromisoformat(evidence["since"]) == shop.now
    assert isinstance(evidence["record"], int)


def test_suppression_is_shown_with_its_cause(shop: Shop) -> None:
    julie = shop.person("Julie")
    shop.suppress("julie@example.com")
    sent = shop.queue(shop.mailing("order_information"), julie)
    judge(shop)
    evidence = message(sent).reasons[0]["evidence"]
    assert (evidence["cause"], evidence["detail"]) == ("bounce", "5.1.1")


def test_erased_person_gets_nothing(shop: Shop) -> None:
    julie = shop.person("Julie")
    sent = shop.queue(shop.mailing("order_information"), julie)
    Contact.objects.filter(pk=julie).delete()
    judge(shop)
    assert codes(sent) == ["contact_gone"]


def test_one_bad_rule_stops_only_its_own_mailing(shop: Shop) -> None:
    julie = shop.person("Julie")
    bad = shop.queue(shop.mailing("order_information", guard={"attribute": "city"}), julie)
    good = shop.queue(shop.mailing("order_information"), julie)
    judge(shop)
    assert "failed" in message(bad).reasons[0]["evidence"]
    assert message(good).state == "sending"


def test_database_in_trouble_says_nothing_about_a_rule(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = shop.queue(
        shop.mailing("order_information", guard={"attribute": "city", "is_set": False}), shop.person("Julie")
    )

    def deadlock(*_: Any) -> None:
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as trouble, pytest.raises(OperationalError), transaction.atomic():
        trouble.setattr(gate, "_for_whom", deadlock)
        judge(shop)
    assert (message(sent).state, message(sent).verdict) == ("queued", "")
    assert [one.id for one in judge(shop).to_send] == [sent]


def test_second_marketing_message_of_the_day_waits_for_the_next_morning(shop: Shop) -> None:
    julie = shop.person("Julie")
    for purpose in ("promotions", "newsletter"):
        shop.says(julie, purpose, Act.GRANTED)
    first = shop.queue(shop.mailing("promotions"), julie, at=shop.now - timedelta(hours=2))
    second = shop.queue(shop.mailing("newsletter"), julie, at=shop.now - timedelta(hours=1))
    confirmation = shop.queue(shop.mailing("order_information"), julie)
    assert judge(shop).count == 3
    assert [message(one).state for one in (first, second, confirmation)] == ["sending", "queued", "sending"]
    waiting = message(second)
    assert codes(second) == ["frequency_cap"]
    assert waiting.due_at == datetime(2026, 3, 11, 7, 0, tzinfo=UTC)  # 8:00 in Paris, when quiet hours end
    judge(shop, waiting.due_at)
    assert message(second).state == "sending"


def test_withheld_message_waits_for_nothing(shop: Shop) -> None:
    julie = shop.person("Julie")
    shop.says(julie, "promotions", Act.GRANTED)
    shop.queue(shop.mailing("promotions"), julie)
    judge(shop)
    never = shop.queue(shop.mailing("newsletter"), julie)
    judge(shop)
    assert (message(never).state, codes(never)) == ("withheld", ["no_consent", "frequency_cap"])
    told = {language: explain_reason(message(never).reasons[1], language) for language in ("fr", "en")}
    assert told == {
        "fr": "La personne a déjà reçu 1 message commercial le 10 mars 2026.",
        "en": "The person has already had 1 marketing message on 10 March 2026.",
    }


def test_who_waited_longest_goes_first_the_next_morning(shop: Shop) -> None:
    julie = shop.person("Julie")
    shop.says(julie, "promotions", Act.GRANTED)
    sent = [
        shop.queue(shop.mailing("promotions"), julie, at=shop.now + timedelta(minutes=n)) for n in range(3)
    ]
    morning = datetime(2026, 3, 11, 7, 0, tzinfo=UTC)
    for day in range(3):
        judge(shop, shop.now + timedelta(minutes=5) if day == 0 else morning + timedelta(days=day - 1))
        assert [message(one).state for one in sent].count("sending") == day + 1
        assert message(sent[day]).state == "sending"


def test_message_that_would_wait_beyond_its_expiry_is_judged_when_it_expires(shop: Shop) -> None:
    """Not in three months; and it still goes if the person ends the pause before."""
    julie, marc = shop.person("Julie"), shop.person("Marc")
    for who in (julie, marc):
        shop.says(who, "promotions", Act.GRANTED)
        pacing.choose(shop.id, who, Wish(shop.now + timedelta(days=90), None), now=shop.now)
    mailing = shop.mailing("promotions")
    sent, other = shop.queue(mailing, julie), shop.queue(mailing, marc)
    judge(shop, shop.now)
    assert (codes(sent), message(sent).due_at) == (["paused"], message(sent).expires_at)
    tomorrow = shop.now + timedelta(days=1)
    pacing.choose(shop.id, marc, Wish(), now=tomorrow)
    judge(shop, tomorrow)
    judge(shop, shop.now + timedelta(days=3))
    assert (message(sent).state, message(other).state) == ("withheld", "sending")
    assert codes(sent) == ["expired", "paused"]


def test_cap_of_two_a_day(shop: Shop) -> None:
    Sending.objects.update(marketing_per_day=2)
    julie = shop.person("Julie")
    shop.says(julie, "promotions", Act.GRANTED)
    sent = [
        shop.queue(shop.mailing("promotions"), julie, at=shop.now - timedelta(minutes=9 - n))
        for n in range(3)
    ]
    judge(shop, limit=1)
    judge(shop)
    assert [message(one).state for one in sent] == ["sending", "sending", "queued"]
    assert sorted(Allowance.objects.values_list("place", flat=True)) == [1, 2]


def test_withheld_message_takes_no_place(shop: Shop) -> None:
    julie = shop.person("Julie")
    shop.says(julie, "newsletter", Act.GRANTED)
    shop.queue(shop.mailing("promotions"), julie)
    sent = shop.queue(shop.mailing("newsletter"), julie)
    judge(shop)
    assert message(sent).state == "sending"


def test_contracts_go_before_older_marketing(shop: Shop) -> None:
    julie, marc = shop.person("Julie"), shop.person("Marc")
    shop.says(julie, "promotions", Act.GRANTED)
    shop.queue(shop.mailing("promotions"), julie, at=shop.now - timedelta(days=1))
    urgent = shop.queue(shop.mailing("order_information"), marc)
    assert [one.id for one in judge(shop, limit=1).to_send] == [urgent]


def test_nothing_is_judged_while_sending_is_paused(shop: Shop) -> None:
    sent = shop.queue(shop.mailing("order_information"), shop.person("Julie"))
    Sending.objects.update(paused_at=shop.now)
    assert judge(shop).count == 0
    assert message(sent).verdict == ""


def test_measuring_is_for_those_who_agreed(shop: Shop) -> None:
    julie, marc = shop.person("Julie"), shop.person("Marc")
    shop.says(julie, "measure_opens", Act.GRANTED)
    mailing = shop.mailing("order_information")
    of_julie, of_marc = shop.queue(mailing, julie), shop.queue(mailing, marc)
    judge(shop)
    assert (message(of_julie).measured_opens, message(of_julie).measured_clicks) == (True, False)
    assert (message(of_marc).measured_opens, message(of_marc).measured_clicks) == (False, False)


def test_verdict_closes_when_quiet_hours_begin(shop: Shop) -> None:
    julie = shop.person("Julie")
    shop.says(julie, "promotions", Act.GRANTED)
    shop.queue(shop.mailing("promotions"), julie)
    evening = datetime(2026, 3, 10, 19, 59, 30, tzinfo=UTC)
    assert judge(shop, evening).to_send[0].closes_at == datetime(2026, 3, 10, 20, 0, tzinfo=UTC)


def test_held_mailing_waits_and_stopped_one_is_withheld(shop: Shop) -> None:
    julie = shop.person("Julie")
    held, stopped = shop.mailing("order_information"), shop.mailing("order_information")
    waiting, straggler = shop.queue(held, julie), shop.queue(stopped, julie)
    type(held).objects.filter(pk=held.pk).update(held_at=shop.now)
    type(stopped).objects.filter(pk=stopped.pk).update(stopped_at=shop.now)
    judge(shop)
    assert message(waiting).verdict == ""
    assert codes(straggler) == ["stopped"]


def test_other_workspace_is_not_touched(shop: Shop, other_workspace: Workspace) -> None:
    sent = shop.queue(shop.mailing("order_information"), shop.person("Julie"))
    assert gate.judge(other_workspace.id, now=shop.now, limit=10)[0].count == 0
    assert message(sent).state == "queued"


def test_delay_is_told_once(shop: Shop) -> None:
    julie = shop.person("Julie")
    shop.says(julie, "promotions", Act.GRANTED)
    sent = shop.queue(shop.mailing("promotions"), julie)

    def told(at: datetime) -> list[UUID]:
        return [one.message_id for one in gate.judge(shop.id, now=at, limit=9)[1]]

    assert told(NIGHT) == [sent]
    type(message(sent)).objects.update(due_at=NIGHT)
    assert told(NIGHT + timedelta(minutes=1)) == []


def test_archived_purpose_lets_nothing_out(shop: Shop) -> None:
    julie = shop.person("Julie")
    shop.says(julie, "promotions", Act.GRANTED)
    archived, current = (
        shop.queue(shop.mailing("promotions"), julie),
        shop.queue(shop.mailing("advice"), julie),
    )
    consent.archive_purpose(shop.id, "promotions", actor=SYSTEM, now=shop.now)
    judge(shop)
    assert (message(archived).verdict, codes(archived)) == ("withhold", ["purpose_archived"])
    assert message(current).verdict == "send"
