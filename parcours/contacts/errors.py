"""What can go wrong with people, their identities, their attributes and lists."""

from parcours.kernel.errors import Conflict, Invalid, NotFound


class InvalidIdentity(Invalid):
    """An address or an id cannot be one."""

    code = "identity.invalid"


class InvalidEmail(InvalidIdentity):
    """This is not an e-mail address that can be written to."""

    code = "email.invalid"


class UnprovenIdentity(Conflict):
    """A write key neither merges two known contacts nor replaces an address; this identity was left out. An API key may."""

    code = "identity.unproven"


class IdentityTaken(Conflict):
    """An address, number or id belongs to one contact only."""

    code = "identity.taken"


class UnknownIdentity(NotFound):
    """The contact does not have this address, number or id."""

    code = "identity.unknown"


class LastIdentity(Conflict):
    """A contact keeps at least one address, number or id."""

    code = "identity.last"


class InvalidLanguage(Invalid):
    """A language is one of ISO 639-1, by its two letters."""

    code = "language.invalid"


class InvalidTimeZone(Invalid):
    """A time zone is a name of the IANA database."""

    code = "time_zone.invalid"


class UnknownAttribute(Invalid):
    """The workspace has not declared such an attribute."""

    code = "attribute.unknown"


class InvalidAttribute(Invalid):
    """The value is not of the attribute's declared type."""

    code = "attribute.invalid"


class InvalidAttributeName(Invalid):
    """An attribute cannot be called that."""

    code = "attribute.name"


class TooManyAttributes(Invalid):
    """A workspace declares a bounded number of attributes."""

    code = "attribute.too_many"


class UnknownList(NotFound):
    """There is no such list."""

    code = "list.unknown"


class ListExists(Conflict):
    """Another list has this name already."""

    code = "list.exists"


class AttributeExists(Conflict):
    """Another attribute has this name already."""

    code = "attribute.exists"


class UnknownContact(NotFound):
    """There is no such contact."""

    code = "contact.unknown"


class Contended(Conflict):
    """Other writers changed the same people again and again. Try again."""

    code = "contacts.contended"
