"""Purposes: what messages may be for, on which legal basis, and how a yes is asked for."""

from typing import Any

from django.utils.translation import gettext as _
from ninja import Router

from parcours.api.envelope import ApiRequest
from parcours.api.problems import FieldError, Unacceptable
from parcours.api.schemas import Page, PurposeIn, PurposeOut, Slug
from parcours.audiences import queries as audiences
from parcours.consent import actions
from parcours.consent import queries as consent
from parcours.consent.errors import UnknownPurpose
from parcours.consent.models import Purpose
from parcours.consent.types import MEASURING

router = Router()
_NEEDED = ("name_fr", "name_en", "basis", "is_marketing")


@router.get("", response=Page[PurposeOut], summary="List purposes")
def list_purposes(request: ApiRequest) -> Page[PurposeOut]:
    """What messages of this workspace may be for, in its order."""
    return Page[PurposeOut](items=[_out(one) for one in consent.purposes(request.call.workspace_id)])


@router.put("/{code}", response=PurposeOut, summary="Save a purpose")
def save_purpose(request: ApiRequest, code: Slug, wanted: PurposeIn) -> PurposeOut:
    """Make it, or change it; `archived` takes it out of use, or back. Its code, basis and kind stay."""
    call = request.call
    fields: dict[str, Any] = wanted.model_dump(mode="json", exclude_unset=True)
    archived = fields.pop("archived", None)
    _check(call.workspace_id, code, fields)
    purpose = actions.save_purpose(call.workspace_id, code, fields, actor=call.actor, now=call.now)
    if archived is not None:
        move = actions.archive_purpose if archived else actions.restore_purpose
        move(call.workspace_id, code, actor=call.actor, now=call.now)
    purpose.refresh_from_db()
    return _out(purpose)


def _check(workspace_id: int, code: str, fields: dict[str, Any]) -> None:
    """Say what is missing of a new purpose, and what cannot be null."""
    known = _known(workspace_id, code)
    needed = (
        () if known else tuple(name for name in _NEEDED if name != "is_marketing" or code not in MEASURING)
    )
    errors = [FieldError(name, _("A new purpose needs this.")) for name in needed if fields.get(name) is None]
    errors += [
        FieldError(name, _("This cannot be null."))
        for name, value in fields.items()
        if value is None and name != "audience" and name not in needed
    ]
    if errors:
        raise Unacceptable(errors)
    if not known:
        fields.setdefault("is_marketing", False)
    if fields.get("audience") is not None:
        audiences.rule(workspace_id, fields["audience"], at="audience")


def _known(workspace_id: int, code: str) -> bool:
    try:
        consent.purpose(workspace_id, code)
    except UnknownPurpose:
        return False
    return True


def _out(purpose: Purpose) -> PurposeOut:
    same = (
        *("code", "name_fr", "name_en", "description_fr", "description_en", "basis", "is_marketing"),
        *("is_measuring", "audience", "double_opt_in", "position"),
    )
    return PurposeOut(
        **{name: getattr(purpose, name) for name in same}, archived=purpose.archived_at is not None
    )
