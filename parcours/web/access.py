"""Who may open which page: what a signed-in request carries, and the decorator that names the role a page needs.

Not here: finding the workspace and opening its scope (`web.middleware`), which also refuses pages that name no role.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import resolve
from django.utils.translation import gettext as _

from parcours.accounts.models import Membership, User, Workspace
from parcours.accounts.types import Actor, Role
from parcours.kernel.errors import DomainError, Forbidden

Arguments = ParamSpec("Arguments")


class PageTooSlow(DomainError):
    """A page's question to the database takes too long. Narrow it down, or ask again in a moment."""

    code = "page.too_slow"


class StaffRequest(HttpRequest):
    """A request of a member inside a workspace: what `WorkspaceScope` has found out. `now` is one instant for the whole page."""

    user: User
    workspace: Workspace
    role: Role
    memberships: list[Membership]
    invitations: list[Membership]
    actor: Actor
    now: datetime


View = Callable[Concatenate[StaffRequest, Arguments], HttpResponseBase]


class GuardedView(Protocol):
    """A view that says which role it needs, and how it may be opened."""

    needed_role: Role
    methods: frozenset[str]

    def __call__(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase: ...


def followed(response: HttpResponse, *, is_live: bool) -> HttpResponse:
    """An answer to a part of a page that asks again and again: once there is nothing more to follow, the page is loaded anew.

    Its state and its buttons stand outside the part.
    """
    if not is_live:
        response.headers["HX-Refresh"] = "true"
    return response


def refuse_method(request: HttpRequest, taken: Iterable[str]) -> HttpResponse:
    """A page that leads from an address that only a form can use to the page with the form."""
    context = {"form_page": page_of(request.path)}
    response = render(request, "web/405.html", context, status=405)
    response.headers["Allow"] = ", ".join(sorted(taken))
    return response


def needs(role: Role, *methods: str) -> Callable[[View[Arguments]], GuardedView]:
    """Mark a view with the least role that may open it; `methods` limits how (default GET). Raises Forbidden for others."""

    taken = frozenset(methods or ("GET",))
    taken |= {"HEAD"} if "GET" in taken else set()

    def decorate(view: View[Arguments]) -> GuardedView:
        @wraps(view)
        def guarded(
            request: HttpRequest, *args: Arguments.args, **kwargs: Arguments.kwargs
        ) -> HttpResponseBase:
            staff = cast(StaffRequest, request)
            if request.method not in taken:
                return refuse_method(request, taken)
            if not staff.role.may(role):
                raise Forbidden(
                    _("Your role in this workspace does not allow this."), hint=_("Ask an owner.")
                )
            return view(staff, *args, **kwargs)

        marked = cast(GuardedView, guarded)
        marked.needed_role = role
        marked.methods = taken
        return marked

    return decorate


class FormsOnlyView(Protocol):
    """A view outside workspaces that says how it may be opened."""

    methods: frozenset[str]

    def __call__(self, request: HttpRequest) -> HttpResponse: ...


def forms_only(view: Callable[[HttpRequest], HttpResponse]) -> FormsOnlyView:
    """Mark a view outside workspaces that takes what a form sends. Opened by itself it shows the way to a page, as `needs` does."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        return view(request) if request.method == "POST" else refuse_method(request, {"POST"})

    marked = cast(FormsOnlyView, guarded)
    marked.methods = frozenset({"POST"})
    return marked


def readable(request: HttpRequest) -> str:
    """The address of the page that a request belongs to, as it can be opened again.

    A form that was refused is shown at the address it was sent to, which often takes nothing else.
    """
    return request.get_full_path() if request.method in ("GET", "HEAD") else page_of(request.path)


def page_of(path: str) -> str:
    """The nearest address, from this one upwards, that opens: the page that the form of an address stands on."""
    while path != "/" and not _opens(path):
        path = path.rstrip("/").rpartition("/")[0] + "/"
    return path


def _opens(path: str) -> bool:
    try:
        view = resolve(path).func
    except Http404:
        return False
    return "GET" in getattr(view, "methods", {"GET"})
