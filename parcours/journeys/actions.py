"""Writes about journeys: their life (create, publish, pause, resume, archive), and the two works of the clock, `enter` and `tick`.

The life's functions run in the caller's scope and write the audit trail. `enter` and `tick` open their own short transactions.
A journey whose statement fails is paused with its reason, so that the others go on and nothing turns in a hot loop.
"""

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from parcours.accounts.actions import record_audit
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, Actor
from parcours.consent.models import Purpose
from parcours.contacts import actions as contacts
from parcours.content.models import Coupon, TemplateVersion
from parcours.delivery import actions as delivery
from parcours.delivery.models import Mailing
from parcours.delivery.types import Origin
from parcours.events import cursor
from parcours.events.types import Span
from parcours.journeys import engine, entry, queries
from parcours.journeys import graph as graphs
from parcours.journeys.engine import DueVersion, Walk
from parcours.journeys.entry import OpenJourney
from parcours.journeys.errors import JourneyExists, WrongState
from parcours.journeys.graph import Graph
from parcours.journeys.models import Journey, Version
from parcours.journeys.nodes.send import Send
from parcours.journeys.types import JourneyState, Texts
from parcours.journeys.versions import stored
from parcours.kernel import sql, tenancy

CONSUMER = "journeys"

log = logging.getLogger(__name__)
statements = sql.load(__package__)


# Life.


def create(workspace_id: int, slug: str, texts: Texts, *, actor: Actor, now: datetime) -> Journey:
    """Make a draft. Raises JourneyExists."""
    journey, created = Journey.objects.get_or_create(
        workspace_id=workspace_id, slug=slug, defaults={**asdict(texts), "created_at": now}
    )
    if not created:
        raise JourneyExists(_("There is a journey “%(slug)s” already.") % {"slug": slug}, field="slug")
    _audit(journey, "created", actor=actor, now=now)
    return journey


def save(
    workspace_id: int, slug: str, texts: Texts, source: object, *, actor: Actor, now: datetime
) -> Version:
    """Make the journey or change its texts, and publish `source`: see `publish`. What is refused leaves nothing behind."""
    with transaction.atomic():
        if Journey.objects.filter(workspace_id=workspace_id, slug=slug).exists():
            _change_texts(workspace_id, slug, texts, actor=actor, now=now)
        else:
            create(workspace_id, slug, texts, actor=actor, now=now)
        return publish(workspace_id, slug, source, actor=actor, now=now)


def _change_texts(workspace_id: int, slug: str, texts: Texts, *, actor: Actor, now: datetime) -> None:
    journey = Journey.objects.select_for_update(no_key=True).get(workspace_id=workspace_id, slug=slug)
    wanted = asdict(texts)
    before = {field: getattr(journey, field) for field in wanted if getattr(journey, field) != wanted[field]}
    if not before:
        return
    after = {field: wanted[field] for field in before}
    for field, text in after.items():
        setattr(journey, field, text)
    journey.save(update_fields=list(after))
    _audit(journey, "changed", {"from": before, "to": after}, actor=actor, now=now)


def publish(workspace_id: int, slug: str, source: object, *, actor: Actor, now: datetime) -> Version:
    """Make `source` the version that people enter from now on; those inside finish on theirs. Raises GraphInvalid or RuleInvalid.

    The first publication opens the journey to events from `now` on. Publishing a paused journey leaves it paused.
    """
    graph = graphs.parse(source)
    graph.validate(queries.surroundings(workspace_id))
    journey = _locked(
        workspace_id,
        slug,
        JourneyState.DRAFT,
        JourneyState.PUBLISHED,
        JourneyState.PAUSED,
        doing=_("published"),
    )
    number = Version.objects.filter(workspace_id=workspace_id, journey=journey).count() + 1
    mailings = _add_mailings(journey, number, graph, now=now)
    version = Version.objects.create(
        workspace_id=workspace_id,
        journey=journey,
        number=number,
        graph=stored(source, graph, mailings),
        actor=actor.label[:200],
        created_at=now,
    )
    journey.live = version
    if journey.state == JourneyState.DRAFT:
        journey.state, journey.entries_from = JourneyState.PUBLISHED.value, now
    journey.save(update_fields=["live", "state", "entries_from"])
    _audit(journey, "published", {"version": number}, actor=actor, now=now)
    return version


