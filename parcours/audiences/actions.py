"""Writes of segments: what people do to them, and what workers do to keep them current.

Three things change who is in a segment: its rule (`build`), an event (`refresh`), time alone (`recheck`). Each judges in
sets, holds the segment's row meanwhile, and writes Segment Entered and Segment Left with the change, in one transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from parcours.accounts.actions import record_audit
from parcours.accounts.types import Actor
from parcours.audiences import evaluation, language, queries, usage
from parcours.audiences.errors import RuleInvalid, SegmentExists, SegmentInUse
from parcours.audiences.evaluation import DUE, TOUCHED, Cohort, Prepared
from parcours.audiences.language import Rule, SegmentWord, tree
from parcours.audiences.models import Segment
from parcours.audiences.types import Building, Outcome, StoredRule
from parcours.contacts.actions import hold_people
from parcours.events import actions as events
from parcours.events import cursor
from parcours.events.types import SEGMENT_ENTERED, SEGMENT_LEFT, NewEvent, Span
from parcours.kernel import sql, tenancy
from parcours.kernel.errors import NotFound

CONSUMER = "audiences"
EVENTS_AT_ONCE = 10_000
PEOPLE_AT_ONCE = 100_000
"""A range of a building. Each reads the log of its people, so that fewer and larger ones cost less and hold others longer."""
statements = sql.load(__package__)


# What people do.


def create_segment(
    workspace_id: int,
    slug: str,
    name: str,
    rule: object,
    *,
    description: str = "",
    actor: Actor,
    now: datetime,
) -> Segment:
    """Make a segment from a rule's JSON; a worker's next `refresh` builds it. Raises RuleInvalid, SegmentExists."""
    statements.hold_rules.rows(StoredRule, workspace_id=workspace_id)
    _checked(workspace_id, slug, name, rule)
    try:
        with transaction.atomic():
            segment = Segment.objects.create(
                workspace_id=workspace_id,
                slug=slug,
                name=name,
                description=description,
                rule=rule,
                created_at=now,
            )
    except IntegrityError as error:
        message = _("There is a segment “%(slug)s” already.") % {"slug": slug}
        raise SegmentExists(message, field="slug") from error
    record_audit(
        workspace_id,
        actor=actor,
        action="created",
        subject="segment",
        subject_id=slug,
        detail={"name": name, "rule": rule},
        now=now,
    )
    return segment


def update_segment(
    workspace_id: int,
    slug: str,
    *,
    name: str | None = None,
    description: str | None = None,
    rule: object | None = None,
    actor: Actor,
    now: datetime,
) -> Segment:
    """Change what is given. A changed rule raises the revision; workers then rebuild it and those that refer to it.

    Raises RuleInvalid, also for the sake of those that refer to it.
    """
    statements.hold_rules.rows(StoredRule, workspace_id=workspace_id)
    segment = _segment(workspace_id, slug)
    before: dict[str, Any] = {}
    wanted = {"name": name, "description": description, "rule": rule}
    for field, value in wanted.items():
        if value is not None and value != getattr(segment, field):
            before[field] = getattr(segment, field)
            setattr(segment, field, value)
    if not before:
        return segment
    if "rule" in before:
        checked = _checked(workspace_id, slug, segment.name, segment.rule)
        dependents = list(usage.referring(workspace_id, slug))
        _spare(dependents, workspace_id, slug, SegmentWord(segment.name, checked))
        segment.revision += 1
        statements.mark_unbuilt.run(workspace_id=workspace_id, segment_ids=[each.id for each in dependents])
    segment.save(update_fields=[*before, "revision"])
    record_audit(
        workspace_id,
        actor=actor,
        action="changed",
        subject="segment",
        subject_id=slug,
        detail={"from": before, "to": {field: getattr(segment, field) for field in before}},
        now=now,
    )
    return segment


def delete_segment(workspace_id: int, slug: str, *, actor: Actor, now: datetime) -> None:
    """Remove a segment and its memberships, without events. Raises SegmentInUse, which names what still uses it."""
    statements.hold_rules.rows(StoredRule, workspace_id=workspace_id)
    segment = _segment(workspace_id, slug)
    if users := usage.users(workspace_id, slug):
        message = _("“%(name)s” is in use: %(users)s.")
        raise SegmentInUse(message % {"name": segment.name, "users": ", ".join(users)})
    segment.delete()
    record_audit(workspace_id, actor=actor, action="deleted", subject="segment", subject_id=slug, now=now)


def _segment(workspace_id: int, slug: str) -> Segment:
    """The segment, locked: nobody evaluates it while it changes."""
    found = (
        Segment.objects.select_for_update(no_key=True).filter(workspace_id=workspace_id, slug=slug).first()
    )
    if found is None:
        raise NotFound(_("There is no segment “%(slug)s”.") % {"slug": slug}, field="segment")
    return found


def _checked(workspace_id: int, slug: str, name: str, data: object) -> Rule:
    """The rule as the segment `slug` may have it: meaningful, not about itself, not about segments' own events."""
    rule = language.parse(data)
    words = queries.vocabulary(workspace_id).with_segment(slug, SegmentWord(name, rule))
    checked = language.check(tree.InSegment(slug), words)
    language.check(rule, words)
    if language.watched_events(checked) & {SEGMENT_ENTERED, SEGMENT_LEFT}:
        raise RuleInvalid(
            _(
                "A segment's rule cannot ask about Segment Entered or Segment Left: it would answer to itself."
            ),
            hint='{"segment": "…"}',
        )
    return rule


