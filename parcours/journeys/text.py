"""A graph as people write it, and as they read it again: YAML, and so JSON.

Read strictly, so that what is stored is what its author sees: only texts, numbers, true, false, null, lists and objects (`yes`
and `2026-01-01` are texts), no anchors, no key twice. Every value keeps its line, so that an error can say where it stands.
Not here: what a graph means (`graph`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from django.utils.translation import gettext as _

from parcours.journeys.errors import GraphInvalid
from parcours.journeys.nodes import KINDS

LONGEST = 100_000
_NULL, _BOOLEAN, _INTEGER, _NUMBER, _TEXT = (
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str")
)
_BY_PLACE = re.compile(r"(?:\.[^.\[]+|\[\d+\])$")


class _Refused(Exception):
    """What YAML knows and a graph does not take, in the reader's language."""

    def __init__(self, mark: yaml.Mark, problem: str) -> None:
        super().__init__(problem)
        self.mark = mark
        self.problem = problem


class _Loader(yaml.SafeLoader):
    """YAML 1.2's plain scalars, and no references: a few lines that refer to each other may mean billions of values."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise _Refused(mark, _("References (*) are not taken."))
        return super().compose_node(parent, index)


for _tag, _pattern, _first in (
    (_NULL, r"null|~|", [*"n~", ""]),
    (_BOOLEAN, r"true|false", [*"tf"]),
    (_INTEGER, r"-?(?:0|[1-9][0-9]{0,14})", [*"-0123456789"]),
    (_NUMBER, r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}", [*"-0123456789"]),
):
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), _first)


@dataclass(frozen=True)
class Written:
    """What somebody wrote: the value, and the line of each place in it (`nodes.wait.next`)."""

    source: Any
    lines: Mapping[str, int]

    def line(self, place: str) -> int | None:
        """The line of a place, or of the nearest thing around it. Errors call the whole `graph`."""
        place = place.removeprefix("graph.")
        while place and place not in self.lines:
            shorter = _BY_PLACE.sub("", place)
            place = shorter if shorter != place else ""
        return self.lines.get(place)


def read(text: str) -> Written:
    """Read a graph's text. Raises GraphInvalid with line and column."""
    if len(text) > LONGEST:
        raise GraphInvalid(_("The text is longer than %(most)s characters.") % {"most": LONGEST})
    if text.lstrip().startswith("{"):
        text = text.replace(
            "\t", "  "
        )  # JSON may be indented with tabs, YAML may not; no text of JSON holds one
    lines: dict[str, int] = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
        return Written(None if node is None else _value(node, "", lines), lines)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error.problem_mark or error.context_mark, _syntax()) from error
    except _Refused as error:
        raise _unreadable(error.mark, error.problem) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise GraphInvalid(_("This can be read neither as YAML nor as JSON.")) from error


def _value(node: yaml.Node, place: str, lines: dict[str, int]) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    match node:
        case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
            return _object(node, place, lines)
        case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
            return [_value(each, f"{place}[{index}]", lines) for index, each in enumerate(node.value)]
        case yaml.ScalarNode():
            return _scalar(node)
        case _:
            raise _unreadable(node.start_mark, _tagged(node.tag))


def _object(node: yaml.MappingNode, place: str, lines: dict[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _value(key_node, place, lines)
        if not isinstance(key, str):
            raise _unreadable(key_node.start_mark, _("A key must be a text."))
        if key in found:
            raise _unreadable(key_node.start_mark, _("The key “%(key)s” stands twice.") % {"key": key[:60]})
        inner = f"{place}.{key}" if place else key
        lines[inner] = key_node.start_mark.line + 1
        found[key] = _value(value_node, inner, lines)
    return found


def _scalar(node: yaml.ScalarNode) -> Any:
    match node.tag:
        case str(tag) if tag == _NULL:
            return None
        case str(tag) if tag == _BOOLEAN:
            return node.value == "true"
        case str(tag) if tag == _INTEGER:
            return int(node.value)
        case str(tag) if tag == _NUMBER:
            return float(node.value)
        case str(tag) if tag == _TEXT:
            return _text(node)
        case _:
            raise _unreadable(node.start_mark, _tagged(node.tag))


def _text(node: yaml.ScalarNode) -> str:
    """The text; JSON writes a rare character as two halves. Raises GraphInvalid for what PostgreSQL cannot store."""
    try:
        text: str = node.value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        raise _unreadable(node.start_mark, _("This text holds a character that cannot be stored."))
    return text


def _tagged(tag: str) -> str:
    return _("The tag “%(tag)s” is not taken.") % {"tag": tag.removeprefix("tag:yaml.org,2002:")[:60]}


def _syntax() -> str:
    return _("Look for a colon, a quote or a bracket that is missing, or lines that are not indented alike.")


def _unreadable(mark: yaml.Mark | None, problem: str) -> GraphInvalid:
    if mark is None:
        return GraphInvalid(_("This can be read neither as YAML nor as JSON."), hint=problem)
    place = {"line": mark.line + 1, "column": mark.column + 1}
    return GraphInvalid(
        _("This cannot be read: look at line %(line)d, column %(column)d.") % place, hint=problem
    )


def write(source: Mapping[str, Any], order: Sequence[str]) -> str:
    """A stored graph as its author may go on with it; `order` is the numbering of its nodes (the store forgets how keys stood)."""
    nodes = {name: _ordered(source["nodes"][name]) for name in order}
    whole = {"entry": source["entry"], "start": source["start"], "nodes": nodes}
    text: str = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    return text


def _ordered(node: Mapping[str, Any]) -> dict[str, Any]:
    """What a node does first, then where it leads."""
    return dict(sorted(node.items(), key=lambda item: (item[0] not in KINDS, item[0] == "else")))
