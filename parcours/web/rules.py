"""Rules as sentences: one vocabulary per page, asked for only when a rule has to be said."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.utils import timezone
from django.utils.translation import get_language, gettext

from parcours.audiences import language
from parcours.audiences import queries as audiences
from parcours.consent import queries as consent
from parcours.consent.models import Purpose
from parcours.delivery.wording import explain_reason
from parcours.kernel.errors import DomainError
from parcours.web.templatetags.look import named


def reader() -> str:
    """The reader's language as rules and names are written: 'fr' or 'en'."""
    return "fr" if get_language() == "fr" else "en"


class Sayer:
    """Says rules and the gate's reasons in the reader's language, for one workspace."""

    def __init__(self, workspace_id: int) -> None:
        self.workspace_id = workspace_id

    @cached_property
    def vocabulary(self) -> language.Vocabulary:
        return audiences.vocabulary(self.workspace_id)

    @cached_property
    def all_purposes(self) -> list[Purpose]:
        return consent.purposes(self.workspace_id)

    @cached_property
    def purposes(self) -> Mapping[str, str]:
        return {each.code: named(each) for each in self.all_purposes}

    def rule(self, data: object) -> str:
        """A rule as a sentence; one that no longer means anything here says so."""
        try:
            return language.explain(language.parse(data), self.vocabulary, reader())
        except DomainError as error:
            return gettext("(a rule that cannot be read any more: %(problem)s)") % {"problem": error.message}

    def problem(self, slug: str) -> str:
        """Why a segment's people stay as they are: its rule cannot be judged any more. Empty when it can."""
        error = language.problem(slug, self.vocabulary)
        return "" if error is None else error.message

    def reasons(self, stored: Sequence[Mapping[str, Any]]) -> list[str]:
        """The gate's reasons in words, with what would change them."""
        zone = timezone.get_current_timezone_name()
        return [
            explain_reason(each, reader(), time_zone=zone, purposes=self.purposes, vocabulary=self.vocabulary)
            for each in stored
        ]