def _spare(dependents: Sequence[StoredRule], workspace_id: int, slug: str, word: SegmentWord) -> None:
    """Refuse a rule with which a segment that refers to it could not be judged any more; one that already cannot is no matter."""
    before = queries.vocabulary(workspace_id)
    after = before.with_segment(slug, word)
    broken = {
        each.name: problem
        for each in dependents
        if not language.problem(each.slug, before) and (problem := language.problem(each.slug, after))
    }
    if broken:
        message = _(
            "With this rule, what refers to this segment could not be judged any more: %(names)s. %(problem)s"
        )
        names = ", ".join(f"“{name}”" for name in broken)
        raise RuleInvalid(message % {"names": names, "problem": next(iter(broken.values())).message})


# What workers do.


def refresh(workspace_id: int, *, now: datetime, limit: int = 10_000) -> int:
    """Build segments whose rules changed, then judge the people of new events; return the number of events read.

    Opens its own transactions: one per range of people of a segment to build, one per span of at most `limit` events. Goes on
    until nothing is new. Does nothing about events while another worker does.
    """
    _build_changed(workspace_id, now=now)
    total = 0
    while True:
        with cursor.advance(workspace_id, CONSUMER, limit=limit) as span:
            if span is None:
                return total
            hold_people(workspace_id)
            _refresh_span(workspace_id, span, now=now)
            total += span.count


def _refresh_span(workspace_id: int, span: Span, *, now: datetime) -> None:
    names = set(span.names) - {SEGMENT_ENTERED, SEGMENT_LEFT}
    if not names:
        return
    limits = {**span.limits, "count": span.count}
    for stored, prepared in _usable(statements.hold_rules.rows(StoredRule, workspace_id=workspace_id)):
        if watched := prepared.watched & names:
            cohort = Cohort(TOUCHED, {**limits, "watched": list(watched)})
            outcome = evaluation.judge_cohort(workspace_id, stored.id, prepared.of_cohort, cohort, now=now)
            _tell(workspace_id, stored.slug, outcome, now=now)


def recheck(workspace_id: int, *, now: datetime, limit: int = 10_000) -> int:
    """Judge those for whom time alone may have changed something; return how many were judged.

    Opens its own transactions, each for at most `limit` people of one segment. Segments that another worker holds are
    left to the next call.
    """
    with tenancy.scope(workspace_id=workspace_id):
        due = {row["id"] for row in statements.segments_with_due.records(workspace_id=workspace_id, now=now)}
        rules = _built(queries.stored_rules(workspace_id)) if due else []
        ready = [(stored, rule) for stored, rule in rules if stored.id in due]
    return sum(_recheck_segment(workspace_id, stored, rule, limit, now=now) for stored, rule in ready)


