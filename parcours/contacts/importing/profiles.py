"""The exports of other products, and our own, recognised by their columns: what each of these becomes here.

A profile only proposes, as a guess does; the person who imports decides. Columns that a profile does not name are guessed by their
names and values (`columns`), which knows PRENOM, NOM, SMS and the like already. What is noise of the other product is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from parcours.contacts.importing.columns import Target, plain


@dataclass(frozen=True)
class Profile:
    """An export: the product's name, columns of which any tells it (each set whole), and what its columns become.

    Columns whose name begins with `noise` are left out, if there is one.
    """

    product: str
    marks: tuple[frozenset[str], ...]
    targets: Mapping[str, Target] = field(default_factory=dict)
    noise: str = ""

    def fits(self, header: Iterable[str]) -> bool:
        """True when the header has all columns of one of the marks."""
        words = {plain(title) for title in header}
        return any(mark <= words for mark in self.marks)

    def stated(self, header: Iterable[str]) -> dict[str, Target]:
        """What the columns of a header become, by plain name, as far as the profile says."""
        noise = (plain(title) for title in header if self.noise and title.startswith(self.noise))
        return {**self.targets, **dict.fromkeys(noise, Target.IGNORE)}


def _targets(**words: str) -> dict[str, Target]:
    return {word: Target(target) for target, listed in words.items() for word in listed.split("|")}


PROFILES = (
    Profile(
        "Parcours",
        (frozenset({"id", "email", "other emails", "external id", "created at", "lists"}),),
        _targets(
            email="email",
            phone="phone",
            external="external id",
            language="language",
            time_zone="time zone",
            source="source",
            ignore="id|other emails|created at|lists",
        ),
        noise="consent_",
    ),
    Profile(
        "Mailchimp",
        (
            frozenset({"email address", "member rating"}),
            frozenset({"email address", "leid", "euid"}),
            frozenset({"email address", "optin time"}),
            frozenset({"email address", "unsub time"}),
            frozenset({"email address", "clean time"}),
        ),
        _targets(
            email="email address",
            phone="phone number|phone|sms phone|sms phone number",
            time_zone="timezone",
            opted_out_at="unsub time",
            bounced_at="clean time",
            ignore="member rating|optin time|optin ip|confirm time|confirm ip|latitude|longitude|gmtoff|dstoff|cc|region"
            "|last changed|leid|euid|unsub campaign title|unsub campaign id|unsub reason|unsub reason other"
            "|clean campaign title|clean campaign id|notes",
        ),
    ),
    Profile(
        "Brevo",
        (
            frozenset({"email", "added time"}),
            frozenset({"email", "modified time"}),
            frozenset({"email", "email blacklisted"}),
            frozenset({"email", "contact id"}),
            frozenset({"email", "prenom", "nom", "sms"}),
            frozenset({"email", "firstname", "lastname", "sms"}),
        ),
        _targets(
            email="email",
            phone="sms",
            external="ext id",
            opt_out="email blacklisted|emailblacklisted|blacklisted|blacklist|email marketing|email subscription status"
            "|unsubscribed",
            ignore="contact id|added time|modified time|whatsapp|landline number|lists|listids|listid|sms blacklisted"
            "|smsblacklisted|sms marketing|whatsapp blacklisted|double opt in|opt in",
        ),
    ),
    Profile(
        "Mautic",
        (
            frozenset({"email", "firstname", "lastname", "preferred locale"}),
            frozenset({"email", "firstname", "lastname", "attribution date"}),
            frozenset({"email", "date identified", "last active"}),
            frozenset({"email", "dateidentified", "lastactive"}),
        ),
        _targets(
            email="email",
            phone="mobile",
            language="preferred locale|preferred locale code",
            time_zone="timezone",
            opt_out="donotcontact|do not contact|dnc|is dnc|unsubscribed",
            ignore="id|phone|fax|attribution|attribution date|date added|dateadded|date modified|datemodified|created by"
            "|createdby|modified by|modifiedby|date identified|dateidentified|last active|lastactive|owner|ownerbyid"
            "|owned by|stage|ip address|ip addresses|social cache|is published|generated email domain",
        ),
    ),
)


def recognised(header: Sequence[str]) -> Profile | None:
    """The product whose export has these columns, or None."""
    return next((one for one in PROFILES if one.fits(header)), None)
