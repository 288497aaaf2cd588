"""Contacts: made, found, changed. A refusal may come with one; a consent may not, since here it would have no proof.

Not here: consents with their proof (`POST /api/v1/contacts` takes them).
"""

from uuid import UUID

from django.utils.translation import gettext as _
from ninja import Router, Status

from parcours.api.brevo import attributes
from parcours.api.brevo.problems import AlreadyThere, MissingParameter
from parcours.api.brevo.shapes import ContactChange, ContactIn, ContactOut, Made
from parcours.api.envelope import ApiRequest, Call
from parcours.api.problems import FieldError, Unacceptable
from parcours.consent import actions as consent_actions
from parcours.consent import queries as consent
from parcours.consent.types import Act, Channel, Evidence, Statement
from parcours.contacts import queries as contacts
from parcours.contacts.changing import Wanted
from parcours.contacts.errors import UnknownContact
from parcours.contacts.types import ContactRow, IdentityKind, Person
from parcours.delivery import double_opt_in
from parcours.events import audited

router = Router()

SOURCE = "brevo api"
_KINDS = {
    "email_id": IdentityKind.EMAIL,
    "phone_id": IdentityKind.PHONE,
    "ext_id": IdentityKind.EXTERNAL,
}


@router.post("", response={201: Made, 204: None}, summary="Create a contact")
def create_contact(request: ApiRequest, wanted: ContactIn) -> Status[Made | None]:
    """Create a person. Who is known already is changed with `updateEnabled`, and refused without."""
    call = request.call
    saved = audited.save_person(
        call.workspace_id, _person(wanted), declare=True, actor=call.actor, now=call.now
    )
    if not saved.created and not wanted.updateEnabled:
        raise AlreadyThere(_("This contact exists already."), hint=_("Send updateEnabled to change it."))
    change_lists(call, saved.contact_id, add=wanted.listIds)
    refuse(call, saved.contact_id, email=wanted.emailBlacklisted, sms=wanted.smsBlacklisted)
    if not saved.created:
        return Status(204, None)
    return Status(201, Made(id=contacts.number_of(call.workspace_id, saved.contact_id)))


@router.get("/{identifier}", response=ContactOut, summary="Read a contact")
def read_contact(request: ApiRequest, identifier: str, identifierType: str = "") -> ContactOut:
    """A person, by address, number, id of the shop, or telephone."""
    workspace_id = request.call.workspace_id
    row = find(workspace_id, identifier, identifierType)
    known = contacts.identities(workspace_id, row.id)
    return ContactOut(
        id=contacts.number_of(workspace_id, row.id),
        email=row.email,
        emailBlacklisted=is_refused(workspace_id, row.id, Channel.EMAIL, row.email),
        smsBlacklisted=is_refused(workspace_id, row.id, Channel.SMS, None),
        createdAt=row.created_at.isoformat(timespec="milliseconds"),
        modifiedAt=row.updated_at.isoformat(timespec="milliseconds"),
        listIds=[one.id for one in contacts.lists_of(workspace_id, row.id)],
        attributes=attributes.shown(row, known),
        statistics={},
    )


@router.put("/{identifier}", response={204: None}, summary="Change a contact")
def change_contact(
    request: ApiRequest, identifier: str, change: ContactChange, identifierType: str = ""
) -> Status[None]:
    """Change attributes, identities and lists. `EMAIL` among the attributes becomes the main address."""
    call = request.call
    row = find(call.workspace_id, identifier, identifierType)
    told = attributes.read(change.attributes)
    wanted = Wanted(email=told.email, language=told.language, attributes=told.others)
    audited.change_contact(call.workspace_id, row.id, wanted, declare=True, actor=call.actor, now=call.now)
    external = change.ext_id if change.ext_id is not None else told.external
    for kind, value in ((IdentityKind.PHONE, told.phone), (IdentityKind.EXTERNAL, external)):
        if value is not None:
            _replace(call, row.id, kind, value)
    change_lists(call, row.id, add=change.listIds, remove=change.unlinkListIds)
    refuse(call, row.id, email=change.emailBlacklisted, sms=change.smsBlacklisted)
    return Status(204, None)


