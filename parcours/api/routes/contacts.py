"""People: create or update by e-mail address, find, read, and what happened to them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from ninja import Router, Status

from parcours.api import cursors
from parcours.api.envelope import ApiRequest
from parcours.api.problems import FieldError, Unacceptable, naming
from parcours.api.routes.paging import before, cut, int_in, page_size, uuid_in
from parcours.api.schemas import (
    ConsentIn,
    ConsentOut,
    ContactChange,
    ContactDetail,
    ContactIn,
    ContactOut,
    EventOut,
    IdentitiesIn,
    IdentityOut,
    Page,
)
from parcours.audiences import exporting
from parcours.audiences import queries as audiences
from parcours.consent import actions as consent_actions
from parcours.consent import queries as consent
from parcours.consent.models import Purpose
from parcours.consent.types import Act, Basis, Channel, Evidence, Statement
from parcours.contacts import queries as contacts
from parcours.contacts.changing import Wanted
from parcours.contacts.errors import InvalidAttribute, InvalidAttributeName, TooManyAttributes
from parcours.contacts.types import ContactRow, IdentityKind, Person
from parcours.delivery import double_opt_in
from parcours.events import audited
from parcours.events import queries as events
from parcours.kernel import tables
from parcours.kernel.clock import EARLIEST
from parcours.kernel.errors import NotFound

router = Router()
_OF_AN_IDENTITY = ("value", *(kind.value for kind in IdentityKind))  # what errors about one name


@router.post("", response={200: ContactDetail, 201: ContactDetail}, summary="Create or update a contact")
def save_contact(request: ApiRequest, contact: ContactIn) -> Status[ContactDetail]:
    """Create the person with this address, or update who has it already; record what they consented to, with its proof.

    An attribute that is not declared yet is declared by its value's type, under its name in small letters (`firstName` becomes
    `first_name`). A value that is not of its attribute's type is refused, and then nothing is changed.
    """
    call = request.call
    purposes = {one.code: one for one in consent.purposes(call.workspace_id)} if contact.consents else {}
    _check_consents(purposes, contact.consents, call.now)
    for place, one in enumerate(contact.consents):
        with naming(act=f"consents.{place}.granted"):
            consent_actions.check_act(_act(one, purposes[one.purpose]), purposes[one.purpose])
    with _as_written():
        saved = audited.save_person(
            call.workspace_id, _person(contact), declare=True, actor=call.actor, now=call.now
        )
    said = [_statement(saved.contact_id, one, purposes[one.purpose]) for one in contact.consents]
    double_opt_in.record(call.workspace_id, said, actor=call.actor, now=call.now)
    return Status(201 if saved.created else 200, _detail(call.workspace_id, saved.contact_id))


@router.get("", response=Page[ContactOut], summary="Find or list contacts")
def list_contacts(request: ApiRequest, email: str = "", after: str = "", limit: int = 50) -> Page[ContactOut]:
    """The contact with an address, or all of them, newest first."""
    workspace_id = request.call.workspace_id
    if email:
        person = contacts.contact_of(workspace_id, IdentityKind.EMAIL, email)
        return Page[ContactOut](items=[_out(person)] if person else [])
    size = page_size(limit)
    found = contacts.list_contacts(workspace_id, before=before(after, uuid_in), limit=size + 1)
    rows, following = cut(found, size, lambda last: cursors.spell(last.created_at, last.id))
    return Page[ContactOut](items=[_out(row) for row in rows], next=following)


@router.get(
    "/export",
    response={200: str},
    summary="Export contacts",
    openapi_extra={"responses": {200: {"description": "CSV in UTF-8", "content": {"text/csv": {}}}}},
)
def export_contacts(
    request: ApiRequest,
    list: str = "",
    segment: str = "",
) -> StreamingHttpResponse:
    """Everybody, or the people of a list or segment, as one streamed CSV with all identities, lists, consents and attributes.

    `consent_…` columns say what each person said last. Cells that a spreadsheet would run begin with an apostrophe.
    """
    call = request.call
    _check_chosen(call.workspace_id, list, segment)
    chosen = exporting.people(call.workspace_id, list_slug=list, segment=segment)
    audited.record_export(
        call.workspace_id,
        chosen.count(),
        {name: value for name, value in (("list", list), ("segment", segment)) if value},
        actor=call.actor,
        now=call.now,
    )
    rows = exporting.table(call.workspace_id, chosen, exporting.columns(call.workspace_id))
    response = StreamingHttpResponse(tables.written(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="contacts.csv"'
    return response


@router.get("/{contact_id}", response=ContactDetail, summary="Read a contact")
def read_contact(request: ApiRequest, contact_id: UUID) -> ContactDetail:
    """A person with all that identifies them, what they consented to, and their lists."""
    return _detail(request.call.workspace_id, contact_id)


@router.patch("/{contact_id}", response=ContactDetail, summary="Change a contact")
def change_contact(request: ApiRequest, contact_id: UUID, change: ContactChange) -> ContactDetail:
    """Change fields and attributes of one person. Another address becomes the main one; the one before still leads to them.

    An address that is another person's is refused. New attributes are declared as when a contact is created.
    """
    call = request.call
    told = change.model_fields_set
    wanted = Wanted(
        email=change.email if "email" in told else None,
        language=(change.language or "") if "language" in told else None,
        time_zone=(change.time_zone or "") if "time_zone" in told else None,
        attributes=change.attributes,
    )
    with _as_written():
        audited.change_contact(
            call.workspace_id, contact_id, wanted, declare=True, actor=call.actor, now=call.now
        )
    return _detail(call.workspace_id, contact_id)


@router.post("/{contact_id}/identities", response=ContactDetail, summary="Change what identifies a contact")
def change_identities(request: ApiRequest, contact_id: UUID, change: IdentitiesIn) -> ContactDetail:
    """Add and remove addresses, numbers and ids. What is another person's is refused, and the last one stays."""
    call = request.call
    contacts.contact(call.workspace_id, contact_id)
    change_one = partial(
        audited.change_identities, call.workspace_id, contact_id, actor=call.actor, now=call.now
    )
    for place, one in enumerate(change.add):
        with naming(**dict.fromkeys(_OF_AN_IDENTITY, f"add.{place}.value")):
            change_one(add=[(one.kind, one.value)])
    for place, one in enumerate(change.remove):
        with naming(**dict.fromkeys(_OF_AN_IDENTITY, f"remove.{place}.value")):
            change_one(remove=[(one.kind, one.value)])
    return _detail(call.workspace_id, contact_id)


