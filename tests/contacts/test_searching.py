"""Finding people: whose beginning is typed is found, in any spelling, and nobody else; an index is read, not the table."""

from datetime import datetime

import pytest
from django.db import connection
from django.db.models import QuerySet

from parcours.accounts.models import Workspace
from parcours.contacts import actions, searching
from parcours.contacts.models import Contact
from parcours.contacts.types import IdentityKind, Person
from parcours.kernel import sql, tenancy

EMAIL, EXTERNAL, PHONE = IdentityKind.EMAIL, IdentityKind.EXTERNAL, IdentityKind.PHONE
PEOPLE = (
    Person(
        email="zoe.martin@maison.example",
        identities=((EXTERNAL, "C-0007"), (PHONE, "+33612345678"), (EMAIL, "old@post.example")),
        attributes={"first_name": "Zoé", "last_name": "Martin"},
    ),
    Person(email="marc@garage.example", attributes={"name": "Marc-Antoine d’Étretat"}),
    Person(email="o'neil_%@strange.example", attributes={"first_name": "100%_\\", "last_name": "'\"Oz"}),
    Person(identities=((EXTERNAL, "nobody in particular"),), attributes={"first_name": "Zacharie"}),
)
_CROWD = """
WITH made AS (
    INSERT INTO contacts_contact (workspace_id, email, attributes, created_at, updated_at)
    SELECT %(workspace_id)s, 'person' || n || '@firm' || n %% 500 || '.example',
           jsonb_build_object('first_name', 'First' || n, 'last_name', 'Last' || n),
           %(now)s::timestamptz - n * interval '1 minute', %(now)s
    FROM generate_series(1, 3000) AS n
    RETURNING id, email
)
INSERT INTO contacts_identity (workspace_id, contact_id, kind, value, created_at)
SELECT %(workspace_id)s, made.id, 'email', made.email, %(now)s FROM made"""


@pytest.fixture
def shop(in_workspace: Workspace, now: datetime) -> Workspace:
    """A shop that knows four people."""
    actions.save_people(in_workspace.pk, PEOPLE, now=now, declare=True)
    return in_workspace


@pytest.fixture
def crowded(in_workspace: Workspace, now: datetime) -> Workspace:
    """Three thousand people, whom the planner knows, seen as the web's role does."""
    sql.run(_CROWD, {"workspace_id": in_workspace.pk, "now": now})
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")  # the owner, who alone may
        cursor.execute("ANALYZE contacts_contact, contacts_identity")
        cursor.execute("SET LOCAL ROLE parcours_web")
    return in_workspace


def found(workspace: Workspace, words: str) -> QuerySet[Contact]:
    everybody = Contact.objects.filter(workspace_id=workspace.pk)
    return searching.called(workspace.pk, everybody, words).order_by("-created_at", "-pk")


def addresses(workspace: Workspace, words: str) -> list[str | None]:
    return sorted((one.email for one in found(workspace, words)), key=str)


ZOE, MARC, STRANGE = "zoe.martin@maison.example", "marc@garage.example", "o'neil_%@strange.example"


@pytest.mark.parametrize(
    "words",
    [
        "zoé", "ZOÉ", "zoe", "Zoe\u0301", " zoé ", "Zoé M", "zoé   martin", "zoé\u00a0martin", "mart", "MARTIN", "martin zoe",
        "zoe.", "ZOE.Martin@Maison.example", "maison", "@maison", "@Maison.Example",
        "C-0007", "c-0007", "+33612345678", "+33 6 12-34-56.78", "old@post.example", "OLD@POST.example", "z\0oé",
    ],
)  # fmt: skip
def test_who_begins_so_is_found(shop: Workspace, words: str) -> None:
    assert addresses(shop, words) == [ZOE]


