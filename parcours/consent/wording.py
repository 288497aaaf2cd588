"""How a statement came to us, in words, where we ourselves say so; what a team or a program writes stays as it is.

Not here: what was said (`types.Act`), purposes, which their owners name.
"""

from django.utils.translation import gettext, gettext_noop

SOURCES = {
    "one-click unsubscribe": gettext_noop("one-click unsubscription"),
    "unsubscribe by mail": gettext_noop("unsubscription by e-mail"),
    "preference page": gettext_noop("preference page"),
    "double opt-in": gettext_noop("confirmation by e-mail"),
    "checkout": gettext_noop("at checkout"),
    "events": gettext_noop("events of the site"),
    "import: opt-out column": gettext_noop("import: column of unsubscriptions"),
}


def source_in_words(source: str) -> str:
    """A source in the reader's language."""
    return gettext(SOURCES[source]) if source in SOURCES else source
