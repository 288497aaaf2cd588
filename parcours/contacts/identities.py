"""What an address or an id may look like, and the one spelling under which it is kept.

An e-mail address is folded to lower case as a whole. RFC 5321 §2.3.11 lets a server tell `Ann@` from `ann@`, but none that
people use does, and the shop, the form and the import spell one person's address differently: "never twice" (P4) matters more.
Not here: whose identity it is (`contacts.matching`).
"""

import re
from functools import cache
from zoneinfo import available_timezones

from django.utils.translation import gettext as _
from email_validator import EmailNotValidError, validate_email

from parcours.contacts.errors import InvalidEmail, InvalidIdentity, InvalidLanguage, InvalidTimeZone
from parcours.contacts.types import Identity, IdentityKind

MAX_LENGTH = 254
LONGEST_SHOWN = 80
SEPARATOR = " | "
"""Between several numbers or ids in one cell of a table."""

# Dot-atom and host labels of RFC 5321 §4.1.2. Linear: no class meets its neighbour.
_PLAIN = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,32}"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,32}[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PHONE = re.compile(r"\+?[0-9]{4,20}")
_PHONE_PUNCTUATION = str.maketrans("", "", " .-()/\u00a0")
_CODES = """
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv
    dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie
    ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv
    mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm
    rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts
    tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_LANGUAGES = frozenset(_CODES.split())  # ISO 639-1, all of it


def has_control_characters(text: str) -> bool:
    """Tell whether the text holds C0 or C1 controls, line separators or lone surrogates."""
    return not text.isprintable() and _CONTROL.search(text) is not None


def email(text: str) -> str:
    """Return the address trimmed and in lower case, its domain in ASCII; raise InvalidEmail when it cannot be one."""
    address = text.strip().lower()
    if len(address) <= MAX_LENGTH and _PLAIN.fullmatch(address) and address.index("@") <= 64:
        return address
    if address.isascii() or len(address) > MAX_LENGTH or has_control_characters(address):
        raise _not_an_address(text)
    return _international(address)


def _international(address: str) -> str:
    """An address whose domain has letters beyond ASCII (RFC 5891), in the spelling that the DNS uses."""
    try:
        found = validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise _not_an_address(address) from None
    return found.normalized if found.ascii_email is None else found.ascii_email.lower()


def _not_an_address(text: str) -> InvalidEmail:
    return InvalidEmail(
        _("“%(text)s” is not an e-mail address.") % {"text": shown(text)},
        field="email",
        hint=_("Write it as name@example.org."),
    )


def shown(text: str) -> str:
    """The text as an error may quote it: short (`…` says that it was cut), controls replaced."""
    return _CONTROL.sub("�", text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…")


def identity(kind: IdentityKind, value: str) -> Identity:
    """Return the identity in its one spelling; raise InvalidIdentity when it cannot be one."""
    if kind is IdentityKind.EMAIL:
        return kind, email(value)
    if kind is IdentityKind.PHONE:
        return kind, phone(value)
    trimmed = value.strip()
    if not 1 <= len(trimmed) <= MAX_LENGTH or has_control_characters(trimmed):
        raise InvalidIdentity(
            _("The id “%(value)s” is empty, longer than %(limit)s characters or not plain text.")
            % {"value": shown(value), "limit": MAX_LENGTH},
            field=kind.value,
        )
    return kind, trimmed


def phone(text: str) -> str:
    """Return digits with an optional leading +; raise InvalidIdentity otherwise."""
    number = text.translate(_PHONE_PUNCTUATION)
    if _PHONE.fullmatch(number) is None:
        raise InvalidIdentity(
            _("“%(text)s” is not a phone number.") % {"text": shown(text)},
            field="phone",
            hint=_("Write it as +33612345678."),
        )
    return number


def language(text: str) -> str:
    """Return the two letters of a language tag (`fr-FR` → `fr`, RFC 5646); raise InvalidLanguage otherwise."""
    primary = re.split("[-_]", text.strip().lower(), maxsplit=1)[0]
    if primary not in _LANGUAGES:
        raise InvalidLanguage(
            _("“%(text)s” is not a language.") % {"text": shown(text)},
            field="language",
            hint=_("Use the two letters of ISO 639-1, such as fr."),
        )
    return primary


def time_zone(text: str) -> str:
    """Return the name of an IANA time zone; raise InvalidTimeZone otherwise."""
    name = text.strip()
    if name not in _zones():
        raise InvalidTimeZone(
            _("“%(text)s” is not a time zone.") % {"text": shown(text)},
            field="time_zone",
            hint=_("Use a name such as Europe/Paris."),
        )
    return name


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