@pytest.mark.parametrize(
    "words", ["marc", "Marc-Antoine D'Étretat", "d'etretat", "D’ÉTRETAT marc-antoine", "garage"]
)
def test_name_in_one_piece_is_found_from_either_end(shop: Workspace, words: str) -> None:
    assert addresses(shop, words) == [MARC]


@pytest.mark.parametrize(
    "words", ["oé", "artin", "aison.example", "C-000", "+336", "old@", "zoé dupont", "martin@"]
)
def test_middle_of_a_name_or_a_part_of_an_id_finds_nobody(shop: Workspace, words: str) -> None:
    assert addresses(shop, words) == []


@pytest.mark.parametrize(
    "words", ["%", "_", "\\", "100_", "1%", "'; --", '"', "z%", "z_é", "\U0010ffff", "[z]", "z.*"]
)
def test_no_sign_stands_for_another(shop: Workspace, words: str) -> None:
    assert addresses(shop, words) == []


@pytest.mark.parametrize("words", ["100%", "100%_\\", "'\"oz", "'\"OZ 100%_", "o'neil_%", "O’Neil_%@"])
def test_signs_are_found_as_they_are(shop: Workspace, words: str) -> None:
    assert addresses(shop, words) == [STRANGE]


def test_several_are_found_newest_first_and_nothing_means_everybody(shop: Workspace, now: datetime) -> None:
    assert {one.attributes["first_name"] for one in found(shop, "z")} == {"Zoé", "Zacharie"}
    assert len(found(shop, " \0")) == len(PEOPLE)


def test_people_of_others_are_never_found(shop: Workspace, other_workspace: Workspace, now: datetime) -> None:
    with tenancy.scope(workspace_id=other_workspace.pk):
        actions.save_people(other_workspace.pk, PEOPLE[:1], now=now, declare=True)
    for words in ("zoé", "martin", "zoe.", "maison", "C-0007", "+33612345678"):
        assert {one.workspace_id for one in found(shop, words)} == {shop.pk}
        assert not found(other_workspace, words)  # we ask for theirs, in our scope


def test_changed_name_and_address_are_found_at_once(shop: Workspace, now: datetime) -> None:
    married = Person(
        email="zoe@new.example", identities=((EXTERNAL, "C-0007"),), attributes={"last_name": "Ötzi"}
    )
    actions.save_people(shop.pk, [married], now=now)
    assert addresses(shop, "otzi zoé") == addresses(shop, "zoe@new") == ["zoe@new.example"]
    assert addresses(shop, "martin") == addresses(shop, "maison") == []
    assert addresses(shop, ZOE) == ["zoe@new.example"]  # it is still one of hers


def test_name_of_any_length_is_kept_and_found(in_workspace: Workspace, now: datetime) -> None:
    long = Person(email="long@mail.example", attributes={"first_name": "ﷺ" * 3000, "last_name": "ǰ" * 3000})
    actions.save_people(in_workspace.pk, [long], now=now, declare=True)
    assert addresses(in_workspace, "ﷺ" * 200) == addresses(in_workspace, "ǰ" * 200) == ["long@mail.example"]


@pytest.mark.parametrize("words", ["last77", "person12@", "@firm7.", "First2999", "zzz"])
def test_few_people_are_read_from_the_indexes(crowded: Workspace, words: str) -> None:
    plan = str(found(crowded, words)[:51].explain())
    for index in ("contact_email_once", "contact_by_domain", "contact_by_name", "contact_by_surname"):
        assert f"Bitmap Index Scan on {index}" in plan
    assert "Seq Scan" not in plan


def test_many_people_are_read_in_their_order(crowded: Workspace) -> None:
    plan = str(found(crowded, "person")[:51].explain())
    assert "Index Scan using contact_newest" in plan
    assert "Seq Scan" not in plan


def test_identity_is_read_from_its_index(crowded: Workspace) -> None:
    plan = str(searching.identified(crowded.pk, "06 12 34 56 78").explain())
    assert "identity_once" in plan
    assert "Seq Scan" not in plan