def _recheck_segment(
    workspace_id: int, stored: StoredRule, prepared: Prepared, limit: int, *, now: datetime
) -> int:
    total = 0
    while True:
        with tenancy.scope(workspace_id=workspace_id):
            hold_people(workspace_id)
            held = statements.try_hold_segment.scalar(workspace_id=workspace_id, segment_id=stored.id)
            if (
                held != stored.revision
            ):  # another worker has it, or its rule (or one that it refers to) has changed
                return total
            cohort = Cohort(DUE, {"limit": limit})
            outcome = evaluation.judge_cohort(workspace_id, stored.id, prepared.of_cohort, cohort, now=now)
            _tell(workspace_id, stored.slug, outcome, now=now)
        total += outcome.judged
        if outcome.judged < limit:
            return total


def build(workspace_id: int, slug: str, *, now: datetime) -> Outcome:
    """Judge everybody for one segment from the beginning, as `_build_range` does; another worker may take over ranges of it."""
    with tenancy.scope(workspace_id=workspace_id):
        segment = _segment(workspace_id, slug)
        statements.mark_unbuilt.run(workspace_id=workspace_id, segment_ids=[segment.id])
    whole = Outcome([], [], 0)
    while (part := _build_range(workspace_id, segment.id, now=now)) is not None:
        whole = Outcome(whole.entered + part.entered, whole.left + part.left, whole.judged + part.judged)
    return whole


def _build_changed(workspace_id: int, *, now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace_id):
        stored = queries.stored_rules(workspace_id)
    for each in stored:
        while each.built_revision != each.revision and _build_range(workspace_id, each.id, now=now):
            pass


def _build_range(workspace_id: int, segment_id: int, *, now: datetime) -> Outcome | None:
    """Judge the next range of people for a segment that is not built, in a transaction of its own. The last ends the building.

    None when it is built, when its rule cannot be used, or while another worker is at it. Between two ranges others may merge
    people, and `refresh` judges those to whom something happens.
    """
    with tenancy.scope(workspace_id=workspace_id):
        hold_people(workspace_id)
        place = statements.hold_unbuilt.row(Building, workspace_id=workspace_id, segment_id=segment_id)
        prepared = evaluation.prepare(queries.stored_rules(workspace_id)).get(place.slug) if place else None
        if place is None or prepared is None:
            return None
        after = place.after or language.EVERYBODY["after"]
        until = statements.end_of_range.scalar(workspace_id=workspace_id, after=after, size=PEOPLE_AT_ONCE)
        limits = {"after": after, "until": until or language.EVERYBODY["until"]}
        outcome = evaluation.judge_everybody(workspace_id, segment_id, prepared.of_everybody, limits, now=now)
        ours: dict[str, Any] = {
            "workspace_id": workspace_id,
            "segment_id": segment_id,
            "revision": place.revision,
        }
        if until is None:
            statements.mark_built.run(**ours, now=now)
        else:
            statements.go_on_building.run(**ours, until=until)
        _tell(workspace_id, place.slug, outcome, now=now)
    return outcome


def _usable(stored: Sequence[StoredRule]) -> list[tuple[StoredRule, Prepared]]:
    """The segments with their rules, ready to run: also those that are being built, whose earlier ranges no event may pass by."""
    prepared = evaluation.prepare(stored)
    return [(each, prepared[each.slug]) for each in stored if each.slug in prepared]


def _built(stored: Sequence[StoredRule]) -> list[tuple[StoredRule, Prepared]]:
    """Of these, the segments whose people follow their rules. The others are built first."""
    return [(each, rule) for each, rule in _usable(stored) if each.built_revision == each.revision]


def _tell(workspace_id: int, slug: str, outcome: Outcome, *, now: datetime) -> None:
    """Write the events of those who left, then of those who entered."""
    _append(workspace_id, SEGMENT_LEFT, slug, outcome.left, now)
    _append(workspace_id, SEGMENT_ENTERED, slug, outcome.entered, now)


def _append(workspace_id: int, name: str, slug: str, contact_ids: Sequence[UUID], now: datetime) -> None:
    rest = iter(contact_ids)
    while portion := [
        NewEvent(each, name, {"segment": slug}, at=now) for each in islice(rest, EVENTS_AT_ONCE)
    ]:
        events.append(workspace_id, portion, now=now)
