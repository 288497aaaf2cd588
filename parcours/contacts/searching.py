"""Finding people by what somebody types: how an address, its domain or a name begins, or a whole id or phone number.

Everything that is searched by its beginning is a column of the contact, so that one statement can choose: to look in the indexes
where few are found, to walk the people in their order where most of them are.
"""

from contextlib import suppress

from django.db.models import Q, QuerySet

from parcours.contacts import identities
from parcours.contacts.errors import InvalidIdentity
from parcours.contacts.models import Contact, Identity
from parcours.contacts.types import IdentityKind
from parcours.kernel.searching import begins


def called(workspace_id: int, people: QuerySet[Contact], words: str) -> QuerySet[Contact]:
    """Of these people, those whom the words may mean; all of them when there are no words. Reads the identities at once."""
    sought = words.replace("\0", "").strip()
    if not sought:
        return people
    whole = identified(workspace_id, sought).values_list("contact_id", flat=True)
    return people.filter(
        begins("email", sought)
        | begins("domain_key", sought.removeprefix("@"))
        | begins("name_key", sought)
        | begins("surname_key", sought)
        | Q(pk__in=list(whole))
    )


def identified(workspace_id: int, sought: str) -> QuerySet[Identity]:
    """Addresses in any case of letters, phone numbers with any punctuation, ids as they are or in small or capital letters."""
    spellings = {sought, sought.lower(), sought.upper()}
    known = Q(kind__in=[IdentityKind.EMAIL.value, IdentityKind.EXTERNAL.value], value__in=spellings)
    with suppress(InvalidIdentity):  # a name, or anything else
        known |= Q(kind=IdentityKind.PHONE.value, value=identities.phone(sought))
    return Identity.objects.filter(known, workspace_id=workspace_id)
