"""Draft, published, paused, archived: what each change does to the people inside, and who is told."""

from datetime import timedelta

import pytest
from django.db import ProgrammingError, transaction

from parcours.accounts.models import AuditEntry
from parcours.accounts.types import SYSTEM, Actor
from parcours.consent import actions as consent
from parcours.contacts import actions as contacts
from parcours.contacts.types import AttributeType
from parcours.content.models import TemplateVersion
from parcours.delivery.models import Mailing
from parcours.journeys import actions, queries
from parcours.journeys.errors import GraphInvalid, JourneyExists, UnknownJourney, WrongState
from parcours.journeys.models import Version
from parcours.journeys.types import Texts
from parcours.kernel.errors import Invalid
from tests.journeys.shop import SEND, Shop

ALICE = Actor("Alice")
WALK = {"a": {"wait": "1d", "next": "b"}, "b": {"send": SEND}}


def test_pause_stops_people_where_they_are_and_resume_goes_on(shop: Shop) -> None:
    shop.publish(WALK, "a")
    shop.happens(shop.person(), order_id="A1")
    shop.enter()
    with shop.scope():
        actions.pause(shop.workspace_id, "j", actor=ALICE, now=shop.now)
    later = shop.now + timedelta(days=3)
    assert shop.tick(later) == 0
    with shop.scope():
        assert Mailing.objects.filter(held_at=None).count() == 0
        actions.resume(shop.workspace_id, "j", actor=ALICE, now=later)
        assert Mailing.objects.exclude(held_at=None).count() == 0
    assert shop.tick(later) == 2
    assert shop.paths() == [["a:waited", "b:queued"]]


def test_archive_cancels_what_has_not_left(shop: Shop) -> None:
    shop.publish({"b": {"send": SEND, "next": "a"}, "a": {"wait": "1d"}}, "b")
    shop.happens(shop.person(), order_id="A1")
    shop.enter()
    shop.tick()
    with shop.scope():
        actions.archive(shop.workspace_id, "j", actor=ALICE, now=shop.now)
    assert [message.state for message in shop.messages()] == ["cancelled"]
    assert shop.tick(shop.now + timedelta(days=2)) == 0
    with shop.scope(), pytest.raises(WrongState):
        actions.resume(shop.workspace_id, "j", actor=ALICE, now=shop.now)


def test_publishing_pins_the_template_as_it_is(shop: Shop) -> None:
    first = shop.publish({"b": {"send": SEND}}, "b")
    with shop.scope():
        old = TemplateVersion.objects.get()
        new = TemplateVersion.objects.create(
            workspace_id=shop.workspace_id,
            template=old.template,
            number=2,
            bodies={},
            actor="test",
            created_at=shop.now,
        )
    second = shop.publish({"b": {"send": SEND}}, "b")
    with shop.scope():
        used = {
            version: Mailing.objects.get(pk=version.graph["mailings"]["b"]).template_version_id
            for version in (first, second)
        }
    assert used == {first: old.pk, second: new.pk}


def test_every_change_is_in_the_trail(shop: Shop) -> None:
    shop.publish(WALK, "a")
    with shop.scope():
        actions.pause(shop.workspace_id, "j", actor=ALICE, now=shop.now)
        actions.resume(shop.workspace_id, "j", actor=ALICE, now=shop.now)
        actions.archive(shop.workspace_id, "j", actor=ALICE, now=shop.now)
        trail = (
            AuditEntry.objects.filter(subject="journey").order_by("id").values_list("action", "subject_id")
        )
        assert list(trail) == [
            (action, "j") for action in ("created", "published", "paused", "resumed", "archived")
        ]


