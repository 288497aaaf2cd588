"""What every message must say and a template may forget: who writes, why, and how to stop it. Added when the source lacks it.

The words are in the reader's language, so both stand here. Not here: Liquid and MJML themselves.
"""

from dataclasses import dataclass

_STYLE = 'align="center" font-size="12px" color="#6b7280" line-height="18px"'


@dataclass(frozen=True, slots=True)
class _Words:
    from_whom: str
    why: str
    preferences: str
    unsubscribe: str


_WORDS = {
    "fr": _Words(
        "Ce message vous est envoyé par",
        "Pourquoi est-ce que je reçois ce message ?",
        "Choisir ce que je reçois",
        "Me désabonner",
    ),
    "en": _Words(
        "This message is sent to you by", "Why do I receive this?", "Choose what I receive", "Unsubscribe"
    ),
}


def with_footer(mjml: str, language: str) -> str:
    """The MJML with the footer before its end, unless the template has an unsubscribe link of its own."""
    end = mjml.rfind("</mj-body>")
    if end < 0 or "unsubscribe_url" in mjml:
        return mjml
    words = _words(language)
    return (
        f"{mjml[:end]}<mj-section><mj-column><mj-text {_STYLE}>{words.from_whom} {{{{ workspace.identity }}}}.<br>"
        f'<a href="{{{{ why_url }}}}">{words.why}</a><br>'
        f'<a href="{{{{ preferences_url }}}}">{words.preferences}</a> · '
        f'<a href="{{{{ unsubscribe_url }}}}">{words.unsubscribe}</a>'
        f"</mj-text></mj-column></mj-section>{mjml[end:]}"
    )


def with_text_footer(text: str, language: str) -> str:
    """The same for a text that was written by hand."""
    if "unsubscribe_url" in text:
        return text
    words = _words(language)
    return (
        f"{text.rstrip()}\n\n-- \n{words.from_whom} {{{{ workspace.identity }}}}.\n"
        f"{words.why} {{{{ why_url }}}}\n{words.preferences} : {{{{ preferences_url }}}}\n"
        f"{words.unsubscribe} : {{{{ unsubscribe_url }}}}\n"
    )


def _words(language: str) -> _Words:
    return _WORDS["fr" if language == "fr" else "en"]
