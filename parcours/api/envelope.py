"""What stands around every operation: limits, the key, the workspace's scope, the replay of a repeated request.

The scope is open while the operation runs and while its answer is serialised. A refusal rolls everything back.
"""

import hashlib
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.db import DataError, IntegrityError, OperationalError
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja.operation import Operation
from ninja.params.models import QueryModel

from parcours.accounts import queries as accounts
from parcours.accounts.errors import BadKey
from parcours.accounts.types import Actor, KeyKind
from parcours.api import problems
from parcours.api.models import Replay
from parcours.api.parsing import check_text, is_storable
from parcours.api.unknown_fields import guess
from parcours.kernel import clock, crypto, tenancy
from parcours.kernel.errors import DomainError, Invalid, Malformed, Unstorable

logger = logging.getLogger(__name__)
Run = Callable[..., HttpResponse]
Fault = Callable[[Exception], HttpResponse]

BODY_LIMIT = 32 * 1024
LARGE_BODY_LIMIT = 1024 * 1024
_LARGE = ("/templates/", "/members", "/journeys", "/smtp/email", "/products/batch")
_SEALED_FOR = "api answer"
REPLAY_AGE = timedelta(hours=24)


@dataclass(frozen=True)
class Call:
    """On whose behalf an operation runs, and when."""

    workspace_id: int
    actor: Actor
    now: datetime


class ApiRequest(HttpRequest):
    """A request that went through the envelope."""

    call: Call


class KeyReused(Invalid):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"


