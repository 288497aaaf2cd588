"""The product's codes in words: what happened on a timeline, what somebody agreed to, how far a thing is.

Not here: the gate's reasons (`delivery.wording`), rules as sentences (`audiences.language`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, gettext_noop, ngettext

from parcours.content.money import read_amount
from parcours.delivery.wording import explain_refusal
from parcours.events.types import (
    ATTRIBUTES_CHANGED,
    EMAIL_BOUNCED,
    EMAIL_DEFERRED,
    EMAIL_DELAYED,
    EMAIL_FAILED,
    EMAIL_SENT,
    EMAIL_WITHHELD,
    MESSAGE_REQUESTED,
    RESERVED_NAMES,
)

Properties = Mapping[str, Any]


def dated(day: date) -> str:
    """A day as one reads it at a glance: 22 nov. 2026, 22 Nov 2026."""
    return date_format(day, "j N Y" if get_language() == "fr" else "j M Y")


def timed(instant: datetime) -> str:
    """An instant in the reader's zone, to the minute."""
    local = timezone.localtime(instant)
    return f"{dated(local)}, {local:%H:%M}"


# Name of an event → its icon, its family (the timeline's filters), its words.
EVENTS: Mapping[str, tuple[str, str, str]] = {
    "Contact Created": ("user", "profile", gettext_noop("Became a contact")),
    "Attributes Changed": ("edit", "profile", gettext_noop("Attributes changed")),
    "Contacts Merged": ("users", "profile", gettext_noop("Two contacts became one")),
    "List Joined": ("list", "profile", gettext_noop("Joined the list “%(list)s”")),
    "List Left": ("list", "profile", gettext_noop("Left the list “%(list)s”")),
    "Consent Granted": ("shield", "consent", gettext_noop("Agreed to “%(purpose)s”")),
    "Consent Requested": ("shield", "consent", gettext_noop("Was asked to confirm “%(purpose)s”")),
    "Consent Withdrawn": ("shield", "consent", gettext_noop("Withdrew consent to “%(purpose)s”")),
    "Consent Objected": ("shield", "consent", gettext_noop("Objected to “%(purpose)s”")),
    "Segment Entered": ("target", "journeys", gettext_noop("Entered the segment “%(segment)s”")),
    "Segment Left": ("target", "journeys", gettext_noop("Left the segment “%(segment)s”")),
    "Journey Entered": ("route", "journeys", gettext_noop("Entered the journey “%(journey)s”")),
    "Journey Finished": ("flag", "journeys", gettext_noop("Finished the journey “%(journey)s”")),
    "Message Requested": ("send", "messages", gettext_noop("A program asked for a message")),
    "Email Sent": ("send", "messages", gettext_noop("Was sent “%(name)s”")),
    "Email Delayed": ("clock", "messages", gettext_noop("“%(name)s” was delayed")),
    "Email Withheld": ("hand", "messages", gettext_noop("“%(name)s” was withheld")),
    "Email Failed": ("cross", "messages", gettext_noop("“%(name)s” failed")),
    "Email Deferred": (
        "clock",
        "messages",
        gettext_noop("“%(name)s” is not taken yet, the mail servers go on trying"),
    ),
    "Email Delivered": ("check", "messages", gettext_noop("“%(name)s” was delivered")),
    "Email Opened": ("eye", "messages", gettext_noop("Opened “%(name)s”")),
    "Email Link Clicked": ("click", "messages", gettext_noop("Clicked in “%(name)s”")),
    "Email Bounced": ("undo", "messages", gettext_noop("“%(name)s” bounced")),
    "Email Marked as Spam": ("alert", "messages", gettext_noop("Reported “%(name)s” as spam")),
    "Marketing Paused": ("pause", "consent", gettext_noop("Paused all marketing")),
    "Marketing Resumed": ("play", "consent", gettext_noop("Ended the pause of marketing")),
    "Frequency Chosen": ("clock", "consent", gettext_noop("Chose how often to have marketing")),
    "Unsubscribed": ("ban", "consent", gettext_noop("Unsubscribed")),
    "Order Completed": ("cart", "shop", gettext_noop("Ordered")),
    "Order Refunded": ("undo", "shop", gettext_noop("Was refunded")),
    "Order Cancelled": ("cross", "shop", gettext_noop("Cancelled an order")),
    "Product Viewed": ("eye", "shop", gettext_noop("Looked at “%(name)s”")),
    "Product Added": ("cart", "shop", gettext_noop("Put “%(name)s” into the cart")),
}
FAMILIES = {
    "shop": gettext_noop("Shop"),
    "messages": gettext_noop("Messages"),
    "consent": gettext_noop("Consent"),
    "journeys": gettext_noop("Journeys and segments"),
    "profile": gettext_noop("Profile"),
}
# What stands on the timeline as the message itself.
TOLD_BY_MESSAGES = (MESSAGE_REQUESTED, EMAIL_SENT, EMAIL_DELAYED, EMAIL_WITHHELD, EMAIL_FAILED)


