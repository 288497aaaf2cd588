"""A segment that a journey needs is not deleted under it."""

from datetime import timedelta
from typing import Any

import pytest

from parcours.accounts.types import SYSTEM
from parcours.audiences import actions as segments
from parcours.audiences.errors import SegmentInUse
from parcours.consent import actions as consent
from parcours.journeys import actions
from tests.journeys.shop import ENTRY, SEND, Shop

PLAIN = {"b": {"send": SEND}}


@pytest.fixture
def segment(shop: Shop) -> str:
    with shop.scope():
        rule = {"attribute": "stage", "is": "vip"}
        segments.create_segment(shop.workspace_id, "vips", "VIPs", rule, actor=SYSTEM, now=shop.now)
    return "vips"


def delete(shop: Shop) -> None:
    with shop.scope():
        segments.delete_segment(shop.workspace_id, "vips", actor=SYSTEM, now=shop.now)


def asks(slug: str) -> dict[str, Any]:
    return {
        "a": {"wait": "1d", "next": "c"},
        "c": {"if": {"segment": slug}, "then": "b", "else": "b"},
        **PLAIN,
    }


def test_entry_and_rules_hold_their_segment(shop: Shop, segment: str) -> None:
    shop.publish(PLAIN, "b", entry={"segment": segment, "key": "once"})
    with pytest.raises(SegmentInUse, match="journey"):
        delete(shop)
    shop.publish(PLAIN, "b", entry={**ENTRY, "rule": {"not": {"segment": segment}}})
    with pytest.raises(SegmentInUse, match="journey"):
        delete(shop)
    shop.publish({"b": {"send": {**SEND, "guard": {"segment": segment}}}}, "b")
    with pytest.raises(SegmentInUse, match="journey"):
        delete(shop)
    shop.publish(PLAIN, "b")
    delete(shop)


def test_older_version_holds_it_while_somebody_is_inside(shop: Shop, segment: str) -> None:
    shop.publish(asks(segment), "a")
    shop.happens(shop.person(), order_id="A1")
    shop.enter()
    shop.tick()
    shop.publish(PLAIN, "b")
    with pytest.raises(SegmentInUse):
        delete(shop)
    shop.tick(shop.now + timedelta(days=2))
    delete(shop)


def test_archived_journey_holds_nothing(shop: Shop, segment: str) -> None:
    shop.publish(asks(segment), "a")
    with shop.scope():
        actions.archive(shop.workspace_id, "j", actor=SYSTEM, now=shop.now)
    delete(shop)


def test_purpose_holds_the_segment_of_its_audience(shop: Shop, segment: str) -> None:
    names = {"name_fr": "Conseils", "name_en": "Advice", "basis": "legitimate_interest", "is_marketing": True}
    with shop.scope():
        consent.save_purpose(
            shop.workspace_id,
            "advice",
            {**names, "audience": {"segment": segment}},
            actor=SYSTEM,
            now=shop.now,
        )
    with pytest.raises(SegmentInUse, match="advice"):
        delete(shop)
