"""Liquid: what authors can do, what nobody can do, and that bombs end at once (reliability T1, T2)."""

import gc
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from liquid import BoundTemplate
from markupsafe import Markup

from parcours.content import liquid
from parcours.content.errors import TemplateError, TemplateLimit, TemplateSyntax, UnknownVariable
from parcours.content.liquid import HTML, TEXT, Context

ALICE = {
    "contact": {
        "first_name": "Alice",
        "FIRSTNAME": "Alice",
        "title": "",
        "zero": 0,
        "no": False,
        "nothing": None,
    },
    "order": {
        "total": "1249.9",
        "currency": "EUR",
        "at": datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        "lines": [{"name": "Mug", "quantity": 2}, {"name": "Bowl & plate", "quantity": 1}],
    },
}


def rendered(
    source: str,
    data: dict[str, object] | None = None,
    *,
    language: str = "en",
    is_strict: bool = False,
    is_html: bool = False,
) -> str:
    template = liquid.parse(HTML if is_html else TEXT, source)
    return run(template, ALICE if data is None else data, language=language, is_strict=is_strict)


def run(
    template: BoundTemplate, data: dict[str, object], *, language: str = "en", is_strict: bool = False
) -> str:
    try:
        context = Context(
            template,
            liquid.plain(data),
            language=language,
            is_strict=is_strict,
            missing=[],
            rewrite=lambda _n, url: url,
        )
        buffer = template._get_buffer()
        template.render_with_context(context, buffer)
        return buffer.getvalue()
    except Exception as error:
        raise liquid.explained(error) from error


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hello {{ contact.first_name }}", "Hello Alice"),
        ('{{ contact.FIRSTNAME | default: "x" }}', "Alice"),
        ('{{ contact.FIRSTNAME | default : "x" }}', "Alice"),
        ('{{ contact.unknown | default: "dear client" }}', "dear client"),
        ('{{ contact.title | default: "dear client" }}', "dear client"),
        ('{{ contact.nothing | default: "n" }}{{ contact.no | default: "f" }}{{ contact.zero | default: "z" }}', "nf0"),
        ("{% for line in order.lines %}{{ line.quantity }} × {{ line.name }}{% unless forloop.last %}, {% endunless %}{% endfor %}",
         "2 × Mug, 1 × Bowl & plate"),
        ("{% if contact.unknown %}a{% else %}b{% endif %}", "b"),
        ("{% for i in (1..3) %}{{ i }}{% endfor %}", "123"),
        ("{% for i in (1..4) offset: 1 limit: 2 reversed %}{{ i }}{% endfor %}", "32"),
        ("{{ order.lines | map: 'name' | join: ', ' | upcase }}", "MUG, BOWL & PLATE"),
        ("{{ order.lines.size }} {{ order.lines.first.name }}", "2 Mug"),
        ("{{ order.total | times: 2 | round: 1 }}", "2499.8"),
        ("{% assign x = 'a,b' | split: ',' %}{{ x | last }}", "b"),
        ("{% capture c %}<{{ contact.first_name }}>{% endcapture %}{{ c }}", "<Alice>"),
        ("{{ '<b>bold</b> text' | strip_html }}", "bold text"),
        ("{{ contact }}{{ contact.no }}", "false"),
        ("{% comment %}{{ nothing.at.all }}{% endcomment %}x", "x"),
    ],
)  # fmt: skip
def test_language_does_what_authors_know(source: str, text: str) -> None:
    assert rendered(source) == text


@pytest.mark.parametrize(
    ("amount", "currency", "french", "english"),
    [
        ("49.9", "EUR", "49,90\u00a0€", "€49.90"),
        (1249.9, "EUR", "1\u202f249,90\u00a0€", "€1,249.90"),
        (Decimal(-3), "EUR", "−3,00\u00a0€", "−€3.00"),
        (5, "GBP", "5,00\u00a0£", "£5.00"),
        (5, "CHF", "5,00\u00a0CHF", "CHF 5.00"),
        (1000, "JPY", "1\u202f000\u00a0¥", "¥1,000"),
        (0, "EUR", "0,00\u00a0€", "€0.00"),
        (5, None, "5,00\u00a0€", "€5.00"),
        (5, {"a": 1}, "5,00", "5.00"),
        *(
            (nothing, "EUR", "", "")
            for nothing in (
                None,
                True,
                {"a": 1},
                [1],
                "",
                "free",
                "49,90",
                "€49.90",
                "1e999999999",
                float("nan"),
                1e300,
                10**60,
                1e30,
                -1e30,
            )
        ),
    ],
)
def test_money_in_both_languages(amount: object, currency: str, french: str, english: str) -> None:
    data = {"amount": amount, "currency": currency}
    assert rendered("{{ amount | money: currency }}", data, language="fr") == french
    assert rendered("{{ amount | money: currency }}", data, language="en") == english


