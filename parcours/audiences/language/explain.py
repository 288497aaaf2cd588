"""Tree → a sentence, in French or in English: a rule is always also a sentence.

Not here: the words (`french`, `english`), how conditions join and what "not" does to them (`voice`).
"""

from collections.abc import Sequence

from parcours.audiences.language import tree
from parcours.audiences.language.check import Vocabulary
from parcours.audiences.language.english import English
from parcours.audiences.language.french import French
from parcours.audiences.language.voice import Voice


def explain(rule: tree.Rule, vocabulary: Vocabulary, language: str) -> str:
    """« Clients qui … » when `language` is `fr`, "People who …" otherwise; without a full stop."""
    return _voice(vocabulary, language).sentence(rule)


def explain_filters(filters: Sequence[tree.Filter], language: str) -> str:
    """The tests of an event's properties, as what follows "where"; nothing for none."""
    return _voice(Vocabulary(), language).filters(filters) if filters else ""


def _voice(vocabulary: Vocabulary, language: str) -> Voice:
    return French(vocabulary) if language == "fr" else English(vocabulary)
