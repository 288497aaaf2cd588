"""Errors in Brevo's form, `{"code", "message"}`, with Brevo's codes. The message is the one that our own API gives."""

import json
from collections.abc import Mapping

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from parcours.accounts.errors import BadKey
from parcours.api.envelope import Manner, from_database
from parcours.api.problems import NotJson, TooLarge, Unacceptable
from parcours.contacts.errors import AttributeExists, IdentityTaken, ListExists
from parcours.kernel.errors import Conflict, DomainError, Forbidden, NotFound, Unstorable


class MissingParameter(Unacceptable):
    """Values are missing; `errors` lists them."""

    code = "missing_parameter"


class AlreadyThere(Conflict):
    """There is a contact with this address, number or id already."""

    code = "duplicate_parameter"


class OutOfRange(Unacceptable):
    """A page is longer than it may be."""

    code = "out_of_range"


_ANSWERS: tuple[tuple[type[DomainError], int, str], ...] = (
    (BadKey, 401, "unauthorized"),
    (Forbidden, 403, "permission_denied"),
    (NotFound, 404, "document_not_found"),
    (MissingParameter, 400, "missing_parameter"),
    (OutOfRange, 400, "out_of_range"),
    (AlreadyThere, 400, "duplicate_parameter"),
    (IdentityTaken, 400, "duplicate_parameter"),
    (ListExists, 400, "duplicate_parameter"),
    (AttributeExists, 400, "duplicate_parameter"),
    (TooLarge, 413, "invalid_parameter"),
    (NotJson, 415, "invalid_parameter"),
)


def from_error(error: DomainError) -> HttpResponse:
    """What Brevo would answer: its code for what no other fits is `invalid_parameter`."""
    for kind, status, code in _ANSWERS:
        if isinstance(error, kind):
            return answer(status, code, _sentence(error))
    return answer(400, "invalid_parameter", _sentence(error))


def _sentence(error: DomainError) -> str:
    if isinstance(error, Unacceptable):
        return " ".join(f"{one.field}: {one.message}" for one in error.errors)
    return f"{error.message} {error.hint}".strip()


def from_failure(error: Exception) -> HttpResponse:
    """A clash, an absent database, a value that it cannot store: as our own API tells it, in this form."""
    told = from_database(error)
    if isinstance(error, DataError):
        return from_error(Unstorable())
    problem = json.loads(told.content)
    headers = {"Retry-After": told["Retry-After"]} if told.has_header("Retry-After") else {}
    return answer(told.status_code, problem["code"], problem.get("detail") or problem["title"], headers)


def answer(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An error document."""
    body = json.dumps({"code": code, "message": message}, ensure_ascii=False)
    return HttpResponse(
        body, status=status, content_type="application/json; charset=utf-8", headers=dict(headers or {})
    )


def _presented(request: HttpRequest) -> str:
    secret = request.headers.get("api-key", "").strip()
    if not secret:
        raise BadKey(_("A key is missing."), hint=_("Send api-key: ak_…."))
    return secret


MANNER = Manner(_presented, from_error, from_failure)
