"""What can go wrong with products."""

from parcours.kernel.errors import Conflict, Invalid, NotFound


class InvalidProduct(Invalid):
    """A fact about a product cannot be kept as it is."""

    code = "product.invalid"


class UnknownProduct(NotFound):
    """There is no such product."""

    code = "product.unknown"


class ProductExists(Conflict):
    """Another product has this id already."""

    code = "product.exists"
