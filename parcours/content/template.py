"""A template made ready once and rendered for many: subject, preheader, HTML from MJML, text; links found,
fixed parts encoded.

A template of plain slots is a list of fixed parts and functions, several times faster than Liquid; one with
tags is rendered by Liquid.
Both give the same text. Not here: storing versions, which data a person has, how tracked links are signed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import unescape
from typing import TextIO, TypeVar
from urllib.parse import quote

from django.utils.translation import gettext as _
from liquid import BoundTemplate, TokenStream
from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.context import RenderContext
from liquid.parser import get_parser
from liquid.tag import Tag
from liquid.token import TOKEN_EOF, TOKEN_TAG, Token
from markupsafe import escape

from parcours.content import html_text, liquid
from parcours.content.encoding import fixed_part, quoted_printable, slot
from parcours.content.errors import TemplateError, TemplateLimit, UnsafeLink
from parcours.content.liquid import Context
from parcours.content.mjml import Masked, compile_mjml
from parcours.events.tokens import is_web_address

FUNCTIONAL = frozenset({"unsubscribe_url", "preferences_url", "why_url", "confirm_url"})
"""Names of links that are part of how a message works. They are never tracked (compliance C12)."""

_UNTRACKED = 99_999
_PIXEL = '<img src="%s" width="1" height="1" alt="" style="display:block;border:0;width:1px;height:1px">'
_PREHEADER = '<div style="display:none;max-height:0;overflow:hidden;opacity:0">%s</div>'
_HREF = re.compile(r"(<(?:a|area|v:[a-z]+)\s[^<>]*?\bhref=)(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_SRC = re.compile(r"(\s(?:src|background)=)(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_BODY = re.compile(r"<body\b[^<>]*>")
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]\w*);", re.IGNORECASE)
_TEXT_LINK = re.compile(r"https?://[^\s<>\"'()]+[^\s<>\"'().,;:!?]", re.IGNORECASE)
_OTHER_LINK = re.compile(r"(?:mailto|tel|sms):[^\x00-\x20<>\"]+", re.IGNORECASE)
_OUTPUT = re.compile(r"\{\{-?\s*(\w+)\s*-?\}\}")
_OTHERWISE = re.compile(r"\{%-?\s*(?:else|elsif|when)\b")
_EMPTY_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")

Rewrite = Callable[[int, str], str]
_Slot = Callable[[Context], str]
_Body = TypeVar("_Body", str, bytes)


@dataclass(frozen=True, slots=True)
class TemplateWarning:
    """Something that did not stop a message: `missing` names a variable without a value, `link` a link that
    was left dead.
    """

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message's contents. `html` and `text` have LF line ends; `subject` and `preheader` are one line
    each.
    """

    subject: str
    preheader: str
    html: str
    text: str
    warnings: tuple[TemplateWarning, ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """As `Rendered`, with both bodies ready for the wire: quoted-printable bytes with CRLF."""

    subject: str
    preheader: str
    html: bytes
    text: bytes
    warnings: tuple[TemplateWarning, ...]


class Program:
    """One part of a template: Liquid, and where it has no tags a list of fixed parts and slots."""

    def __init__(self, template: BoundTemplate) -> None:
        self.template = template
        self.parts = _parts(template.nodes, is_html=template.env.autoescape)
        self._encoded = [fixed_part(part) if isinstance(part, str) else part for part in self.parts or ()]

    def render(self, context: Context) -> str:
        """Return the text."""
        if self.parts is not None:
            return "".join([part if isinstance(part, str) else part(context) for part in self.parts])
        buffer = self.template._get_buffer()
        self.template.render_with_context(context, buffer)
        text = buffer.getvalue()
        return text if self.template.env.autoescape else _EMPTY_LINES.sub("\n\n", text)

    def encode(self, context: Context) -> bytes:
        """Return the text as quoted-printable; fixed parts were encoded when the template was made."""
        if self.parts is None:
            return quoted_printable(self.render(context))
        return b"".join([part if isinstance(part, bytes) else slot(part(context)) for part in self._encoded])


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A template made ready. `links` are the tracked ones, as written; their places are the numbers given
    to `rewrite_link`. `labels` say for each what it reads in the message, without Liquid ("" where it reads
    nothing, or nothing but what data say). `lines` and `statements` say where a name, or a statement of a field, is first used.
    """

    subject: Program
    preheader: Program
    html: Program
    text: Program
    links: tuple[str, ...]
    labels: tuple[str, ...]
    lines: Mapping[str, int]
    statements: Mapping[tuple[str, str], int]
    products: liquid.ProductUses

    @property
    def variables(self) -> tuple[str, ...]:
        """The names (paths) that the parts use, sorted."""
        return tuple(sorted(self.lines))


def compile_template(subject: str, preheader: str, mjml: str, text: str | None = None) -> CompiledTemplate:
    """Make a template ready; raises a TemplateError with field, line and hint. Takes milliseconds: keep the
    result.
    """
    for field, source in (
        ("subject", subject),
        ("preheader", preheader),
        ("mjml", mjml),
        ("text", text or ""),
    ):
        liquid.parse(liquid.TEXT, source, field=field)
    masked = Masked.of(mjml, field="mjml")
    links: list[str] = []
    plain_html = compile_mjml(masked.text)
    html = _with_links(plain_html, masked, links)
    html = _with_preheader(html, preheader).replace(' lang="und" dir="auto"', ' lang="{{ language }}"')
    spelled_html = _HREF.sub(_spelled_href, plain_html)
    if text is None:
        text_source = _text_with_links(masked, html_text.text_of(spelled_html), links)
    else:
        own = Masked.of(text, field="text")
        text_source = _text_with_links(own, own.text, links)
    sources = (mjml, subject, preheader, text or "")
    parts = (
        liquid.parse(liquid.TEXT, subject),
        liquid.parse(liquid.TEXT, preheader),
        _LINKED_HTML.from_string(html),
        _linked_text(text_source),
    )
    subject_part, preheader_part, html_part, text_part = map(Program, parts)
    return CompiledTemplate(
        subject=subject_part,
        preheader=preheader_part,
        html=html_part,
        text=text_part,
        links=tuple(links),
        labels=_labels(masked, spelled_html, links),
        lines={
            name: line for source in reversed(sources) for name, line in liquid.analyse(source).lines.items()
        },
        statements={
            (field, each.text): source.count("\n", 0, each.start) + 1
            for field, source in zip(("mjml", "subject", "preheader", "text"), sources, strict=True)
            for each in reversed(list(liquid.statements(source)))
        },
        products=liquid.products_in(parts),
    )


def render(
    compiled: CompiledTemplate,
    data: Mapping[str, object],
    rewrite_link: Rewrite,
    pixel_url: str | None,
    language: str,
    *,
    is_strict: bool = False,
) -> Rendered:
    """Render for a person to look at. With `is_strict` (preview) an unknown name is an error, else it is
    empty and noted.
    """
    session = _Session(compiled, data, rewrite_link, pixel_url, language, is_strict=is_strict)
    html = session.run(compiled.html, "mjml", Program.render)
    text = session.run(compiled.text, "text", Program.render)
    subject, preheader = (
        session.line(compiled.subject, "subject"),
        session.line(compiled.preheader, "preheader"),
    )
    return Rendered(subject, preheader, html, text, session.warnings())


def subject(compiled: CompiledTemplate, data: Mapping[str, object], language: str) -> str:
    """Only the subject, as it is sent."""
    session = _Session(compiled, data, lambda _number, url: url, None, language, is_strict=False)
    return session.line(compiled.subject, "subject")


def encode(
    compiled: CompiledTemplate,
    data: Mapping[str, object],
    rewrite_link: Rewrite,
    pixel_url: str | None,
    language: str,
) -> Encoded:
    """Render for sending: the same as `render`, with both bodies as quoted-printable bytes."""
    session = _Session(compiled, data, rewrite_link, pixel_url, language, is_strict=False)
    html = session.run(compiled.html, "mjml", Program.encode)
    text = session.run(compiled.text, "text", Program.encode)
    subject, preheader = (
        session.line(compiled.subject, "subject"),
        session.line(compiled.preheader, "preheader"),
    )
    return Encoded(subject, preheader, html, text, session.warnings())


class _Session:
    """One rendering of all parts: the same data, the same warnings, each link signed once."""

    def __init__(
        self,
        compiled: CompiledTemplate,
        data: Mapping[str, object],
        rewrite: Rewrite,
        pixel_url: str | None,
        language: str,
        *,
        is_strict: bool,
    ) -> None:
        self._lines = compiled.lines
        self._statements = compiled.statements
        self._pixel = _PIXEL % escape(pixel_url) if pixel_url else ""
        self._data = liquid.plain(data)
        self._data["language"] = language
        self._rewrite = rewrite
        self._language = language
        self._is_strict = is_strict
        self._links: dict[tuple[int, str], str] = {}
        self._dead: list[str] = []
        self._missing: list[str] = []

    def run(self, program: Program, field: str, how: Callable[[Program, Context], _Body]) -> _Body:
        """Run one part; whatever goes wrong becomes a TemplateError with its field."""
        context = Context(
            program.template,
            self._data,
            language=self._language,
            is_strict=self._is_strict,
            missing=self._missing,
            rewrite=self._link,
            pixel=self._pixel,
        )
        try:
            result = how(program, context)
        except Exception as error:
            explained = liquid.explained(error, field=field)
            explained.line = self._line(explained, field)
            raise explained from error
        if len(result) > 2 * liquid.MAX_OUTPUT:
            raise TemplateLimit(_("The message is too large."), field=field)
        return result

    def _line(self, error: TemplateError, field: str) -> int:
        """The line, as the author wrote it, of the name that is not known, else of the statement that failed; 0 when neither is.

        A derived text, and the preheader in the HTML, hold statements of other fields.
        """
        if name := getattr(error, "name", ""):
            return self._lines.get(name, 0)
        places = ((each, error.statement) for each in (field, "mjml", "preheader"))
        return next((self._statements[place] for place in places if place in self._statements), 0)

    def line(self, program: Program, field: str) -> str:
        """Run a part that is one line."""
        return " ".join(self.run(program, field, Program.render).split())

    def warnings(self) -> tuple[TemplateWarning, ...]:
        """What was missing, then which links were left dead."""
        return (
            *(TemplateWarning("missing", name) for name in self._missing),
            *(TemplateWarning("link", url[:200]) for url in self._dead),
        )

    def _link(self, number: int, url: str) -> str:
        known = self._links.get((number, url))
        if known is None:
            known = self._links[number, url] = self._made(number, url)
        return known

    def _made(self, number: int, url: str) -> str:
        address = quote(url.strip(), safe="%/:?#[]@!$&'()*+,;=~")
        if is_web_address(address):
            return address if number == _UNTRACKED else self._rewrite(number, address)
        if _OTHER_LINK.fullmatch(address) or address.startswith("#") or not address:
            return address
        self._dead.append(url)
        return "#"


class _LinkNode(Node):
    """`{% _link 3 %}address{% _endlink %}`: an address that is rendered as plain text, checked, rewritten,
    then escaped.
    """

    __slots__ = ("block", "number")

    def __init__(self, token: Token, number: int, block: BlockNode) -> None:
        super().__init__(token)
        self.number = number
        self.block = block
        self.blank = False

    def children(self, static_context: RenderContext, *, include_partials: bool = True) -> Sequence[Node]:
        return [self.block]

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(context, Context)
        inner = context.get_buffer()
        is_html, context.autoescape = context.autoescape, False
        try:
            self.block.render(context, inner)
        finally:
            context.autoescape = is_html
        url = context.rewrite(self.number, inner.getvalue())
        return buffer.write(escape(url) if is_html else url)


class _LinkTag(Tag):
    """Ours alone: authors cannot write it, `liquid.statements` refuses its name."""

    name = "_link"
    end = "_endlink"

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        number = int(stream.into_inner(tag=token).current.value)
        block = get_parser(self.env).parse_block(stream, frozenset((self.end, TOKEN_EOF)))
        stream.expect(TOKEN_TAG, value=self.end)
        return _LinkNode(token, number, block)


class _PixelNode(Node):
    """Where the pixel stands, for those who consented; nothing for the others."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(context, Context)
        return buffer.write(context.pixel)


class _PixelTag(Tag):
    name = "_pixel"
    block = False

    def parse(self, stream: TokenStream) -> Node:
        return _PixelNode(stream.eat(TOKEN_TAG))


def _linked(*, autoescape: bool) -> liquid.Liquid:
    environment = liquid.Liquid(autoescape=autoescape)
    environment.add_tag(_LinkTag)
    environment.add_tag(_PixelTag)
    return environment


_LINKED_HTML = _linked(autoescape=True)
_LINKED_TEXT = _linked(autoescape=False)


def _linked_text(source: str) -> BoundTemplate:
    """Deriving a text moves statements; where that breaks their nesting, the author is asked for a text
    part.
    """
    try:
        return _LINKED_TEXT.from_string(source)
    except Exception as error:
        raise TemplateError(
            _("No text part can be derived from this template."),
            field="text",
            hint=_("Write the text part yourself."),
        ) from error


# Finding links.


def _with_links(html: str, masked: Masked, links: list[str]) -> str:
    """Wrap the address of every link, and every image address that data take part in, so that it is checked
    and rewritten.
    """

    def wrap_href(match: re.Match[str]) -> str:
        return f'{match[1]}"{_wrapped(masked, _attribute(match[2]), links)}"'

    def wrap_src(match: re.Match[str]) -> str:
        if masked.mark not in match[2]:
            return match[0]
        return f'{match[1]}"{_tagged(_UNTRACKED, masked.unmask(_attribute(match[2])))}"'

    html = _HREF.sub(wrap_href, html)
    html = _SRC.sub(wrap_src, html)
    head, body_end, tail = html.rpartition("</body>")
    return masked.unmask(f"{head}{{% _pixel %}}{body_end}{tail}")


def _text_with_links(masked: Masked, text: str, links: list[str]) -> str:
    """Wrap the addresses in a text part: web addresses, and those that data give."""
    statements = masked.pattern

    def wrap(match: re.Match[str]) -> str:
        return _wrapped(masked, match[0], links)

    wrapped = _TEXT_LINK.sub(wrap, text)
    known = {link for link in links if link.startswith("{{")}
    return statements.sub(
        lambda match: (
            _tagged(links.index(statement), statement)
            if (statement := masked.statements[int(match[1])]) in known
            else statement
        ),
        wrapped,
    )


def _labels(masked: Masked, html: str, links: list[str]) -> tuple[str, ...]:
    """What each link reads for everybody, with "…" where data say it; nothing where all of it is theirs to say."""
    found = {
        masked.unmask(href).strip(): _wording(masked, label)
        for href, label in html_text.labels_of(html).items()
    }
    return tuple(found.get(link, "") for link in links)


def _wording(masked: Masked, label: str) -> str:
    def shown(match: re.Match[str]) -> str:
        statement = masked.statements[int(match[1])]
        if statement.startswith("{{"):
            return "…"
        return " / " if _OTHERWISE.match(statement) else " "

    words = " ".join(masked.pattern.sub(shown, label).split())
    return words if any(character.isalnum() for character in words) else ""


def _wrapped(masked: Masked, address: str, links: list[str]) -> str:
    """One address: tracked when it leads to the web or data decide where, safe-checked only when it is
    functional or fixed.
    """
    source = masked.unmask(address).strip()
    sole = _OUTPUT.fullmatch(source)
    if sole and sole[1] in FUNCTIONAL:
        return _tagged(_UNTRACKED, source)
    is_dynamic = source.startswith("{")
    if not is_dynamic and not source.lower().startswith(("http://", "https://")):
        _check_fixed(source)
        return _tagged(_UNTRACKED, source)
    if source not in links:
        links.append(source)
    return _tagged(links.index(source), source)


def _check_fixed(source: str) -> None:
    """What is neither a web address nor given by data must be an address to write or call, or a place in
    the message.
    """
    if source and not source.startswith("#") and not re.match(r"(?:mailto|tel|sms):", source, re.IGNORECASE):
        raise UnsafeLink(
            _("“%(link)s” is not an address that a link can lead to.") % {"link": source[:80]},
            field="mjml",
            hint=_("Begin it with https://, mailto: or tel:."),
        )


def _tagged(number: int, address: str) -> str:
    return f"{{% _link {number} %}}{address}{{% _endlink %}}"


def _spelled_href(match: re.Match[str]) -> str:
    """The same link with every "&" written out: Python's parser would read "&copy=1" as a sign."""
    return f'{match[1]}"{escape(_attribute(match[2]))}"'


def _attribute(quoted: str) -> str:
    """The value of a quoted attribute; only entities with their semicolon count, so that "&copy=1" stays
    what it is.
    """
    return _ENTITY.sub(lambda match: unescape(match[0]), quoted[1:-1])


def _with_preheader(html: str, preheader: str) -> str:
    if not preheader:
        return html
    return _BODY.sub(lambda match: match[0] + _PREHEADER % preheader, html, count=1)


# The fast road.


def _parts(nodes: Sequence[Node], *, is_html: bool) -> list[str | _Slot] | None:
    """Return fixed parts and slots, or None when there is a tag that only Liquid understands."""
    parts: list[str | _Slot] = []
    for node in nodes:
        if isinstance(node, CommentNode):
            continue
        part = _part(node, is_html=is_html)
        if part is None:
            return None
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    return parts


def _part(node: Node, *, is_html: bool) -> str | _Slot | None:
    if isinstance(node, ContentNode):
        return node.text
    if isinstance(node, OutputNode):
        return _value_slot(node, is_html=is_html)
    if isinstance(node, _PixelNode):
        return _pixel
    if isinstance(node, _LinkNode):
        inner = _parts(node.block.nodes, is_html=False)
        return None if inner is None else partial(_link, node.number, tuple(inner), is_html)
    return None


def _pixel(context: Context) -> str:
    return context.pixel


def _link(number: int, parts: tuple[str | _Slot, ...], is_html: bool, context: Context) -> str:
    context.autoescape = False
    try:
        address = "".join([part if isinstance(part, str) else part(context) for part in parts])
    finally:
        context.autoescape = is_html
    url = context.rewrite(number, address)
    return escape(url) if is_html else url


def _value_slot(node: OutputNode, *, is_html: bool) -> _Slot:
    """A slot for a simple path is a walk through dicts; everything else, also a missing name, is Liquid's."""
    expression = node.expression
    whole: _Slot = partial(_whole_value, node)
    if not isinstance(expression, FilteredExpression) or not isinstance(expression.left, Path):
        return whole
    names = tuple(expression.left.path)
    filters = expression.filters or []
    if not all(isinstance(name, str) for name in names) or [f.name for f in filters] not in ([], ["default"]):
        return whole

    def walk(context: Context) -> str:
        value: object = context.data
        for name in names:
            if type(value) is not dict or name not in value:
                return whole(context)
            value = value[name]
        if type(value) is not str or not value or len(value) > 500:
            return whole(context)
        return escape(value) if is_html else value

    return walk


def _whole_value(node: OutputNode, context: Context) -> str:
    return liquid.printed(context, node.expression.evaluate(context))
