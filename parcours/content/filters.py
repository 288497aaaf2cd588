"""The filters that templates may use: a closed list of Liquid's own, and ours for money, dates, products
and plain text.

Each filter is guarded by `liquid`: what goes in and comes out is bounded. Left out on purpose: `safe` (would let
data write HTML), `concat` and `uniq` (unbounded or quadratic), decoders. Not here: limits and the environment.
"""

import math as floats
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from django.utils.translation import gettext as _
from liquid import RenderContext
from liquid.builtin.filters import array, math, misc, string
from liquid.exceptions import FilterArgumentError
from liquid.filter import with_context
from liquid.undefined import Undefined
from markupsafe import Markup

from parcours.content.errors import TemplateLimit
from parcours.content.money import format_money, format_number, read_amount

Language = str

MAX_TEXT = 100_000
"""Characters that one value may have on its way through filters."""

_TAG = re.compile(r"<[^<>]*>")
_NUMBER = re.compile(r"-?\d{1,24}(?:\.\d{1,24})?")

_MONTHS = {
    "fr": [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
}
_DAYS = {
    "fr": ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
}
_STYLES = frozenset({"short", "medium", "long", "full"})


def format_date(value: date, style: str, language: Language) -> str:
    """ "medium" is "3 mars 2026" / "March 3, 2026"; "short" is 03/03/2026 / 2026-03-03; "full" has the
    weekday; or a strftime format.
    """
    language = language if language in _MONTHS else "en"
    if style not in _STYLES:
        return value.strftime(style[:100])
    if style == "short":
        return value.strftime("%d/%m/%Y" if language == "fr" else "%Y-%m-%d")
    month = _MONTHS[language][value.month - 1]
    if language == "fr":
        day = "1er" if value.day == 1 else str(value.day)
        text = f"{day} {month} {value.year}"
    else:
        text = f"{month} {value.day}, {value.year}"
    if style != "full":
        return text
    weekday = _DAYS[language][value.weekday()]
    return f"{weekday} {text}" if language == "fr" else f"{weekday}, {text}"


@with_context
def money(amount: object, currency: object = "EUR", *, context: RenderContext) -> str:
    """`{{ order.total | money: order.currency }}`: an amount in the message's language. Nothing for what is no
    amount, rather than a wrong figure; no currency for what is none.
    """
    amount_read = read_amount(amount)
    if amount_read is None:
        return ""
    code = "" if currency and not isinstance(currency, str) else str(currency or "EUR")[:8]
    return format_money(amount_read, code, language_of(context))


@with_context
def number(value: object, *, context: RenderContext) -> str:
    """`{{ contact.points | number }}`: a number with its thousands apart, in the message's language. Nothing for
    what is none.
    """
    known = read_amount(value)
    return "" if known is None else format_number(known, language_of(context))


@with_context
def in_date(value: object, style: object = "medium", *, context: RenderContext) -> str:
    """`{{ order.at | date: "full" }}`: short, medium, long, full, or a strftime format. Text that is no
    date stays as it is.
    """
    moment = value if isinstance(value, date) else _date(str(value))
    return str(value) if moment is None else format_date(moment, str(style), language_of(context))


def language_of(context: RenderContext) -> Language:
    """The language that the message is rendered in."""
    return str(getattr(context, "language", "en"))


@with_context
def product(value: object, *, context: RenderContext) -> object:
    """`{% assign item = line.product_id | product %}`: the catalogue's product of this id, or nothing.

    Its data were gathered before, under `catalogue` (see `products`).
    """
    known = getattr(context, "data", {}).get("catalogue")
    return known.get(id_of(value)) if isinstance(known, dict) else None


def id_of(value: object) -> str:
    """A product's id in data: a text, or a whole number. Empty for everything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip() if isinstance(value, str) or value.bit_length() <= 128 else ""


def strip_html(value: object) -> str:
    """Drop tags, in linear time. What was escaped stays escaped."""
    text = _TAG.sub("", str(value))
    return Markup(text) if isinstance(value, Markup) else text  # noqa: S704 - it was markup before tags were dropped


def default(value: object, fallback: object = "", *, allow_false: bool = False) -> object:
    """Brevo's and Liquid's: the fallback when the value is unknown, nil, false or empty. 0 counts as a
    value.
    """
    if isinstance(value, Undefined) or value is None or (value is False and not allow_false):
        return fallback
    return fallback if isinstance(value, str | list | dict) and not value else value


def replace(value: object, old: object, new: object = "") -> str:
    """Like Liquid's, but refuses results that would be too long before making them."""
    text, sought, instead = _text(value), _text(old), _text(new)
    if text.count(sought) * len(instead) > MAX_TEXT:
        raise TemplateLimit(_("A replaced text would be too long."))
    return text.replace(sought, instead)


def join(value: object, separator: object = " ") -> str:
    """Like Liquid's, but refuses results that would be too long before making them."""
    items = [_text(item) for item in value] if isinstance(value, list | tuple) else [_text(value)]
    between = _text(separator)
    if len(items) * len(between) + sum(map(len, items)) > MAX_TEXT:
        raise TemplateLimit(_("A joined text would be too long."))
    return between.join(items)


def bounded_round(value: object, digits: object = 0) -> object:
    """Like Liquid's, to at most ten digits."""
    places = int(digits) if isinstance(digits, int) and 0 <= digits <= 10 else 0
    return math.round_(value, places)


def as_number(value: object) -> int | float | str | None:
    """What an arithmetic filter may see: numbers, and text that says one (neither exponents nor too many
    digits).
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    if isinstance(value, str):
        return value.strip() if _NUMBER.fullmatch(value.strip()) else None
    known = float(value) if isinstance(value, Decimal) else value
    return known if isinstance(known, int) or floats.isfinite(known) else None


def reckoned(filter_: Callable[..., object], *values: object) -> object:
    """What an arithmetic filter gives. Nothing where a number is not known, or what is divided by is zero: Liquid
    would take an unknown price for zero, and a message would state it.
    """
    numbers = [as_number(value) for value in values]
    if None in numbers:
        return None
    try:
        return filter_(*numbers)
    except FilterArgumentError as error:
        if isinstance(error.__cause__, ZeroDivisionError):
            return None
        raise


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _date(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text[:40])
    except ValueError:
        return None


ARITHMETIC: dict[str, Callable[..., object]] = {
    "abs": math.abs_,
    "at_most": math.at_most,
    "at_least": math.at_least,
    "ceil": math.ceil,
    "floor": math.floor,
    "divided_by": math.divided_by,
    "minus": math.minus,
    "plus": math.plus,
    "times": math.times,
    "modulo": math.modulo,
    "round": bounded_round,
}

FILTERS: dict[str, Callable[..., object]] = ARITHMETIC | {
    "append": string.append,
    "capitalize": string.capitalize,
    "downcase": string.downcase,
    "escape": string.escape,
    "escape_once": string.escape_once,
    "lstrip": string.lstrip,
    "newline_to_br": string.newline_to_br,
    "prepend": string.prepend,
    "remove": string.remove,
    "replace": replace,
    "rstrip": string.rstrip,
    "slice": string.slice_,
    "split": string.split,
    "squish": string.squish,
    "strip": string.strip,
    "strip_html": strip_html,
    "strip_newlines": string.strip_newlines,
    "truncate": string.truncate,
    "truncatewords": string.truncatewords,
    "upcase": string.upcase,
    "url_encode": string.url_encode,
    "compact": array.compact,
    "find": array.find,
    "first": array.first,
    "join": join,
    "last": array.last,
    "map": array.map_,
    "reject": array.reject,
    "reverse": array.reverse,
    "size": misc.size,
    "sort": array.sort,
    "sort_natural": array.sort_natural,
    "sum": array.sum_,
    "where": array.where,
    "date": in_date,
    "default": default,
    "money": money,
    "number": number,
    "product": product,
}