def _add_mailings(journey: Journey, number: int, graph: Graph, *, now: datetime) -> dict[str, int]:
    """One mailing for each send node; each keeps the version of its template that is the newest now."""
    workspace_id = journey.workspace_id
    purposes = dict(Purpose.objects.filter(workspace_id=workspace_id).values_list("code", "id"))
    coupons = dict(Coupon.objects.filter(workspace_id=workspace_id).values_list("slug", "id"))
    newest = {
        version.template.slug: version
        for version in TemplateVersion.objects.filter(workspace_id=workspace_id)
        .select_related("template")
        .only("template__slug", "template__name")
        .order_by("number")
    }
    spoken = Workspace.objects.values_list("language", flat=True).get(pk=workspace_id)
    return {
        name: delivery.add_mailing(
            workspace_id,
            origin=Origin.JOURNEY,
            origin_id=journey.pk,
            origin_version=number,
            step=name,
            **_names(journey, newest[node.template].template.name, spoken),
            purpose_id=purposes[node.purpose],
            template_version_id=newest[node.template].pk,
            coupon_id=None if node.coupon is None else coupons[node.coupon],
            guard=node.guard_source,
            valid_for=node.valid_for,
            now=now,
        )
        for name, node in graph.nodes.items()
        if isinstance(node, Send)
    }


def _names(journey: Journey, template: str, spoken: str) -> dict[str, str]:
    """What a step's messages are called: in both languages for pages, in the workspace's for events and exports."""
    french, english = f"{journey.name_fr} · {template}", f"{journey.name_en} · {template}"
    return {"name": french if spoken == "fr" else english, "name_fr": french, "name_en": english}


def pause(workspace_id: int, slug: str, *, actor: Actor, now: datetime) -> Journey:
    """Nobody enters, those inside stay where they are, messages that have not left wait: nothing moves once this has committed."""
    journey = _locked(workspace_id, slug, JourneyState.PUBLISHED, doing=_("paused"))
    return _pause(journey, "", actor=actor, now=now)


def _pause(journey: Journey, trouble: str, *, actor: Actor, now: datetime) -> Journey:
    journey.state, journey.trouble = JourneyState.PAUSED.value, trouble[:400]
    journey.save(update_fields=["state", "trouble"])
    delivery.hold(journey.workspace_id, _mailings(journey), now=now)
    _audit(
        journey,
        "halted" if trouble else "paused",
        {"trouble": trouble} if trouble else {},
        actor=actor,
        now=now,
    )
    return journey


def resume(workspace_id: int, slug: str, *, actor: Actor, now: datetime) -> Journey:
    """Go on: those whose time came during the pause are due at once; events of the pause let nobody in."""
    journey = _locked(workspace_id, slug, JourneyState.PAUSED, doing=_("resumed"))
    journey.state, journey.trouble, journey.entries_from = JourneyState.PUBLISHED.value, "", now
    journey.save(update_fields=["state", "trouble", "entries_from"])
    delivery.release(workspace_id, _mailings(journey), now=now)
    _audit(journey, "resumed", actor=actor, now=now)
    return journey


def archive(workspace_id: int, slug: str, *, actor: Actor, now: datetime) -> Journey:
    """Stop for good: nobody enters or moves, and what has not left is cancelled. Those inside stay recorded where they were."""
    journey = _locked(workspace_id, slug, JourneyState.PUBLISHED, JourneyState.PAUSED, doing=_("archived"))
    journey.state = JourneyState.ARCHIVED.value
    journey.save(update_fields=["state"])
    cancelled = delivery.stop(workspace_id, _mailings(journey), now=now)
    _audit(journey, "archived", {"cancelled_messages": cancelled}, actor=actor, now=now)
    return journey


def _mailings(journey: Journey) -> list[int]:
    """The mailings of all versions."""
    found = Mailing.objects.filter(
        workspace_id=journey.workspace_id, origin=Origin.JOURNEY.value, origin_id=journey.pk
    )
    return list(found.values_list("id", flat=True))


