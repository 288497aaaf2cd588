"""Content, Catalogue: the products with who states them, one product, adding, changing, confirming and removing one by hand.

What was only seen in events is no link here, and is confirmed by its form, which shows every fact that is then the shop's.
"""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcours.accounts.types import Role
from parcours.catalogue import actions, queries
from parcours.catalogue.models import Product
from parcours.catalogue.types import ProductOrigin, shown_price
from parcours.kernel import json_text
from parcours.kernel.errors import DomainError, Malformed
from parcours.web import paging
from parcours.web.access import StaffRequest, needs
from parcours.web.forms import put

STOCK = {"": _("unknown"), "yes": _("yes"), "no": _("no")}
IN_STOCK: dict[bool | None, str] = {None: "", True: "yes", False: "no"}
PLAIN = ("name", "url", "image_url", "currency", "category", "brand")


class ProductForm(forms.Form):
    """What is known of a product. Bounds and addresses are checked by the catalogue itself."""

    name = forms.CharField(label=_("Name"), max_length=300)
    price = forms.DecimalField(
        label=_("Price"),
        required=False,
        min_value=0,
        max_digits=14,
        decimal_places=4,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    currency = forms.CharField(
        label=_("Currency"),
        max_length=3,
        required=False,
        help_text=_("Three letters, such as EUR. Without any, the price is in the workspace's."),
    )
    url = forms.CharField(label=_("Address of its page"), max_length=2000, required=False)
    image_url = forms.CharField(label=_("Address of its picture"), max_length=2000, required=False)
    category = forms.CharField(label=_("Category"), max_length=300, required=False)
    brand = forms.CharField(label=_("Brand"), max_length=200, required=False)
    in_stock = forms.ChoiceField(label=_("In stock"), choices=list(STOCK.items()), required=False)
    attributes = forms.CharField(
        label=_("Attributes"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "font-mono text-sm"}),
        help_text=_('More facts of your own, as JSON, such as {"colour": "blue"}.'),
    )

    def clean_attributes(self) -> dict[str, Any]:
        """The object that the text says."""
        text = self.cleaned_data["attributes"].strip()
        try:
            said = json_text.read(text) if text else {}
        except Malformed as error:
            raise forms.ValidationError(error.message) from error
        if not isinstance(said, dict):
            raise forms.ValidationError(gettext("This is no JSON object."))
        return said

    def clean_in_stock(self) -> bool | None:
        """Yes, no, or None for unknown."""
        return {"yes": True, "no": False}.get(self.cleaned_data["in_stock"])


class NewProductForm(ProductForm):
    """A product with the shop's own id, which stays."""

    product_id = forms.CharField(label=_("Id in the shop"), max_length=200)
    field_order = ("product_id", "name")


def initial(product: Product) -> dict[str, Any]:
    """What is known of a product, as its form begins."""
    known = {name: getattr(product, name) for name in PLAIN}
    attributes = product.attributes
    return known | {
        "price": shown_price(product.price),
        "in_stock": IN_STOCK[product.in_stock],
        "attributes": json.dumps(attributes, ensure_ascii=False, indent=1) if attributes else "",
    }


@needs(Role.VIEWER)
def products(request: StaffRequest) -> HttpResponse:
    """What the shop sells; `q` finds by the beginning of id or name, `show=seen` what events alone show."""
    words = request.GET.get("q", "").strip()[:200]
    after = request.GET.get("after", "")[:200]
    show = "seen" if request.GET.get("show") == "seen" else ""
    found = queries.products(
        request.workspace.pk, words=words, origin=ProductOrigin.SEEN if show else None
    ).filter(product_id__gt=after)
    rows = list(found[: paging.SIZE + 1])
    page = paging.cut(rows, paging.SIZE, lambda last: last.product_id, is_first=not after)
    context = {"page": page, "rows": page.rows, "words": words, "show": show}
    return render(request, "web/catalogue/list.html", context)


@needs(Role.VIEWER)
def product(request: StaffRequest, number: int) -> HttpResponse:
    """One product: what is known of it, and who says so."""
    found = queries.product_of_number(request.workspace.pk, number)
    context = {
        "product": found,
        "is_seen": found.origin == ProductOrigin.SEEN.value,
        "in_stock": STOCK[IN_STOCK[found.in_stock]],
        "attributes": [(name, shown(value)) for name, value in found.attributes.items()],
    }
    return render(request, "web/catalogue/one.html", context)


def shown(value: object) -> str:
    """An attribute's value as it is read."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@needs(Role.EDITOR, "GET", "POST")
def add(request: StaffRequest) -> HttpResponse:
    """Add a product by hand."""
    form = NewProductForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        try:
            made = actions.add(
                request.workspace.pk, said.pop("product_id"), said, actor=request.actor, now=request.now
            )
        except DomainError as error:
            put(form, error)
        else:
            messages.success(request, gettext("Added."))
            return redirect("product", request.workspace.slug, made.pk)
    return render_form(request, form)


@needs(Role.EDITOR, "GET", "POST")
def edit(request: StaffRequest, number: int) -> HttpResponse:
    """Change a product; what was only seen becomes the shop's by it."""
    found = queries.product_of_number(request.workspace.pk, number)
    form = ProductForm(request.POST if request.method == "POST" else None, initial=initial(found))
    if request.method == "POST" and form.is_valid():
        try:
            actions.save(
                request.workspace.pk,
                found.product_id,
                form.cleaned_data,
                origin=ProductOrigin.HAND,
                actor=request.actor,
                now=request.now,
            )
        except DomainError as error:
            put(form, error)
        else:
            messages.success(request, gettext("Saved. Messages may show it."))
            return redirect("product", request.workspace.slug, number)
    return render_form(request, form, product=found, is_seen=found.origin == ProductOrigin.SEEN.value)


def render_form(request: StaffRequest, form: ProductForm, **more: Any) -> HttpResponse:
    """The form as it stands."""
    status = 422 if form.errors else 200
    return render(request, "web/catalogue/edit.html", {"form": form, **more}, status=status)


@needs(Role.EDITOR, "GET", "POST")
def remove(request: StaffRequest, number: int) -> HttpResponse:
    """Say what removing means, and (POST) remove."""
    found = queries.product_of_number(request.workspace.pk, number)
    if request.method == "POST":
        actions.remove(request.workspace.pk, found.product_id, actor=request.actor, now=request.now)
        messages.success(request, gettext("Removed. Messages do not show it any more."))
        return redirect("catalogue", request.workspace.slug)
    return render(request, "web/catalogue/remove.html", {"product": found})