@pytest.mark.parametrize(
    ("source", "french", "english"),
    [
        ("{{ order.at | date }}", "1er mars 2026", "March 1, 2026"),
        ("{{ order.at | date: 'full' }}", "dimanche 1er mars 2026", "Sunday, March 1, 2026"),
        ("{{ order.at | date: 'short' }}", "01/03/2026", "2026-03-01"),
        ("{{ order.at | date: '%H:%M' }}", "09:30", "09:30"),
        ("{{ '2026-12-24T10:00:00+01:00' | date }}", "24 décembre 2026", "December 24, 2026"),
        ("{{ order.at }}", "1er mars 2026", "March 1, 2026"),
        ("{{ 'now' | date }} {{ 'soon' | date: '%Y' }}", "now soon", "now soon"),
    ],
)
def test_dates_in_both_languages(source: str, french: str, english: str) -> None:
    assert rendered(source, language="fr") == french
    assert rendered(source, language="en") == english


def test_unknown_name_is_an_error_in_preview_and_empty_when_sending() -> None:
    source = "Hello\n{{ contact.frist_name }}"
    with pytest.raises(UnknownVariable) as caught:
        rendered(source, is_strict=True)
    assert (caught.value.line, caught.value.name) == (2, "contact.frist_name")
    assert rendered(source) == "Hello\n"
    assert rendered("{% if contact.x %}{% endif %}{{ contact.x | default: 'ok' }}", is_strict=True) == "ok"
    assert rendered("{{ contact.x | upcase }}") == ""


def test_the_clock_is_out_of_reach() -> None:
    assert rendered("{{ now }}{{ today }}") == ""


def test_analysis_lists_what_a_template_expects() -> None:
    found = liquid.analyse(
        "{{ a.b }}\n{% for l in order.lines %}{{ l.name | money: order.currency }}{% endfor %}{% assign x = 1 %}{{ x }}"
    )
    assert found.variables == ("a.b", "order.currency", "order.lines")
    assert (found.lines["a.b"], found.lines["order.lines"]) == (1, 2)
    assert found.filters == ("money",)
    assert found.tags == ("assign", "for")


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("a\n{{ x", 2),
        ("{% if x %}", 1),
        ("\n\n{% endif %}", 3),
        ("{{ x | nope }}", 1),
        ("\n{% include 'secret' %}", 2),
        ("{% render 'secret' %}", 1),
        ("{% raw %}{{ x }}{% endraw %}", 1),
        ("{% _link 1 %}x{% _endlink %}", 1),
        ("{{ x | }}", 1),
        ("{{ | }}", 1),
        ("{% for in %}{% endfor %}", 1),
    ],
)
def test_mistakes_are_told_with_their_line(source: str, line: int) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(source, is_strict=True)
    assert caught.value.line == line
    assert caught.value.message


def test_message_for_a_closing_that_is_missing_says_how_to_mend_it() -> None:
    with pytest.raises(TemplateSyntax) as caught:
        liquid.parse(HTML, "Hello {{ name", field="subject")
    assert (caught.value.field, caught.value.line) == ("subject", 1)
    assert "}}" in caught.value.hint


# Nobody gets out (T1).