@dataclass(frozen=True)
class Happening:
    """An event of the timeline: icon, sentence, amount if it has one, details by name."""

    at: datetime
    icon: str
    text: str
    total: Decimal | None
    currency: str
    details: list[tuple[str, str]]


def names_of(family: str) -> list[str]:
    """The events of a family, for the timeline's filter."""
    return [name for name, (_, each, _text) in EVENTS.items() if each == family]


def happening(
    name: str, at: datetime, properties: Properties, names: Mapping[str, Mapping[str, str]]
) -> Happening:
    """An event in words. `names` maps 'purpose', 'segment', 'journey', 'list', 'mailing' to the names behind their codes."""
    icon, _, text = EVENTS.get(name, ("bolt", "", ""))
    facts = {
        kind: names.get(kind, {}).get(str(properties.get(kind, "")), properties.get(kind, ""))
        for kind in ("purpose", "segment", "journey", "list", "name")
    }
    if (mailing := mailing_of(name, properties)) is not None:
        facts["name"] = names.get("mailing", {}).get(str(mailing), facts["name"])
    sentence = gettext(text) % facts if text else name
    total = read_amount(properties.get("total")) if name.startswith("Order ") else None
    currency = properties.get("currency")
    code = currency if isinstance(currency, str) else ""
    return Happening(at, icon, sentence, total, code, details(name, properties))


def mailing_of(event: str, properties: Properties) -> int | None:
    """The mailing that an event of our own is about. Under another's name `mailing` is any value, ours only by accident."""
    found = properties.get("mailing") if event in RESERVED_NAMES else None
    return found if isinstance(found, int) else None


def details(event: str, properties: Properties) -> list[tuple[str, str]]:
    """What the timeline shows of an event's properties: changes, products, order numbers, links, devices.

    Whoever has the write key chooses an event's properties: each is any JSON value, whatever its name promises.
    """
    found = changed(properties) if event == ATTRIBUTES_CHANGED else []
    if "order_id" in properties:
        found.append((gettext("Order"), str(properties["order_id"])))
    found += bought(properties.get("products"))
    if properties.get("coupon"):
        found.append((gettext("Coupon"), str(properties["coupon"])))
    if event in (EMAIL_BOUNCED, EMAIL_DEFERRED):
        found += refusal(properties)
    if properties.get("url"):
        found.append((gettext("Link"), str(properties["url"])))
    if properties.get("machine"):
        found.append((gettext("Note"), gettext("by a machine (a scanner or a mail proxy), not counted")))
    if event not in EVENTS:
        found += [(key, shown(value)) for key, value in list(properties.items())[:8]]
    return found


def changed(properties: Properties) -> list[tuple[str, str]]:
    """Each attribute that became another, as it was and as it is."""
    changes = properties.get("changes")
    pairs = changes.items() if isinstance(changes, Mapping) else ()
    return [
        (name, f"{shown(change.get('from'))} → {shown(change.get('to'))}")
        for name, change in pairs
        if isinstance(change, Mapping)
    ]


def bought(products: object) -> list[tuple[str, str]]:
    """The first products of an order with their quantities, and how many more there are."""
    listed = products if isinstance(products, list) else []
    found = [
        (f"{product.get('quantity', 1)} ×", str(product.get("name") or product.get("sku") or ""))
        for product in listed[:5]
        if isinstance(product, Mapping)
    ]
    if (more := len(listed) - 5) > 0:
        found.append(("…", ngettext("%(n)d more product", "%(n)d more products", more) % {"n": more}))
    return found


