"""The catalogue in templates: which products a message asks for, and what it may say about them.

A template says by its `product` filters under which names ids stand in the data; so a whole batch is read in one statement, and in
none where no template asks. Not here: the filter itself (`filters`), finding its uses (`liquid`).
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from parcours.catalogue import queries as catalogue
from parcours.catalogue.types import Offered, shown_price
from parcours.content.filters import id_of
from parcours.content.template import CompiledTemplate

MOST = 100
"""Products that one message can show."""

Key = TypeVar("Key")


def asked_for(template: CompiledTemplate, *data: Mapping[str, Any]) -> list[str]:
    """The ids that a template looks up in these data: those that it spells out, and what stands under the names that it uses."""
    uses = template.products
    if not uses.ids and not uses.names:
        return []
    found = (identity for each in data for identity in _ids_in(each, uses.names))
    return list(islice(dict.fromkeys([*sorted(uses.ids), *found]), MOST))


def of_messages(
    workspace_id: int, asked: Mapping[Key, Iterable[str]]
) -> dict[Key, dict[str, dict[str, Any]]]:
    """What each message may say about the products that it asks for, by their ids. One statement, or none. Only what is stated."""
    wanted = {identity for ids in asked.values() for identity in ids}
    known = (
        {one.product_id: product_data(one) for one in catalogue.stated(workspace_id, wanted)}
        if wanted
        else {}
    )
    return {key: {each: known[each] for each in ids if each in known} for key, ids in asked.items()}


def product_data(product: Offered) -> dict[str, Any]:
    """What templates may say about a product; None for what is not known, so that `if` can ask."""
    texts = ("name", "url", "image_url", "currency", "category", "brand")
    return {
        "id": product.product_id,
        **{name: getattr(product, name) or None for name in texts},
        "price": shown_price(product.price),
        "in_stock": product.in_stock,
    }


def _ids_in(value: object, names: frozenset[str]) -> Iterator[str]:
    """What stands under the names, in the order of the data."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            identity = id_of(each) if name in names else ""
            if identity:
                yield identity
            yield from _ids_in(each, names)
    elif isinstance(value, list):
        for each in value:
            yield from _ids_in(each, names)
