"""Messages to one person: what `POST /api/v1/messages` does, asked for in Brevo's way.

Brevo knows no purposes: it is `order_information`, unless the header `X-Parcours-Purpose` or a tag `purpose:…` names another.
"""

from django.utils.translation import gettext as _
from ninja import Router, Status

from parcours.api.brevo.problems import MissingParameter
from parcours.api.brevo.shapes import EmailIn, EmailOut, Party
from parcours.api.envelope import ApiRequest
from parcours.api.problems import FieldError, Unacceptable
from parcours.content import foreign
from parcours.content import queries as content
from parcours.content.errors import UnknownTemplate
from parcours.delivery import queries as delivery
from parcours.delivery import transactional
from parcours.delivery.models import Sending
from parcours.delivery.transactional import FOREIGN, Wanted

router = Router()

PURPOSE = "order_information"
PURPOSE_HEADER = "x-parcours-purpose"
PURPOSE_TAG = "purpose:"
KEY_HEADERS = ("idempotency-key", "idempotencykey")


@router.post("", response={201: EmailOut}, summary="Send a message to one person")
def send_email(request: ApiRequest, wanted: EmailIn) -> Status[EmailOut]:
    """Queue one message with the newest version of a template, or with words that come along. It passes the gate like every other.

    The workspace says who sends: another `sender` or `replyTo` is refused. `params` are the template's `data`.
    """
    call = request.call
    sending = delivery.sending(call.workspace_id)
    _check_parties(wanted, sending)
    headers = {name.lower(): value for name, value in wanted.headers.items()}
    brought = None if wanted.templateId else _brought(wanted)
    asked = Wanted(
        _slug(call.workspace_id, wanted.templateId) if wanted.templateId else FOREIGN,
        _purpose(headers, wanted.tags),
        wanted.to[0].email or "",
        wanted.params,
        next((headers[name][:100] for name in KEY_HEADERS if headers.get(name)), ""),
        brought,
    )
    row = transactional.ask(call.workspace_id, asked, actor=call.actor, now=call.now)
    return Status(201, EmailOut(messageId=transactional.message_id(call.workspace_id, row)))


def _brought(wanted: EmailIn) -> dict[str, str]:
    """The message's own words, as a template of ours says them."""
    missing = [] if wanted.subject.strip() else ["subject"]
    if not wanted.htmlContent.strip() and not wanted.textContent.strip():
        missing.append("htmlContent")
    if missing:
        raise MissingParameter([FieldError(name, _("This field is missing.")) for name in missing])
    html = wanted.htmlContent
    return {
        "subject": wanted.subject,
        "preheader": wanted.preheader,
        "mjml": foreign.mjml_of_html(html) if html.strip() else foreign.mjml_of_text(wanted.textContent),
        "text": wanted.textContent,
    }


def _slug(workspace_id: int, template_id: int) -> str:
    try:
        return content.template_of_id(workspace_id, template_id).slug
    except UnknownTemplate as error:  # a value of the body, not the address that was called
        raise Unacceptable([FieldError("templateId", error.message)]) from error


def _purpose(headers: dict[str, str], tags: list[str]) -> str:
    if headers.get(PURPOSE_HEADER):
        return headers[PURPOSE_HEADER].strip()
    named = [tag.removeprefix(PURPOSE_TAG).strip() for tag in tags if tag.startswith(PURPOSE_TAG)]
    return named[0] if named else PURPOSE


def _check_parties(wanted: EmailIn, sending: Sending | None) -> None:
    errors = []
    if len(wanted.to) != 1:
        errors.append(FieldError("to", _("Name one person; send one request for each.")))
    elif not wanted.to[0].email:
        errors.append(FieldError("to.0.email", _("This field is missing.")))
    if sending is not None:
        for field, party, own in (
            ("sender", wanted.sender, sending.from_email),
            ("replyTo", wanted.replyTo, sending.reply_to),
        ):
            if party is not None and not _is(party, own or sending.from_email):
                told = _("Messages of this workspace come from %(address)s.")
                errors.append(FieldError(field, told % {"address": own or sending.from_email}))
    if errors:
        raise Unacceptable(errors)


def _is(party: Party, address: str) -> bool:
    """True when the party names this address, or none."""
    return not party.email or party.email.lower() == address.lower()