def _person(wanted: ContactIn) -> Person:
    told = attributes.read(wanted.attributes)
    named = (
        (IdentityKind.EXTERNAL, wanted.ext_id or told.external),
        (IdentityKind.PHONE, told.phone),
    )
    identities = tuple((kind, value) for kind, value in named if value)
    email = wanted.email or told.email or None
    if email is None and not identities:
        raise MissingParameter([FieldError("email", _("Say who it is by email, ext_id or SMS."))])
    return Person(
        email=email,
        identities=identities,
        language=told.language or "",
        attributes=told.others,
        source=SOURCE,
    )


def find(workspace_id: int, identifier: str, kind: str = "") -> ContactRow:
    """The person whom an identifier names. Without a kind, what looks like an address is one, and digits are our number first."""
    if kind not in ("", "contact_id", *_KINDS):
        known = ", ".join(("contact_id", *_KINDS))
        raise Unacceptable([FieldError("identifierType", _("Known: %(known)s.") % {"known": known})])
    if kind in _KINDS:
        value = attributes.read({"SMS": identifier}).phone if kind == "phone_id" else identifier
        found = contacts.contact_of(workspace_id, _KINDS[kind], value or identifier)
    elif kind == "" and "@" in identifier:
        found = contacts.contact_of(workspace_id, IdentityKind.EMAIL, identifier)
    else:
        is_number = identifier.isascii() and identifier.isdigit() and len(identifier) < 20
        found = contacts.contact_of_number(workspace_id, int(identifier)) if is_number else None
        if found is None and kind == "":
            found = contacts.contact_of(workspace_id, IdentityKind.EXTERNAL, identifier)
    if found is None:
        raise UnknownContact(_("There is no such contact."))
    return found


def _replace(call: Call, contact_id: UUID, kind: IdentityKind, value: str) -> None:
    """Here a person may have several; a client of Brevo knows one, which takes the place of all others."""
    known = [
        one.value for one in contacts.identities(call.workspace_id, contact_id) if one.kind == kind.value
    ]
    audited.change_identities(
        call.workspace_id,
        contact_id,
        add=[(kind, value)] if value else [],
        remove=[(kind, one) for one in known if one != value],
        actor=call.actor,
        now=call.now,
    )


def change_lists(call: Call, contact_id: UUID, *, add: list[int], remove: list[int] | None = None) -> None:
    """Put a person on lists and take them off others, by the lists' numbers."""
    for list_ids, is_added in ((add, True), (remove or [], False)):
        for list_id in list_ids:
            audited.change_list(
                call.workspace_id,
                contacts.list_of_id(call.workspace_id, list_id).slug,
                add=[contact_id] if is_added else [],
                remove=[] if is_added else [contact_id],
                actor=call.actor,
                now=call.now,
            )


def refuse(call: Call, contact_id: UUID, *, email: bool, sms: bool) -> None:
    """No to every marketing purpose on the channels named. Not naming one is no yes: nothing is ever granted here."""
    channels = [channel for channel, is_refused in ((Channel.EMAIL, email), (Channel.SMS, sms)) if is_refused]
    said = [
        Statement(
            contact_id,
            purpose.code,
            channel,
            consent_actions.refusal(purpose),
            Evidence(source=f"Brevo API: {channel.value}Blacklisted"),
        )
        for channel in channels
        for purpose in consent.purposes(call.workspace_id)
        if purpose.is_marketing
    ]
    double_opt_in.record(call.workspace_id, said, actor=call.actor, now=call.now)


def is_refused(workspace_id: int, contact_id: UUID, channel: Channel, address: str | None) -> bool:
    """True when nothing of marketing may go there: the address is suppressed, or every marketing purpose was refused."""
    if address and consent.is_suppressed(workspace_id, channel, address):
        return True
    marketing = {one.code for one in consent.offered_purposes(workspace_id) if one.is_marketing}
    refused = {
        state.purpose.code
        for state in consent.states(workspace_id, contact_id)
        if state.channel == channel.value and state.act in (Act.WITHDRAWN.value, Act.OBJECTED.value)
    }
    return bool(marketing) and marketing <= refused
