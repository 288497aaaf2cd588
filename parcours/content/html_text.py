"""The text part of a message, derived from its HTML: paragraphs, headings, lists, links with their addresses.

Liquid is still masked here, so conditions and loops survive. Not here: wrapping (quoted-printable does it),
MJML.
"""

import re
from html.parser import HTMLParser

_PARAGRAPHS = frozenset(["p", "ul", "ol", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"])
_BLOCKS = _PARAGRAPHS | {"div", "table", "tr", "section", "article"}
_UNSEEN = frozenset(["style", "script", "title", "head", "noscript"])
_BLANKS = re.compile(r"[ \t\r\n\f\u00a0]+")
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


def text_of(html: str) -> str:
    """Return the readable text of compiled HTML; each link as "label (address)", or the address alone when
    they are equal.
    """
    return tidy(_read(html).text())


def labels_of(html: str) -> dict[str, str]:
    """Return by address what the first link to it says that says anything, in one line."""
    return _read(html).labels


def _read(html: str) -> "_Reader":
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def tidy(text: str) -> str:
    """At most one empty line in a row, no blanks at line ends, none around the whole."""
    lines = [line.strip(" \t") for line in text.split("\n")]
    kept = [line for place, line in enumerate(lines) if line or (place and lines[place - 1])]
    return "\n".join(kept).strip("\n") + "\n"


class _Reader(HTMLParser):
    """Comments (Outlook's conditions among them), styles and hidden parts are passed over."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._hidden: list[str] = []
        self._lists: list[int] = []
        self._links: list[tuple[str, int]] = []
        self.labels: dict[str, str] = {}

    def text(self) -> str:
        """All that was read."""
        return "".join(self._parts)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if self._hidden or tag in _UNSEEN or _HIDDEN.search(given.get("style") or ""):
            if tag not in _VOID:
                self._hidden.append(tag)
            return
        self._break_before(tag)
        if tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ul" else 1)
        elif tag == "li":
            self._begin_item()
        elif tag == "a":
            self._links.append((given.get("href") or "", len(self._parts)))
        elif tag == "img" and given.get("alt"):
            self._parts.append(f"[{given['alt']}]")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if tag in self._hidden:
                while self._hidden.pop() != tag:
                    pass
            return
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "a" and self._links:
            self._end_link()
        if tag in _PARAGRAPHS:
            self._parts.append("\n\n")
        elif tag in _BLOCKS:
            self._parts.append("\n")
        elif tag in ("td", "th"):
            self._parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._parts.append(_BLANKS.sub(" ", data))

    def _break_before(self, tag: str) -> None:
        if tag == "br":
            self._parts.append("\n")
        elif tag == "hr":
            self._parts.append("\n---\n")
        elif tag in _PARAGRAPHS:
            self._parts.append("\n\n")
        elif tag in _BLOCKS:
            self._parts.append("\n")

    def _begin_item(self) -> None:
        number = self._lists[-1] if self._lists else 0
        self._parts.append(f"\n{number}. " if number else "\n- ")
        if number:
            self._lists[-1] += 1

    def _end_link(self) -> None:
        href, start = self._links.pop()
        label = "".join(self._parts[start:]).strip()
        if label:
            self.labels.setdefault(href, " ".join(label.split()))
        if href and href != label and not href.startswith("#"):
            self._parts.append(f" ({href})" if label else href)