def refusal(properties: Properties) -> list[tuple[str, str]]:
    """Why a mail system did not take a message, and its own words."""
    reason = explain_refusal(str(properties.get("class", "")), get_language() or "")
    found = [(gettext("Reason"), reason), (gettext("Answer"), str(properties.get("reply", "")))]
    return [(label, value) for label, value in found if value]


def shown(value: object) -> str:
    """A JSON value for people."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(shown(each) for each in value)
    return str(value)


BASES = {
    "contract": gettext_noop("Contract"),
    "legitimate_interest": gettext_noop("Legitimate interest"),
    "consent": gettext_noop("Consent"),
}
CHANNELS = {"email": gettext_noop("E-mail"), "sms": gettext_noop("SMS"), "any": gettext_noop("All channels")}
ACTS = {
    "granted": gettext_noop("Agreed"),
    "requested": gettext_noop("Asked, not confirmed"),
    "withdrawn": gettext_noop("Withdrawn"),
    "objected": gettext_noop("Objected"),
}
# Who says what is known of a product.
ORIGINS = {
    "seen": gettext_noop("Seen in events"),
    "api": gettext_noop("Stated by the shop"),
    "hand": gettext_noop("Stated by hand"),
}
# What stands beside a statement as its proof.
PROOFS = {
    "message": gettext_noop("message"),
    "mail": gettext_noop("their mail"),
    "sha256": gettext_noop("its fingerprint (SHA-256)"),
    "import": gettext_noop("import"),
    "collector": gettext_noop("collected by"),
    "recorded_by": gettext_noop("recorded by"),
}
# What a mail that came back was about (`delivery.types.ReturnKind`).
RETURNS = {
    "bounced": gettext_noop("It came back"),
    "deferred": gettext_noop("Not taken yet, the mail servers go on trying"),
    "delivered": gettext_noop("Its delivery was reported"),
    "complained": gettext_noop("Reported as spam"),
    "unsubscribed": gettext_noop("Unsubscribed by mail"),
    "answered": gettext_noop("An automatic reply, which changes nothing"),
    "ignored": gettext_noop("A mail that changes nothing"),
}
OUTCOMES = {
    "accepted": gettext_noop("Accepted by the server"),
    "refused": gettext_noop("Refused for good"),
    "deferred": gettext_noop("Refused for now"),
    "not_sent": gettext_noop("Not sent: the connection was lost before the text"),
    "in_doubt": gettext_noop("In doubt: the connection was lost after the text"),
    "": gettext_noop("Under way"),
}
# Why a webhook is paused (`integrations.types.PauseReason`), and why a try had no answer (`integrations.types.Trouble`).
WEBHOOK_PAUSES = {
    "by_hand": gettext_noop("Paused by hand."),
    "gone": gettext_noop("Paused because it answered that it is gone (410)."),
    "failing": gettext_noop("Paused because it took nothing for two days."),
}
WEBHOOK_TROUBLES = {
    "refused": gettext_noop("Not asked: the address leads into a network that is not public"),
    "unknown_host": gettext_noop("The name of the address is not known"),
    "no_connection": gettext_noop("No connection"),
    "tls": gettext_noop("No secure connection: its certificate cannot be trusted"),
    "timeout": gettext_noop("No answer in time"),
    "bad_answer": gettext_noop("An answer that is not HTTP"),
    "event_gone": gettext_noop("The event is not in the log any more"),
    "unreadable": gettext_noop(
        "The secret cannot be opened: the installation has another key than when it was sealed"
    ),
    "fault": gettext_noop("A fault of Parcours: the operator finds it in the log of the worker"),
}
STATES = {
    "draft": gettext_noop("Draft"),
    "published": gettext_noop("Published"),
    "paused": gettext_noop("Paused"),
    "archived": gettext_noop("Archived"),
    "scheduled": gettext_noop("Scheduled"),
    "running": gettext_noop("Running"),
    "finished": gettext_noop("Finished"),
    "cancelled": gettext_noop("Cancelled"),
}
