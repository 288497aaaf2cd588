"""Messages about orders show the catalogue's products, however many leave together, for one statement."""

from datetime import datetime
from email import message_from_bytes, policy
from typing import Any

import pytest

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.catalogue import actions as catalogue
from parcours.catalogue.types import ProductOrigin
from parcours.content.models import TemplateVersion
from parcours.delivery import actions, composing
from parcours.delivery.composing import Ready
from parcours.events import actions as events
from parcours.events.models import Event
from parcours.events.types import NewEvent
from tests.content.test_products import reads_counted
from tests.delivery.stories import BODY, Shop

LINES = """<mjml><mj-body><mj-section><mj-column><mj-table>{% for line in event.products %}{% assign item = line.product_id | product %}
<tr><td>{% if item %}<a href="{{ item.url }}">{{ item.name }}</a>{% else %}unknown{% endif %}</td></tr>{% endfor %}</mj-table>
</mj-column></mj-section></mj-body></mjml>"""
SUBJECT = "{% for line in event.products %}{% assign item = line.product_id | product %}{{ item.name }} {% endfor %}"


@pytest.fixture
def shop(in_workspace: Workspace, now: datetime) -> Shop:
    opened = Shop.open(in_workspace, now)
    body = {**BODY, "mjml": LINES, "subject": SUBJECT}
    opened.version = TemplateVersion.objects.create(
        workspace=in_workspace,
        template=opened.version.template,
        number=2,
        bodies={"fr": body, "en": body},
        actor="test",
        created_at=now,
    )
    for number in range(4):
        facts = {"name": f"Bol {number}", "url": f"https://shop.example/bol/{number}"}
        catalogue.save(in_workspace.pk, f"B-{number}", facts, origin=ProductOrigin.API, actor=SYSTEM, now=now)
    return opened


def order(shop: Shop, name: str, *bought: str) -> None:
    """Somebody orders, and a confirmation waits to leave."""
    who = shop.person(name)
    given: dict[str, Any] = {"products": [{"product_id": each} for each in bought]}
    events.append(shop.id, [NewEvent(who, "Order Completed", given, shop.now)], now=shop.now)
    event = Event.objects.get(contact_id=who, name="Order Completed")
    shop.queue(shop.mailing("order_information"), who, event=(event.at, event.id))


def sent(shop: Shop) -> dict[str, tuple[str, str]]:
    """Subject and HTML of what leaves, by address."""
    claims = actions.claim(shop.id, now=shop.now, limit=100).to_send
    letters = composing.load(shop.id, claims, now=shop.now)
    made = composing.make(letters, claims, is_signed=False)
    found: dict[str, tuple[str, str]] = {}
    for one in made:
        assert isinstance(one, Ready), one
        mail = message_from_bytes(one.data, policy=policy.default)
        html = mail.get_body(("html",))
        assert html is not None
        assert composing.subject(letters, one.claim) == one.subject
        found[str(mail["To"])] = (str(mail["Subject"]), html.get_content())
    return found


def test_each_message_shows_its_own_products(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = reads_counted(monkeypatch)
    order(shop, "Julie", "B-1", "B-2")
    order(shop, "Marc", "B-3", "LOST")
    order(shop, "Nora")
    found = sent(shop)
    assert reads == [{"B-1", "B-2", "B-3", "LOST"}]
    subject, html = found["julie@example.com"]
    assert subject == "Bol 1 Bol 2"
    assert "?u=https%3A%2F%2Fshop.example%2Fbol%2F1" in html  # tracked, as every link
    assert "Bol 3" not in html
    assert found["marc@example.com"][0] == "Bol 3"
    assert "unknown" in found["marc@example.com"][1]
    assert "shop.example/bol" not in found["nora@example.com"][1]


def test_catalogue_is_not_read_for_messages_that_do_not_ask(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = reads_counted(monkeypatch)
    shop.version = TemplateVersion.objects.get(workspace=shop.workspace, number=1)
    order(shop, "Julie", "B-1")
    found = sent(shop)
    assert reads == []
    assert found["julie@example.com"][0] == "Bonjour Julie"
