"""Products of the catalogue in messages: only what the shop states, escaped and checked as every value, read once for a batch."""

from collections.abc import Iterable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.catalogue import actions as catalogue
from parcours.catalogue import queries as reading
from parcours.catalogue.models import Product
from parcours.catalogue.types import Offered, ProductOrigin
from parcours.contacts.models import Contact
from parcours.content import products, queries
from parcours.content.liquid import HTML, ProductUses, parse, products_in
from parcours.content.template import Rendered
from parcours.kernel import tenancy

FRAME = "<mjml><mj-body><mj-section><mj-column>%s</mj-column></mj-section></mj-body></mjml>"
LINES = """<mj-table>{% for line in event.products %}{% assign item = line.product_id | product %}
<tr><td>{% if item %}<a href="{{ item.url }}">{{ item.name }}</a> {{ item.price | money: item.currency }} ({{ item.price }})
{% else %}nothing known of {{ line.product_id }}{% endif %}</td></tr>{% endfor %}</mj-table>"""
BOWL = {"name": "Bol <grès>", "url": "https://shop.example/bol?a=1&b=2", "price": 24.9, "brand": "Nous"}


def state(workspace: Workspace, now: datetime, product_id: str = "BOL-1", **facts: Any) -> None:
    catalogue.save(
        workspace.pk, product_id, {**BOWL, **facts}, origin=ProductOrigin.API, actor=SYSTEM, now=now
    )


def see(workspace: Workspace, now: datetime, product_id: str) -> None:
    """A product that only events show."""
    Product.objects.create(
        workspace=workspace,
        product_id=product_id,
        name="Cheaper elsewhere",
        url="https://evil.example",
        origin="seen",
        seen_at=now,
        created_at=now,
        changed_at=now,
    )