@pytest.mark.parametrize(
    ("node", "place"),
    [
        ({"send": {"template": "helo", "purpose": "promotions"}}, "nodes.a.send.template"),
        ({"send": {"template": "hello", "purpose": "spam"}}, "nodes.a.send.purpose"),
        ({"send": SEND | {"coupon": "none"}}, "nodes.a.send.coupon"),
        ({"send": SEND | {"guard": {"list": "none"}}}, "nodes.a.send.guard.list"),
        ({"add_to_list": "none"}, "nodes.a.add_to_list"),
        ({"set": {"attribute": "none", "value": 1}}, "nodes.a.set.attribute"),
        ({"if": {"attribute": "none", "is": "x"}}, "nodes.a.if.attribute"),
    ],
)
def test_names_that_the_workspace_lacks_are_refused_at_their_place(
    shop: Shop, node: dict[str, object], place: str
) -> None:
    with pytest.raises(Invalid) as caught:
        shop.publish({"a": node}, "a")
    assert caught.value.field == place
    with shop.scope():
        assert not Version.objects.exists()


@pytest.mark.parametrize("purpose", ["measure_opens", "promotions"])
def test_journey_does_not_send_for_what_is_about_measuring_or_archived(shop: Shop, purpose: str) -> None:
    with shop.scope():
        names = {"name_fr": "Mesure", "name_en": "Measuring", "basis": "consent", "is_marketing": False}
        consent.save_purpose(shop.workspace_id, "measure_opens", names, actor=SYSTEM, now=shop.now)
        consent.archive_purpose(shop.workspace_id, "promotions", actor=SYSTEM, now=shop.now)
    with pytest.raises(GraphInvalid) as caught:
        shop.publish({"a": {"send": SEND | {"purpose": purpose}}}, "a")
    assert caught.value.field == "nodes.a.send.purpose"
    assert "order_information" in caught.value.hint
    shop.publish({"a": {"if": {"consent": purpose}, "then": "b", "else": "b"}, "b": {"exit": "done"}}, "a")


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("age", "abc"),
        ("age", True),
        ("tier", "bronze"),
        ("born", "soon"),
        ("tags", "x"),
        ("stage", "x" * 4001),
    ],
)
def test_value_that_the_attribute_does_not_take_is_refused_before_anybody_comes(
    shop: Shop, attribute: str, value: object
) -> None:
    declare(shop)
    with pytest.raises(Invalid) as caught:
        shop.publish({"a": {"set": {"attribute": attribute, "value": value}}}, "a")
    assert caught.value.field == "nodes.a.set.value"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("age", 41), ("age", "41"), ("tier", "gold"), ("born", "1985-03-10"), ("tags", None)],
)
def test_value_that_the_attribute_takes_is_published(shop: Shop, attribute: str, value: object) -> None:
    declare(shop)
    shop.publish({"a": {"set": {"attribute": attribute, "value": value}}}, "a")


def declare(shop: Shop) -> None:
    with shop.scope():
        for name, kind, options in (
            ("age", AttributeType.NUMBER, ()),
            ("tier", AttributeType.CATEGORY, ("silver", "gold")),
            ("born", AttributeType.DATE, ()),
            ("tags", AttributeType.LIST, ()),
        ):
            contacts.declare_attribute(
                shop.workspace_id, name, kind, options=options, actor=SYSTEM, now=shop.now
            )


@pytest.mark.parametrize("entry", [{"segment": "none"}, {"list": "none"}])
def test_entry_by_what_is_not_there_is_refused(shop: Shop, entry: dict[str, str]) -> None:
    with pytest.raises(GraphInvalid):
        shop.publish({"a": {"exit": "done"}}, "a", entry=entry)


def test_names_are_unique_and_unknown_ones_say_so(shop: Shop) -> None:
    with shop.scope():
        actions.create(shop.workspace_id, "j", Texts("J", "J"), actor=SYSTEM, now=shop.now)
        with pytest.raises(JourneyExists):
            actions.create(shop.workspace_id, "j", Texts("J", "J"), actor=SYSTEM, now=shop.now)
        with pytest.raises(UnknownJourney):
            queries.access_journey(shop.workspace_id, "k")
        with pytest.raises(WrongState):
            actions.pause(shop.workspace_id, "j", actor=SYSTEM, now=shop.now)


def test_version_cannot_be_rewritten(shop: Shop) -> None:
    shop.publish(WALK, "a")
    with shop.scope(), pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Version.objects.update(graph={})
