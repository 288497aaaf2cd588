"""Reads of products, in the caller's scope."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from parcours.catalogue.errors import UnknownProduct
from parcours.catalogue.models import Product
from parcours.catalogue.types import Offered, ProductOrigin
from parcours.kernel import sql
from parcours.kernel.searching import begins

statements = sql.load(__package__)


def products(workspace_id: int, *, words: str = "", origin: ProductOrigin | None = None) -> QuerySet[Product]:
    """Products by their ids; of those, the ones whose id or name begins with `words`, in any letters, accents or not."""
    found = Product.objects.filter(workspace_id=workspace_id).order_by("product_id")
    if origin is not None:
        found = found.filter(origin=origin.value)
    return found.filter(begins("id_key", words) | begins("name_key", words)) if words.strip() else found


def stated(workspace_id: int, product_ids: Iterable[str]) -> list[Offered]:
    """Of these products, the ones that the shop states: what customers may be shown. One statement, however many they are."""
    return statements.list_stated.rows(Offered, workspace_id=workspace_id, ids=list(product_ids))


def product(workspace_id: int, product_id: str) -> Product:
    """One product by the shop's id, or UnknownProduct."""
    return _one(Product.objects.filter(workspace_id=workspace_id, product_id=product_id))


def product_of_number(workspace_id: int, number: int) -> Product:
    """One product by our number of it, or UnknownProduct."""
    return _one(Product.objects.filter(workspace_id=workspace_id, pk=number))


def _one(found: QuerySet[Product]) -> Product:
    one = found.first()
    if one is None:
        raise UnknownProduct(_("There is no such product."))
    return one
