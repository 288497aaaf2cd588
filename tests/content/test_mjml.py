"""MJML: only what is known, nothing that includes or runs, lines in every message, linear time."""

import time
from contextlib import suppress

import pytest

from parcours.content.errors import TemplateError, TemplateSyntax
from parcours.content.mjml import Masked, compile_mjml, list_problems

FRAME = "<mjml>\n<mj-body>\n<mj-section><mj-column>\n%s\n</mj-column></mj-section>\n</mj-body></mjml>"


def html_of(inner: str) -> str:
    masked = Masked.of(FRAME % inner)
    return masked.unmask(compile_mjml(masked.text))


def test_mjml_becomes_html_with_liquid_in_its_place() -> None:
    html = html_of('<mj-text>{% if a < b %}<b>{{ "x" }}</b>{% endif %} é &amp; <br></mj-text>')
    assert '{% if a < b %}<b>{{ "x" }}</b>{% endif %} é &amp; <br />' in html


def test_liquid_may_stand_between_sections_and_in_attributes() -> None:
    html = html_of(
        '{% for l in lines %}<mj-button href="{{ l.url }}" color="{{ l.colour | default: \'#fff\' }}">x</mj-button>{% endfor %}'
    )
    assert html.index("{% for l in lines %}") < html.index('href="{{ l.url }}"') < html.index("{% endfor %}")


def test_nothing_is_fetched_from_elsewhere() -> None:
    assert "http" not in html_of("<mj-text>x</mj-text>").replace("http-equiv", "").replace(
        "http://www.w3.org", ""
    )


def test_emoji_joiners_and_backslashes_in_attributes_survive() -> None:
    assert 'alt="a❤&#65039;&#8205;b &#92; é"' in html_of(
        '<mj-image alt="a❤\ufe0f\u200db \\ é" src="https://a.example/b.png" />'
    )


@pytest.mark.parametrize(
    ("inner", "line", "word"),
    [
        ("<mj-foo>x</mj-foo>", 4, "mj-foo"),
        ('<mj-include path="/etc/passwd" />', 4, "mj-include"),
        ('<mj-raw><mj-include path="x" /></mj-raw>', 4, "mj-include"),
        ("<mj-text>\n<script>1</script></mj-text>", 5, "script"),
        ("<mj-text><iframe src='x'></iframe></mj-text>", 4, "iframe"),
        ("<mj-text><form></form></mj-text>", 4, "form"),
        ("<mj-text><svg></svg></mj-text>", 4, "svg"),
        ("<mj-text>\n\n<b>x</mj-text>", 6, "mj-text"),
        ("<mj-text><a href=x>y</a></mj-text>", 4, "quotes"),
        ("<mj-text><a href='javascript:x'>y</a></mj-text>", 4, "link"),
        ("<mj-text><a href='&#106;avascript:x'>y</a></mj-text>", 4, "link"),
        ("<mj-button href=' data:text/html,x'>y</mj-button>", 4, "link"),
        ("<mj-text><b onclick='x'>y</b></mj-text>", 4, "onclick"),
        ("<mj-section></mj-section>", 4, "mj-section"),
        ("<div>x</div>", 4, "div"),
        ("<mj-text>a < b</mj-text>", 4, "tag"),
        ("<mj-text><!-- never closed</mj-text>", 4, "comment"),
        ("<mj-text><!DOCTYPE x></mj-text>", 4, "tag"),
        ("<mj-text><?php 1 ?></mj-text>", 4, "tag"),
        ("<mj-social><mj-social-element name='facebook'>x</mj-social-element></mj-social>", 4, "icon"),
        ("<mj-text>" + "<b>" * 100, 4, "deep"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(inner: str, line: int, word: str) -> None:
    with pytest.raises(TemplateSyntax) as caught:
        compile_mjml(Masked.of(FRAME % inner).text)
    assert caught.value.line == line
    assert word in caught.value.message


@pytest.mark.parametrize(
    "source", ["", "hello", "<mjml></mjml>", "<html><body></body></html>", "<mj-text>x</mj-text>"]
)
def test_a_text_that_is_no_message_is_refused(source: str) -> None:
    assert list_problems(source)
    with pytest.raises(TemplateError):
        compile_mjml(source)


def test_several_problems_are_listed_in_order() -> None:
    lines = [problem.line for problem in list_problems(FRAME % "<mj-foo></mj-foo>\n<mj-bar></mj-bar>")]
    assert lines == [4, 5]


def test_every_part_of_mjml_that_we_promise_compiles() -> None:
    inner = """<mj-divider /><mj-spacer height="10px" /><mj-table><tr><td>x</td></tr></mj-table>
    <mj-navbar><mj-navbar-link href="https://a.example">x</mj-navbar-link></mj-navbar>
    <mj-social><mj-social-element src="https://a.example/i.png" href="https://a.example">x</mj-social-element></mj-social>
    <mj-accordion><mj-accordion-element><mj-accordion-title>x</mj-accordion-title><mj-accordion-text>y</mj-accordion-text>
    </mj-accordion-element></mj-accordion><mj-carousel><mj-carousel-image src="https://a.example/i.png" /></mj-carousel>
    <mj-raw><p>raw</p></mj-raw>"""
    assert "<p>raw</p>" in html_of(inner)
    head = """<mj-head><mj-title>t</mj-title><mj-preview>p</mj-preview><mj-breakpoint width="320px" />
    <mj-style>.a { color: red }</mj-style>
    <mj-attributes><mj-all font-family="Arial" /><mj-text color="red" />
    <mj-class name="x" color="blue" /></mj-attributes></mj-head>"""
    assert compile_mjml(f"<mjml>{head}<mj-body><mj-hero><mj-text>x</mj-text></mj-hero></mj-body></mjml>")


def test_words_of_the_mask_in_the_source_are_no_statements() -> None:
    assert "lqz0q" in html_of("<mj-text>lqz0q {{ a }}</mj-text>")


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<a ",
        "<a href='",
        "&",
        "<mj-text>",
        "<!",
        "</",
        "<?",
        "<![CDATA[",
        "<style>",
        '<a b="',
        "<b>",
        "{{ 'a' }}",
        "{% if a %}",
        "</b>",
        "<br>",
        "< ",
        '="',
        "'",
    ],
)
def test_hostile_sources_are_read_in_no_time(piece: str) -> None:
    source = piece * (190_000 // len(piece))
    for text in (source, FRAME % f"<mj-text>{source[:180_000]}</mj-text>"):
        start = time.process_time()
        with suppress(TemplateError):
            compile_mjml(Masked.of(text).text)
        assert time.process_time() - start < 1
