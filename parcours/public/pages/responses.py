"""How these pages are answered: never stored, indexed, framed or named to another site, without a cookie."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from parcours.kernel.errors import DomainError, NotFound
from parcours.public.pages.access import OnlyATest, language_for

View = Callable[[HttpRequest, str], HttpResponse]
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cache-Control": "no-store",
}


def public_page(view: View) -> View:
    """A page under a token. The token is the permission, so a request from elsewhere needs no CSRF token (RFC 8058 §3.1)."""

    @csrf_exempt
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponse:
        try:
            response = view(request, token)
        except OnlyATest:
            response = say_it_is_a_test(request)
        except DomainError as error:
            response = explain(request, error)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    return guarded


def page(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render in the language that is active, and say which one it is."""
    response = render(request, f"public/{template}.html", dict(context), status=status)
    response.headers["Content-Language"] = translation.get_language() or "en"
    return response


def explain(request: HttpRequest, error: DomainError) -> HttpResponse:
    """One calm page for every link that leads nowhere, whatever the reason."""
    status = 404 if isinstance(error, NotFound) else 422
    with translation.override(language_for("", request)):
        return page(request, "nowhere", {}, status=status)


def say_it_is_a_test(request: HttpRequest) -> HttpResponse:
    """Every link of a test leads here, and a mail program's POST too. Its reader is a member of the workspace, not the contact."""
    with translation.override(language_for("", request)):
        return page(request, "only_a_test", {})
