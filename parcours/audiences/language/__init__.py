"""The one rule language: JSON → tree → checked tree → SQL, and → a sentence. See `tree` for what a rule can say.

Used by segments, journey branches, gate guards and reports; nothing else in the product turns a rule into SQL.
"""

from parcours.audiences.language.check import (
    BUILT_IN,
    AttributeWord,
    Label,
    SegmentWord,
    Vocabulary,
    check,
    problem,
    resolve,
    watched_events,
)
from parcours.audiences.language.compile import (
    EVERYBODY,
    Compiled,
    Judgement,
    compile,
    compile_event,
    compile_judgement,
)
from parcours.audiences.language.explain import explain, explain_filters, inside, typeset
from parcours.audiences.language.parse import parse, parse_filters
from parcours.audiences.language.tree import Filter, Rule

__all__ = [
    "BUILT_IN",
    "EVERYBODY",
    "AttributeWord",
    "Compiled",
    "Filter",
    "Judgement",
    "Label",
    "Rule",
    "SegmentWord",
    "Vocabulary",
    "check",
    "compile",
    "compile_event",
    "compile_judgement",
    "explain",
    "explain_filters",
    "inside",
    "parse",
    "parse_filters",
    "problem",
    "resolve",
    "typeset",
    "watched_events",
]
