"""What the entries of the audit trail are about, by the names that the things have now.

Where a thing is gone, or has no name, the entry keeps its id. Not here: the words of the trail (`trail`).
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.db.models import QuerySet

from parcours.accounts.models import AuditEntry, Key, Membership
from parcours.audiences.models import Segment
from parcours.campaigns.models import Campaign
from parcours.catalogue.models import Product
from parcours.consent.models import Purpose
from parcours.contacts.models import Attribute, Contact, Import, List
from parcours.content.models import Coupon, Template
from parcours.delivery.models import Message
from parcours.integrations.models import Endpoint
from parcours.journeys.models import Journey
from parcours.web.templatetags.look import named, person, titled


class Register(NamedTuple):
    """Where things of a kind are found by what the trail calls them (`key`), and what they are called."""

    things: QuerySet[Any]
    key: str
    name: Callable[[Any], str]


_PEOPLE = Register(Contact.objects.all(), "id", person)
_MEMBERS = Register(Membership.objects.select_related("user"), "user_id", lambda each: str(each.user))
REGISTERS = {
    "attribute": Register(Attribute.objects.all(), "name", lambda each: named(each, "label")),
    "campaign": Register(Campaign.objects.all(), "id", named),
    "consent": _PEOPLE,
    "contact": _PEOPLE,
    "coupon": Register(Coupon.objects.all(), "slug", named),
    "identity": _PEOPLE,
    "import": Register(Import.objects.only("file_name"), "id", lambda each: str(each.file_name)),
    "journey": Register(Journey.objects.all(), "slug", named),
    "key": Register(Key.objects.all(), "id", named),
    "list": Register(List.objects.all(), "slug", named),
    "list_member": Register(List.objects.all(), "slug", named),
    "member": _MEMBERS,
    "message": Register(Message.objects.select_related("mailing"), "id", titled),
    "password": _MEMBERS,
    "product": Register(Product.objects.all(), "id", named),
    "purpose": Register(Purpose.objects.all(), "code", named),
    "segment": Register(Segment.objects.all(), "slug", named),
    "template": Register(Template.objects.all(), "slug", named),
    "user": _MEMBERS,
    "webhook": Register(Endpoint.objects.all(), "id", lambda each: str(each.url)),
}


def names(workspace_id: int, entries: Iterable[AuditEntry]) -> dict[int, str]:
    """By entry, the name of what it is about. One read for each kind of thing."""
    about: dict[str, dict[str, list[int]]] = {}
    for each in entries:
        if each.subject_id and each.subject in REGISTERS:
            about.setdefault(each.subject, {}).setdefault(each.subject_id, []).append(each.pk)
    found: dict[int, str] = {}
    for subject, places in about.items():
        register = REGISTERS[subject]
        for thing in register.things.filter(
            workspace_id=workspace_id, **{f"{register.key}__in": list(places)}
        ):
            name = register.name(thing)
            found |= dict.fromkeys(places[str(getattr(thing, register.key))], name)
    return found
