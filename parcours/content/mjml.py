"""MJML to HTML by mrml, after checks of our own: only known tags, nothing that runs or includes, lines in
every message.

mrml accepts unknown tags in silence and escapes some characters of attributes for debugging; both are
mended here. Liquid statements
are masked while MJML is read, so that they may stand anywhere in text and attribute values. Not here: what
Liquid means.
"""

import re
import unicodedata
from dataclasses import dataclass
from html import unescape

import mrml
from django.utils.translation import gettext as _

from parcours.content import liquid
from parcours.content.errors import TemplateError, TemplateSyntax

_PARENTS: dict[str, frozenset[str]] = {
    tag: frozenset(parents.split())
    for tag, parents in {
        "mjml": "",
        "mj-head": "mjml",
        "mj-body": "mjml",
        "mj-attributes": "mj-head",
        "mj-breakpoint": "mj-head",
        "mj-font": "mj-head",
        "mj-preview": "mj-head",
        "mj-style": "mj-head",
        "mj-title": "mj-head",
        "mj-all": "mj-attributes",
        "mj-class": "mj-attributes",
        "mj-wrapper": "mj-body",
        "mj-section": "mj-body mj-wrapper",
        "mj-hero": "mj-body mj-wrapper",
        "mj-group": "mj-section",
        "mj-column": "mj-section mj-group",
        "mj-text": "mj-column mj-hero",
        "mj-button": "mj-column mj-hero",
        "mj-image": "mj-column mj-hero",
        "mj-divider": "mj-column mj-hero",
        "mj-spacer": "mj-column mj-hero",
        "mj-table": "mj-column mj-hero",
        "mj-social": "mj-column mj-hero",
        "mj-social-element": "mj-social",
        "mj-navbar": "mj-column mj-hero",
        "mj-navbar-link": "mj-navbar",
        "mj-accordion": "mj-column mj-hero",
        "mj-accordion-element": "mj-accordion",
        "mj-accordion-title": "mj-accordion-element",
        "mj-accordion-text": "mj-accordion-element",
        "mj-carousel": "mj-column mj-hero",
        "mj-carousel-image": "mj-carousel",
        "mj-raw": "mj-head mj-body mj-wrapper mj-section mj-group mj-column mj-hero",
    }.items()
}
_HTML_INSIDE = frozenset(
    [
        "mj-text",
        "mj-button",
        "mj-table",
        "mj-raw",
        "mj-navbar-link",
        "mj-social-element",
        "mj-accordion-title",
        "mj-accordion-text",
    ]
)
_FORBIDDEN = frozenset(
    [
        "script",
        "iframe",
        "frame",
        "frameset",
        "object",
        "embed",
        "applet",
        "form",
        "input",
        "button",
        "select",
        "textarea",
        "meta",
        "base",
        "link",
        "svg",
        "math",
        "style",
    ]
)
_VOID = frozenset(["area", "br", "col", "hr", "img", "wbr"])
_LINKS = frozenset(
    {"href", "src", "background", "background-url", "action", "formaction", "poster", "srcset"}
)
_UNSAFE_LINK = re.compile(r"[\x00-\x20]*(?:javascript|vbscript|data|file|blob)[\x00-\x20]*:", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][\w:.-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_ATTRIBUTE = re.compile(r"([^\s=/\"'<>]+)\s*(?:=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))?")
_STYLE = re.compile(r"(<mj-style\b[^<>]*>[^<]*</mj-style>)", re.IGNORECASE)
_DROPPED_BLANK = re.compile(
    r">[ \t\r]*\n\s*<(?=(?:a|abbr|b|code|em|i|img|s|small|span|strong|sub|sup|u)\b)", re.IGNORECASE
)
"""Between two elements of a line mrml drops a line break, and with it the blank that people see."""

_MAX_DEPTH, _MAX_PROBLEMS = 60, 20
_LOCAL = mrml.ParserOptions(include_loader=mrml.noop_loader())
_NO_WEB_FONTS = mrml.RenderOptions(fonts={})


@dataclass(frozen=True, slots=True)
class Masked:
    """A source whose Liquid statements are replaced by words that MJML and HTML leave alone; lines stay
    where they were.
    """

    text: str
    statements: tuple[str, ...]
    mark: str

    @classmethod
    def of(cls, source: str, *, field: str = "") -> "Masked":
        """Mask a source."""
        mark = "lqz"
        while mark in source.lower():
            mark += "z"
        parts: list[str] = []
        found: list[str] = []
        position = 0
        for statement in liquid.statements(source, field=field):
            word = f"{mark}{len(found)}q"
            parts += [source[position : statement.start], word, "\n" * statement.text.count("\n")]
            found.append(statement.text)
            position = statement.end
        return cls("".join([*parts, source[position:]]), tuple(found), mark)

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the words; group 1 is the number of the statement."""
        return re.compile(self.mark + r"(\d+)q")

    def unmask(self, text: str) -> str:
        """Put the statements back."""
        return self.pattern.sub(lambda match: self.statements[int(match[1])], text)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the source that must be mended before it can be used."""

    line: int
    message: str
    hint: str = ""


def list_problems(masked: str) -> list[Problem]:
    """Return what is wrong with a masked source, in the order of its lines."""
    reader = _Reader(masked)
    reader.read()
    return sorted(reader.problems, key=lambda problem: problem.line)


def compile_mjml(masked: str, *, field: str = "mjml") -> str:
    """Return HTML, still masked; raise TemplateSyntax for the first problem."""
    problems = list_problems(masked)
    if problems:
        first = problems[0]
        raise TemplateSyntax(first.message, line=first.line, field=field, hint=first.hint)
    try:
        spaced = _DROPPED_BLANK.sub("> <", masked)
        return mrml.to_html(_spelled_out(spaced), _LOCAL, _NO_WEB_FONTS).content
    except OSError as error:
        raise _refusal(error, masked, field) from error


class _Reader:
    """Follows tags with their lines. HTML inside texts is checked for what must not be there, MJML for its
    nesting.

    Written for this, in linear time: Python's own parser takes minutes on hostile input.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self.line = 1
        self.open_tags: list[tuple[str, int]] = []
        self.has_body = False

    def read(self) -> None:
        """Go through the text to its end, or to the first tag that cannot be read."""
        position, counted = 0, 0
        while (start := self.text.find("<", position)) >= 0:
            self.line += self.text.count("\n", counted, start)
            counted = start
            position = self._read_at(start)
            if position < 0 or len(self.problems) >= _MAX_PROBLEMS:
                return
        if self.open_tags:
            tag, line = self.open_tags[-1]
            self.problems.append(Problem(line, _("“%(tag)s” is never closed.") % {"tag": tag}))
        if not self.has_body:
            self._report(_("There is no “mj-body”."), _("A template is <mjml><mj-body>…</mj-body></mjml>."))

    def _read_at(self, start: int) -> int:
        """Read what begins here; return where it ends, or -1 when nothing after it can be understood."""
        if self.text.startswith("<!--", start):
            end = self.text.find("-->", start + 4)
            if end < 0:
                self._report(_("A comment is never closed."), _("Close it with “-->”."))
            return end
        match = _TAG.match(self.text, start)
        if match is None:
            self._report(
                _("This is not a tag."), _("Write “&lt;” for “<”, and close every tag and every quote.")
            )
            return -1
        tag, rest = match[2].lower(), match[3]
        if match[1]:
            self._close(tag)
        else:
            self._check(tag, rest)
            if tag not in _VOID and not rest.endswith("/"):
                self.open_tags.append((tag, self.line))
        if len(self.open_tags) > _MAX_DEPTH:
            self._report(_("Tags are nested too deep."))
            return -1
        return match.end()

    def _close(self, tag: str) -> None:
        if tag in _VOID:
            return
        if self.open_tags and self.open_tags[-1][0] == tag:
            self.open_tags.pop()
            return
        hint = _("“%(tag)s” is still open.") % {"tag": self.open_tags[-1][0]} if self.open_tags else ""
        self._report(_("“</%(tag)s>” closes what is not open.") % {"tag": tag}, hint)

    def _check(self, tag: str, rest: str) -> None:
        inside = next((name for name, _line in reversed(self.open_tags) if name.startswith("mj")), "")
        self.has_body = self.has_body or tag == "mj-body"
        if inside in _HTML_INSIDE or inside == "mj-style":
            self._check_html(tag, inside)
        elif inside != "mj-attributes":
            self._check_mjml(tag, inside)
        names = set()
        for match in _ATTRIBUTE.finditer(rest):
            names.add(match[1].lower())
            self._check_attribute(match[1].lower(), match[2] or "")
        if tag == "mj-social-element" and "src" not in names:
            hint = _("Without “src” the icon would come from somebody else's server.")
            self._report(_("A social element needs an icon of yours in “src”."), hint)

    def _check_mjml(self, tag: str, inside: str) -> None:
        if tag == "mj-include":
            self._report(_("“mj-include” is not allowed."), _("Put the content itself here."))
        elif tag not in _PARENTS:
            self._report(
                _("“%(tag)s” is not an MJML tag.") % {"tag": tag}, _("HTML belongs in mj-text or mj-raw.")
            )
        elif inside not in (_PARENTS[tag] or {""}):
            places = ", ".join(sorted(_PARENTS[tag])) or _("the beginning")
            self._report(
                _("“%(tag)s” cannot stand here.") % {"tag": tag},
                _("It belongs in %(places)s.") % {"places": places},
            )

    def _check_html(self, tag: str, inside: str) -> None:
        if tag in _FORBIDDEN or tag.startswith("mj"):
            self._report(_("“%(tag)s” is not allowed inside %(inside)s.") % {"tag": tag, "inside": inside})

    def _check_attribute(self, name: str, value: str) -> None:
        if value and value[0] not in "\"'":
            self._report(_("Write the values of attributes between quotes."))
        if name.startswith("on"):
            self._report(_("“%(name)s” would run a script; mail readers remove it.") % {"name": name})
        if name in _LINKS and _UNSAFE_LINK.match(unescape(value[1:-1])):
            self._report(_("A link must lead to a web page, an address or a telephone number."))

    def _report(self, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.line, message, hint))


def _spelled_out(text: str) -> str:
    """Write as entities what mrml would otherwise write for debugging in attributes (marks, joiners,
    backslashes).
    """
    if "\\" not in text and text.isascii():
        return text
    parts = _STYLE.split(text)
    return "".join(part if place % 2 else _spell_part(part) for place, part in enumerate(parts))


def _spell_part(text: str) -> str:
    return "".join(
        f"&#{ord(character)};" if character == "\\" or _is_marginal(character) else character
        for character in text
    )


def _is_marginal(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character)[0] in "MCZ"


def _refusal(error: OSError, masked: str, field: str) -> TemplateError:
    """mrml says where by byte offset: "… at position 12:34"."""
    place = re.search(r"(\d+)(?:\.\.|:)\d+", str(error))
    line = masked.encode()[: int(place[1])].count(b"\n") + 1 if place else 0
    detail = str(error).split(" in ")[0]
    return TemplateSyntax(
        _("MJML cannot read this: %(detail)s.") % {"detail": detail}, line=line, field=field
    )
