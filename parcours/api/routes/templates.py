"""Templates: Liquid in MJML, by language. Saving makes a version; what is wrong with one is said when it is saved."""

from ninja import Router

from parcours.api.envelope import ApiRequest
from parcours.api.schemas import Page, TemplateIn, TemplateOut
from parcours.content import actions, queries
from parcours.content.models import TemplateVersion

router = Router()


@router.get("", response=Page[TemplateOut], summary="List templates")
def list_templates(request: ApiRequest) -> Page[TemplateOut]:
    """Every template with its newest version, by name."""
    versions = queries.latest_versions(request.call.workspace_id)
    return Page[TemplateOut](items=[_out(version) for version in versions])


@router.get("/{slug:slug}", response=TemplateOut, summary="Read a template")
def read_template(request: ApiRequest, slug: str) -> TemplateOut:
    """One template with its newest version."""
    workspace_id = request.call.workspace_id
    return _out(queries.latest_version(workspace_id, slug))


@router.put("/{slug:slug}", response=TemplateOut, summary="Save a template")
def save_template(request: ApiRequest, slug: str, wanted: TemplateIn) -> TemplateOut:
    """Make it, or give it a new version. Published journeys and started campaigns keep theirs."""
    call = request.call
    bodies: dict[str, dict[str, str]] = {
        language: body.model_dump() for language, body in wanted.bodies.items()
    }
    actions.save_template(call.workspace_id, slug, wanted.name, bodies, actor=call.actor, now=call.now)
    return _out(queries.latest_version(call.workspace_id, slug))


def _out(version: TemplateVersion) -> TemplateOut:
    template = version.template
    return TemplateOut(
        slug=template.slug,
        name=template.name,
        version=version.number,
        bodies=version.bodies,
        updated_at=template.updated_at,
    )