PAYLOADS = [
    "{{ 7 | times: 7 }}", "{{7*7}}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{% include '/etc/passwd' %}", "{% raw %}", "{{ contact }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ self.__init__.__globals__ }}", "{{ config }}", "{{ request.environ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}", "{% debug %}", "{{ settings.SECRET_KEY }}", "{% load x %}",
    "{{ [].__class__ }}", "{% for i in (1..99999999) %}x{% endfor %}", "*{7*7}", "@(7*7)", "{php}echo 1;{/php}", "{{= 7*7 }}",
    "%{7*7}", "{{constructor.constructor('alert(1)')()}}", "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>",
    "'-alert(1)-'", "</style><script>alert(1)</script>", "javascript:alert(1)", "<svg/onload=alert(1)>", "{{", "}}", "{%", "%}",
    "<!--#exec cmd=\"ls\"-->", "<?php system('id') ?>", "lqz0q lqzz1q", "{% _link 0 %}x{% _endlink %}", "&lt;b&gt;", "\u202eevil",
    "{{ x | date: 'now' }}", "{{_self.env.display('x')}}", "a\r\nBcc: e@x.example", "=cmd|' /C calc'!A0", "\0", "é😀",
]  # fmt: skip
WRAPPERS = ["%s", "{{ %s }}", "{%% if %s %%}", "' | %s", '"%s"', "<a href='%s'>", "%s|safe", "{{%s|upcase}}", "}}%s{{", "%%}%s{%%",
            "%s {{x}}", "[[%s]]"]  # fmt: skip


def corpus() -> list[str]:
    return [wrapper % payload for payload in PAYLOADS for wrapper in WRAPPERS]


def test_payloads_in_data_are_shown_literally() -> None:
    assert len(corpus()) >= 500
    text = liquid.parse(
        TEXT, "{{ a }}|{{ b.c | default: 'x' }}|{% for l in lines %}{{ l }}{% endfor %}|{{ a | append: b.c }}"
    )
    html = liquid.parse(
        HTML,
        "{% assign v = a %}{{ v }}{% capture c %}{{ a }}{% endcapture %}|{{ c }}|{{ a | prepend: '<' | append: '>' }}",
    )
    for payload in corpus():
        data = {"a": payload, "b": {"c": payload}, "lines": [payload]}
        payload = payload.replace("\r\n", "\n")  # noqa: PLW2901 - line ends are unified
        assert run(text, data) == f"{payload}|{payload}|{payload}|{payload}{payload}"
        shown = run(html, data)
        assert not set(shown.replace("|<", "").removesuffix(">")) & set("<>\"'")


@pytest.mark.parametrize(
    "name",
    [
        "__class__",
        "__init__",
        "__globals__",
        "__dict__",
        "func_globals",
        "gi_frame",
        "mro",
        "format",
        "env",
        "context",
        "data",
        "budget",
    ],
)
def test_python_is_out_of_reach_of_names(name: str) -> None:
    data: dict[str, object] = {
        "s": "text",
        "d": {"a": 1},
        "l": [1],
        "n": 1,
        "t": datetime(2026, 1, 1, tzinfo=UTC),
        "f": 1.5,
    }
    for root in (*data, "forloop"):
        source = f"{{% for q in l %}}{{{{ {root}.{name} }}}}{{{{ {root}['{name}'] }}}}{{% endfor %}}"
        assert rendered(source, data) == ""


def test_filters_that_would_open_doors_are_not_there() -> None:
    assert not {"safe", "concat", "uniq", "base64_decode", "url_decode", "escapejs"} & HTML.filters.keys()
    assert (
        not {"include", "render", "liquid", "echo", "raw", "doc", "tablerow", "increment"} & HTML.tags.keys()
    )


def test_text_marked_safe_elsewhere_is_escaped_all_the_same() -> None:
    assert rendered("{{ x }}", {"x": Markup("<b>")}, is_html=True) == "&lt;b&gt;"


class Sly:
    """An object with something to hide."""

    secret = "canary"


@pytest.mark.parametrize("value", [Sly(), object(), b"bytes", {1, 2}, print, Sly])
def test_only_plain_data_go_in(value: object) -> None:
    with pytest.raises(TemplateError):
        rendered("{{ x.secret }}", {"x": [value]})


def test_dates_and_numbers_are_plain() -> None:
    assert (
        rendered("{{ a }} {{ b }} {{ c }}", {"a": date(2026, 1, 2), "b": Decimal("1.50"), "c": 10**60})
        == "January 2, 2026 1.50 "
    )


