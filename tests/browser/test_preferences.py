"""The preference page as a browser sends its form: what is unticked is saved, and nothing stands in the console."""

from playwright.sync_api import BrowserContext

from parcours.consent.models import State
from parcours.delivery.models import Message
from parcours.events import tokens
from parcours.kernel import tenancy
from tests.browser.watching import Watched
from tests.web.conftest import Shop


def test_every_box_is_unticked_and_saved(shop: Shop, context: BrowserContext) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        message = Message.objects.filter(is_test=False).earliest("id")
    named = tokens.MessageToken(shop.workspace.pk, message.pk)
    link = f"/p/{tokens.signer().sign(named, tokens.Purpose.PREFERENCES)}"
    watched = Watched(context)
    wrong = watched.look_at(link)
    page = watched.page
    assert page.request.get("/favicon.ico").ok
    boxes = page.locator("input[type=checkbox]")
    assert boxes.count() > 1
    for box in boxes.all():
        box.check()
    page.locator("form button").first.click()
    assert page.locator("input[type=checkbox]:checked").count() == boxes.count()
    for box in boxes.all():
        box.uncheck()
    page.locator("form button").first.click()
    assert page.locator("[role=status]").is_visible()
    assert page.locator("input[type=checkbox]:checked").count() == 0
    with tenancy.scope(workspace_id=shop.workspace.pk):
        acts = State.objects.filter(contact_id=message.contact_id).values_list("act", flat=True)
        assert set(acts) <= {"withdrawn", "objected"}
    assert wrong + watched.complaints == []
