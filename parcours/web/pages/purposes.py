"""Compliance: purposes with how many agreed, the ledger of one purpose, finding the proof for an address."""

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from parcours.accounts.types import Role
from parcours.consent import queries
from parcours.consent.models import Purpose, Record, State
from parcours.consent.types import Act
from parcours.contacts.models import Contact, Identity
from parcours.kernel.errors import NotFound
from parcours.web import paging
from parcours.web.access import StaffRequest, needs
from parcours.web.rules import Sayer


@needs(Role.VIEWER)
def purposes(request: StaffRequest) -> HttpResponse:
    """May we, and can we prove it? An address in the search leads straight to its proof."""
    own = request.workspace.pk
    address = request.GET.get("address", "").strip().lower().replace("\0", "")[:254]
    if address:
        identity = Identity.objects.filter(workspace_id=own, kind="email", value=address).first()
        if identity is not None:
            return redirect("contact_proof", request.workspace.slug, identity.contact_id)
    counted = State.objects.filter(workspace_id=own).values("purpose_id", "act").annotate(people=Count("pk"))
    said: dict[int, dict[str, int]] = {}
    for row in counted.order_by():
        said.setdefault(row["purpose_id"], {})[row["act"]] = row["people"]
    context = {
        "rows": [(each, figures(said.get(each.pk, {}))) for each in queries.purposes(own)],
        "address": address,
    }
    return render(request, "web/purposes/list.html", context)


def figures(said: dict[str, int]) -> dict[str, int]:
    """How many agreed, wait, and refused."""
    refused = said.get(Act.WITHDRAWN.value, 0) + said.get(Act.OBJECTED.value, 0)
    return {
        "granted": said.get(Act.GRANTED.value, 0),
        "requested": said.get(Act.REQUESTED.value, 0),
        "refused": refused,
    }


@needs(Role.VIEWER)
def purpose(request: StaffRequest, code: str) -> HttpResponse:
    """One purpose: basis, whom it covers, and its ledger, newest first."""
    own = request.workspace.pk
    found = Purpose.objects.filter(workspace_id=own, code=code).first()
    if found is None:
        raise NotFound(gettext("There is no such purpose."))
    records = Record.objects.filter(workspace_id=own, purpose=found)
    page = paging.newest_first(records, "at", request.GET.get("after", ""))
    people = Contact.objects.in_bulk({each.contact_id for each in page.rows})
    for each in page.rows:
        each.person = people.get(each.contact_id)  # type: ignore[attr-defined]  # for the template
    context = {
        "purpose": found,
        "covers": Sayer(own).rule(found.audience) if found.audience else "",
        "page": page,
        "records": page.rows,
        "people": True,
    }
    return render(request, "web/purposes/one.html", context)
