"""Whole messages: both roads give the same; links are found and rewritten, functional ones never; the pixel only when asked."""

import quopri
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcours.content.errors import TemplateError, TemplateLimit, UnknownVariable, UnsafeLink, told_of
from parcours.content.html_text import text_of
from parcours.content.template import (
    CompiledTemplate,
    Rendered,
    TemplateWarning,
    compile_template,
    encode,
    render,
)

FRAME = "<mjml><mj-body><mj-section><mj-column>%s</mj-column></mj-section></mj-body></mjml>"
PIXEL = "https://t.example/o/TOKEN"
BODY = """<mj-text><h1>Bonjour {{ contact.first_name | default: "vous" }} !</h1>
<p>Voir <a href="https://shop.example/a?x=1&amp;id={{ contact.id }}&copy=2">la boutique</a>.</p>
<ul><li>un</li><li>deux</li></ul></mj-text>
<mj-button href="{{ order.url }}">Ma commande</mj-button>
<mj-text><a href="{{ unsubscribe_url }}">Se désinscrire</a>
<a href="{{ preferences_url }}">Choisir</a> <a href="{{ why_url }}">Pourquoi ?</a>
<a href="mailto:aide@shop.example">Écrire</a> <a href="#haut">Haut</a> <a href="https://shop.example/">https://shop.example/</a></mj-text>"""
LINES = """<mj-table>{% for l in order.lines %}
<tr><td>{{ l.name }}</td><td><a href='{{ l.url }}'>voir</a></td></tr>{% endfor %}</mj-table>"""
ZOE: dict[str, object] = {
    "contact": {"first_name": "Zoé <b>", "id": "7 8"},
    "order": {
        "url": "https://shop.example/o/1?a=b&c=d",
        "lines": [
            {"name": "Bol & tasse", "url": "https://shop.example/bol"},
            {"name": "Thé", "url": "https://shop.example/thé"},
        ],
    },
    "unsubscribe_url": "https://u.example/o/T",
    "preferences_url": "https://u.example/p/T",
    "why_url": "https://u.example/w/T",
}


def track(number: int, url: str) -> str:
    return f"https://t.example/c/{number}?u={url}"


def rendered(
    compiled: CompiledTemplate, data: dict[str, object] | None = None, *, pixel: str | None = None
) -> Rendered:
    return render(compiled, ZOE if data is None else data, track, pixel, "fr")


def template(
    inner: str = BODY, subject: str = "x", preheader: str = "", text: str | None = None
) -> CompiledTemplate:
    return compile_template(subject, preheader, FRAME % inner, text)


def hrefs(html: str) -> list[str]:
    return re.findall(r'<a\s[^>]*?href="([^"]*)"', html)


def is_plain(compiled: CompiledTemplate) -> bool:
    """Whether every part takes the fast road."""
    return compiled.html.parts is not None and compiled.text.parts is not None


def test_links_are_found_once_and_in_order() -> None:
    compiled = template()
    assert compiled.links == (
        "https://shop.example/a?x=1&id={{ contact.id }}&copy=2",
        "{{ order.url }}",
        "https://shop.example/",
    )
    assert is_plain(compiled)


def test_links_are_labelled_by_the_words_that_everybody_reads() -> None:
    compiled = template(
        """<mj-text><a href="https://shop.example/1">{{ product.name | default: known.name }}</a>
        <a href="https://shop.example/2">See {{ product.name }}</a>
        <a href="https://shop.example/3">{% if contact.first_name %}Your{% else %}The{% endif %} order</a></mj-text>"""
    )
    assert compiled.labels == ("", "See …", "Your / The order")


def test_links_are_rewritten_except_functional_ones() -> None:
    assert hrefs(rendered(template()).html) == [
        "https://t.example/c/0?u=https://shop.example/a?x=1&amp;id=7%208&amp;copy=2",
        "https://t.example/c/1?u=https://shop.example/o/1?a=b&amp;c=d",
        "https://u.example/o/T",
        "https://u.example/p/T",
        "https://u.example/w/T",
        "mailto:aide@shop.example",
        "#haut",
        "https://t.example/c/2?u=https://shop.example/",
    ]


def test_links_in_a_loop_are_rewritten_each_with_its_address() -> None:
    compiled = template(LINES)
    assert not is_plain(compiled)
    assert hrefs(rendered(compiled).html) == [
        "https://t.example/c/0?u=https://shop.example/bol",
        "https://t.example/c/0?u=https://shop.example/th%C3%A9",
    ]


def test_text_part_keeps_headings_lists_and_links() -> None:
    text = rendered(template()).text
    assert text == (
        "Bonjour Zoé <b> !\n\n"
        "Voir la boutique (https://t.example/c/0?u=https://shop.example/a?x=1&id=7%208&copy=2).\n\n"
        "- un\n- deux\n\n"
        "Ma commande (https://t.example/c/1?u=https://shop.example/o/1?a=b&c=d)\n\n"
        "Se désinscrire (https://u.example/o/T) Choisir (https://u.example/p/T) Pourquoi ? (https://u.example/w/T) "
        "Écrire (mailto:aide@shop.example) Haut https://t.example/c/2?u=https://shop.example/\n"
    )


