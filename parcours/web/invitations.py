"""Invitations that wait for somebody who has an account already: accepted with the code that the inviting owner passed on.

Not here: inviting (`web.pages.settings`).
"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from parcours.accounts import actions, queries
from parcours.accounts.errors import NoInvitation
from parcours.accounts.models import User
from parcours.kernel import clock


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def invitations(request: HttpRequest) -> HttpResponse:
    """What waits for the user: accept it with its code, or decline it."""
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST" and "accept" in request.POST:
        return accept(request, user)
    if request.method == "POST" and request.POST.get("decline", "").isdecimal():
        actions.decline_invitation(user, int(request.POST["decline"][:9]), now=clock.now())
        messages.success(request, gettext("Declined."))
        return redirect("start")
    return page(request, user)


def accept(request: HttpRequest, user: User) -> HttpResponse:
    """Become a member, and go there."""
    try:
        membership = actions.accept_invitation(user, request.POST.get("code", "").strip(), now=clock.now())
    except NoInvitation:
        return page(request, user, error=gettext("No invitation has this code. Ask whoever invited you."))
    messages.success(request, gettext("Welcome."))
    return redirect("home", membership.workspace.slug)


def page(request: HttpRequest, user: User, error: str = "") -> HttpResponse:
    """All invitations of the user, with the code of the link that they followed."""
    code = request.POST.get("code", request.GET.get("code", ""))[:100]
    context = {"waiting": queries.invitations(user), "code": code, "error": error}
    return render(request, "web/invitations.html", context, status=422 if error else 200)
