"""The root of every error that a person can act on. HTTP statuses are chosen at the edge, not here.

DomainError            a request that cannot be carried out, with what, where and how to mend it
├── NotFound           no such thing for this caller (also: it belongs to another workspace)
├── Forbidden          the caller's role does not allow it
├── Invalid            a value is not acceptable; `field` says which
│   └── Unstorable     one that only the database could tell
├── Conflict           the thing is in a state that does not allow this
├── TooOften           it may be done again later
└── Malformed          what was sent cannot be read at all
"""

import re

from django.utils.translation import gettext as _


class DomainError(Exception):
    """Something a person asked for cannot be done. `message` says what; `field` where; `hint` how to mend it."""

    code = "error"

    @classmethod
    def title(cls) -> str:
        """What kind of error this is, in English: the first sentence of the class's docstring. The catalogue has its French."""
        return first_sentence(cls.__doc__ or cls.__name__)

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint


def first_sentence(text: str) -> str:
    """A docstring's first sentence, on one line."""
    return re.split(r"(?<=\.) (?=[A-Z`])", " ".join(text.split()))[0]


class NotFound(DomainError):
    """There is no such thing here."""

    code = "not_found"


class Forbidden(DomainError):
    """Your role does not allow this."""

    code = "forbidden"


class Invalid(DomainError):
    """A value is not acceptable."""

    code = "invalid"


class Unstorable(Invalid):
    """The database can neither store nor compare a value of the request. Nothing was changed."""

    code = "unstorable"

    def __init__(self) -> None:
        super().__init__(
            _("The database can neither store nor compare a value of this request."),
            hint=_("Look for a number or a date out of range, or a text that is too long."),
        )


class Conflict(DomainError):
    """The thing is in a state that does not allow this."""

    code = "conflict"


class Malformed(DomainError):
    """The request cannot be read."""

    code = "malformed"


class TooOften(DomainError):
    """This was done too often in a short time. Try again later."""

    code = "too_often"
