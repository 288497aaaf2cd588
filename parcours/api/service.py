"""The REST API as one object: its routes, its errors, its OpenAPI document.

There is no page that renders the document: such pages load scripts from elsewhere, which our policy refuses.
"""

import json
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError, ValidationErrorContext
from ninja.security import HttpBearer

from parcours.api import problems
from parcours.api.envelope import Call, around, from_database
from parcours.api.parsing import StrictParser
from parcours.api.problems import FieldError, Unacceptable
from parcours.api.routes import (
    attributes,
    campaigns,
    contacts,
    events,
    journeys,
    lists,
    messages,
    products,
    purposes,
    segments,
    suppressions,
    templates,
    webhooks,
)
from parcours.api.schemas import FieldProblem, Problem
from parcours.api.unknown_fields import told
from parcours.kernel.errors import DomainError, Malformed


class BearerKey(HttpBearer):
    """How the document says that a key is needed. The envelope has checked it before an operation runs."""

    openapi_description = "An API key of the workspace: `Authorization: Bearer ak_…`"

    def authenticate(self, request: HttpRequest, token: str) -> Call | None:
        return getattr(request, "call", None)


class Api(NinjaAPI):
    """ninja's object with our errors."""

    def validation_error_from_error_contexts(
        self, error_contexts: list[ValidationErrorContext[Any]]
    ) -> ValidationError:
        """Keep the field errors with the names as the caller wrote them."""
        return ValidationError([{"field": one.field, "message": one.message} for one in told(error_contexts)])

    def on_exception(self, request: HttpRequest, exc: Exception | type[Exception]) -> HttpResponse:
        """Every error as a problem document; the envelope then rolls back what the operation did."""
        if isinstance(exc, DomainError):
            return problems.from_error(exc)
        if isinstance(exc, ValidationError):
            return problems.from_error(Unacceptable([FieldError(**one) for one in exc.errors]))
        if isinstance(exc, HttpError):
            cause = exc.__cause__
            return problems.from_error(cause if isinstance(cause, DomainError) else Malformed(str(exc)))
        return from_database(exc if isinstance(exc, Exception) else exc())


api = Api(
    title="Parcours",
    version="1",
    description="Contacts, consents, messages with their verdicts, segments, journeys, campaigns and products of one workspace.",
    urls_namespace="api",
    docs_url=None,
    openapi_url="",
    auth=BearerKey(),
    parser=StrictParser(),
)
api.add_decorator(around, mode="view")
for prefix, router in (
    ("/contacts", contacts.router),
    ("/messages", messages.router),
    ("/lists", lists.router),
    ("/attributes", attributes.router),
    ("/segments", segments.router),
    ("/journeys", journeys.router),
    ("/campaigns", campaigns.router),
    ("/templates", templates.router),
    ("/purposes", purposes.router),
    ("/suppressions", suppressions.router),
    ("/products", products.router),
    ("/events", events.router),
    ("/webhooks", webhooks.router),
):
    api.add_router(prefix, router, tags=[prefix.strip("/")])


@cache
def document() -> str:
    """The OpenAPI document: ninja's, with the problem document as every operation's other answer."""
    described: dict[str, Any] = api.get_openapi_schema(path_prefix="/api/v1/")
    described["components"]["schemas"] |= {
        name: schema
        for part in (Problem, FieldProblem)
        for name, schema in {part.__name__: _plain_schema(part)}.items()
    }
    refusal = {
        "description": "A problem (RFC 9457)",
        "content": {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in described["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = refusal
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def _plain_schema(part: type[Schema]) -> dict[str, Any]:
    schema = part.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema
