"""The calls as one object. It has no document of its own: Brevo's describes them."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError, ValidationErrorContext

from parcours.api.brevo import account, contacts, events, lists, messages
from parcours.api.brevo.problems import MANNER, MissingParameter, from_error, from_failure
from parcours.api.envelope import around
from parcours.api.parsing import StrictParser
from parcours.api.problems import FieldError, Unacceptable
from parcours.api.unknown_fields import told
from parcours.kernel.errors import DomainError, Malformed


class _Missing(ValidationError):
    """At least one value is missing, for which Brevo has a code of its own."""


class BrevoApi(NinjaAPI):
    """ninja's object with Brevo's errors."""

    def validation_error_from_error_contexts(
        self, error_contexts: list[ValidationErrorContext[Any]]
    ) -> ValidationError:
        """Keep the field errors with the names as the caller wrote them."""
        found = [{"field": one.field, "message": one.message} for one in told(error_contexts)]
        is_missing = any(
            error["type"] == "missing"
            for context in error_contexts
            for error in context.pydantic_validation_error.errors(include_url=False, include_input=False)
        )
        return _Missing(found) if is_missing else ValidationError(found)

    def on_exception(self, request: HttpRequest, exc: Exception | type[Exception]) -> HttpResponse:
        """Every error in Brevo's form; the envelope then rolls back what the call did."""
        if isinstance(exc, DomainError):
            return from_error(exc)
        if isinstance(exc, ValidationError):
            kind = MissingParameter if isinstance(exc, _Missing) else Unacceptable
            return from_error(kind([FieldError(**one) for one in exc.errors]))
        if isinstance(exc, HttpError):
            cause = exc.__cause__
            return from_error(cause if isinstance(cause, DomainError) else Malformed(str(exc)))
        return from_failure(exc if isinstance(exc, Exception) else exc())


api = BrevoApi(
    title="Parcours, as Brevo's clients see it",
    version="3",
    urls_namespace="brevo",
    docs_url=None,
    openapi_url="",
    parser=StrictParser(),
)
api.add_decorator(partial(around, manner=MANNER), mode="view")
for prefix, router in (
    ("/account", account.router),
    ("/contacts/lists", lists.router),
    ("/contacts", contacts.router),
    ("/events", events.router),
    ("/smtp/email", messages.router),
):
    api.add_router(prefix, router)
