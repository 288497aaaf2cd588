"""Products: what the shop sells, one by one or up to a thousand at once."""

from typing import Any

from django.utils.translation import gettext as _
from ninja import Router, Status
from pydantic import ValidationError

from parcours.api.envelope import ApiRequest
from parcours.api.problems import FieldError, Unacceptable
from parcours.api.routes.paging import cut, page_size
from parcours.api.schemas import (
    FieldProblem,
    IdentifiedProductIn,
    Page,
    ProductIn,
    ProductOut,
    ProductsIn,
    ProductsSaved,
    RefusedProduct,
)
from parcours.api.unknown_fields import field_errors
from parcours.catalogue import actions, queries, reading
from parcours.catalogue.errors import InvalidProduct
from parcours.catalogue.models import Product
from parcours.catalogue.types import Facts, ProductOrigin, shown_price

router = Router()


@router.get("", response=Page[ProductOut], summary="List products")
def list_products(
    request: ApiRequest, q: str = "", origin: ProductOrigin | None = None, after: str = "", limit: int = 50
) -> Page[ProductOut]:
    """By their ids; `q` finds those whose id or name begins so, `origin` those that somebody states (or that were only seen)."""
    size = page_size(limit)
    rows = queries.products(request.call.workspace_id, words=q, origin=origin)
    found = list(rows.filter(product_id__gt=after)[: size + 1])
    shown, following = cut(found, size, lambda last: last.product_id)
    return Page[ProductOut](items=[_out(one) for one in shown], next=following)


@router.post("/batch", response=ProductsSaved, summary="Save many products")
def save_products(request: ApiRequest, batch: ProductsIn) -> ProductsSaved:
    """Make or replace up to 1,000 products in one go. What is wrong with one refuses that one only."""
    call = request.call
    stated: dict[str, Facts] = {}
    refused: list[RefusedProduct] = []
    currency = actions.currency_of(call.workspace_id)
    for index, row in enumerate(batch.products):
        try:
            identity, facts = _read(row, currency)
            if identity in stated:
                raise Unacceptable([FieldError("product_id", _("This product is in the batch already."))])
            stated[identity] = facts
        except Unacceptable as error:
            refused.append(_refused(index, row, error))
    saved = actions.save_all(
        call.workspace_id, stated, origin=ProductOrigin.API, actor=call.actor, now=call.now
    )
    return ProductsSaved(
        created=saved.created, changed=saved.changed, unchanged=saved.unchanged, refused=refused
    )


@router.get("/{path:product_id}", response=ProductOut, summary="Read a product")
def read_product(request: ApiRequest, product_id: str) -> ProductOut:
    """One product by the shop's id."""
    return _out(queries.product(request.call.workspace_id, product_id))


@router.put("/{path:product_id}", response={200: ProductOut, 201: ProductOut}, summary="Save a product")
def save_product(request: ApiRequest, product_id: str, wanted: ProductIn) -> Status[ProductOut]:
    """Make it, or replace all that is known of it. What events show of it changes it no more."""
    call = request.call
    product, is_new = actions.save(
        call.workspace_id,
        product_id,
        wanted.model_dump(),
        origin=ProductOrigin.API,
        actor=call.actor,
        now=call.now,
    )
    return Status(201 if is_new else 200, _out(product))


@router.delete("/{path:product_id}", response={204: None}, summary="Delete a product")
def delete_product(request: ApiRequest, product_id: str) -> Status[None]:
    """Messages do not show it any more. When events name it again, it comes back as something that was only seen."""
    call = request.call
    actions.remove(call.workspace_id, product_id, actor=call.actor, now=call.now)
    return Status(204, None)


def _read(row: dict[str, Any], currency: str) -> tuple[str, Facts]:
    """One product of a batch, or Unacceptable with all that is wrong with its form, or the first thing with its meaning."""
    try:
        wanted = IdentifiedProductIn.model_validate(row)
        return reading.product_id(wanted.product_id), reading.stated(wanted.model_dump(), currency)
    except ValidationError as error:
        raise Unacceptable(
            field_errors(error.errors(include_url=False, include_input=False), IdentifiedProductIn, 0)
        ) from None
    except InvalidProduct as error:
        raise Unacceptable([FieldError(error.field, f"{error.message} {error.hint}".strip())]) from None


def _refused(index: int, row: dict[str, Any], error: Unacceptable) -> RefusedProduct:
    identity = row.get("product_id")
    return RefusedProduct(
        index=index,
        product_id=identity[: reading.MAX_ID] if isinstance(identity, str) else None,
        errors=[FieldProblem(field=one.field, message=one.message) for one in error.errors],
    )


def _out(product: Product) -> ProductOut:
    names = (
        *("product_id", "name", "url", "image_url", "currency", "category", "brand", "in_stock"),
        *("attributes", "origin", "seen_at", "created_at", "changed_at"),
    )
    return ProductOut(
        **{name: getattr(product, name) for name in names},
        price=None if product.price is None else f"{shown_price(product.price):f}",
    )