def reads_counted(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """For which products the catalogue is read from now on, one entry for each statement."""
    reads: list[set[str]] = []

    def stated(workspace_id: int, ids: Iterable[str]) -> list[Offered]:
        reads.append(set(ids))
        return reading.stated(workspace_id, ids)

    monkeypatch.setattr(products, "catalogue", SimpleNamespace(stated=stated))
    return reads


@pytest.fixture
def julie(in_workspace: Workspace, now: datetime) -> Contact:
    return Contact.objects.create(
        workspace_id=in_workspace.pk,
        email="julie@example.com",
        language="fr",
        attributes={"first_name": "Julie", "favourite": "BOL-1"},
        created_at=now,
        updated_at=now,
    )


def shown(
    julie: Contact, mjml: str, now: datetime, *bought: object, subject: str = "x", is_strict: bool = True
) -> Rendered:
    body = {"subject": subject, "preheader": "", "mjml": FRAME % mjml, "text": ""}
    event = {"products": [{"product_id": each} for each in bought]}
    return queries.preview_body(
        julie.workspace_id, body, julie.pk, "fr", event=event, is_strict=is_strict, now=now
    )


def test_order_shows_the_catalogues_products(in_workspace: Workspace, julie: Contact, now: datetime) -> None:
    state(in_workspace, now)
    state(in_workspace, now, "1001", name="Lampe", price=None)
    message = shown(julie, LINES, now, "BOL-1", 1001, "LOST")
    assert 'href="https://shop.example/bol?a=1&amp;b=2"' in message.html
    assert "Bol &lt;grès&gt;" in message.html
    assert "Bol <grès>" in message.text
    assert "24,90\u00a0€ (24.90)" in message.html
    assert "Lampe" in message.html
    assert "nothing known of LOST" in message.html


def test_what_was_only_seen_is_shown_to_nobody(
    in_workspace: Workspace, julie: Contact, now: datetime
) -> None:
    see(in_workspace, now, "BOL-2")
    message = shown(julie, LINES, now, "BOL-2")
    assert "nothing known of BOL-2" in message.html
    assert "evil.example" not in message.html + message.text


def test_product_of_another_workspace_is_not_there(
    in_workspace: Workspace, other_workspace: Workspace, julie: Contact, now: datetime
) -> None:
    with tenancy.scope(workspace_id=other_workspace.pk):
        state(other_workspace, now)
    assert "nothing known of BOL-1" in shown(julie, LINES, now, "BOL-1").html


def test_id_may_be_written_out_or_be_an_attribute(
    in_workspace: Workspace, julie: Contact, now: datetime
) -> None:
    state(in_workspace, now)
    state(in_workspace, now, "7", name="Sept")
    mjml = """<mj-text>{% assign a = contact.favourite | product %}{% assign b = 7 | product %}
        {% assign c = "BOL-1" | product %}{{ a.name }}, {{ b.name }}, {{ c.brand }}</mj-text>"""
    assert "Bol &lt;grès&gt;, Sept, Nous" in shown(julie, mjml, now).html
    subject = '{% assign a = "BOL-1" | product %}{{ a.name }} !'
    assert shown(julie, mjml, now, subject=subject).subject == "Bol <grès> !"


@pytest.mark.parametrize("value", [None, True, 1.5, "", "  ", [], {"a": "BOL-1"}, 10**60, "x" * 5000])
def test_what_is_no_id_gives_nothing(
    in_workspace: Workspace, julie: Contact, now: datetime, value: object
) -> None:
    state(in_workspace, now)
    mjml = "<mj-text>{% for l in event.products %}{% assign p = l.product_id | product %}[{% if p %}!{% endif %}]{% endfor %}</mj-text>"
    assert "[]" in shown(julie, mjml, now, value).html


def test_what_is_not_known_can_be_asked_for(in_workspace: Workspace, julie: Contact, now: datetime) -> None:
    state(in_workspace, now, url="", price=None)
    mjml = """<mj-text>{% assign p = "BOL-1" | product %}{% if p.url or p.price or p.image_url or p.in_stock %}wrong{% else %}right{% endif %}
        {{ p.url }}{{ p.price | money: p.currency }}.</mj-text>"""
    assert "right" in shown(julie, mjml, now).html


def test_name_that_nothing_has_gives_nothing(in_workspace: Workspace, julie: Contact, now: datetime) -> None:
    mjml = "<mj-text>{% assign p = event.nothing.at_all | product %}[{{ p.name }}]</mj-text>"
    assert "[]" in shown(julie, mjml, now, is_strict=False).html


def test_uses_are_found_in_every_corner() -> None:
    source = """{% if a %}{% for l in event.products %}{% assign x = l.sku | product %}{% endfor %}{% else %}
        {{ "A-1" | product }}{% endif %}{{ 12 | product }}{{ event["id"] | product }}{{ l.name | upcase }}{{ products[0] | product }}
        {% assign y = l.product_id | default: l.variant | product %}{{ l.other | upcase | product }}"""
    assert products_in([parse(HTML, source)]) == ProductUses(
        frozenset({"A-1", "12"}), frozenset({"sku", "id", "product_id", "variant"})
    )


def test_batch_is_read_at_once_and_not_at_all_when_nobody_asks(
    in_workspace: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        state(in_workspace, now, f"P-{number}")
    reads = reads_counted(monkeypatch)
    told = products.of_messages(in_workspace.pk, {1: ["P-0", "LOST"], 2: ["P-1", "P-2"], 3: []})
    assert products.of_messages(in_workspace.pk, {1: [], 2: []}) == {1: {}, 2: {}}
    assert reads == [{"P-0", "P-1", "P-2", "LOST"}]
    assert {key: list(each) for key, each in told.items()} == {1: ["P-0"], 2: ["P-1", "P-2"], 3: []}


def test_message_asks_for_a_bounded_number_of_products(
    in_workspace: Workspace, julie: Contact, now: datetime
) -> None:
    body = {"subject": "x", "preheader": "", "mjml": FRAME % LINES, "text": ""}
    template = queries.made_ready(body, "fr")
    crowd = {"products": [{"product_id": f"P-{number}", "other": "BOL-1"} for number in range(10_000)]}
    assert products.asked_for(template, crowd) == [f"P-{number}" for number in range(products.MOST)]
    plain = queries.made_ready({**body, "mjml": FRAME % "<mj-text>x</mj-text>"}, "fr")
    assert products.asked_for(plain, crowd) == []