class _Refused(Exception):
    """Unwinds the transaction of an operation whose answer is an error."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass(frozen=True)
class Manner:
    """How the callers of one family of addresses present their key, and in which form they are told what went wrong."""

    presented: Callable[[HttpRequest], str]
    from_error: Callable[[DomainError], HttpResponse]
    from_database: Fault


def around(run: Run, manner: Manner | None = None) -> Run:
    """Wrap an operation in the envelope, in our own manner unless another is given."""
    parameters = _query_parameters(run)
    spoken = manner or OURS

    @wraps(run)
    def operation(request: ApiRequest, **path: Any) -> HttpResponse:
        try:
            _check_request(request)
            _check_query(request, parameters)
            key = accounts.workspace_of_key(spoken.presented(request), KeyKind.API)
            actor = Actor(f"API key “{key.name}”", key_id=str(key.pk))
            request.call = Call(key.workspace_id, actor, clock.now())
            with tenancy.scope(workspace_id=key.workspace_id):
                return _run_once(run, request, path)
        except _Refused as refused:
            return refused.response
        except DomainError as error:
            return spoken.from_error(error)
        except DatabaseError as error:
            return spoken.from_database(error)

    return operation


def _check_request(request: HttpRequest) -> None:
    if not all(map(is_storable, (request.path, *request.GET))):
        raise Malformed(_("The address holds a character that cannot be stored."))
    for name, values in request.GET.lists():
        for value in values:
            check_text(value, name)
    limit = LARGE_BODY_LIMIT if any(part in request.path for part in _LARGE) else BODY_LIMIT
    declared = request.headers.get("Content-Length", "0")
    if (declared.isdigit() and int(declared) > limit) or len(request.body) > limit:
        raise problems.TooLarge(_("The body is larger than %(limit)s KB.") % {"limit": limit // 1024})
    if request.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise problems.NotJson(
            _("A compressed body is not taken here."), hint=_("Send it as it is, without Content-Encoding.")
        )
    if request.body and request.content_type != "application/json":
        raise problems.NotJson(_("The body must be JSON."), hint=_("Send Content-Type: application/json."))


def _query_parameters(run: Run) -> list[str]:
    """The names that an operation takes in the query, as ninja has analysed them."""
    operation = getattr(run, "__self__", None)
    models = operation.models if isinstance(operation, Operation) else []
    return [
        name
        for model in models
        if isinstance(model, type) and issubclass(model, QueryModel)
        for name in getattr(model, "__ninja_flatten_map__", {})
    ]


def _check_query(request: HttpRequest, known: Sequence[str]) -> None:
    """A filter that is misspelt, empty or given twice, and passed over, would answer another question than was asked."""
    errors = [
        problems.FieldError(name, problem)
        for name, values in request.GET.lists()
        if (problem := _problem_of(name, values, known))
    ]
    if errors:
        raise problems.Unacceptable(errors)


def _problem_of(name: str, values: Sequence[str], known: Sequence[str]) -> str:
    if name not in known:
        return _("There is no parameter “%(name)s”.") % {"name": name} + guess(name, known)
    if len(values) > 1:
        return _("This is given more than once: give one value.")
    if not values[0].strip() and name != "after":  # before the first page there is nothing
        return _("This is empty: give a value, or leave it out.")
    return ""


def _presented(request: HttpRequest) -> str:
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise BadKey(_("A key is missing."), hint=_("Send Authorization: Bearer ak_…."))
    return secret.strip()


def _run_once(run: Run, request: ApiRequest, path: dict[str, Any]) -> HttpResponse:
    """Run inside the scope; with an Idempotency-Key, answer a repetition from what was answered the first time."""
    presented = request.headers.get("Idempotency-Key", "")
    if not presented or request.method != "POST":
        return _accepted(run(request, **path))
    replay, is_new = _claim(request, presented)
    if not is_new:
        return _again(replay, request)
    response = _accepted(run(request, **path))
    replay.status, replay.body = response.status_code, _sealed(response.content)
    replay.save(update_fields=["status", "body"])
    return response


def _accepted(response: HttpResponse) -> HttpResponse:
    if response.status_code >= 400:
        raise _Refused(response)
    return response


def _claim(request: ApiRequest, presented: str) -> tuple[Replay, bool]:
    """Insert the key; waits for a concurrent request with the same key to commit or roll back."""
    if len(presented) > 200:
        raise Invalid(_("An Idempotency-Key has at most 200 characters."), field="Idempotency-Key")
    call = request.call
    mine = Replay.objects.filter(workspace_id=call.workspace_id)
    mine.filter(at__lt=call.now - REPLAY_AGE).delete()
    return mine.get_or_create(
        workspace_id=call.workspace_id,
        key=presented,
        defaults={"request_digest": _digest(request), "at": call.now},
    )


def _digest(request: HttpRequest) -> bytes:
    return hashlib.sha256(request.path.encode() + b"\0" + request.body).digest()


def _again(replay: Replay, request: HttpRequest) -> HttpResponse:
    if bytes(replay.request_digest) != _digest(request):
        raise KeyReused(
            _("This Idempotency-Key was used for another request."), hint=_("Use a new key for each request.")
        )
    return HttpResponse(
        _opened(replay.body),
        status=replay.status,
        content_type="application/json; charset=utf-8",
        headers={"Idempotent-Replayed": "true"},
    )


def _sealed(answer: bytes) -> str:
    """An answer as it is kept: it may hold a new secret, or people's data."""
    return b64encode(crypto.seal(_SEALED_FOR, answer)).decode()


def _opened(kept: str) -> bytes:
    """The inverse of `_sealed`. Answers that an older version kept, for a day, are plain JSON."""
    if kept.startswith(("{", "[")):
        return kept.encode()
    return crypto.unseal(_SEALED_FOR, b64decode(kept))


def from_database(error: Exception) -> HttpResponse:
    """A clash with a simultaneous change, or a database that is away for a moment, can be tried again; a value cannot."""
    if isinstance(error, IntegrityError):
        detail = {"detail": _("Somebody else changed the same thing at this moment.")}
        return problems.problem(409, "conflict", _("A simultaneous change."), detail, {"Retry-After": "1"})
    if isinstance(error, OperationalError):
        detail = {"detail": _("The database cannot be reached.")}
        return problems.problem(503, "unavailable", _("Unavailable."), detail, {"Retry-After": "5"})
    logger.exception("An API operation failed", exc_info=error)
    if isinstance(error, DataError):
        return problems.from_error(Unstorable())
    return problems.problem(500, "internal", _("Something went wrong here; it was noted."))


OURS = Manner(_presented, problems.from_error, from_database)
