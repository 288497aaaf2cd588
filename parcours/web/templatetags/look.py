"""How things look on every page: assets, icons, people, verdicts, times, amounts. Formatting only; no queries here."""

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django import template
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template.context import RequestContext
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext, gettext_noop

from parcours.consent.models import Suppression
from parcours.consent.wording import SOURCES
from parcours.content.money import format_money, read_amount
from parcours.delivery.wording import explain_refusal, explain_suppression
from parcours.web import trail, wording

register = template.Library()

HUES = 12
# State of a message → its look, its icon, its word. Colour is never alone.
VERDICTS = {
    "sent": ("sent", "check", gettext_noop("Sent")),
    "queued": ("waiting", "clock", gettext_noop("Waiting")),
    "delayed": ("delayed", "clock", gettext_noop("Delayed")),
    "sending": ("waiting", "send", gettext_noop("Leaving")),
    "withheld": ("withheld", "hand", gettext_noop("Withheld")),
    "failed": ("failed", "cross", gettext_noop("Failed")),
    "in_doubt": ("doubt", "question", gettext_noop("In doubt")),
    "cancelled": ("withheld", "ban", gettext_noop("Cancelled")),
}


@cache
def manifest() -> dict[str, Any]:
    """What Vite built; read once."""
    path = finders.find("islands/manifest.json")
    if not isinstance(path, str):
        return {}
    with open(path, encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


@register.simple_tag
def asset(entry: str) -> SafeString:
    """The stylesheets and the script of a built entry."""
    built = manifest().get(entry)
    if built is None:
        return mark_safe("<!-- the front end is not built: ./dev builds it -->")
    address = staticfiles_storage.url
    styles = format_html_join(
        "",
        '<link rel="stylesheet" href="{}">',
        ((address(f"islands/{each}"),) for each in built.get("css", ())),
    )
    script = format_html('<script type="module" src="{}"></script>', address(f"islands/{built['file']}"))
    return styles + script


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A drawing of the sprite; without a label it is decoration."""
    sprite = staticfiles_storage.url("web/icons.svg")
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"/></svg>', label, sprite, name
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', sprite, name)


@register.simple_tag
def initial(person_id: object, label: str, size: str = "") -> SafeString:
    """A person's initial on a pastel that stays theirs."""
    hue = zlib.crc32(str(person_id).encode()) % HUES
    letter = next((character for character in label if character.isalnum()), "·").upper()
    look = f"initial hue-{hue}" + (" initial-large" if size == "large" else "")
    return format_html('<span class="{}" aria-hidden="true">{}</span>', look, letter)


@register.filter
def address(value: object) -> str:
    """An e-mail address that goes on, where a line is too short for it, after its @ or before a dot. Other text stays as it is."""
    parts = re.split(r"(?<=@)|(?=\.)", str(value)) if "@" in str(value) else [str(value)]
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))


@register.simple_tag
def verdict(state: str, judged: str = "") -> SafeString:
    """The state of a message as colour, sign and word. A queued message that the gate put off is 'delayed'."""
    shown = "delayed" if state == "queued" and judged == "delay" else state
    look, sign, word = VERDICTS.get(shown, ("withheld", "question", shown))
    return format_html('<span class="verdict verdict-{}">{} {}</span>', look, icon(sign), gettext(word))


@register.filter
def when(value: datetime | None) -> str:
    """An instant in the reader's zone, with the zone and UTC on hover."""
    if value is None:
        return "–"
    local = timezone.localtime(value)
    hover = f"{date_format(local, 'l j F Y, H:i:s')} ({timezone.get_current_timezone_name()}) · {value:%H:%M:%S} UTC"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', value.isoformat(), hover, wording.timed(value)
    )


@register.filter
def day(value: datetime | None) -> str:
    """The day of an instant in the reader's zone."""
    if value is None:
        return "–"
    local = timezone.localtime(value) if isinstance(value, datetime) else value
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), wording.dated(local))


@register.filter
def number(value: float | Decimal | None) -> str:
    """A number with thousands apart, in the reader's language."""
    if value is None:
        return "–"
    places = 0 if value == int(value) else 2
    return figure(value, places)


def figure(value: float | Decimal, places: int) -> str:
    """A number rounded (Django's own formatting cuts) and written in the reader's language."""
    return number_format(round(Decimal(value), places), places, force_grouping=True)


def per_cent(written: str) -> str:
    """With its sign, which French sets apart."""
    return f"{written}\u00a0%" if get_language() == "fr" else f"{written}%"


@register.filter
def share(part: float | None, whole: float | None) -> str:
    """A part of a whole in per cent; '–' when there is no whole."""
    if not whole or part is None:
        return "–"
    places = 1 if 0 < part < whole / 10 else 0
    return per_cent(figure(100 * part / whole, places))


