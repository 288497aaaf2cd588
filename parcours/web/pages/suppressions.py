"""Addresses that are never written to: the list with cause and date, excluding one by hand, lifting one.

Only a keyed hash of an address is kept: it is shown where the person is still known, and found by whoever can name it.
"""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts.types import Role
from parcours.consent import actions, queries
from parcours.consent.models import Suppression
from parcours.consent.types import Channel, SuppressionReason
from parcours.contacts import queries as contacts
from parcours.contacts.types import IdentityKind
from parcours.kernel.errors import NotFound
from parcours.web import paging
from parcours.web.access import StaffRequest, needs


class SuppressForm(forms.Form):
    """An address that is not to be written to any more."""

    address = forms.EmailField(label=_("E-mail address"), max_length=254)
    why = forms.CharField(
        label=_("Why"),
        max_length=400,
        help_text=_("For instance: asked for it by letter. It is kept. Do not write the address itself."),
    )


@dataclass(frozen=True)
class Row:
    """An entry of the list. `is_current`: the address is the one that the person has now."""

    suppression: Suppression
    is_current: bool


@needs(Role.VIEWER)
def suppressions(request: StaffRequest) -> HttpResponse:
    """Who is never written to, since when and why; an address in the search finds its entry."""
    return render_list(request, SuppressForm())


@needs(Role.EDITOR, "POST")
def add(request: StaffRequest) -> HttpResponse:
    """Exclude an address by hand."""
    own = request.workspace.pk
    form = SuppressForm(request.POST)
    if not form.is_valid():
        return render_list(request, form)
    address = form.cleaned_data["address"]
    person = contacts.contact_of(own, IdentityKind.EMAIL, address)
    with transaction.atomic():
        is_new = actions.suppress(
            own,
            Channel.EMAIL,
            address,
            SuppressionReason.MANUAL,
            detail=form.cleaned_data["why"],
            contact_id=person.id if person else None,
            actor=request.actor,
            now=request.now,
        )
    if is_new:
        messages.success(request, gettext("Excluded. Nothing is sent to this address any more."))
    else:
        messages.info(request, gettext("This address was excluded already."))
    return redirect("suppressions", request.workspace.slug)


@needs(Role.EDITOR, "GET", "POST")
def lift(request: StaffRequest, suppression_id: int) -> HttpResponse:
    """Say what lifting means, and (POST) lift."""
    own = request.workspace.pk
    found = queries.suppression_by_id(own, suppression_id)
    if found is None:
        raise NotFound(gettext("This address is not suppressed."))
    if request.method == "POST":
        actions.lift_suppression_by_id(own, suppression_id, actor=request.actor, now=request.now)
        messages.success(request, gettext("Lifted. The address may be written to again."))
        return redirect("suppressions", request.workspace.slug)
    return render(request, "web/suppressions/lift.html", {"row": row(own, found)})


def render_list(request: StaffRequest, form: SuppressForm) -> HttpResponse:
    """The page of the list, with the form as it stands."""
    own = request.workspace.pk
    address = request.GET.get("address", "").strip()[:254]
    found = queries.suppressions(own)
    if address:
        found = found.filter(address_hash=queries.address_hash(own, Channel.EMAIL, address))
    page = paging.newest_first(found, "at", request.GET.get("after", ""))
    context = {
        "page": page,
        "rows": [row(own, each) for each in page.rows],
        "address": address,
        "form": form,
    }
    return render(request, "web/suppressions/list.html", context, status=422 if form.errors else 200)


def row(workspace_id: int, found: Suppression) -> Row:
    """The entry, and whether it is still the address of its person."""
    email = found.contact.email if found.contact else None
    if not email:
        return Row(found, is_current=False)
    hashed = queries.address_hash(workspace_id, found.channel, email)
    return Row(found, is_current=hashed == bytes(found.address_hash))
