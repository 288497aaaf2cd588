"""Settings: the workspace, its members, its keys (a secret is shown once), how it sends, and who changed what."""

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.conf import settings as django_settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts import actions, queries
from parcours.accounts.models import Membership, Workspace
from parcours.accounts.types import KeyKind, Role
from parcours.delivery import settings as delivery
from parcours.delivery.composing import bounce_domain
from parcours.delivery.models import Sending
from parcours.delivery.types import ClickTracking
from parcours.kernel.errors import DomainError, NotFound
from parcours.web import paging
from parcours.web.access import StaffRequest, needs
from parcours.web.forms import put
from parcours.web.trail_names import names

ZONES = [(zone, zone) for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"]
CURRENCIES = [("EUR", "€"), ("GBP", "£"), ("USD", "US$"), ("CHF", "CHF"), ("CAD", "CA$")]
ROLES = [
    (Role.OWNER.value, _("Owner: everything")),
    (Role.EDITOR.value, _("Editor: writes and sends")),
    (Role.ANALYST.value, _("Analyst: reads and exports")),
    (Role.VIEWER.value, _("Viewer: reads")),
]


class WorkspaceForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Who sends, and in which language, zone and currency."""

    time_zone = forms.ChoiceField(label=_("Time zone"), choices=ZONES)
    language = forms.ChoiceField(label=_("Language of messages"), choices=django_settings.LANGUAGES)
    currency = forms.ChoiceField(label=_("Currency"), choices=CURRENCIES)

    class Meta:
        model = Workspace
        fields = (
            *("name", "legal_name", "legal_address", "language", "time_zone", "currency"),
            "tracking_consent",
        )
        labels = {
            "name": _("Name"),
            "legal_name": _("Legal name"),
            "legal_address": _("Postal address"),
            "tracking_consent": _("Category of consent to be tracked"),
        }
        help_texts = {
            "legal_address": _("The law wants both at the foot of every commercial message."),
            "tracking_consent": _(
                "As your site's consent banner calls it, for example analytics. What visitors without a name do is then kept"
                " only if they consented to it. Empty: it is kept without asking."
            ),
        }


@needs(Role.VIEWER)
def workspace(request: StaffRequest) -> HttpResponse:
    """What the workspace is called and where it is."""
    return render(request, "web/settings/workspace.html", {"form": WorkspaceForm(instance=request.workspace)})


@needs(Role.OWNER, "POST")
def change_workspace(request: StaffRequest) -> HttpResponse:
    """Change what is written there."""
    fresh = Workspace.objects.get(pk=request.workspace.pk)
    form = WorkspaceForm(request.POST, instance=fresh)
    if form.is_valid():
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if changes:
            stored = Workspace.objects.get(pk=request.workspace.pk)
            actions.change_workspace(stored, changes, actor=request.actor, now=request.now)
        messages.success(request, gettext("Saved."))
        return redirect("settings", request.workspace.slug)
    return render(request, "web/settings/workspace.html", {"form": form}, status=422)


# Members


class MemberForm(forms.Form):
    """A new member. Somebody who has no account yet gets one, with a first password that the owner passes on."""

    email = forms.EmailField(label=_("E-mail address"), max_length=254)
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, initial=Role.EDITOR.value)


@needs(Role.VIEWER)
def members(request: StaffRequest) -> HttpResponse:
    """Who works here, and as what."""
    return render_members(request, MemberForm())


def render_members(request: StaffRequest, form: MemberForm, **more: Any) -> HttpResponse:
    """The page of members, with the form as it stands and perhaps the first password of a new account."""
    context = {"members": queries.members(request.workspace.pk), "form": form, "roles": ROLES, **more}
    return render(request, "web/settings/members.html", context, status=422 if form.errors else 200)


@needs(Role.OWNER, "POST")
def add_member(request: StaffRequest) -> HttpResponse:
    """Add a member, making an account when the address has none, inviting whoever holds it when it has one."""
    form = MemberForm(request.POST)
    if not form.is_valid():
        return render_members(request, form)
    email, role = form.cleaned_data["email"].lower(), Role(form.cleaned_data["role"])
    try:
        invited = actions.invite(request.workspace.pk, email, role, actor=request.actor, now=request.now)
    except DomainError as error:
        put(form, error, field="role")
        return render_members(request, form)
    if invited.code:
        link = f"{django_settings.BASE_URL}{reverse('invitations')}?code={invited.code}"
        return render_members(request, MemberForm(), new_email=email, invitation=link)
    messages.success(request, gettext("%(email)s is a member now.") % {"email": email})
    if invited.password:
        return render_members(request, MemberForm(), new_email=email, new_password=invited.password)
    return redirect("settings_members", request.workspace.slug)


@needs(Role.OWNER, "POST")
def change_member(request: StaffRequest, member_id: int) -> HttpResponse:
    """Give a member another role, or take the access away."""
    own = request.workspace.pk
    found = access_member(request, member_id)
    wanted = request.POST.get("role", "")
    if wanted == "remove":
        actions.remove_member(own, found.user, actor=request.actor, now=request.now)
        messages.success(request, gettext("%(email)s has no access any more.") % {"email": found.user.email})
    elif wanted in {role.value for role in Role}:
        actions.set_member(own, found.user, Role(wanted), actor=request.actor, now=request.now)
        messages.success(request, gettext("Saved."))
    if found.user_id == request.user.pk:
        return redirect("start")
    return redirect("settings_members", request.workspace.slug)


def access_member(request: StaffRequest, member_id: int) -> Membership:
    """The member of this workspace, with the account."""
    found = Membership.objects.filter(workspace_id=request.workspace.pk, pk=member_id).select_related("user")
    if (member := found.first()) is None:
        raise NotFound(gettext("There is no such member."))
    return member


@needs(Role.OWNER, "POST")
def renew_password(request: StaffRequest, member_id: int) -> HttpResponse:
    """Give a member who cannot sign in a new first password, and show it, this once."""
    user = access_member(request, member_id).user
    if user.pk == request.user.pk:
        return redirect("account_change_password")
    password = actions.renew_password(request.workspace.pk, user, actor=request.actor, now=request.now)
    return render_members(request, MemberForm(), new_email=user.email, new_password=password)


# Keys


class KeyForm(forms.Form):
    """A new key."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("What uses it, for instance “shop”."))
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            (KeyKind.WRITE.value, _("Events of a shop or site")),
            (KeyKind.API.value, _("API: reads and writes everything")),
        ],
    )