@pytest.mark.parametrize(
    ("reckoning", "result"),
    [
        ("'49.90' | times: 2", "99.8"),
        ("0 | times: 2", "0"),
        ("price | times: 2", ""),
        ("2 | times: price", ""),
        ("unknown | plus: 1", ""),
        ("'49,90' | times: 2", ""),
        ("huge | times: huge", ""),
        ("1.5 | times: large | times: large", ""),
        ("1 | divided_by: 0", ""),
        ("1 | modulo: 0", ""),
        ("odd | sum", ""),
    ],
)
def test_what_cannot_be_reckoned_is_nothing_and_no_wrong_figure(reckoning: str, result: str) -> None:
    data: dict[str, object] = {"price": None, "huge": 10**20, "large": 1e300, "odd": ["x"]}
    assert rendered(f"{{{{ {reckoning} }}}}", data) == result


@pytest.mark.parametrize(("value", "french", "english"), [
    (1000, "1\u202f000", "1,000"), ("-1234.50", "−1\u202f234,5", "−1,234.5"), (7, "7", "7"), ("x", "", ""), (None, "", ""),
])  # fmt: skip
def test_numbers_in_both_languages(value: object, french: str, english: str) -> None:
    for language, said in (("fr", french), ("en", english)):
        assert rendered("{{ n | number }}", {"n": value}, language=language) == said


def test_what_a_filter_cannot_do_is_said_in_our_words_with_its_name_and_line() -> None:
    for source, named in [
        ("a\n{{ (1..5) | sort: 'x' }}", "“sort”"),
        ("a\n{{ 'b' | truncate: 1, 2, 3, 4 }}", "“truncate”"),
        ("a\n{{ 1 | plus }}", "“plus”"),
        ("a\n{{ text | append: text }}", "“append”"),
        ("a\n{% assign x = text | replace: 'x', text %}", ""),
        ("a\n{% if text > 1 %}{% endif %}", ""),
    ]:
        with pytest.raises(TemplateError) as refused:
            rendered(source, {"text": "x" * 60_000})
        assert named in refused.value.message
        assert refused.value.line == 2
        assert not any(
            word in refused.value.message for word in ("object", "int", "str", "argument", "Error")
        )
    with translation.override("fr"), pytest.raises(TemplateError, match=r"Le filtre «.sort.»"):
        rendered("{{ (1..5) | sort: 'x' }}")


def test_one_thing_under_several_names_takes_its_room_once() -> None:
    event = {"items": list(range(15_000))}
    assert rendered("{{ event.items.size }}", {"event": event, "data": event, "params": event}) == "15000"


# Bombs (T2).

LOOP = "{%% for %s in (1..1000) %%}"
BOMBS = [
    LOOP % "a" + LOOP % "b" + LOOP % "c" + "x" + "{% endfor %}" * 3,
    "{% for a in (1..1000) %}" + "{{ a }}" * 1000 + "{% endfor %}",
    "{% for a in (1..999) %}" + "{% if 1 == 1 %}{% endif %}" * 900 + "{% endfor %}",
    "{% for a in (1..999) %}x{% endfor %}" * 1000,
    "{% assign s = 'xxxxxxxxxxxxxxxx' %}" + "{% assign s = s | append: s %}" * 60,
    "{% assign s = 'xxxxxxxxxxxxxxxx' %}{% for i in (1..1000) %}{% assign s = s | append: s %}{% endfor %}",
    "{{ 'aaaaaaaaaa'" + " | replace: 'a', 'aaaaaaaaaa'" * 30 + " }}",
    "{{ 'aaaaaaaaaa'" + " | replace: '', 'aaaaaaaaaa'" * 30 + " }}",
    "{% assign n = 9 %}{% for i in (1..1000) %}{% assign n = n | times: n %}{% endfor %}{{ n }}",
    "{{ '1e999999999' | plus: 1 | floor }}",
    "{{ 1 | round: -999999999 }}{{ 1.5 | round: 999999999 }}",
    "{% capture c %}"
    + "x" * 1000
    + "{% endcapture %}{% for i in (1..999) %}{% capture c %}{{ c }}{{ c }}{% endcapture %}{% endfor %}",
    "{% for i in (1..1000) %}" + "x" * 150_000 + "{% endfor %}",
    "{% for i in big %}{% for j in big %}{{ j }}{% endfor %}{% endfor %}",
    "{{ text | split: '' | join: text }}",
    "{{ text | split: '' | sort | reverse | join: ',' }}",
    "{% for i in (1..1000) %}{{ text | upcase | downcase | size }}{% endfor %}",
    "{% for i in (1..1000) %}{% assign v"
    + "{% assign v".join(f"{n} = 1 %}}" for n in range(100))
    + "{% endfor %}",
    "{{ text | strip_html | newline_to_br | escape | escape_once | truncatewords: 99999 | url_encode }}",
    "{{ tags | strip_html }}",
    "{% for i in (1..100000000) %}{% endfor %}",
    "{{ (1..100000000) | join: ',' }}",
    "{% for i in (1..contact.n) reversed %}{% endfor %}",
    "{{ x" + "[x" * 400 + "]" * 400 + " }}",
    "{% if a" + " and a" * 300 + " %}{% endif %}",
    "{% if a %}" * 5_000,
    "{{ a }}" * 20_000,
    "{{ '" + "x" * 190_000 + "' }}",
    "{{" * 90_000,
    "{%" * 90_000,
    "{{ " + " " * 100_000 + " }}",
    "{% comment %}" * 10_000,
]
LARGE: dict[str, object] = {
    "big": [str(number) for number in range(3_000)],
    "text": "word " * 19_000,
    "tags": "<" * 90_000,
    "contact": {"n": 10**12},
}


