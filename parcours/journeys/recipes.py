"""Ready-made scenarios: YAML files that bring the journey and all that it names (purposes, lists, segments, coupons, templates).

Installing is idempotent: what the workspace has already, by slug, stays as somebody may have changed it. What has one name only
(lists, segments, coupons, templates) is named in the workspace's language.
Not here: the recipes themselves (`recipes/*.yaml`) and the layout of their messages (`recipes/*.mjml`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from string import Template as Text
from typing import Any

import yaml
from django.utils.translation import gettext as _

from parcours.accounts.models import Workspace
from parcours.accounts.types import Actor
from parcours.audiences import actions as audiences
from parcours.audiences.models import Segment
from parcours.consent import standard
from parcours.contacts import actions as contacts
from parcours.contacts.models import List
from parcours.content import actions as content
from parcours.content.models import Coupon, Template
from parcours.journeys import actions
from parcours.journeys.errors import UnknownRecipe
from parcours.journeys.models import Journey
from parcours.journeys.types import Texts

SLUGS = ("post-purchase", "first-purchase", "re-engagement")
SHOP_URL = "https://shop.example.com/"
"""Where the buttons of the ready-made messages lead until somebody says where the shop is."""

_FILES = resources.files("parcours.journeys") / "recipes"


@dataclass(frozen=True)
class Recipe:
    """One ready-made scenario as its file says it. The mappings go by slug, in the order in which they are installed."""

    slug: str
    texts: Texts
    journey: Mapping[str, Any]
    lists: Mapping[str, Mapping[str, str]]
    segments: Mapping[str, Mapping[str, Any]]
    coupons: Mapping[str, Mapping[str, Any]]
    templates: Mapping[str, Mapping[str, Any]]

    @property
    def purposes(self) -> list[str]:
        """The codes of the purposes that its messages have."""
        sends = (node["send"] for node in self.journey["nodes"].values() if "send" in node)
        return sorted({send["purpose"] for send in sends})


def recipes() -> list[Recipe]:
    """All of them, in the order in which they are offered."""
    return [recipe(slug) for slug in SLUGS]


def recipe(slug: str) -> Recipe:
    """One of them. Raises UnknownRecipe."""
    if slug not in SLUGS:
        raise UnknownRecipe(_("There is no ready-made scenario “%(slug)s”.") % {"slug": slug}, field="slug")
    data = _yaml(f"{slug}.yaml")
    return Recipe(
        slug=slug,
        texts=Texts(**data["texts"]),
        journey=data["journey"],
        lists=data.get("lists", {}),
        segments=data.get("segments", {}),
        coupons=data.get("coupons", {}),
        templates=data["templates"],
    )


def install(
    workspace_id: int, slug: str, *, actor: Actor, now: datetime, shop_url: str = SHOP_URL
) -> Journey:
    """Bring what the recipe needs and publish its journey, in the caller's scope. A journey of this slug stays as it is."""
    wanted = recipe(slug)
    existing = Journey.objects.filter(workspace_id=workspace_id, slug=slug).first()
    if existing is not None:
        return existing
    spoken = Workspace.objects.values_list("language", flat=True).get(pk=workspace_id)
    standard.bring(workspace_id, wanted.purposes, actor=actor, now=now)
    _bring_audiences(workspace_id, wanted, spoken, actor=actor, now=now)
    _bring_contents(workspace_id, wanted, spoken, shop_url, actor=actor, now=now)
    journey = actions.create(workspace_id, slug, wanted.texts, actor=actor, now=now)
    actions.publish(workspace_id, slug, wanted.journey, actor=actor, now=now)
    journey.refresh_from_db()
    return journey


def _bring_audiences(workspace_id: int, wanted: Recipe, spoken: str, *, actor: Actor, now: datetime) -> None:
    lists = set(List.objects.filter(workspace_id=workspace_id).values_list("slug", flat=True))
    for slug, names in wanted.lists.items():
        if slug not in lists:
            contacts.create_list(workspace_id, slug, names[spoken], actor=actor, now=now)
    segments = set(Segment.objects.filter(workspace_id=workspace_id).values_list("slug", flat=True))
    for slug, segment in wanted.segments.items():
        if slug not in segments:
            audiences.create_segment(workspace_id, slug, **_said(segment, spoken), actor=actor, now=now)


def _bring_contents(
    workspace_id: int, wanted: Recipe, spoken: str, shop_url: str, *, actor: Actor, now: datetime
) -> None:
    coupons = set(Coupon.objects.filter(workspace_id=workspace_id).values_list("slug", flat=True))
    for slug, coupon in wanted.coupons.items():
        if slug not in coupons:
            content.save_coupon(workspace_id, slug, **_said(coupon, spoken), actor=actor, now=now)
    templates = set(Template.objects.filter(workspace_id=workspace_id).values_list("slug", flat=True))
    for slug, template in wanted.templates.items():
        if slug not in templates:
            bodies = {language: body(template[language], shop_url) for language in ("fr", "en")}
            content.save_template(workspace_id, slug, template["name"][spoken], bodies, actor=actor, now=now)


def _said(written: Mapping[str, Any], spoken: str) -> dict[str, Any]:
    """What a file says of a thing, its texts in one language."""
    texts = {name: written[name][spoken] for name in ("name", "description") if name in written}
    return {**written, **texts}


def body(written: Mapping[str, str], shop_url: str) -> dict[str, str]:
    """One language of a template, in the common layout. Its text part is derived from the MJML when it is sent."""
    parts = {"shop": shop_url, "order": _read("order.mjml")}
    content = Text(written["mjml"]).substitute(parts)
    return {**written, "mjml": Text(_read("layout.mjml")).substitute(content=content)}


@cache
def _yaml(name: str) -> Any:
    return yaml.safe_load(_read(name))


@cache
def _read(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")
