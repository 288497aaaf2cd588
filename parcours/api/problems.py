"""Errors as RFC 9457 problem details. This is where an error of a room becomes an HTTP status, and the only place.

Not here: what can go wrong (each room's `errors.py`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from django.http import HttpResponse
from django.utils.translation import gettext as _

from parcours.accounts.errors import BadKey
from parcours.content.errors import TemplateError
from parcours.kernel.errors import Conflict, DomainError, Forbidden, Invalid, Malformed, NotFound, TooOften

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one value. `field` is its path, such as `consents.0.purpose`; `line` of its text, or 0."""

    field: str
    message: str
    line: int = 0

    def told(self) -> dict[str, object]:
        """As a problem document lists it."""
        return {name: value for name, value in asdict(self).items() if name != "line" or value}


class TooLarge(DomainError):
    """The body is larger than this operation takes."""

    code = "too_large"


class NotJson(DomainError):
    """The body is not declared as JSON, or it is compressed."""

    code = "unsupported_media_type"


class Unacceptable(Invalid):
    """Several values are not acceptable; `errors` lists them."""

    code = "invalid"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(_("Some values are not acceptable."), hint=_("See `errors`."))
        self.errors = tuple(errors)


_STATUSES: tuple[tuple[type[DomainError], int], ...] = (
    (Malformed, 400),
    (BadKey, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooLarge, 413),
    (NotJson, 415),
    (TooOften, 429),
)


def status_of(error: DomainError) -> int:
    """The HTTP status for an error; 422 for those that no other fits."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 422)


def from_error(error: DomainError) -> HttpResponse:
    """The answer to a request that cannot be carried out."""
    status = status_of(error)
    members: dict[str, object] = {"detail": error.message}
    if error.hint:
        members["hint"] = error.hint
    if isinstance(error, Unacceptable):
        members["errors"] = [one.told() for one in error.errors]
    elif error.field:
        line = error.line if isinstance(error, TemplateError) else 0
        members["errors"] = [FieldError(error.field, error.message, line).told()]
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return problem(status, error.code, _(error.title()), members, headers)


@contextmanager
def naming(**written: str) -> Iterator[None]:
    """Within, errors name their field as the caller wrote it: a room's name → the API's."""
    try:
        yield
    except DomainError as error:
        error.field = written.get(error.field, error.field)
        raise


def problem(
    status: int,
    code: str,
    title: str,
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A problem document: `type`, `title`, `status`, `code`, and what `members` adds. Texts are in the language asked for."""
    document = {
        "type": f"urn:parcours:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        **(members or {}),
    }
    body = json.dumps(document, ensure_ascii=False)
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))
