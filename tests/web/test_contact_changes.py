"""What staff change about a person on the pages: adding, editing, what identifies them, lists; declaring attributes."""

import html
import re
from uuid import UUID

import pytest
from django.test import Client

from parcours.accounts.models import AuditEntry
from parcours.accounts.types import SYSTEM
from parcours.contacts import actions as people
from parcours.contacts.changing import Wanted
from parcours.contacts.models import Attribute, Contact, Identity, ListMember
from parcours.contacts.types import AttributeType
from parcours.events import audited
from parcours.events.models import Event
from parcours.kernel import tenancy
from tests.web.conftest import Shop, signed_in

NEW = {"email": "Nadia@mail.example", "new-phone": "06 11 22 33 44", "new-external": "C-9999", "points": "7"}


def contact(shop: Shop, email: str) -> Contact:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return Contact.objects.get(email=email)


def identities(shop: Shop, who: UUID) -> set[tuple[str, str]]:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return set(Identity.objects.filter(contact_id=who).values_list("kind", "value"))


def trail(shop: Shop, subject: str) -> list[tuple[str, str, dict[str, object]]]:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        found = AuditEntry.objects.filter(subject=subject, user=shop.owner).order_by("id")
        return [(one.action, one.subject_id, one.detail) for one in found]


def test_person_is_added_by_hand_and_completed_the_second_time(shop: Shop, owner: Client) -> None:
    response = owner.post(shop.path("contacts/add/"), {**NEW, "new-source": "Salon", "language": "fr"})
    assert response.status_code == 302, response.content.decode()
    nadia = contact(shop, "nadia@mail.example")
    assert (nadia.language, nadia.source, nadia.attributes) == ("fr", "Salon", {"points": 7})
    assert identities(shop, nadia.pk) == {
        ("email", "nadia@mail.example"), ("phone", "0611223344"), ("external", "C-9999"),
    }  # fmt: skip
    again = owner.post(shop.path("contacts/add/"), {**NEW, "club": "true"}, follow=True)
    assert "was here already" in again.content.decode()
    assert contact(shop, "nadia@mail.example").attributes == {"points": 7, "club": True}
    assert trail(shop, "contact") == [
        ("created", str(nadia.pk), {"fields": ["email", "language", "points"]}),
        ("changed", str(nadia.pk), {"fields": ["club"]}),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"email": "nobody"}, "Enter a valid email address."),
        ({"new-phone": "call me"}, "is not a phone number"),
        ({"language": "nn-no"}, ""),
        ({"language": "f"}, "is not a language"),
        ({"points": "many"}, "Enter a number."),
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_is_shown_beside_its_field(
    shop: Shop, owner: Client, change: dict[str, str], message: str
) -> None:
    response = owner.post(shop.path("contacts/add/"), {**NEW, **change})
    if message:
        assert response.status_code == 422
        assert message in response.content.decode()
        with tenancy.scope(workspace_id=shop.workspace.pk):
            assert not Contact.objects.filter(email="nadia@mail.example").exists()
    else:
        assert response.status_code == 302


def test_address_language_and_zone_are_edited(shop: Shop, owner: Client) -> None:
    who = contact(shop, "client3@mail.example")
    path = shop.path(f"contacts/{who.pk}/edit/")
    form = {**owner.get(path).context["form"].initial, "first_name": "Paul", "last_name": "Moreau"}
    form |= {
        "email": "paul@mail.example",
        "language": "de",
        "time_zone": "",
        "city": "Nantes",
        "points": "30",
    }
    assert owner.post(path, form).status_code == 302
    with tenancy.scope(workspace_id=shop.workspace.pk):
        kept = Contact.objects.get(pk=who.pk)
        told = Event.objects.filter(contact_id=who.pk, name="Attributes Changed").order_by("-id").first()
    assert (kept.email, kept.language, kept.time_zone) == ("paul@mail.example", "de", "")
    assert told is not None
    assert told.properties["changes"]["email"] == {"from": "client3@mail.example", "to": "paul@mail.example"}
    assert {("email", "client3@mail.example"), ("email", "paul@mail.example")} <= identities(shop, who.pk)
    refused = owner.post(path, {**form, "email": "client4@mail.example"})
    assert refused.status_code == 422
    assert "belongs to another contact" in refused.content.decode()


def test_identities_are_added_and_removed(shop: Shop, owner: Client) -> None:
    who = contact(shop, "client5@mail.example")
    path = shop.path(f"contacts/{who.pk}/")
    second = {"kind": "email", "value": "Second@mail.example"}
    page = owner.post(path + "identities/add/", second, follow=True).content.decode()
    assert "second@mail.example" in page
    first = {"kind": "email", "value": "client5@mail.example"}
    assert owner.post(path + "identities/remove/", first).status_code == 302
    assert contact(shop, "second@mail.example").pk == who.pk
    taken = owner.post(path + "identities/add/", {"kind": "external", "value": "C-0001"})
    assert taken.status_code == 422
    assert taken.context["contact"].pk == who.pk, "the person's own page"
    assert "belongs to another contact" in taken.context["identity_form"].errors["value"][0]
    assert 'value="C-0001"' in taken.content.decode(), "nothing typed is lost"
    assert owner.post(path + "identities/add/", {"kind": "colour", "value": "red"}).status_code == 422
    assert [(action, detail) for action, _, detail in trail(shop, "identity")] == [
        ("added", {"kind": "email"}),
        ("removed", {"kind": "email"}),
    ]


