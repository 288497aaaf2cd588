"""Reads about segments, their people, and what a rule would cover. Inside the caller's scope."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _
from psycopg.errors import QueryCanceled

from parcours.audiences import evaluation, language
from parcours.audiences.errors import PreviewTooSlow, RuleInvalid
from parcours.audiences.language import AttributeWord, Label, Rule, SegmentWord, Vocabulary
from parcours.audiences.types import MemberRow, MembershipRow, Preview, SegmentRow, StoredRule
from parcours.consent import queries as consent
from parcours.contacts import queries as contacts
from parcours.contacts.types import AttributeType
from parcours.kernel import sql
from parcours.kernel.errors import NotFound

PREVIEW_TIME = timedelta(seconds=5)
PREVIEW_PEOPLE = 20
statements = sql.load(__package__)


def list_segments(workspace_id: int) -> list[SegmentRow]:
    """The segments with the number of people in each, by name."""
    return statements.segments.rows(SegmentRow, workspace_id=workspace_id, slug=None)


def segment(workspace_id: int, slug: str) -> SegmentRow:
    """One segment; NotFound when there is none here."""
    found = statements.segments.row(SegmentRow, workspace_id=workspace_id, slug=slug)
    if found is None:
        raise NotFound(_("There is no segment “%(slug)s”.") % {"slug": slug}, field="segment")
    return found


def members(
    workspace_id: int, segment_id: int, *, before: UUID | None = None, limit: int = 50
) -> list[MemberRow]:
    """A page of a segment's people, newest contacts first; `before` is the id of the last one on the page above."""
    return statements.members.rows(
        MemberRow, workspace_id=workspace_id, segment_id=segment_id, before=before, limit=limit
    )


def count(workspace_id: int, segment_id: int) -> int:
    """How many people are in a segment."""
    return int(statements.count_members.scalar(workspace_id=workspace_id, segment_id=segment_id))


def memberships(workspace_id: int, contact_id: UUID) -> list[MembershipRow]:
    """The segments that a contact is in, by name."""
    return statements.memberships.rows(MembershipRow, workspace_id=workspace_id, contact_id=contact_id)


def stored_rules(workspace_id: int) -> list[StoredRule]:
    """The rules of all segments, for those who compile them."""
    return statements.stored_rules.rows(StoredRule, workspace_id=workspace_id)


def vocabulary(workspace_id: int) -> Vocabulary:
    """What the rules of a workspace may speak of. Segments whose stored rule cannot be read are left out."""
    return Vocabulary(
        attributes={
            attribute.name: AttributeWord(
                AttributeType(attribute.type),
                Label(attribute.label_fr, attribute.label_en),
                tuple(attribute.options),
            )
            for attribute in contacts.attributes(workspace_id)
        },
        lists=contacts.list_names(workspace_id),
        segments={slug: word for slug, word in map(_segment_word, stored_rules(workspace_id)) if word},
        purposes={
            purpose.code: Label(purpose.name_fr, purpose.name_en)
            for purpose in consent.purposes(workspace_id)
        },
    )


def _segment_word(stored: StoredRule) -> tuple[str, SegmentWord | None]:
    try:
        return stored.slug, SegmentWord(stored.name, language.parse(msgspec.json.decode(stored.rule)))
    except RuleInvalid:
        return stored.slug, None


def rule(workspace_id: int, data: object, *, at: str = "") -> Rule:
    """A rule's JSON, parsed and checked against the workspace: ready to compile. Raises RuleInvalid."""
    return language.check(language.parse(data, at=at), vocabulary(workspace_id), at=at)


def preview(workspace_id: int, data: object, *, now: datetime) -> Preview:
    """Whom a rule's JSON would cover now. Raises RuleInvalid, or PreviewTooSlow after PREVIEW_TIME."""
    checked = rule(workspace_id, data)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            milliseconds = str(int(PREVIEW_TIME.total_seconds() * 1000))
            cursor.execute("SELECT current_setting('statement_timeout')")
            before = str((cursor.fetchone() or ("0",))[0])
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [milliseconds])
            found = evaluation.covered(workspace_id, checked, limit=PREVIEW_PEOPLE, now=now)
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
            return found
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise PreviewTooSlow(
                _("Counting these people takes longer than %(seconds)s seconds.")
                % {"seconds": int(PREVIEW_TIME.total_seconds())},
                hint=_("Save the segment: it is then counted in the background."),
            ) from error
        raise
