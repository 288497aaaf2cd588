"""What cannot be taken back is said before it happens; figures that are followed end with the page anew."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from parcours.accounts.models import Key
from parcours.accounts.types import SYSTEM
from parcours.campaigns import actions as campaigns
from parcours.campaigns.models import Campaign
from parcours.contacts.models import Contact
from parcours.kernel import tenancy
from tests.web.conftest import Shop


def said_before(page: str, button: str) -> str:
    """The words that one opens before the button is there; '' when it stands in the open."""
    before = page[: page.index(button)]
    if before.count("<details") == before.count("</details"):
        return ""
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", before[before.rindex("</summary>") :])).strip()


def draft(shop: Shop) -> int:
    return int(
        Campaign.objects.filter(workspace_id=shop.workspace.pk, state="draft").values_list("pk", flat=True)[0]
    )


def test_draft_is_deleted_after_a_word(shop: Shop, owner: Client) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        found = draft(shop)
    page = owner.get(shop.path(f"campaigns/{found}/")).content.decode()
    assert "for good" in said_before(page, ">Delete</button>")


def test_campaign_is_cancelled_after_a_word_and_paused_at_once(shop: Shop, owner: Client) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        found = draft(shop)
        campaigns.schedule(shop.workspace.pk, found, shop.now + timedelta(days=1), actor=SYSTEM, now=shop.now)
    page = owner.get(shop.path(f"campaigns/{found}/")).content.decode()
    assert "never sent" in said_before(page, 'value="cancel"')
    with tenancy.scope(workspace_id=shop.workspace.pk):
        campaigns.start(shop.workspace.pk, found, actor=SYSTEM, now=shop.now)
    page = owner.get(shop.path(f"campaigns/{found}/")).content.decode()
    assert "cannot be taken back" in said_before(page, 'value="cancel"')
    assert said_before(page, 'value="pause"') == ""


def test_key_is_revoked_and_an_address_removed_after_a_word(shop: Shop, owner: Client) -> None:
    owner.post(shop.path("settings/keys/add/"), {"name": "boutique", "kind": "write"})
    with tenancy.scope(workspace_id=shop.workspace.pk):
        key = Key.objects.get(name="boutique")
        person = Contact.objects.get(email="client1@mail.example")
    page = owner.get(shop.path("settings/keys/")).content.decode()
    row = page[page.index(key.hint) :]
    assert "refused from now on" in said_before(row, ">Revoke</button>")
    owner.post(shop.path(f"contacts/{person.pk}/identities/add/"), {"kind": "external", "value": "C-77"})
    page = owner.get(shop.path(f"contacts/{person.pk}/")).content.decode()
    assert "leads to this person no more" in said_before(page, ">Remove</button>")


def test_import_is_cancelled_after_a_word(shop: Shop, owner: Client) -> None:
    file = SimpleUploadedFile("people.csv", b"email\nmarc@example.com\n")
    path = owner.post(shop.path("imports/upload/"), {"file": file})["Location"].removesuffix("columns/")
    page = owner.get(path).content.decode()
    assert "Nobody of this file is taken in." in said_before(page, "Cancel the import</button>")
    assert "HX-Refresh" in owner.get(f"{path}progress/").headers


@pytest.mark.parametrize("move", ["pause", "cancel"])
def test_followed_campaign_ends_with_the_page_anew(shop: Shop, owner: Client, move: str) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        found = draft(shop)
        campaigns.start(shop.workspace.pk, found, actor=SYSTEM, now=shop.now)
    path = shop.path(f"campaigns/{found}/")
    assert "HX-Refresh" not in owner.get(f"{path}progress/").headers
    owner.post(f"{path}move/", {"move": move})
    assert owner.get(f"{path}progress/").headers["HX-Refresh"] == "true"