@pytest.fixture
def only_our_time() -> Iterator[None]:
    """Python collects what other tests left behind some other time."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("only_our_time")
@pytest.mark.parametrize("number", range(len(BOMBS)))
def test_bombs_end_at_once(number: int) -> None:
    start = time.process_time()
    with suppress(TemplateError):
        assert len(rendered(BOMBS[number], LARGE)) <= liquid.MAX_OUTPUT
    assert time.process_time() - start < 0.5


@pytest.mark.usefixtures("only_our_time")
def test_the_worst_that_fits_the_budget_takes_milliseconds() -> None:
    source = "{% for a in (1..600) %}" + "{{ a | plus: 1 }}" * 6 + "{% endfor %}"
    start = time.process_time()
    assert rendered(source)
    assert time.process_time() - start < 0.3


def test_data_too_large_or_too_deep_are_refused() -> None:
    deep: object = "x"
    for _ in range(50):
        deep = [deep]
    loop: list[object] = []
    loop.append(loop)
    for value in (deep, loop, "x" * 500_000, list(range(50_000))):
        with pytest.raises(TemplateLimit):
            rendered("x", {"value": value})


def test_a_template_too_long_is_refused() -> None:
    with pytest.raises(TemplateLimit):
        liquid.parse(HTML, "x" * 200_001)


PIECES = [
    "{{ a }}", "{{ b.c | default: 'x' }}", "{% if a %}", "{% endif %}", "{% for i in l %}", "{% endfor %}", "{{ i | upcase }}",
    "{{", "}}", "{%", "%}", "{% assign a = a | append: a %}", "(1..9)", "| times: 99999", "{{ l | join: a }}", "'", '"', "\n",
    "{% for j in (1..900) %}", "{% capture a %}", "{% endcapture %}", "{% else %}", "{% case a %}", "{% when 1 %}", "text ",
    "{% endcase %}", "{% break %}", "{% cycle 'a', 'b' %}", "[", "]", ".", "{{ a[b[a]] }}", "-%}", "{%-",
]  # fmt: skip


@pytest.mark.usefixtures("only_our_time")
def test_fuzzed_templates_end_in_time_with_text_or_an_error() -> None:
    dice = random.Random(7)
    slowest = 0.0
    for _ in range(3_000):
        source = "".join(dice.choices(PIECES, k=dice.randint(1, 25)))
        start = time.process_time()
        with suppress(TemplateError):
            assert len(rendered(source, {"a": "x" * 50, "b": {"c": 1}, "l": ["p", "q"]})) <= liquid.MAX_OUTPUT
        slowest = max(slowest, time.process_time() - start)
    assert slowest < 0.25


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.sampled_from("{}%|a.b['\"]:,() -\n123ifor end"), max_size=80))
def test_any_text_is_a_template_or_an_error(source: str) -> None:
    with suppress(TemplateError):
        rendered(source, {"a": "x"})
