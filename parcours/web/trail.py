"""The audit trail in words: what was changed, what was done to it, with which details.

A test compares the two vocabularies with what the rooms write.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop

from parcours.web.wording import CHANNELS, ORIGINS, WEBHOOK_PAUSES, shown

SUBJECTS = {
    "attribute": gettext_noop("Attribute"),
    "campaign": gettext_noop("Campaign"),
    "catalogue": gettext_noop("Catalogue"),
    "consent": gettext_noop("Consent"),
    "contact": gettext_noop("Contact"),
    "contacts": gettext_noop("Contacts"),
    "coupon": gettext_noop("Coupon"),
    "demo": gettext_noop("Demo"),
    "identity": gettext_noop("Way to recognise a contact"),
    "import": gettext_noop("Import of a file"),
    "journey": gettext_noop("Journey"),
    "key": gettext_noop("Key"),
    "list": gettext_noop("List"),
    "list_member": gettext_noop("People on a list"),
    "member": gettext_noop("Member"),
    "message": gettext_noop("Message"),
    "password": gettext_noop("Password"),
    "product": gettext_noop("Product"),
    "profile": gettext_noop("Own profile"),
    "purpose": gettext_noop("Purpose"),
    "recovery_codes": gettext_noop("Recovery codes"),
    "second_factor": gettext_noop("Two-factor sign-in"),
    "segment": gettext_noop("Segment"),
    "sending": gettext_noop("Sending"),
    "suppression": gettext_noop("Suppressed address"),
    "template": gettext_noop("Template"),
    "user": gettext_noop("Account"),
    "webhook": gettext_noop("Webhook"),
    "workspace": gettext_noop("Workspace"),
}
# Nouns, which fit whatever they are said of in French too.
ACTIONS = {
    "added": gettext_noop("addition"),
    "archived": gettext_noop("archiving"),
    "cancelled": gettext_noop("cancellation"),
    "changed": gettext_noop("change"),
    "confirmed": gettext_noop("confirmation"),
    "created": gettext_noop("creation"),
    "declared": gettext_noop("declaration"),
    "declined": gettext_noop("refusal"),
    "deleted": gettext_noop("deletion"),
    "disabled": gettext_noop("switching off"),
    "enabled": gettext_noop("switching on"),
    "exported": gettext_noop("export"),
    "finished": gettext_noop("end"),
    "granted": gettext_noop("agreement"),
    "halted": gettext_noop("halt by a fault"),
    "invited": gettext_noop("invitation"),
    "joined": gettext_noop("acceptance"),
    "lifted": gettext_noop("lifting"),
    "loaded": gettext_noop("loading"),
    "objected": gettext_noop("objection"),
    "paused": gettext_noop("pause"),
    "published": gettext_noop("publication"),
    "removed": gettext_noop("removal"),
    "renewed": gettext_noop("renewal"),
    "replayed": gettext_noop("replay"),
    "requested": gettext_noop("request for a confirmation"),
    "restored": gettext_noop("restoration"),
    "resumed": gettext_noop("resumption"),
    "revoked": gettext_noop("revocation"),
    "scheduled": gettext_noop("scheduling"),
    "settled": gettext_noop("settlement of a doubt"),
    "started": gettext_noop("start"),
    "tested": gettext_noop("test"),
    "uploaded": gettext_noop("upload"),
    "withdrawn": gettext_noop("withdrawal"),
}
_DETAILS = {
    "at": gettext_noop("when"),
    "attributes": gettext_noop("attributes"),
    "brand": gettext_noop("brand"),
    "bytes": gettext_noop("bytes"),
    "cancelled_messages": gettext_noop("cancelled messages"),
    "category": gettext_noop("category"),
    "changed_products": gettext_noop("changed products"),
    "channel": gettext_noop("channel"),
    "contact": gettext_noop("contact"),
    "contacts": gettext_noop("contacts"),
    "count": gettext_noop("number"),
    "currency": gettext_noop("currency"),
    "tracking_consent": gettext_noop("category of consent to be tracked"),
    "delivery": gettext_noop("delivery"),
    "description": gettext_noop("description"),
    "email": gettext_noop("address"),
    "events": gettext_noop("events"),
    "fields": gettext_noop("fields"),
    "file": gettext_noop("file"),
    "filters": gettext_noop("filters"),
    "image_url": gettext_noop("address of the picture"),
    "in_stock": gettext_noop("in stock"),
    "kind": gettext_noop("kind"),
    "language": gettext_noop("language"),
    "languages": gettext_noop("languages"),
    "merged": gettext_noop("merged with"),
    "messages": gettext_noop("messages"),
    "name": gettext_noop("name"),
    "names": gettext_noop("names"),
    "new_products": gettext_noop("new products"),
    "origin": gettext_noop("who says so"),
    "price": gettext_noop("price"),
    "product": gettext_noop("product"),
    "purpose": gettext_noop("purpose"),
    "reason": gettext_noop("reason"),
    "recipients": gettext_noop("recipients"),
    "role": gettext_noop("role"),
    "rows": gettext_noop("rows"),
    "rule": gettext_noop("rule"),
    "takes_all": gettext_noop("all events"),
    "time_zone": gettext_noop("time zone"),
    "trouble": gettext_noop("trouble"),
    "type": gettext_noop("type"),
    "url": gettext_noop("web address"),
    "version": gettext_noop("version"),
    "was_sent": gettext_noop("was sent"),
}
_VALUES = {"channel": CHANNELS, "origin": ORIGINS, "reason": WEBHOOK_PAUSES}
"""Details whose values are codes, with their words."""

LONGEST = 160


def details(detail: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The details of an entry as (name, value), a change as “before → after”."""
    rest = dict(detail)
    before, after = rest.pop("from", None), rest.pop("to", None)
    found: list[tuple[str, str]] = []
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        found += [
            (_name(key), f"{_value(key, before.get(key))} → {_value(key, after[key])}") for key in after
        ]
    elif before is not None or after is not None:
        found.append((gettext("change"), f"{_value('', before)} → {_value('', after)}"))
    return found + [(_name(key), _value(key, value)) for key, value in rest.items()]


def _name(key: str) -> str:
    return gettext(_DETAILS[key]) if key in _DETAILS else key


def _value(key: str, value: object) -> str:
    if (words := _VALUES.get(key, {}).get(str(value))) is not None:
        return gettext(words)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else shown(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
