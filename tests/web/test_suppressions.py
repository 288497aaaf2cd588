"""Excluded addresses: whose they are, excluding one by hand, lifting one with a trace; the gate follows at once."""

from typing import Any

from django.test import Client

from parcours.accounts.models import AuditEntry
from parcours.consent import actions, queries
from parcours.consent.models import Suppression
from parcours.consent.types import Channel, SuppressionReason
from parcours.contacts.actions import save_people
from parcours.contacts.models import Contact
from parcours.contacts.types import Person
from parcours.kernel import tenancy
from tests.web.conftest import Shop

ADDRESS = "client3@mail.example"


def is_suppressed(shop: Shop, address: str = ADDRESS) -> bool:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return queries.is_suppressed(shop.workspace.pk, Channel.EMAIL, address)


def suppression(shop: Shop, address: str = ADDRESS) -> Suppression:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        found = queries.suppression(shop.workspace.pk, Channel.EMAIL, address)
    assert found is not None
    return found


def add(owner: Client, shop: Shop, address: str = ADDRESS, why: str = "by letter") -> Any:
    return owner.post(shop.path("suppressions/add/"), {"address": address, "why": why})


def test_address_is_excluded_shown_and_lifted_with_a_trace(shop: Shop, owner: Client) -> None:
    assert add(owner, shop, " Client3@Mail.example ").status_code == 302
    assert is_suppressed(shop)
    page = owner.get(shop.path("suppressions/")).content.decode().replace("<wbr>", "")
    assert ADDRESS in page
    assert "by letter" in page
    lift = shop.path(f"suppressions/{suppression(shop).pk}/lift/")
    assert owner.get(lift).status_code == 200
    assert is_suppressed(shop)  # asking is not lifting
    owner.post(lift)
    assert not is_suppressed(shop)
    assert owner.post(lift).status_code == 404
    with tenancy.scope(workspace_id=shop.workspace.pk):
        trail = list(AuditEntry.objects.filter(subject="suppression").order_by("at", "id"))
    assert [(one.action, one.user_id) for one in trail] == [
        ("added", shop.owner.pk),
        ("lifted", shop.owner.pk),
    ]
    assert ADDRESS not in str([(one.subject_id, one.detail) for one in trail])


def test_excluding_twice_says_so_and_keeps_the_first_cause(shop: Shop, owner: Client) -> None:
    add(owner, shop)
    response = owner.post(shop.path("suppressions/add/"), {"address": ADDRESS, "why": "again"}, follow=True)
    assert "excluded already" in response.content.decode()
    assert suppression(shop).detail == "by letter"


def test_address_with_letters_beyond_ascii_is_the_one_that_mail_goes_to(shop: Shop, owner: Client) -> None:
    kept = "jean@xn--caf-dma.fr"
    with tenancy.scope(workspace_id=shop.workspace.pk):
        save_people(shop.workspace.pk, [Person(email="Jean@café.fr")], now=shop.now)
    add(owner, shop, "jean@café.fr")
    assert is_suppressed(shop, kept)
    page = (
        owner.get(shop.path("suppressions/"), {"address": "jean@café.fr"})
        .content.decode()
        .replace("<wbr>", "")
    )
    assert "by letter" in page
    assert kept in page
    proof = owner.get(shop.path("purposes/"), {"address": "Jean@café.fr"})
    assert proof.status_code == 302


def test_search_finds_an_address_that_nobody_has(shop: Shop, owner: Client) -> None:
    add(owner, shop, "stranger@mail.example")
    add(owner, shop)
    found = owner.get(shop.path("suppressions/"), {"address": "Stranger@mail.example"}).content.decode()
    assert "address not kept" in found
    assert ADDRESS not in found
    none = owner.get(shop.path("suppressions/"), {"address": "nobody@mail.example"}).content.decode()
    assert "This address is not excluded." in none


def test_changed_address_is_said_to_be_an_earlier_one(shop: Shop, owner: Client) -> None:
    add(owner, shop)
    with tenancy.scope(workspace_id=shop.workspace.pk):
        Contact.objects.filter(email=ADDRESS).update(email="new@mail.example")
    page = owner.get(shop.path("suppressions/")).content.decode().replace("<wbr>", "")
    assert "an earlier address of this person" in page
    assert "new@mail.example" not in page


def test_erased_person_leaves_the_fingerprint(shop: Shop, owner: Client) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        own = shop.workspace.pk
        guest = Contact.objects.create(
            workspace_id=own, email="guest@mail.example", created_at=shop.now, updated_at=shop.now
        )
        actions.suppress(
            own,
            Channel.EMAIL,
            "guest@mail.example",
            SuppressionReason.BOUNCE,
            contact_id=guest.pk,
            now=shop.now,
        )
        Contact.objects.filter(pk=guest.pk)._raw_delete("default")
    assert suppression(shop, "guest@mail.example").contact_id is None
    assert "address not kept" in owner.get(shop.path("suppressions/")).content.decode().replace("<wbr>", "")


def test_list_is_paged_with_a_constant_number_of_queries(
    shop: Shop, owner: Client, django_assert_max_num_queries: Any
) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        for number in range(60):
            person = Contact.objects.get(email=f"client{number}@mail.example")
            actions.suppress(
                shop.workspace.pk,
                Channel.EMAIL,
                f"client{number}@mail.example",
                SuppressionReason.COMPLAINT,
                contact_id=person.pk,
                now=shop.now,
            )
    with django_assert_max_num_queries(16):
        page: Any = owner.get(shop.path("suppressions/"))
    assert len(page.context["rows"]) == 50
    rest: Any = owner.get(shop.path("suppressions/"), {"after": page.context["page"].next})
    assert len(rest.context["rows"]) == 10


def test_bad_address_is_said_beside_its_field(shop: Shop, owner: Client) -> None:
    response = add(owner, shop, "nobody")
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["address"]


def test_viewer_sees_but_does_not_change(shop: Shop, owner: Client, viewer: Client) -> None:
    add(owner, shop)
    page = viewer.get(shop.path("suppressions/")).content.decode()
    assert "by letter" in page
    assert "/lift/" not in page
    assert viewer.post(shop.path(f"suppressions/{suppression(shop).pk}/lift/")).status_code == 403