@router.get("/{contact_id}/timeline", response=Page[EventOut], summary="Read what happened to a contact")
def read_timeline(request: ApiRequest, contact_id: UUID, after: str = "", limit: int = 50) -> Page[EventOut]:
    """Everything on one time line, newest first."""
    workspace_id = request.call.workspace_id
    contacts.contact(workspace_id, contact_id)
    size = page_size(limit)
    found = events.timeline(workspace_id, contact_id, before=before(after, int_in), limit=size + 1)
    rows, following = cut(found, size, lambda last: cursors.spell(last.at, last.id))
    return Page[EventOut](
        items=[EventOut(name=row.name, at=row.at, properties=row.properties) for row in rows],
        next=following,
    )


@contextmanager
def _as_written() -> Iterator[None]:
    """Within, what is wrong with an attribute or an id is said of the field of the body that holds it."""
    try:
        with naming(external="external_id"):
            yield
    except (InvalidAttribute, InvalidAttributeName, TooManyAttributes) as error:
        error.field = f"attributes.{error.field}"
        raise


def _person(contact: ContactIn) -> Person:
    identities = (
        (IdentityKind.EXTERNAL, contact.external_id),
        (IdentityKind.PHONE, contact.phone),
    )
    return Person(
        email=contact.email,
        identities=tuple((kind, value) for kind, value in identities if value),
        language=contact.language,
        time_zone=contact.time_zone,
        attributes=contact.attributes,
        source=contact.source,
    )


