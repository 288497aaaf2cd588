"""Messages: the list by verdict, one message with its reasons, attempts and content, settling a doubt."""

from uuid import UUID

from django.contrib import messages as flash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_noop

from parcours.accounts.types import Role
from parcours.consent import queries as consent
from parcours.contacts.models import Contact
from parcours.delivery import actions
from parcours.delivery.errors import UnknownMessage
from parcours.delivery.models import Attempt, Message, Return
from parcours.delivery.types import MessageState
from parcours.web import paging
from parcours.web.access import StaffRequest, needs
from parcours.web.rules import Sayer

FILTERS = {
    "sent": gettext_noop("Sent"),
    "queued": gettext_noop("Waiting or delayed"),
    "withheld": gettext_noop("Withheld"),
    "failed": gettext_noop("Failed"),
    "in_doubt": gettext_noop("In doubt"),
    "cancelled": gettext_noop("Cancelled"),
}


@needs(Role.VIEWER)
def messages(request: StaffRequest) -> HttpResponse:
    """Every message, newest first, by state and purpose."""
    own = request.workspace.pk
    found = Message.objects.filter(workspace_id=own).select_related("mailing__purpose")
    state, purpose = request.GET.get("state", ""), request.GET.get("purpose", "")
    if state in FILTERS:
        found = found.filter(state=state)
    if purpose:
        found = found.filter(mailing__purpose__code=purpose)
    page = paging.newest_first(found, "queued_at", request.GET.get("after", ""))
    people = Contact.objects.in_bulk({each.contact_id for each in page.rows})
    context = {
        "page": page,
        "rows": [(each, people.get(each.contact_id)) for each in page.rows],
        "filters": FILTERS,
        "state": state,
        "purpose": purpose,
        "purposes": [each for each in consent.purposes(own) if not each.is_measuring],
    }
    return render(request, "web/messages/list.html", context)


@needs(Role.VIEWER)
def message(request: StaffRequest, message_id: UUID) -> HttpResponse:
    """One message: verdict with reasons, what happened to it, every attempt, what came back, what it said."""
    found = access_message(request, message_id)
    own = request.workspace.pk
    context = {
        "message": found,
        "contact": Contact.objects.filter(workspace_id=own, pk=found.contact_id).first(),
        "reasons": Sayer(own).reasons(found.reasons),
        "attempts": Attempt.objects.filter(workspace_id=own, message_id=message_id).order_by("fence"),
        "returns": Return.objects.filter(workspace_id=own, message_id=message_id).order_by("at"),
        "is_in_doubt": found.state == MessageState.IN_DOUBT.value,
    }
    return render(request, "web/messages/one.html", context)


def access_message(request: StaffRequest, message_id: UUID) -> Message:
    """The message at this address; UnknownMessage when it is not one of this workspace."""
    messages_here = Message.objects.filter(workspace_id=request.workspace.pk, pk=message_id)
    found = messages_here.select_related("mailing__purpose", "mailing__template_version__template").first()
    if found is None:
        raise UnknownMessage(gettext("There is no such message in this workspace."))
    return found


@needs(Role.EDITOR, "POST")
def settle(request: StaffRequest, message_id: UUID) -> HttpResponse:
    """Say what became of a message in doubt: it left, or it is sent again."""
    was_sent = request.POST.get("was_sent") == "yes"
    actions.settle(request.workspace.pk, message_id, was_sent=was_sent, actor=request.actor, now=request.now)
    text = gettext("It counts as sent.") if was_sent else gettext("It is tried again.")
    flash.success(request, text)
    return redirect("message", request.workspace.slug, message_id)
