"""Declared attributes: which there are, declaring one, how people read it."""

from ninja import Router, Status

from parcours.api.envelope import ApiRequest
from parcours.api.schemas import AttributeChange, AttributeIn, AttributeOut, Page
from parcours.contacts import actions, attributes, queries
from parcours.contacts.models import Attribute

router = Router()


@router.get("", response=Page[AttributeOut], summary="List attributes")
def list_attributes(request: ApiRequest) -> Page[AttributeOut]:
    """What the workspace has declared, by name."""
    return Page[AttributeOut](items=[_out(one) for one in queries.attributes(request.call.workspace_id)])


@router.post("", response={201: AttributeOut}, summary="Declare an attribute")
def declare_attribute(request: ApiRequest, wanted: AttributeIn) -> Status[AttributeOut]:
    """Fix the type of an attribute before its first value does."""
    call = request.call
    made = actions.declare_attribute(
        call.workspace_id,
        attributes.name_of(wanted.name),
        wanted.type,
        label_fr=wanted.label_fr or wanted.name,
        label_en=wanted.label_en or wanted.name,
        options=wanted.options,
        actor=call.actor,
        now=call.now,
    )
    return Status(201, _out(made))


@router.patch("/{name}", response=AttributeOut, summary="Change how an attribute is read")
def change_attribute(request: ApiRequest, name: str, change: AttributeChange) -> AttributeOut:
    """Its labels, and the values that a category takes. Values that people have already stay."""
    call = request.call
    changed = actions.describe_attribute(
        call.workspace_id,
        name,
        label_fr=change.label_fr,
        label_en=change.label_en,
        options=change.options,
        actor=call.actor,
        now=call.now,
    )
    return _out(changed)


def _out(one: Attribute) -> AttributeOut:
    return AttributeOut.model_validate(one, from_attributes=True)