def test_person_is_put_on_a_list_and_taken_off(shop: Shop, owner: Client, viewer: Client) -> None:
    who = contact(shop, "client50@mail.example")
    path = shop.path(f"contacts/{who.pk}/")
    page = owner.post(path + "lists/", {"list": "loyal-clients"}, follow=True).content.decode()
    assert "Put on the list." in page
    assert "Remove from" in page
    assert "Remove from" not in viewer.get(path).content.decode()
    owner.post(path + "lists/", {"list": "loyal-clients", "move": "remove"})
    with tenancy.scope(workspace_id=shop.workspace.pk):
        assert not ListMember.objects.filter(contact_id=who.pk).exists()
    assert [(action, subject) for action, subject, _ in trail(shop, "list_member")] == [
        ("added", "loyal-clients"),
        ("removed", "loyal-clients"),
    ]
    assert owner.post(path + "lists/", {"list": "nowhere"}).status_code == 404


def test_attribute_is_declared_and_described(shop: Shop, owner: Client, viewer: Client) -> None:
    path = shop.path("settings/attributes/")
    form = {"label_fr": "Taille préférée", "label_en": "Favourite size", "type": "category"}
    page = owner.post(path + "+/", {**form, "options": "S\nM\n\nM\n"}, follow=True).content.decode()
    assert "favourite_size" in page
    with tenancy.scope(workspace_id=shop.workspace.pk):
        made = Attribute.objects.get(name="favourite_size")
    assert (made.label_fr, made.type, made.options) == ("Taille préférée", "category", ["S", "M"])
    twice = owner.post(path + "+/", form)
    assert (twice.status_code, "already" in twice.content.decode()) == (422, True)
    reserved = owner.post(path + "+/", {**form, "label_en": "E-mail", "label_fr": "x"})
    assert reserved.status_code == 302  # e_mail is no field of ours
    assert owner.post(path + "+/", {**form, "label_en": "Email"}).status_code == 422
    changed = {"label_fr": "Taille", "label_en": "Size", "options": "S\nM\nL"}
    assert owner.post(path + "favourite_size/", changed).status_code == 302
    french = signed_in(shop.owner, "fr").get(path).content.decode()
    assert "Taille" in french
    assert "S, M, L" in french
    assert viewer.get(path).status_code == 200
    assert viewer.post(path + "+/", form).status_code == 403
    assert owner.get(path + "nothing/").status_code == 404


# What no field of the page shows as it is kept.
ODD = {
    "shade": "Teal",
    "bio": "First line\nsecond line ",
    "notes": "x" * 3_000,
    "shops": ["Paris, France", "Lyon"],
    "nickname": "  Ada ",
}


def make_odd(shop: Shop, email: str) -> Contact:
    """A contact as an API, an import or time leaves one: a zone without a slash, a category that is not offered any more."""
    who = contact(shop, email)
    with tenancy.scope(workspace_id=shop.workspace.pk):
        for name, kind in {"bio": "text", "notes": "text", "nickname": "text", "shops": "list"}.items():
            people.declare_attribute(shop.workspace.pk, name, AttributeType(kind), actor=SYSTEM, now=shop.now)
        people.declare_attribute(
            shop.workspace.pk,
            "shade",
            AttributeType.CATEGORY,
            options=["Teal", "Red"],
            actor=SYSTEM,
            now=shop.now,
        )
        wanted = Wanted(language="fr", time_zone="UTC", attributes=ODD)
        audited.change_contact(shop.workspace.pk, who.pk, wanted, actor=SYSTEM, now=shop.now)
        Attribute.objects.filter(name="shade").update(options=["Red"])
    return contact(shop, email)


def as_sent(page: str) -> dict[str, str]:
    """What a browser sends of the page's form when nothing is touched."""
    form = page.partition('<form method="post" class="panel')[2].partition("</form>")[0]
    sent = dict.fromkeys(re.findall(r'<select name="(\w+)"', form), "")
    for tag in re.findall(r"<input [^>]*>", form):
        if name := re.search(r'name="([\w-]+)"', tag):
            value = re.search(r'value="([^"]*)"', tag)
            sent[name[1]] = html.unescape(value[1]) if value else ""
    for name, text in re.findall(r'<textarea name="(\w+)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL):
        sent[name] = html.unescape(text).replace("\n", "\r\n")
    for name, options in re.findall(r'<select name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        if chosen := re.search(r'value="([^"]*)" selected', options):
            sent[name] = html.unescape(chosen[1])
    return sent


def test_changing_one_field_leaves_the_others(shop: Shop, owner: Client) -> None:
    before = make_odd(shop, "client1@mail.example")
    path = shop.path(f"contacts/{before.pk}/edit/")
    sent = as_sent(owner.get(path).content.decode())
    assert owner.post(path, {**sent, "language": "en"}).status_code == 302
    after = contact(shop, "client1@mail.example")
    assert (after.language, after.time_zone, after.email) == ("en", "UTC", before.email)
    assert after.attributes == before.attributes
    assert trail(shop, "contact")[-1] == ("changed", str(before.pk), {"fields": ["language"]})


def test_lists_and_long_texts_are_changed_by_their_lines(shop: Shop, owner: Client) -> None:
    before = make_odd(shop, "client1@mail.example")
    path = shop.path(f"contacts/{before.pk}/edit/")
    sent = as_sent(owner.get(path).content.decode())
    changed = {"shops": "Paris, France\r\n\r\n Nice ", "bio": "One\r\ntwo", "shade": "Red", "time_zone": ""}
    assert owner.post(path, {**sent, **changed}).status_code == 302
    after = contact(shop, "client1@mail.example")
    assert after.time_zone == ""
    assert after.attributes == {
        **(before.attributes or {}), "shops": ["Paris, France", "Nice"], "bio": "One\ntwo", "shade": "Red",
    }  # fmt: skip
