"""A branch: a rule decides between two ways, for the whole cohort at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from django.utils import translation
from django.utils.translation import gettext as _
from psycopg import sql

from parcours.audiences import language as rules
from parcours.audiences.language import Rule, Vocabulary
from parcours.journeys.nodes import reading
from parcours.journeys.nodes.base import Choice, Description, Node, Surroundings, Way


@dataclass(frozen=True)
class Branch(Node):
    """Those for whom the rule is true take `then`, all others `otherwise`."""

    keyword = "if"
    more = frozenset({"then", "else"})

    rule: Rule
    then: str | None
    otherwise: str | None

    @classmethod
    def parse(cls, data: Mapping[str, object], position: str) -> Self:
        return cls(
            rule=rules.parse(data["if"], at=f"{position}.if"),
            then=reading.optional_text(data.get("then"), f"{position}.then"),
            otherwise=reading.optional_text(data.get("else"), f"{position}.else"),
        )

    def validate(self, around: Surroundings, position: str) -> None:
        rules.check(self.rule, around.vocabulary, at=f"{position}.if")

    @property
    def rules(self) -> Sequence[Rule]:
        return (self.rule,)

    def resolved(self, vocabulary: Vocabulary) -> Self:
        return replace(self, rule=rules.resolve(self.rule, vocabulary))

    def compile(self, prefix: str) -> Choice:
        compiled = rules.compile(self.rule, prefix)
        return Choice(
            sql.SQL("CASE WHEN {} THEN 'yes' ELSE 'no' END").format(compiled.condition),
            compiled.parameters,
            asks_contact=compiled.reads_contact,
        )

    def describe(self, around: Surroundings, language: str) -> Description:
        sentence = rules.explain(self.rule, around.vocabulary, language)
        with translation.override(language):
            return Description(_("Condition"), sentence)

    @property
    def ways(self) -> Sequence[Way]:
        return Way("yes", self.then), Way("no", self.otherwise)
