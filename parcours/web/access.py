"""Who may open which page: what a signed-in request carries, and the decorator that names the role a page needs.

Not here: finding the workspace and opening its scope (`web.middleware`), which also refuses pages that name no role.
"""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

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
    """A view that says which role it needs."""

    needed_role: Role

    def __call__(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase: ...


def followed(response: HttpResponse, *, is_live: bool) -> HttpResponse:
    """An answer to a part of a page that asks again and again: once there is nothing more to follow, the page is loaded anew.

    Its state and its buttons stand outside the part.
    """
    if not is_live:
        response.headers["HX-Refresh"] = "true"
    return response


def needs(role: Role, *methods: str) -> Callable[[View[Arguments]], GuardedView]:
    """Mark a view with the least role that may open it; `methods` limits how (default GET). Raises Forbidden for others."""

    taken = methods or ("GET",)

    def decorate(view: View[Arguments]) -> GuardedView:
        @require_http_methods([*taken, *(["HEAD"] if "GET" in taken else [])])
        @wraps(view)
        def guarded(
            request: HttpRequest, *args: Arguments.args, **kwargs: Arguments.kwargs
        ) -> HttpResponseBase:
            staff = cast(StaffRequest, request)
            if not staff.role.may(role):
                raise Forbidden(
                    _("Your role in this workspace does not allow this."), hint=_("Ask an owner.")
                )
            return view(staff, *args, **kwargs)

        marked = cast(GuardedView, guarded)
        marked.needed_role = role
        return marked

    return decorate
