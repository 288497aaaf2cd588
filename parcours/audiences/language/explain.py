"""Tree → a sentence, in French or in English: a rule is always also a sentence.

Not here: the words (`french`, `english`), how conditions join and what "not" does to them (`voice`).
"""

import re
from collections.abc import Sequence

from parcours.audiences.language import tree
from parcours.audiences.language.check import Vocabulary
from parcours.audiences.language.english import English
from parcours.audiences.language.french import French
from parcours.audiences.language.voice import Voice

_NO_BREAK = "\u00a0"
_LOOSE = re.compile(r"(?<=«) | (?=»)| (?=[;:!?](?:\s|$))")


def explain(rule: tree.Rule, vocabulary: Vocabulary, language: str) -> str:
    """« Clients qui … » when `language` is `fr`, "People who …" otherwise; without a full stop."""
    return typeset(_voice(vocabulary, language).sentence(rule), language)


def explain_filters(filters: Sequence[tree.Filter], language: str) -> str:
    """The tests of an event's properties, as what follows "where"; nothing for none."""
    return typeset(_voice(Vocabulary(), language).filters(filters), language) if filters else ""


def inside(sentence: str) -> str:
    """A sentence as it stands inside another one: its first letter small."""
    return sentence[:1].lower() + sentence[1:]


def typeset(text: str, language: str) -> str:
    """French punctuation as it is printed: curly apostrophes, and no line ends inside guillemets or before : ; ! ?."""
    return _LOOSE.sub(_NO_BREAK, text).replace("'", "’") if language == "fr" else text


def _voice(vocabulary: Vocabulary, language: str) -> Voice:
    return French(vocabulary) if language == "fr" else English(vocabulary)
