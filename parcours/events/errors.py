"""Why an event, or a call of the intake, is refused. The code goes back to the sender and into the log.

RefusedEvent           one event is not taken in; the others of its batch are
├── Malformed          not JSON, or a field of the wrong type
├── TooLarge           beyond the limits of bytes or count
├── TooDeep            nested beyond what anybody reads
├── NotText            NUL bytes or numbers that no database stores
├── UnknownKind        not a call of the Segment specification
├── NoIdentity         nothing says whose event it is
├── BadIdentity        an id or address that cannot be one
├── BadName            no name, or one that cannot be shown
├── ReservedName       a name that only Parcours itself writes
├── NoConsent          a visitor who did not consent to be tracked
├── BadDate            not a date, or outside the years that are kept
├── BadMessageId       longer than 100 characters
└── Unstorable         the database refuses it, although it passed every step
"""

from parcours.kernel.errors import Conflict, Invalid


class RefusedEvent(Invalid):
    """An event is not taken in."""

    code = "event.refused"


class Malformed(RefusedEvent):
    """The event is not JSON of the expected shape."""

    code = "event.malformed"


class TooLarge(RefusedEvent):
    """The event, or the batch, is larger than allowed."""

    code = "event.too_large"


class TooDeep(RefusedEvent):
    """The event is nested too deeply."""

    code = "event.too_deep"


class NotText(RefusedEvent):
    """The event holds NUL characters, or numbers out of range."""

    code = "event.not_text"


class UnknownKind(RefusedEvent):
    """There is no such call."""

    code = "event.unknown_type"


class NoIdentity(RefusedEvent):
    """Neither userId, nor anonymousId, nor an e-mail address is given."""

    code = "event.no_identity"


class BadIdentity(RefusedEvent):
    """An id or an e-mail address cannot be one."""

    code = "event.bad_identity"


class NoConsent(RefusedEvent):
    """The visitor did not consent to be tracked."""

    code = "event.no_consent"


class BadName(RefusedEvent):
    """An event needs a name of 1 to 200 characters."""

    code = "event.bad_name"


class ReservedName(RefusedEvent):
    """Only Parcours itself writes events of this name."""

    code = "event.reserved_name"


class BadDate(RefusedEvent):
    """The time is not one, or not between 2000 and tomorrow; with a write key, not within the last three years."""

    code = "event.bad_date"


class BadMessageId(RefusedEvent):
    """A messageId has fewer than 100 characters."""

    code = "event.bad_message_id"


class Unstorable(RefusedEvent):
    """The database cannot store this event."""

    code = "event.unstorable"


class LogAhead(Conflict):
    """The database was restored into another server, and its log is ahead of it."""

    code = "log.ahead"