def _check_consents(known: Mapping[str, Purpose], consents: list[ConsentIn], now: datetime) -> None:
    """Say which consent is wrong, all of them at once; the ledger would only say that one is."""
    errors = [
        FieldError(
            f"consents.{place}.purpose", _("There is no purpose “%(purpose)s”.") % {"purpose": one.purpose}
        )
        for place, one in enumerate(consents)
        if one.purpose not in known
    ]
    errors += [
        FieldError(
            f"consents.{place}.double_opt_in", _("Only a yes by e-mail, to a purpose based on consent.")
        )
        for place, one in enumerate(consents)
        if one.double_opt_in and one.purpose in known and not _can_be_confirmed(one, known[one.purpose])
    ]
    errors += [
        FieldError(f"consents.{place}.at", _("A consent cannot have been given in the future."))
        for place, one in enumerate(consents)
        if one.at is not None and one.at > now
    ]
    errors += [
        FieldError(
            f"consents.{place}.at",
            _("A consent cannot have been given before %(year)s.") % {"year": EARLIEST.year},
        )
        for place, one in enumerate(consents)
        if one.at is not None and one.at < EARLIEST
    ]
    errors += [
        FieldError(f"consents.{place}.channel", _("Name one channel: only measuring is said for any."))
        for place, one in enumerate(consents)
        if one.channel == "any" and one.purpose in known and not known[one.purpose].is_measuring
    ]
    errors += [
        FieldError(f"consents.{place}.ip", _("This is not an IP address."))
        for place, one in enumerate(consents)
        if one.ip is not None and not is_address(one.ip)
    ]
    if errors:
        raise Unacceptable(errors)


def _check_chosen(workspace_id: int, list_slug: str, segment: str) -> None:
    """A list or a segment that is not there has no people; to answer so would hide a misspelling."""
    if list_slug and list_slug not in contacts.list_names(workspace_id):
        message = _("No list is called “%(slug)s”.") % {"slug": list_slug}
        raise Unacceptable([FieldError("list", message)])
    if segment:
        try:
            audiences.segment(workspace_id, segment)
        except NotFound as error:
            raise Unacceptable([FieldError("segment", error.message)]) from error


def _can_be_confirmed(said: ConsentIn, purpose: Purpose) -> bool:
    return said.granted and said.channel != "sms" and purpose.basis == Basis.CONSENT.value


def is_address(text: str) -> bool:
    """True for an IPv4 or IPv6 address. One with a zone (`fe80::1%eth0`) means something on one machine only, and is none."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _statement(contact_id: UUID, said: ConsentIn, purpose: Purpose) -> Statement:
    evidence = Evidence(said.source, said.wording, said.ip, said.user_agent)
    return Statement(contact_id, said.purpose, Channel(said.channel), _act(said, purpose), evidence, said.at)


def _act(said: ConsentIn, purpose: Purpose) -> Act:
    if said.double_opt_in:
        return Act.REQUESTED
    return Act.GRANTED if said.granted else consent_actions.refusal(purpose)


def _out(row: ContactRow) -> ContactOut:
    return ContactOut.model_validate(row, from_attributes=True)


def _detail(workspace_id: int, contact_id: UUID) -> ContactDetail:
    row = contacts.contact(workspace_id, contact_id)
    return ContactDetail(
        **_out(row).model_dump(),
        identities=[
            IdentityOut(kind=one.kind, value=one.value)
            for one in contacts.identities(workspace_id, contact_id)
        ],
        consents=[
            ConsentOut(
                purpose=one.purpose.code,
                channel=one.channel,
                act=Act(one.act),
                since=one.since,
                source=one.record.source,
                wording=one.record.wording,
            )
            for one in consent.states(workspace_id, contact_id)
        ],
        lists=[one.slug for one in contacts.lists_of(workspace_id, contact_id)],
    )
