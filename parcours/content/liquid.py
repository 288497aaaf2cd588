"""Liquid for untrusted authors and hostile data: plain data in, text out, within a budget that ends every
bomb in milliseconds.

Authors get a closed list of tags and filters; no attribute, call, file, include or clock can be reached.
Two environments: HTML
(everything that data bring is escaped) and text. Not here: MJML, links, what a whole message consists of
(`template`).
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TextIO

from django.utils.translation import gettext as _
from liquid import BoundTemplate, Environment, RenderContext, Token, TokenStream
from liquid.ast import Node
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions import FilteredExpression, Path, tokenize
from liquid.builtin.expressions.primitive import IntegerLiteral, RangeLiteral, StringLiteral
from liquid.builtin.tags import (
    assign_tag,
    capture_tag,
    case_tag,
    comment_tag,
    cycle_tag,
    for_tag,
    if_tag,
    inline_comment_tag,
    unless_tag,
)
from liquid.exceptions import (
    LiquidError,
    LiquidSyntaxError,
    ResourceLimitError,
    UndefinedError,
    UnknownFilterError,
)
from liquid.expression import Expression
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION, TOKEN_OUTPUT
from liquid.undefined import UNDEFINED, Undefined
from liquid.utils import ReadOnlyChainMap
from markupsafe import escape

from parcours.content import filters
from parcours.content.errors import TemplateError, TemplateLimit, TemplateSyntax, UnknownVariable

MAX_SOURCE = 200_000
MAX_OUTPUT = 1_000_000
MAX_STATEMENT = 2_000
MAX_STATEMENTS = 2_000
MAX_BLANKS = 64
MAX_RANGE = 1_000
MAX_LIST = 5_000
MAX_DATA_TEXT = 400_000
MAX_DATA_ITEMS = 20_000
MAX_DATA_DEPTH = 20
"""With `MAX_DATA_ITEMS`: room for whatever event is accepted (`events.pipeline`), so that each can be confirmed."""
BUDGET = 30_000
"""Units of work of one rendering: about one for each node, lookup and filter, more for long texts."""

_DATA_TYPES = (str, bool, int, float, Decimal, date, type(None))

_BLANK_RUN = re.compile(rf"\s{{{MAX_BLANKS + 1}}}")
_OPENING = re.compile(r"\{[{%]")
_TAG_NAME = re.compile(r"-?\s*(\w+|#)")
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a template uses: names it expects to be given (as paths) with the lines of their first use,
    filters and tags.
    """

    variables: tuple[str, ...]
    lines: Mapping[str, int]
    filters: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProductUses:
    """Which products a template looks up: ids that it spells out, and the names under which ids stand in the data."""

    ids: frozenset[str]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Statement:
    """One `{{ … }}` or `{% … %}` in a source: where it is and its text."""

    start: int
    end: int
    text: str

    @property
    def is_output(self) -> bool:
        """Whether it prints something."""
        return self.text.startswith("{{")

    @property
    def name(self) -> str:
        """The name of a tag."""
        match = _TAG_NAME.match(self.text, 2)
        return match[1] if match else ""


class Missing(Undefined):
    """A name that the data do not have. Empty when sending (and noted), an error in preview; `default` and
    `if` may ask freely.
    """

    __slots__ = ("context",)

    def __init__(self, name: str, *, token: Token | None, context: "Context") -> None:
        super().__init__(name, token=token)
        self.context = context

    def __str__(self) -> str:
        return self.context.without(self)