def test_text_part_of_a_loop_repeats_its_rows() -> None:
    text = rendered(template(LINES)).text
    assert "Bol & tasse voir (https://t.example/c/0?u=https://shop.example/bol)" in text
    assert "Thé voir (https://t.example/c/0?u=https://shop.example/th%C3%A9)" in text
    assert "\n\n\n" not in text


def test_own_text_part_shares_the_numbers_of_its_links() -> None:
    own = "Bonjour\nhttps://shop.example/ ou {{ order.url }}, https://new.example/x.\n{{ unsubscribe_url }}\n"
    compiled = template(text=own)
    assert compiled.links[-1] == "https://new.example/x"
    assert rendered(compiled).text == (
        "Bonjour\nhttps://t.example/c/2?u=https://shop.example/ ou https://t.example/c/1?u=https://shop.example/o/1?a=b&c=d, "
        "https://t.example/c/3?u=https://new.example/x.\nhttps://u.example/o/T\n"
    )


def test_pixel_is_there_only_when_asked_for() -> None:
    for inner in (BODY, LINES):
        compiled = template(inner)
        assert rendered(compiled, pixel=PIXEL).html.count(PIXEL) == 1
        assert "<img" not in rendered(compiled).html
        assert b"<img" not in encode(compiled, ZOE, track, None, "fr").html


def test_subject_and_preheader_are_single_lines() -> None:
    compiled = template(
        subject="Bonjour\n{{ contact.first_name }}", preheader="Votre {{ contact.x }} commande"
    )
    data = {"contact": {"first_name": "Zoé\r\nBcc: e@x.example", "x": "a\nb"}}
    result = rendered(compiled, data)
    assert result.subject == "Bonjour Zoé Bcc: e@x.example"
    assert result.preheader == "Votre a b commande"
    assert "Votre a\nb commande</div>" in result.html


def test_language_is_announced() -> None:
    assert 'lang="fr"' in rendered(template()).html


@pytest.mark.parametrize(
    "inner", [BODY, BODY + LINES, LINES, "<mj-text>é{{ contact.first_name }}{{ contact.id }} . </mj-text>"]
)
@pytest.mark.parametrize("pixel", [None, PIXEL])
def test_encoded_bodies_are_the_rendered_ones(inner: str, pixel: str | None) -> None:
    compiled = template(inner, preheader="{{ contact.first_name }}")
    shown, sent = render(compiled, ZOE, track, pixel, "fr"), encode(compiled, ZOE, track, pixel, "fr")
    assert quopri.decodestring(sent.html).decode().replace("\r\n", "\n") == shown.html
    assert quopri.decodestring(sent.text).decode().replace("\r\n", "\n") == shown.text
    assert (sent.subject, sent.preheader, sent.warnings) == (shown.subject, shown.preheader, shown.warnings)
    for body in (sent.html, sent.text):
        assert max(map(len, body.split(b"\r\n"))) <= 76
        assert body.count(b"\n") == body.count(b"\r\n")
        assert not re.search(rb"[ \t]\r\n", body)


SLOT_TEXT = "{{ a }}{{ b | default: 'x' }} = {{ c.d }}"
SLOT_BUTTON = "<mj-button href='https://x.example/{{ a }}'>{{ b }}</mj-button>"
SLOTS = template(f"<mj-text>é . {SLOT_TEXT}</mj-text>{SLOT_BUTTON}")
TAGGED = template(f"<mj-text>é . {{% if 1 == 1 %}}{SLOT_TEXT}{{% endif %}}</mj-text>{SLOT_BUTTON}")


def one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


values = st.one_of(st.text(max_size=120), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {}, optional={"a": values, "b": values, "c": st.fixed_dictionaries({}, optional={"d": values})}
    )
)
def test_both_roads_and_both_forms_agree(data: dict[str, object]) -> None:
    fast, slow = rendered(SLOTS, data), rendered(TAGGED, data)
    assert (is_plain(SLOTS), is_plain(TAGGED)) == (True, False)
    assert one_line_end(fast.html) == one_line_end(slow.html)
    assert fast.warnings == slow.warnings
    sent = encode(SLOTS, data, track, None, "fr")
    wanted = one_line_end(fast.html).replace("\0", "").encode("utf-8", "replace")
    assert quopri.decodestring(sent.html).replace(b"\r\n", b"\n") == wanted


# Hostile data.


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "//evil.example",
        "file:///x",
        "https:",
        "x",
        "https://a.example\\@b.example",
    ],
)
@pytest.mark.parametrize(
    "inner",
    [
        '<mj-button href="{{ u }}">x</mj-button>',
        '<mj-text>{% if u %}<a href="{{ u }}">x</a>{% endif %}</mj-text>',
    ],
)
def test_unsafe_addresses_from_data_lead_nowhere(inner: str, url: str) -> None:
    result = rendered(template(inner), {"u": url})
    if "\\" in url:
        assert "%5C" in hrefs(result.html)[0]
        return
    assert hrefs(result.html) == ["#"]
    assert result.warnings == (TemplateWarning("link", url),)


