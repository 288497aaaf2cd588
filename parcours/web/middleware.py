"""What surrounds every page: the content security policy, the reader's language, and the workspace that a page works in.

Not here: who may do what inside a workspace (`web.access`).
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.db import DataError, OperationalError
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.utils import timezone, translation
from django.utils.translation import gettext
from psycopg.errors import QueryCanceled

from parcours.accounts.models import Membership, User
from parcours.accounts.types import Actor, Role
from parcours.kernel import clock, sql, tenancy
from parcours.kernel.errors import Conflict, DomainError, Forbidden, NotFound, TooOften, Unstorable
from parcours.web.access import PageTooSlow, StaffRequest, readable

logger = logging.getLogger(__name__)
GetResponse = Callable[[HttpRequest], HttpResponseBase]
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "frame-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
STATUSES: dict[type[DomainError], int] = {
    PageTooSlow: 503,
    NotFound: 404,
    Forbidden: 403,
    Conflict: 409,
    TooOften: 429,
}
SECONDS: dict[str, float] = {"GET": 5, "HEAD": 5}
"""How long one statement of a page may take; one that changes something gets more, since it must be possible at all."""
SECONDS_TO_CHANGE = 60


class ContentSecurityPolicy:
    """No inline script or style, nothing from elsewhere. A page that shows a customer's mail sets a policy of its own."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class NotKept:
    """No browser and no proxy keeps an answer that does not say for how long: it shows people, or a secret that is shown once."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class ReaderLanguage:
    """The user's own language, else the cookie's, else the browser's; English when none of them is ours."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        translation.activate(translation.get_language_from_request(request))
        try:
            response = self.get_response(request)
            response.headers.setdefault(
                "Content-Language", translation.get_language() or settings.LANGUAGE_CODE
            )
        finally:
            translation.deactivate()
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        speak(request)


def speak(request: HttpRequest) -> None:
    """In the language that the user has chosen, if any."""
    if (language := getattr(request.user, "language", "")) in dict(settings.LANGUAGES):
        translation.activate(language)


class FirstPassword:
    """Whoever signs in with a first password, which somebody else has seen, chooses one of their own before anything else."""

    STAFF = ("/w/", "/account/")
    OPEN = frozenset({"account_change_password", "account_logout", "choose_language", "choose_theme"})

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        name = request.resolver_match.url_name if request.resolver_match else None
        if not request.path.startswith(self.STAFF) or name in self.OPEN:
            return None
        if getattr(request.user, "has_first_password", False):
            return redirect("account_change_password")
        return None


class WorkspaceScope:
    """Addresses `/w/<workspace>/…`: members only, 404 for others, one transaction for the view and its template.

    The view is called from here, not further in, so that its exception ends the transaction with a rollback.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if "workspace" not in kwargs:
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(readable(request))
        if not hasattr(view, "needed_role"):
            raise ImproperlyConfigured(f"{view!r} does not say which role it needs (web.access.needs)")
        staff = enter(request, kwargs["workspace"])
        rest = {name: value for name, value in kwargs.items() if name != "workspace"}
        try:
            return respond(staff, view, rest)
        except DomainError as error:
            return explain(staff, error)
        except DataError as error:
            logger.exception("A page was asked for what the database cannot take", exc_info=error)
            return explain(staff, Unstorable())
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
            return explain(staff, too_slow())


def too_slow() -> PageTooSlow:
    """What a page says instead of keeping its reader, and everybody else, waiting."""
    return PageTooSlow(
        gettext("This page takes too long for as much data as there is."),
        hint=gettext("Narrow the question down, or try again in a moment. Nothing was changed."),
    )


def enter(request: HttpRequest, slug: str) -> StaffRequest:
    """Find the workspace among the user's own, and note it on the request. Raises Http404 for everybody else."""
    staff = cast(StaffRequest, request)
    user = cast(User, request.user)
    with tenancy.scope(user_id=user.pk):
        memberships = (
            Membership.objects.filter(user=user).select_related("workspace").order_by("workspace__name")
        )
        everything = list(memberships)
    staff.memberships = [each for each in everything if each.invitation is None]
    staff.invitations = [each for each in everything if each.invitation is not None]
    membership = next((each for each in staff.memberships if each.workspace.slug == slug), None)
    if membership is None:
        raise Http404
    staff.workspace = membership.workspace
    staff.role = Role(membership.role)
    staff.actor = Actor(label=user.email, user_id=user.pk)
    staff.now = clock.now()
    if "%00" in request.META.get("QUERY_STRING", ""):
        staff.GET = without_nul(request.GET)  # type: ignore[assignment]  # nobody changes it
    return staff


def without_nul(query: QueryDict) -> QueryDict:
    """What an address asks, without the one character that PostgreSQL takes in no text."""
    kept = QueryDict(mutable=True)
    for name, values in query.lists():
        kept.setlist(name, [value.replace("\0", "") for value in values])
    return kept


def respond(
    request: StaffRequest, view: Callable[..., HttpResponseBase], kwargs: dict[str, Any]
) -> HttpResponseBase:
    """Call the view and render its template inside the workspace's scope and the reader's time zone."""
    with ExitStack() as around:
        around.enter_context(tenancy.scope(workspace_id=request.workspace.pk, user_id=request.user.pk))
        seconds = SECONDS.get(request.method or "", SECONDS_TO_CHANGE)
        sql.scalar(
            "SELECT set_config('statement_timeout', %(limit)s, true)", {"limit": f"{seconds * 1000:.0f}ms"}
        )
        around.enter_context(
            timezone.override(ZoneInfo(request.user.time_zone or request.workspace.time_zone))
        )
        response = view(request, **kwargs)
        if isinstance(response, TemplateResponse):
            response.render()
        return response


def explain(request: StaffRequest, error: DomainError) -> HttpResponseBase:
    """A page that says what cannot be done, and how to mend it."""
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 422)
    return render(request, "web/error.html", {"error": error, "status": status}, status=status)