@needs(Role.OWNER)
def keys(request: StaffRequest) -> HttpResponse:
    """The keys of machines."""
    return render_keys(request, KeyForm())


def render_keys(request: StaffRequest, form: KeyForm, **more: Any) -> HttpResponse:
    """The page of keys, with the form as it stands and perhaps the secret of a new one."""
    context = {
        "keys": queries.keys(request.workspace.pk),
        "form": form,
        "base_url": django_settings.BASE_URL,
        **more,
    }
    return render(request, "web/settings/keys.html", context, status=422 if form.errors else 200)


@needs(Role.OWNER, "POST")
def add_key(request: StaffRequest) -> HttpResponse:
    """Make a key and show its secret, this once."""
    form = KeyForm(request.POST)
    if not form.is_valid():
        return render_keys(request, form)
    kind = KeyKind(form.cleaned_data["kind"])
    made = actions.create_key(
        request.workspace.pk, kind, form.cleaned_data["name"], actor=request.actor, now=request.now
    )
    return render_keys(request, KeyForm(), made=made)


@needs(Role.OWNER, "POST")
def revoke_key(request: StaffRequest, key_id: UUID) -> HttpResponse:
    """Make a key useless from now on."""
    actions.revoke_key(request.workspace.pk, str(key_id), actor=request.actor, now=request.now)
    messages.success(request, gettext("Revoked. Whoever uses it is refused from now on."))
    return redirect("settings_keys", request.workspace.slug)


# Sending


class SendingForm(forms.Form):
    """From whom messages come, when marketing may arrive, and how much of it."""

    from_name = forms.CharField(label=_("Sender's name"), max_length=120)
    from_email = forms.EmailField(label=_("Sender's address"), max_length=254)
    reply_to = forms.EmailField(label=_("Replies go to"), max_length=254, required=False)
    quiet_from = forms.TimeField(
        label=_("Quiet hours from"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        label=_("until"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Marketing does not leave then, in each person's own time zone."),
    )
    marketing_per_day = forms.IntegerField(
        label=_("Marketing messages per person and day, at most"), min_value=1, max_value=20
    )
    click_tracking = forms.ChoiceField(
        label=_("Whose clicks are recorded"),
        choices=[
            (ClickTracking.CONSENTED.value, _("Those of people who agree to it")),
            (ClickTracking.EVERYONE.value, _("Everybody's")),
        ],
    )


@needs(Role.VIEWER)
def sending(request: StaffRequest) -> HttpResponse:
    """How this workspace sends, with the DNS record of its signature."""
    found = Sending.objects.filter(workspace_id=request.workspace.pk).first()
    initial = {name: getattr(found, name) for name in SendingForm.base_fields} if found else {}
    return render_sending(request, SendingForm(initial=initial))


def render_sending(request: StaffRequest, form: SendingForm) -> HttpResponse:
    """The page of sending, with the form as it stands."""
    found = Sending.objects.filter(workspace_id=request.workspace.pk).first()
    context = {
        "form": form,
        "sending": found,
        "record": delivery.dns_record(found) if found else None,
        "bounce_domain": bounce_domain(found) if found else "",
    }
    return render(request, "web/settings/sending.html", context, status=422 if form.errors else 200)


@needs(Role.OWNER, "POST")
def change_sending(request: StaffRequest) -> HttpResponse:
    """Change how this workspace sends."""
    form = SendingForm(request.POST)
    if form.is_valid():
        try:
            with transaction.atomic():
                delivery.change_sending(
                    request.workspace.pk, form.cleaned_data, actor=request.actor, now=request.now
                )
        except DomainError as error:
            put(form, error)
        else:
            messages.success(request, gettext("Saved."))
            return redirect("settings_sending", request.workspace.slug)
    return render_sending(request, form)


@needs(Role.OWNER, "POST")
def hold_sending(request: StaffRequest) -> HttpResponse:
    """Pause all sending, or go on."""
    own = request.workspace.pk
    if request.POST.get("move") == "resume":
        delivery.resume_sending(own, actor=request.actor, now=request.now)
        messages.success(request, gettext("Sending goes on."))
    else:
        delivery.pause_sending(own, gettext("by hand"), actor=request.actor, now=request.now)
        messages.success(request, gettext("Nothing leaves until you resume."))
    return redirect("settings_sending", request.workspace.slug)


@needs(Role.OWNER)
def trail(request: StaffRequest) -> HttpResponse:
    """Who changed what, newest first."""
    page = paging.newest_first(queries.audit_trail(request.workspace.pk), "at", request.GET.get("after", ""))
    context = {"page": page, "names": names(request.workspace.pk, page.rows)}
    return render(request, "web/settings/trail.html", context)