_IT_IS = {
    "draft": gettext_noop("This journey is a draft."),
    "published": gettext_noop("This journey is published."),
    "paused": gettext_noop("This journey is paused."),
    "archived": gettext_noop("This journey is archived."),
}


def _locked(workspace_id: int, slug: str, *states: JourneyState, doing: str) -> Journey:
    """The journey, locked, in one of the states; waits for cohorts that are moving. Raises UnknownJourney or WrongState."""
    queries.access_journey(workspace_id, slug)
    journey = Journey.objects.select_for_update(no_key=True).get(workspace_id=workspace_id, slug=slug)
    if journey.state not in states:
        raise WrongState(
            _("%(it_is)s It cannot be %(doing)s.") % {"it_is": _(_IT_IS[journey.state]), "doing": doing},
            field="state",
        )
    return journey


def _audit(
    journey: Journey, action: str, detail: Mapping[str, Any] | None = None, *, actor: Actor, now: datetime
) -> None:
    record_audit(
        journey.workspace_id,
        actor=actor,
        action=action,
        subject="journey",
        subject_id=journey.slug,
        detail=detail,
        now=now,
    )


# The clock.


def enter(workspace_id: int, *, now: datetime, patience: float = math.inf) -> int:
    """Let people in from the new events of the log (consumer `journeys`); returns how many came in. `patience` as in `tick`."""
    entered = 0
    for _span in _turns(patience):
        with cursor.advance(workspace_id, CONSUMER) as span:
            if span is None:
                break
            contacts.hold_people(workspace_id)
            for journey in statements.open_journeys.rows(OpenJourney, workspace_id=workspace_id):
                with _halting(workspace_id, journey.slug, now=now), transaction.atomic():
                    entered += _let_in(workspace_id, journey, span, now=now)
    return entered


def _let_in(workspace_id: int, journey: OpenJourney, span: Span, *, now: datetime) -> int:
    came = entry.let_in(workspace_id, journey, span, now=now)
    if came:
        statements.count_entered.run(workspace_id=workspace_id, version_id=journey.version_id, entered=came)
    return came


def tick(workspace_id: int, *, now: datetime, limit: int = 5000, patience: float = math.inf) -> int:
    """Move every due run, version by version, in transactions of at most `limit` runs; returns how many nodes were passed.

    After `patience` seconds the rest is left for the next call; each version has had a turn by then.
    Any number of workers may do this at once: a run that one holds is skipped by the others.
    """
    passed = 0
    spent: set[int] = set()
    for _pass in _turns(patience):
        waiting = [version for version in _due_versions(workspace_id, now) if version.id not in spent]
        if not waiting:
            break
        for version in waiting:
            walk = Walk()
            with _halting(workspace_id, version.slug, now=now), tenancy.scope(workspace_id=workspace_id):
                walk = engine.advance(workspace_id, version, now=now, limit=limit)
            if walk.claimed == 0:
                spent.add(version.id)
            passed += walk.passed
    return passed


def _turns(patience: float) -> Iterator[None]:
    """One turn, then more of them until so many seconds have passed."""
    until = time.monotonic() + patience
    yield
    while time.monotonic() < until:
        yield


def _due_versions(workspace_id: int, now: datetime) -> list[DueVersion]:
    with tenancy.scope(workspace_id=workspace_id):
        return statements.due_versions.rows(DueVersion, workspace_id=workspace_id, now=now)


@contextmanager
def _halting(workspace_id: int, slug: str, *, now: datetime) -> Iterator[None]:
    """Pause the journey when the work inside fails on its data or rules; a lost connection or a deadlock is for the next tick."""
    try:
        yield
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("journey %s of workspace %s is paused: its cohort failed", slug, workspace_id)
        with tenancy.scope(workspace_id=workspace_id):
            journey = Journey.objects.select_for_update(no_key=True).get(workspace_id=workspace_id, slug=slug)
            if journey.state == JourneyState.PUBLISHED:
                trouble = f"{type(error).__name__}: {error}".replace("\x00", "")
                _pause(journey, trouble, actor=SYSTEM, now=now)
