"""What a reader chooses for themselves: language, theme and, when signed in, name and time zone."""

from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts.actions import change_profile
from parcours.accounts.models import User
from parcours.kernel import clock
from parcours.web.access import forms_only

YEAR = 365 * 24 * 3600
ZONES = [("", "–"), *((zone, zone) for zone in sorted(available_timezones()) if "/" in zone)]


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """How Parcours speaks to a user, and in which zone it tells the time."""

    language = forms.ChoiceField(
        label=_("Language"), choices=[("", _("As the browser asks")), *settings.LANGUAGES], required=False
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=ZONES, required=False, help_text=_("Empty: the workspace's time zone.")
    )

    class Meta:
        model = User
        fields = ("name", "language", "time_zone")
        labels = {"name": _("Name")}


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """The user's own page: name, language, time zone, ways to password and two-factor sign-in."""
    user = request.user
    assert isinstance(user, User)
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        stored = User.objects.get(pk=user.pk)  # the form has written on `user` already
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        change_profile(stored, changes, now=clock.now())
        messages.success(request, gettext("Saved."))
        return redirect("profile")
    return render(request, "web/profile.html", {"form": form}, status=422 if form.errors else 200)


@forms_only
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keep the language in the cookie, and for a user with their account."""
    response = redirect(safe_return(request))
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        if isinstance(request.user, User) and request.user.language != language:
            change_profile(request.user, {"language": language}, now=clock.now())
        keep(response, settings.LANGUAGE_COOKIE_NAME, language)
    return response


@forms_only
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keep light or dark in a cookie; anything else goes back to what the system says."""
    response = redirect(safe_return(request))
    theme = request.POST.get("theme", "")
    if theme in ("light", "dark"):
        keep(response, "parcours_theme", theme)
    else:
        response.delete_cookie("parcours_theme")
    return response


def keep(response: HttpResponse, name: str, value: str) -> None:
    """Set a cookie for a year."""
    response.set_cookie(name, value, max_age=YEAR, httponly=True, samesite="Lax", secure=settings.SECURE)


def safe_return(request: HttpRequest) -> str:
    """Where the form was, as long as that is one of our own pages."""
    wanted = request.POST.get("next", "")
    return wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else "/"