class Context(RenderContext):
    """One rendering: its data, its budget, and what was missing. The clock's names (`now`, `today`) are not
    in reach.
    """

    __slots__ = ("budget", "data", "is_strict", "language", "missing", "pixel", "rewrite", "round_weight")

    def __init__(
        self,
        template: BoundTemplate,
        data: Mapping[str, object],
        *,
        language: str,
        is_strict: bool,
        missing: list[str],
        rewrite: Callable[[int, str], str],
        pixel: str = "",
    ) -> None:
        super().__init__(template, globals=data)
        self.scope = ReadOnlyChainMap(self.locals, data)
        self.data = data
        self.budget = BUDGET
        self.language = language
        self.is_strict = is_strict
        self.missing = missing
        self.rewrite = rewrite
        self.pixel = pixel
        self.round_weight = 1

    def charge(self, units: int) -> None:
        """Take from the budget, or stop."""
        self.budget -= units
        if self.budget < 0:
            raise TemplateLimit(
                _("The template does too much work for one message and was stopped."),
                hint=_("Use fewer loops inside loops, or shorter lists."),
            )

    def without(self, value: Missing) -> str:
        """Print nothing for a missing name, and note it; refuse in preview."""
        if self.is_strict:
            raise UndefinedError(value.name, token=value.token)
        if value.name not in self.missing:
            self.missing.append(value.name)
        return ""

    def get(self, path: list[object], *, token: Token | None, default: object = UNDEFINED) -> object:
        """Look a path up in the data; what is not there becomes a `Missing`."""
        self.charge(1)
        value = super().get(path, token=token, default=_MISSING)
        if value is not _MISSING:
            return value
        name = ".".join(map(str, path))
        return Missing(name, token=token, context=self) if default is UNDEFINED else default

    def resolve(self, name: str, *, token: Token | None = None, default: object = UNDEFINED) -> object:
        """Look one name up."""
        return self.get([name], token=token, default=default)

    def assign(self, key: str, val: object) -> None:
        """Keep a value under a name, within the limits of namespaces."""
        self.charge(1 + len(self.locals) // 20)
        super().assign(key, val)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """A loop is about to begin: pay for all its rounds, whose price its node has just set."""
        super().raise_for_loop_limit(length)
        self.charge(1 + length * self.round_weight)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """Return the filter within its bounds. What it cannot do is said in our words, with the filter's name and place."""
        inner = super().filter(name, token)
        if name in filters.ARITHMETIC:
            inner = partial(filters.reckoned, inner)

        def bounded(left: object, *arguments: object, **named: object) -> object:
            self.charge(2 + _size(left) // 200)
            try:
                return _within_bounds(name, inner(left, *arguments, **named))
            except ArithmeticError:
                return None
            except TemplateError as error:
                _placed(error, token)
                raise
            except (UndefinedError, ResourceLimitError):
                raise
            except (LiquidError, TypeError, ValueError, LookupError, AttributeError) as error:
                message = _("The filter “%(name)s” cannot do this with these values.") % {"name": name}
                raise _placed(TemplateError(message), token) from error

        return bounded


class _OutputNode(output.OutputNode):
    """`{{ … }}` with our idea of how values look as text."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(context, Context)
        return buffer.write(printed(context, self.expression.evaluate(context)))


class _Output(output.Output):
    node_class = _OutputNode

    def parse(self, stream: TokenStream) -> output.OutputNode:
        token = stream.eat(TOKEN_OUTPUT)
        expression = stream.expect(TOKEN_EXPRESSION)
        parsed = FilteredExpression.parse(self.env, TokenStream(tokenize(expression.value, expression)))
        return self.node_class(token, parsed)


class _ForNode(for_tag.ForNode):
    """A loop that pays for all its rounds before the first one."""

    __slots__ = ("weight",)

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(context, Context)
        if not hasattr(self, "weight"):
            self.weight = _weight([self.block], context)
        context.round_weight = self.weight
        return super().render_to_output(context, buffer)


class _ForTag(for_tag.ForTag):
    node_class = _ForNode


_TAGS: tuple[type[Tag], ...] = (
    content.Literal,
    illegal.Illegal,
    _Output,
    if_tag.IfTag,
    unless_tag.UnlessTag,
    case_tag.CaseTag,
    _ForTag,
    for_tag.BreakTag,
    for_tag.ContinueTag,
    assign_tag.AssignTag,
    capture_tag.CaptureTag,
    cycle_tag.CycleTag,
    comment_tag.CommentTag,
    inline_comment_tag.InlineCommentTag,
)


class Liquid(Environment):
    """The language: its tags, filters and limits. Use the two instances below."""

    loop_iteration_limit = 10_000
    local_namespace_limit = 2_000_000
    output_stream_limit = MAX_OUTPUT
    block_nesting_limit = 20

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register the closed lists, nothing else."""
        for tag in _TAGS:
            self.add_tag(tag)
        for name, function in filters.FILTERS.items():
            self.add_filter(name, function)


HTML = Liquid(autoescape=True)
TEXT = Liquid(autoescape=False)


def parse(environment: Environment, source: str, *, field: str = "") -> BoundTemplate:
    """Parse, or raise TemplateSyntax or TemplateLimit with the line and a hint."""
    found = list(statements(source, field=field))
    _check_blocks(source, found, field)
    try:
        template = environment.from_string(source)
    except LiquidError as error:
        refusal = explained(error, field=field)
        refusal.line = refusal.line or _line_that_fails(environment, source, found)
        raise refusal from error
    for expression in _expressions(template.nodes, _idle(template)):
        if isinstance(expression, RangeLiteral):
            _check_range(expression, field)
    return template


def analyse(source: str) -> Analysis:
    """List what a template uses, for the editor's hints and the importer."""
    found = parse(HTML, source).analyze()
    lines: dict[str, int] = {}
    for variable in (variable for uses in found.globals.values() for variable in uses):
        line = _line(source, variable.span.index)
        lines[str(variable)] = min(line, lines.get(str(variable), line))
    return Analysis(tuple(sorted(lines)), lines, tuple(sorted(found.filters)), tuple(sorted(found.tags)))


def products_in(templates: Iterable[BoundTemplate]) -> ProductUses:
    """The products that templates look up with the filter `product`, as far as they can be told beforehand."""
    ids: set[str] = set()
    names: set[str] = set()
    for expression in (one for each in templates for one in _expressions(each.nodes, _idle(each))):
        if not isinstance(expression, FilteredExpression):
            continue
        for source in _looked_up(expression):
            if isinstance(source, StringLiteral | IntegerLiteral):
                ids.add(filters.id_of(source.value))
            elif isinstance(source, Path) and isinstance(name := list(source.path)[-1], str):
                names.add(name)
    return ProductUses(frozenset(ids), frozenset(names))


def _looked_up(expression: FilteredExpression) -> Iterator[Expression]:
    """What an expression looks up in the catalogue: what it begins with, or what stands in for it by `default`."""
    sources = [expression.left]
    for each in expression.filters or ():
        if each.name == "product":
            yield from sources
        if each.name != "default":
            return
        sources += [argument.value for argument in each.args]


def statements(source: str, *, field: str = "") -> Iterator[Statement]:
    """Find every statement, in linear time; what is unclosed, too long or too airy is refused before
    Liquid's lexer sees it.
    """
    if len(source) > MAX_SOURCE:
        raise TemplateLimit(
            _("The template is longer than %(limit)s characters.") % {"limit": MAX_SOURCE}, field=field
        )
    position = count = 0
    while (start := _first(source, position)) >= 0:
        count += 1
        if count > MAX_STATEMENTS:
            message = _("The template has more than %(limit)s statements.") % {"limit": MAX_STATEMENTS}
            raise TemplateLimit(message, line=_line(source, start), field=field)
        closing = "}}" if source[start + 1] == "{" else "%}"
        end = source.find(closing, start + 2)
        if end < 0:
            raise TemplateSyntax(
                _("“%(opening)s” is never closed.") % {"opening": source[start : start + 2]},
                line=_line(source, start),
                field=field,
                hint=_("Close it with “%(closing)s”.") % {"closing": closing},
            )
        text = source[start : end + 2]
        _check_statement(source, start, text, field)
        yield Statement(start, end + 2, text)
        position = end + 2


def plain(data: Mapping[str, object]) -> dict[str, object]:
    """Copy data down to dict, list, str, numbers, dates and None: nothing else can be reached from a
    template.
    """
    room = [MAX_DATA_ITEMS, MAX_DATA_TEXT]
    copies: dict[int, object] = {}  # the event has several names, and takes its room once
    for value in data.values():
        if id(value) not in copies:
            copies[id(value)] = _plain(value, room, 1)
    return {str(key): copies[id(value)] for key, value in data.items()}


def printed(context: Context, value: object) -> str:
    """Return a value as text, escaped in HTML."""
    text = value if isinstance(value, str) else _shown(context, value)
    if len(text) > 500:
        context.charge(len(text) // 500)
    return escape(text) if context.autoescape else text


def explained(error: Exception, *, field: str = "") -> TemplateError:
    """Turn what the engine raises into an error for the author."""
    if isinstance(error, TemplateError):
        error.field = error.field or field
        return error
    where = error.context() if isinstance(error, LiquidError) else None
    line = where[0] if where else 0
    if isinstance(error, UndefinedError):
        return UnknownVariable(
            _("“%(name)s” is not known for this person.") % {"name": error.message},
            name=str(error.message),
            line=line,
            field=field,
            hint=_('Check the spelling, or add “| default: "…"”.'),
        )
    if isinstance(error, ResourceLimitError | RecursionError | MemoryError | OverflowError):
        return TemplateLimit(
            _("The template takes too much room or time and was stopped."), line=line, field=field
        )
    if isinstance(error, UnknownFilterError):
        hint = _("Filters: %(known)s.") % {"known": ", ".join(sorted(filters.FILTERS))}
        problem = _("Liquid cannot read this: %(detail)s.") % {"detail": error.message}
        return TemplateSyntax(problem, line=line, field=field, hint=hint)
    if isinstance(error, LiquidSyntaxError):
        problem = _("Liquid cannot read this: %(detail)s.") % {"detail": error.message}
        return TemplateSyntax(problem, line=line, field=field)
    refusal = TemplateError(_("Liquid cannot work this out with these values."), field=field)
    return _placed(refusal, error.token if isinstance(error, LiquidError) else None)


def _placed(error: TemplateError, token: Token | None) -> TemplateError:
    """The error with its place: the statement around the token, and its line in what was rendered."""
    if token is not None and token.start_index >= 0:
        source, index = token.source, token.start_index
        start = max(source.rfind("{{", 0, index), source.rfind("{%", 0, index))
        closing = "}}" if source.startswith("{{", start) else "%}"
        error.line = _line(source, index)
        error.statement = source[start : source.find(closing, index) + 2]
    return error


def _idle(template: BoundTemplate) -> Context:
    """A context in which nothing is rendered: walking a tree asks for one."""
    return Context(template, {}, language="en", is_strict=False, missing=[], rewrite=lambda _link, url: url)


def _first(source: str, position: int) -> int:
    match = _OPENING.search(source, position)
    return match.start() if match else -1


def _line(source: str, position: int) -> int:
    return source.count("\n", 0, position) + 1


def _check_statement(source: str, start: int, text: str, field: str) -> None:
    if len(text) > MAX_STATEMENT or _BLANK_RUN.search(text):
        message = _("One statement is too long or holds too many blanks.")
        raise TemplateLimit(message, line=_line(source, start), field=field)
    if text.startswith("{%"):
        name = _TAG_NAME.match(text, 2)
        known = name is not None and (name[1] in _KNOWN_TAGS or name[1] == "#")
        if not known:
            raise TemplateSyntax(
                _("There is no tag “%(name)s”.") % {"name": name[1] if name else text[:20]},
                line=_line(source, start),
                field=field,
                hint=_("Tags: %(names)s.") % {"names": ", ".join(sorted(HTML.tags.keys() & _KNOWN_TAGS))},
            )


_BLOCKS = frozenset(["if", "unless", "case", "for", "capture", "comment"])
_KNOWN_TAGS = frozenset(
    [
        "if",
        "elsif",
        "else",
        "endif",
        "unless",
        "endunless",
        "case",
        "when",
        "endcase",
        "for",
        "endfor",
        "break",
        "continue",
        "assign",
        "capture",
        "endcapture",
        "cycle",
        "comment",
        "endcomment",
    ]
)


def _check_blocks(source: str, found: Iterable[Statement], field: str) -> None:
    """Every block tag has its end. Liquid would say so too, but not where the block began."""
    open_blocks: list[tuple[str, Statement]] = []
    for statement in found:
        name = "" if statement.is_output else statement.name
        if open_blocks and name == "end" + open_blocks[-1][0]:
            open_blocks.pop()
        elif name in _BLOCKS and not (open_blocks and open_blocks[-1][0] == "comment"):
            open_blocks.append((name, statement))
    if open_blocks:
        name, statement = open_blocks[-1]
        raise TemplateSyntax(
            _("“%(name)s” is never closed.") % {"name": name},
            line=_line(source, statement.start),
            field=field,
            hint=_("Close it with “%(closing)s”.") % {"closing": f"{{% end{name} %}}"},
        )


def _line_that_fails(environment: Environment, source: str, found: Iterable[Statement]) -> int:
    """The line of the first output that cannot be read on its own; 0 when each can."""
    for statement in found:
        if statement.is_output:
            try:
                environment.from_string(statement.text)
            except LiquidError:
                return _line(source, statement.start)
    return 0


def _check_range(expression: RangeLiteral, field: str) -> None:
    """Both ends written out as whole numbers, not too far apart: a range given by data could fill the
    memory.
    """
    start, stop = expression.start, expression.stop
    if (
        isinstance(start, IntegerLiteral)
        and isinstance(stop, IntegerLiteral)
        and stop.value - start.value < MAX_RANGE
    ):
        return
    index = expression.token.start_index
    raise TemplateLimit(
        _("A range needs two whole numbers that are less than %(limit)s apart.") % {"limit": MAX_RANGE},
        line=expression.token.source.count("\n", 0, index) + 1 if index >= 0 else 0,
        field=field,
    )


def _expressions(nodes: Iterable[Node], context: Context) -> Iterator[Expression]:
    """Every expression below these nodes, without recursion into Python's stack."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        waiting = list(node.expressions())
        while waiting:
            expression = waiting.pop()
            yield expression
            waiting += expression.children()
        pending += node.children(context)


def _weight(nodes: Iterable[Node], context: Context) -> int:
    """What one round of a loop costs, except for the rounds of loops inside it, which pay for themselves."""
    pending, weight = list(nodes), 0
    while pending:
        node = pending.pop()
        weight += 1 + (len(node.text) // 500 if isinstance(node, content.ContentNode) else 0)
        weight += sum(1 for _ in _expressions_of(node))
        if not isinstance(node, for_tag.ForNode):
            pending += node.children(context)
    return weight


def _expressions_of(node: Node) -> Iterator[Expression]:
    waiting = list(node.expressions())
    while waiting:
        expression = waiting.pop()
        yield expression
        waiting += expression.children()


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | list | dict) else 1


def _within_bounds(name: str, value: object) -> object:
    """What a filter gives: too long a text or list is refused, a number beyond reason is nothing."""
    if isinstance(value, int):
        return value if value.bit_length() <= 128 else None
    if isinstance(value, float | Decimal):
        return value if math.isfinite(value) else None
    most = filters.MAX_TEXT if isinstance(value, str) else MAX_LIST
    if isinstance(value, str | list | tuple) and len(value) > most:
        raise TemplateLimit(_("The result of the filter “%(name)s” is too large.") % {"name": name})
    return value


def _shown(context: Context, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return filters.format_date(value, "medium", context.language)
    if isinstance(value, list | tuple):
        return filters.join(
            [_shown(context, item) if not isinstance(item, str) else item for item in value], ""
        )
    return "" if isinstance(value, dict) else str(value)


def _plain(value: object, room: list[int], depth: int) -> object:
    room[0] -= 1
    if isinstance(value, str):
        room[1] -= len(value)
        if min(room) >= 0:
            text = value if type(value) is str else str.__str__(value)
            return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    if room[0] < 0 or room[1] < 0 or depth > MAX_DATA_DEPTH:
        raise TemplateLimit(_("The data for this message are too large or too deep."))
    if isinstance(value, dict):
        return {str(key): _plain(item, room, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, room, depth + 1) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value) if value.bit_length() <= 128 else None
    if isinstance(value, _DATA_TYPES):
        return value
    raise TemplateError(
        _("A template can be given text, numbers, dates, lists and objects of these, not %(kind)s.")
        % {"kind": type(value).__name__}
    )