@pytest.mark.parametrize(
    "payload",
    [
        '"><script>alert(1)</script>',
        "' onmouseover='x",
        'https://x.example/" onclick="x',
        "<svg onload=x>",
        "{{ 7 | times: 7 }}",
    ],
)
def test_data_never_become_markup(payload: str) -> None:
    inner = """<mj-text css-class="a">{{ a }} <b title="{{ a }}">x</b></mj-text>
    <mj-button href="https://x.example/{{ a }}">{{ a }}</mj-button><mj-image src="{{ a }}" alt="{{ a }}" />"""
    html = rendered(template(inner, preheader="{{ a }}"), {"a": payload}).html
    clean = rendered(template(inner, preheader="{{ a }}"), {"a": "harmless"}).html
    assert len(re.findall(r"<\w+", html)) == len(re.findall(r"<\w+", clean))
    assert html.count('"') == clean.count('"')


def test_missing_values_are_noted_once_and_refused_in_preview() -> None:
    compiled = template("<mj-text>\n{{ contact.nope }} {{ contact.nope }}</mj-text>")
    assert rendered(compiled, {"contact": {}}).warnings == (TemplateWarning("missing", "contact.nope"),)
    with pytest.raises(UnknownVariable) as caught:
        render(compiled, {"contact": {}}, track, None, "fr", is_strict=True)
    assert (caught.value.field, caught.value.line) == ("mjml", 2)


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "ftp://x.example", "relative/page", "data:text/html,x"]
)
def test_links_that_lead_nowhere_are_refused_at_save(href: str) -> None:
    with pytest.raises((UnsafeLink, TemplateError)):
        template(f'<mj-button href="{href}">x</mj-button>')


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("{{ x", "", FRAME % ""), "subject"),
        (("", "{% if %}", FRAME % ""), "preheader"),
        (("", "", FRAME % "{{ x | nope: }} {{"), "mjml"),
        (("", "", FRAME % "<mj-foo />"), "mjml"),
        (("", "", FRAME % "", "{% for %}"), "text"),
    ],
)
def test_mistakes_name_their_field(arguments: tuple[str, ...], field: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(*arguments)
    assert caught.value.field == field


def test_a_link_is_rewritten_once_for_both_parts() -> None:
    calls: list[tuple[int, str]] = []

    def counted(number: int, url: str) -> str:
        calls.append((number, url))
        return track(number, url)

    encode(template(), ZOE, counted, None, "fr")
    assert len(calls) == 3


def test_a_large_message_is_stopped() -> None:
    compiled = template("<mj-text>{% for l in big %}{{ l }}{{ l }}{{ l }}{{ l }}{% endfor %}</mj-text>")
    with pytest.raises(TemplateError):
        rendered(compiled, {"big": ["x" * 3_000] * 120})


def test_a_long_value_in_many_slots_is_stopped_on_the_fast_road() -> None:
    compiled = template("<mj-text>" + "{{ a }}" * 1_900 + "</mj-text>")
    assert is_plain(compiled)
    with pytest.raises(TemplateLimit):
        rendered(compiled, {"a": "x" * 90_000})
    with pytest.raises(TemplateLimit):
        encode(compiled, {"a": "x" * 90_000}, track, None, "fr")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<br>b</p><p>c</p>", "a\nb\n\nc\n"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b\n"),
        ("<style>x{}</style><div style='display:none'>hidden<br></div><p>seen</p>", "seen\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\n\nc\n"),
        ("<a href='https://x.example/'>https://x.example/</a>", "https://x.example/\n"),
        ("<img src='x' alt='Logo'> &eacute; &lt;", "[Logo] é <\n"),
    ],
)
def test_text_of_html(html: str, text: str) -> None:
    assert text_of(html) == text


@pytest.mark.parametrize(
    ("field", "line", "parts"),
    [
        ("mjml", 3, {"inner": "<mj-text>{{ a }}\n\n{{ a | append: a }}</mj-text>"}),
        ("mjml", 2, {"inner": "<mj-text>\n{% assign b = a | append: a %}</mj-text>"}),
        ("subject", 1, {"inner": "<mj-text>x</mj-text>", "subject": "{{ a | append: a }}"}),
        ("text", 2, {"inner": "<mj-text>x</mj-text>", "text": "x\n{{ a | append: a }}"}),
    ],
)
def test_filter_that_fails_is_named_with_the_line_that_its_author_wrote(
    field: str, line: int, parts: dict[str, str]
) -> None:
    with pytest.raises(TemplateLimit, match="append") as stopped:
        rendered(template(**parts), {"a": "x" * 60_000})
    assert (stopped.value.field, stopped.value.line) == (field, line)
    with pytest.raises(TemplateLimit), told_of("fr"):
        raise stopped.value
    assert stopped.value.located.startswith(f"fr.{field}, line {line}: ")
