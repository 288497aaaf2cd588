"""Purposes and their legal bases. They are made by people, on the page where their meaning is explained."""

from ninja import Router

from parcours.api.envelope import ApiRequest
from parcours.api.schemas import Page, PurposeOut
from parcours.consent import queries as consent

router = Router()


@router.get("", response=Page[PurposeOut], summary="List purposes")
def list_purposes(request: ApiRequest) -> Page[PurposeOut]:
    """What messages of this workspace may be for, in its order."""
    found = consent.purposes(request.call.workspace_id)
    return Page[PurposeOut](items=[PurposeOut.model_validate(one, from_attributes=True) for one in found])
