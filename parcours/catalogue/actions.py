"""Writes of products: what the shop's program or a member states, in the caller's scope. Every change is in the trail.

What is stated replaces whatever was known of the product. Not here: what events show (`seen`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from parcours.accounts.actions import record_audit
from parcours.accounts.models import Workspace
from parcours.accounts.types import Actor
from parcours.catalogue import queries, reading
from parcours.catalogue.errors import ProductExists
from parcours.catalogue.models import Product
from parcours.catalogue.types import Facts, ProductOrigin, Saved
from parcours.kernel import sql

statements = sql.load(__package__)


class _Kept(NamedTuple):
    """A product that is new or was changed."""

    product_id: str
    id: int
    is_new: bool


def currency_of(workspace_id: int) -> str:
    """In which currency amounts are when nobody says so."""
    return str(Workspace.objects.values_list("currency", flat=True).get(pk=workspace_id))


def save(
    workspace_id: int,
    product_id: str,
    values: Mapping[str, Any],
    *,
    origin: ProductOrigin,
    actor: Actor,
    now: datetime,
) -> tuple[Product, bool]:
    """Make a product, or replace what is known of it; true when it is new. Raises InvalidProduct."""
    identity = reading.product_id(product_id)
    facts = reading.stated(values, currency_of(workspace_id))
    before = Product.objects.filter(workspace_id=workspace_id, product_id=identity).first()
    kept = _keep(workspace_id, {identity: facts}, origin=origin, now=now)
    product = queries.product(workspace_id, identity)
    if kept:
        _record(workspace_id, product, before, actor=actor, now=now)
    return product, any(one.is_new for one in kept)


def add(
    workspace_id: int, product_id: str, values: Mapping[str, Any], *, actor: Actor, now: datetime
) -> Product:
    """Make a product by hand, or state one that was only seen. Raises InvalidProduct, ProductExists."""
    identity = reading.product_id(product_id)
    stated = Product.objects.filter(workspace_id=workspace_id, product_id=identity)
    if stated.exclude(origin=ProductOrigin.SEEN.value).exists():
        raise ProductExists(
            _("There is a product “%(id)s” already.") % {"id": identity},
            field="product_id",
            hint=_("Open it to change it."),
        )
    made, _new = save(workspace_id, identity, values, origin=ProductOrigin.HAND, actor=actor, now=now)
    return made


def save_all(
    workspace_id: int, stated: Mapping[str, Facts], *, origin: ProductOrigin, actor: Actor, now: datetime
) -> Saved:
    """The same for many products, by their ids, in one statement and one entry of the trail."""
    kept = _keep(workspace_id, stated, origin=origin, now=now)
    created = sum(one.is_new for one in kept)
    saved = Saved(created, len(kept) - created, len(stated) - len(kept))
    if kept:
        record_audit(
            workspace_id,
            actor=actor,
            action="changed",
            subject="catalogue",
            detail={"new_products": saved.created, "changed_products": saved.changed},
            now=now,
        )
    return saved


def remove(workspace_id: int, product_id: str, *, actor: Actor, now: datetime) -> None:
    """Forget a product. Raises UnknownProduct. When events show it again, it is known again as something seen."""
    product = queries.product(workspace_id, product_id)
    number = product.pk
    product.delete()
    record_audit(
        workspace_id,
        actor=actor,
        action="deleted",
        subject="product",
        subject_id=number,
        detail={"product": product_id, "name": product.name},
        now=now,
    )


def _keep(
    workspace_id: int, stated: Mapping[str, Facts], *, origin: ProductOrigin, now: datetime
) -> Sequence[_Kept]:
    rows = [{"product_id": identity, **asdict(facts)} for identity, facts in stated.items()]
    return statements.keep_products.rows(
        _Kept, workspace_id=workspace_id, rows=sql.document(rows), origin=origin.value, now=now
    )


def _record(
    workspace_id: int, product: Product, before: Product | None, *, actor: Actor, now: datetime
) -> None:
    """The entry of one product: which facts differ, or only its name when it is new."""
    detail: dict[str, Any] = {"product": product.product_id, "name": product.name}
    if before is not None:
        names = [
            name for name in (*reading.READERS, "origin") if getattr(before, name) != getattr(product, name)
        ]
        detail["from"] = {name: _told(getattr(before, name)) for name in names}
        detail["to"] = {name: _told(getattr(product, name)) for name in names}
    record_audit(
        workspace_id,
        actor=actor,
        action="created" if before is None else "changed",
        subject="product",
        subject_id=product.pk,
        detail=detail,
        now=now,
    )


def _told(value: Any) -> Any:
    """A fact as the trail keeps it."""
    return value if value is None or isinstance(value, bool | str | dict) else str(value)
