"""Templates: Liquid in MJML, by language. Saving makes a version; what is wrong with one is said when it is saved. Tests."""

from uuid import UUID

from ninja import Router, Status

from parcours.api.envelope import ApiRequest
from parcours.api.schemas import Page, Slug, TemplateIn, TemplateOut, TestIn, TestOut, TestsOut
from parcours.consent import queries as consent
from parcours.contacts import queries as contacts
from parcours.contacts.errors import UnknownContact
from parcours.content import actions, queries
from parcours.content.models import TemplateVersion
from parcours.delivery import readers, transactional, trials
from parcours.delivery.readers import Reader
from parcours.delivery.types import MessageState

router = Router()


@router.get("", response=Page[TemplateOut], summary="List templates")
def list_templates(request: ApiRequest) -> Page[TemplateOut]:
    """Every template with its newest version, by name."""
    versions = queries.latest_versions(request.call.workspace_id)
    return Page[TemplateOut](items=[_out(version) for version in versions])


@router.get("/{slug}", response=TemplateOut, summary="Read a template")
def read_template(request: ApiRequest, slug: str) -> TemplateOut:
    """One template with its newest version."""
    workspace_id = request.call.workspace_id
    return _out(queries.latest_version(workspace_id, slug))


@router.put("/{slug}", response=TemplateOut, summary="Save a template")
def save_template(request: ApiRequest, slug: Slug, wanted: TemplateIn) -> TemplateOut:
    """Make it, or give it a new version. Published journeys and started campaigns keep theirs."""
    call = request.call
    bodies: dict[str, dict[str, str]] = {
        language: body.model_dump() for language, body in wanted.bodies.items()
    }
    actions.save_template(call.workspace_id, slug, wanted.name, bodies, actor=call.actor, now=call.now)
    return _out(queries.latest_version(call.workspace_id, slug))


@router.post("/{slug}/test", response={202: TestsOut}, summary="Send a test to members")
def test_template(request: ApiRequest, slug: str, wanted: TestIn) -> Status[TestsOut]:
    """Send the newest version to members of the workspace, as one of its contacts would see it.

    The subject begins with [Test], links lead where they lead without being counted, and nothing is noted about the contact.
    What is wrong with the template for this contact is answered at once, and then nothing is sent. At most 20 messages an
    hour and key.
    """
    call = request.call
    version = queries.latest_version(call.workspace_id, slug)
    asked = trials.Wanted(
        version=version,
        purpose=consent.sendable_purpose(call.workspace_id, wanted.purpose)
        if wanted.purpose
        else transactional.usual_purpose(call.workspace_id),
        reader=_reader(version, wanted.contact),
        to=wanted.to,
        subject="template",
        subject_id=slug,
        language=wanted.language or "",
    )
    rows = trials.ask(call.workspace_id, asked, actor=call.actor, now=call.now)
    items = [TestOut(id=row.message_id, to=row.address, state=MessageState(row.state)) for row in rows]
    return Status(202, TestsOut(items=items))


def _reader(version: TemplateVersion, contact_id: UUID | None) -> Reader | None:
    """For whom it is made out; None when there is no such contact: a value of the body, not the address that was called."""
    workspace_id = version.workspace_id
    if contact_id is None:
        return readers.usual(workspace_id, version.sources)
    try:
        return readers.reader(workspace_id, contacts.contact(workspace_id, contact_id))
    except UnknownContact:
        return None


def _out(version: TemplateVersion) -> TemplateOut:
    template = version.template
    return TemplateOut(
        slug=template.slug,
        name=template.name,
        version=version.number,
        bodies=version.bodies,
        updated_at=template.updated_at,
    )
