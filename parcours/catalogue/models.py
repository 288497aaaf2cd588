"""The table of products."""

from django.db import models
from django.db.models.functions import Cast, Length
from django.db.models.lookups import LessThanOrEqual

from parcours.accounts.models import Workspace
from parcours.catalogue.types import ProductOrigin
from parcours.kernel.constraints import one_of
from parcours.kernel.searching import Key, kept_key

_WEB = r"^https?://[^[:space:]]+$"


class Product(models.Model):
    """Something the shop sells, by the shop's own id. `origin` says who states all that is known of it; `seen_at` belongs to what
    events tell: when the newest of them happened, to the day."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    product_id = models.CharField(max_length=200, db_collation="C")
    name = models.CharField(max_length=300, blank=True)
    url = models.CharField(max_length=2000, blank=True)
    image_url = models.CharField(max_length=2000, blank=True)
    price = models.DecimalField(max_digits=14, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True)
    category = models.CharField(max_length=300, blank=True)
    brand = models.CharField(max_length=200, blank=True)
    in_stock = models.BooleanField(null=True)
    attributes = models.JSONField(default=dict)
    origin = models.CharField(max_length=4)
    seen_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    id_key = kept_key(Key("product_id"))
    name_key = kept_key(Key("name"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "product_id"], name="product_once"),
            models.CheckConstraint(condition=~models.Q(product_id=""), name="product_has_id"),
            models.CheckConstraint(condition=one_of("origin", ProductOrigin), name="product_origin"),
            models.CheckConstraint(
                condition=models.Q(origin=ProductOrigin.SEEN.value, seen_at__isnull=False)
                | (~models.Q(origin=ProductOrigin.SEEN.value) & models.Q(seen_at=None) & ~models.Q(name="")),
                name="product_stated_or_seen",
            ),
            models.CheckConstraint(
                condition=models.Q(price=None, currency="")
                | models.Q(price__gte=0, price__isnull=False, currency__regex="^[A-Z]{3}$"),
                name="product_price",
            ),
            models.CheckConstraint(
                condition=models.Q(url="") | models.Q(url__regex=_WEB), name="product_url"
            ),
            models.CheckConstraint(
                condition=models.Q(image_url="") | models.Q(image_url__regex=_WEB), name="product_image_url"
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length(Cast("attributes", models.TextField())), 100_000),
                name="product_attributes",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id_key"], name="product_by_id"),
            models.Index(fields=["workspace", "name_key"], name="product_by_name"),
            models.Index(
                fields=["workspace", "product_id"],
                condition=models.Q(origin=ProductOrigin.SEEN.value),
                name="product_seen",
            ),
        ]