@register.simple_tag(takes_context=True)
def money(context: RequestContext, value: object, currency: str = "") -> str:
    """An amount in its currency or the workspace's, as the reader's language writes it; '–' for what is none."""
    workspace = context.get("workspace")
    amount = read_amount(value)
    if amount is None:
        return "–"
    return as_money(amount, currency[:8] or (workspace.currency if workspace else "EUR"))


@register.simple_tag(takes_context=True)
def money_short(context: RequestContext, value: Decimal) -> str:
    """An amount without cents, for a figure that is read at a glance."""
    return as_money(value, context["workspace"].currency, is_short=True)


def as_money(amount: Decimal | int, currency: str, *, is_short: bool = False) -> str:
    """An amount as the reader's language writes it; short, or from 10,000, without cents."""
    amount = Decimal(amount)
    language = "fr" if get_language() == "fr" else "en"
    return format_money(amount, currency, language, is_short=is_short or abs(amount) >= 10_000)


@register.filter
def named(thing: Any, field: str = "name") -> str:
    """A field that is written once per language (name_fr, name_en), in the reader's; else the one for both (name)."""
    language = "fr" if get_language() == "fr" else "en"
    written = (f"{field}_{language}", f"{field}_en", field)
    return next((str(text) for name in written if (text := getattr(thing, name, ""))), "")


@register.filter
def titled(message: Any) -> str:
    """What a message is called on a page: its subject, else the name of its mailing."""
    return message.subject or named(message.mailing)


@register.filter
def person(contact: Any) -> str:
    """What we call a person: the name if we know it, else the address."""
    return person_name(contact.attributes or {}, contact.email or "")


def person_name(attributes: dict[str, Any], email: str) -> str:
    """First and last name from the usual attributes, else the address, else a dash."""
    parts = (attributes.get("first_name"), attributes.get("last_name"))
    name = " ".join(str(part) for part in parts if part) or str(attributes.get("name") or "")
    return name or email or gettext("Unnamed person")


@register.filter
def of(key: object, values: Mapping[object, object]) -> object:
    """The value of a key: {{ each.pk|of:beside }}; nothing where there is none."""
    return values.get(key, "")


@register.inclusion_tag("web/rail_link.html", takes_context=True)
def rail_link(context: RequestContext, places: str, sign: str, label: str, address: str) -> dict[str, Any]:
    """One place of the rail; `places` are the address parts under which it is the current one."""
    return {
        "sign": sign,
        "label": label,
        "address": address,
        "current": context.get("place") in places.split(),
    }


@register.inclusion_tag("web/empty.html")
def empty(sign: str, title: str, text: str, address: str = "", button: str = "") -> dict[str, str]:
    """An empty place that teaches: one picture, one sentence, one button."""
    return {"sign": sign, "title": title, "text": text, "address": address, "button": button}


@register.filter
def first_values(values: Iterable[str]) -> str:
    """The first cells of a column that say something."""
    said = [value if len(value) <= 40 else f"{value[:39]}…" for value in values if value]
    return " · ".join(said[:4])


@register.filter
def joined(values: Iterable[object]) -> str:
    """Values with commas between."""
    return ", ".join(str(value) for value in values)


@register.filter
def word(code: str, vocabulary: str) -> str:
    """A stored code in the reader's words: {{ purpose.basis|word:"bases" }}."""
    return gettext(VOCABULARIES[vocabulary].get(code, "")) if code in VOCABULARIES[vocabulary] else code


@register.filter
def refusal(meaning: str) -> str:
    """What a mail system's refusal is about, in the reader's words; empty for a class that is none."""
    return explain_refusal(meaning, get_language() or "")


@register.filter
def suppression_cause(suppression: Suppression) -> str:
    """Why an address is excluded from all mail, in the reader's words."""
    return explain_suppression(suppression.reason, suppression.detail, get_language() or "")


VOCABULARIES = {
    "bases": wording.BASES,
    "channels": wording.CHANNELS,
    "acts": wording.ACTS,
    "sources": SOURCES,
    "origins": wording.ORIGINS,
    "proofs": wording.PROOFS,
    "outcomes": wording.OUTCOMES,
    "returns": wording.RETURNS,
    "webhook_pauses": wording.WEBHOOK_PAUSES,
    "webhook_troubles": wording.WEBHOOK_TROUBLES,
    "states": wording.STATES,
    "trail_subjects": trail.SUBJECTS,
    "trail_actions": trail.ACTIONS,
}


@register.filter
def trail_details(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """What an entry of the audit trail says besides its subject and action."""
    return trail.details(detail)


@register.filter
def actor(label: str) -> str:
    """Who did something: an address as it is, a key in the reader's words."""
    found = re.fullmatch("API key “(.*)”", label)
    return gettext("API key “%(name)s”") % {"name": found[1]} if found else label


@register.filter
def change(value: Decimal | None) -> str:
    """A relative change in per cent, with its sign: +12 %."""
    if value is None:
        return "–"
    sign = "+" if value >= 0 else "−"
    return sign + per_cent(figure(abs(100 * value), 0))
