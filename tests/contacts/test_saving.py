"""Saving people: who turns out to be whom, what changes, what is refused, with how many statements."""

from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from config import wiring
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.contacts import actions, queries
from parcours.contacts.errors import InvalidAttribute, InvalidEmail, InvalidIdentity, UnknownAttribute
from parcours.contacts.types import AttributeType, IdentityKind, Person, SavedPerson

EXTERNAL, ANONYMOUS, PHONE, EMAIL = (
    IdentityKind.EXTERNAL,
    IdentityKind.ANONYMOUS,
    IdentityKind.PHONE,
    IdentityKind.EMAIL,
)


@pytest.fixture(autouse=True)
def _wired() -> None:
    wiring.connect()


def save(workspace: Workspace, *people: Person, now: datetime, **options: bool) -> list[SavedPerson]:
    return actions.save_people(workspace.id, people, now=now, **options)


def known(workspace: Workspace, contact_id: UUID) -> set[tuple[str, str]]:
    return {(each.kind, each.value) for each in queries.identities(workspace.id, contact_id)}


def test_new_person_is_created_with_identities(in_workspace: Workspace, now: datetime) -> None:
    person = Person(
        email=" Alice@Example.ORG ", identities=((EXTERNAL, "u1"),), language="fr-FR", source="shop"
    )

    [alice] = save(in_workspace, person, now=now)

    row = queries.contact(in_workspace.id, alice.contact_id)
    assert alice.created
    assert (row.email, row.language, row.source) == ("alice@example.org", "fr", "shop")
    assert known(in_workspace, alice.contact_id) == {("email", "alice@example.org"), ("external", "u1")}


def test_same_person_again_changes_nothing(in_workspace: Workspace, now: datetime) -> None:
    alice = Person(email="alice@example.org")
    [first] = save(in_workspace, alice, now=now)

    [second] = save(in_workspace, alice, now=now)

    assert second == SavedPerson(first.contact_id, False, {})
    assert queries.count_contacts(in_workspace.id) == 1


def test_one_batch_folds_people_who_share_an_identity(in_workspace: Workspace, now: datetime) -> None:
    saved = save(
        in_workspace,
        Person(identities=((ANONYMOUS, "browser"),)),
        Person(email="bob@example.org", identities=((ANONYMOUS, "browser"),)),
        Person(email="BOB@example.org", identities=((EXTERNAL, "7"),)),
        Person(email="carol@example.org"),
        now=now,
    )

    assert [each.created for each in saved] == [True, False, False, True]
    assert len({each.contact_id for each in saved[:3]}) == 1
    assert queries.count_contacts(in_workspace.id) == 2


def test_number_of_statements_does_not_depend_on_number_of_people(
    in_workspace: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[object] = []
    execute = psycopg.Cursor.execute

    def counting(cursor: psycopg.Cursor[object], query: str, *rest: object, **options: object) -> object:
        executed.append(query)
        return execute(cursor, query, *rest, **options)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(psycopg.Cursor, "execute", counting)

    def statements(count: int, prefix: str) -> int:
        executed.clear()
        people = [
            Person(
                email=f"{prefix}{n}@example.org",
                identities=((EXTERNAL, f"{prefix}{n}"),),
                attributes={"city": "Lyon"},
            )
            for n in range(count)
        ]
        save(in_workspace, *people, now=now, declare=True)
        return len(executed)

    save(in_workspace, Person(email="z@example.org", attributes={"city": "Nice"}), now=now, declare=True)
    assert statements(1, "a") == statements(300, "b") <= 7
    assert queries.count_contacts(in_workspace.id) == 302


def test_attributes_are_checked_against_their_type(in_workspace: Workspace, now: datetime) -> None:
    actions.declare_attribute(in_workspace.id, "age", AttributeType.NUMBER, actor=SYSTEM, now=now)

    with pytest.raises(InvalidAttribute, match="age"):
        save(in_workspace, Person(email="a@example.org", attributes={"age": "old"}), now=now)
    with pytest.raises(UnknownAttribute, match="city"):
        save(in_workspace, Person(email="a@example.org", attributes={"city": "Lyon"}), now=now)
    assert queries.count_contacts(in_workspace.id) == 0


def test_unknown_attributes_declare_themselves_and_wrong_ones_are_left_out(
    in_workspace: Workspace, now: datetime
) -> None:
    traits = {
        "firstName": "Alice",
        "orders": 3,
        "vip": True,
        "birthday": "1990-04-01",
        "tastes": ["tea", "jam"],
        "address": {"city": "Lyon", "postalCode": "69001"},
        "matrix": [[1]],
    }
    [alice] = save(
        in_workspace, Person(email="a@example.org", attributes=traits), now=now, declare=True, partial=True
    )

    assert [(each.name, each.code) for each in alice.refused] == [("matrix", "attribute.invalid")]
    assert queries.contact(in_workspace.id, alice.contact_id).attributes == {
        "first_name": "Alice",
        "orders": 3,
        "vip": True,
        "birthday": "1990-04-01",
        "tastes": ["tea", "jam"],
        "address_city": "Lyon",
        "address_postal_code": "69001",
    }
    types = {each.name: each.type for each in queries.attributes(in_workspace.id)}
    assert (types["birthday"], types["vip"], types["tastes"]) == ("date", "boolean", "list")

    [again] = save(
        in_workspace,
        Person(email="a@example.org", attributes={"orders": "many", "vip": False, "tastes": None}),
        now=now,
        declare=True,
        partial=True,
    )
    assert [each.name for each in again.refused] == ["orders"]
    assert again.changes == {
        "vip": {"from": True, "to": False},
        "tastes": {"from": ["tea", "jam"], "to": None},
    }


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alice",
        "a@b",
        "a b@example.org",
        "a@example.org\r\nBcc: x@y.fr",
        "a\x00@example.org",
        "é@example.org",
        "a@-x.org",
    ],
)
def test_addresses_that_cannot_be_are_refused(in_workspace: Workspace, now: datetime, address: str) -> None:
    with pytest.raises(InvalidIdentity):
        save(in_workspace, Person(identities=((EMAIL, address),)), now=now)


def test_address_with_international_domain_is_kept_in_ascii(in_workspace: Workspace, now: datetime) -> None:
    [saved] = save(in_workspace, Person(email="marie@bücher-müller.de"), now=now)

    assert queries.contact(in_workspace.id, saved.contact_id).email == "marie@xn--bcher-mller-thbg.de"


def test_ids_with_control_characters_are_refused(in_workspace: Workspace, now: datetime) -> None:
    with pytest.raises(InvalidIdentity):
        save(in_workspace, Person(identities=((EXTERNAL, "u\n1"),)), now=now)
    with pytest.raises(InvalidEmail):
        save(in_workspace, Person(email="not an address"), now=now)


def test_address_proves_that_two_contacts_are_one(in_workspace: Workspace, now: datetime) -> None:
    [old] = save(in_workspace, Person(email="alice@example.org", identities=((EXTERNAL, "shop-1"),)), now=now)
    later = now + timedelta(hours=1)
    [young] = save(
        in_workspace, Person(email="a@work.example", identities=((EXTERNAL, "shop-2"),)), now=later
    )

    [merged] = save(
        in_workspace, Person(email="alice@example.org", identities=((EXTERNAL, "shop-2"),)), now=later
    )

    assert merged.contact_id == old.contact_id
    assert merged.merged == (young.contact_id,)
    assert known(in_workspace, old.contact_id) == {
        ("email", "alice@example.org"),
        ("email", "a@work.example"),
        ("external", "shop-1"),
        ("external", "shop-2"),
    }
    assert queries.count_contacts(in_workspace.id) == 1


def test_shared_browser_does_not_merge_two_clients(in_workspace: Workspace, now: datetime) -> None:
    [ann] = save(in_workspace, Person(identities=((EXTERNAL, "ann"), (ANONYMOUS, "family-pc"))), now=now)

    [ben] = save(in_workspace, Person(identities=((EXTERNAL, "ben"), (ANONYMOUS, "family-pc"))), now=now)

    assert ben.contact_id != ann.contact_id
    assert ("anonymous", "family-pc") in known(in_workspace, ann.contact_id)
    assert known(in_workspace, ben.contact_id) == {("external", "ben")}


def test_alias_merges_whatever_the_kinds(in_workspace: Workspace, now: datetime) -> None:
    [ann] = save(in_workspace, Person(identities=((EXTERNAL, "old-id"),)), now=now)
    [new] = save(in_workspace, Person(identities=((EXTERNAL, "new-id"),)), now=now + timedelta(hours=1))

    alias = Person(identities=((EXTERNAL, "old-id"), (EXTERNAL, "new-id")), is_alias=True)
    [one] = save(in_workspace, alias, now=now)

    assert (one.contact_id, one.merged) == (ann.contact_id, (new.contact_id,))


def test_anonymous_visitor_joins_who_they_turn_out_to_be(in_workspace: Workspace, now: datetime) -> None:
    [visitor] = save(in_workspace, Person(identities=((ANONYMOUS, "b1"),)), now=now)
    later = now + timedelta(hours=1)
    [client] = save(in_workspace, Person(email="c@example.org"), now=later)

    [one] = save(in_workspace, Person(email="c@example.org", identities=((ANONYMOUS, "b1"),)), now=later)

    assert (one.contact_id, one.merged) == (visitor.contact_id, (client.contact_id,))
    assert queries.contact(in_workspace.id, one.contact_id).email == "c@example.org"


def test_merge_keeps_lists_and_fills_what_was_not_known(in_workspace: Workspace, now: datetime) -> None:
    actions.create_list(in_workspace.id, "vip", "VIP", actor=SYSTEM, now=now)
    [kept] = save(
        in_workspace, Person(email="k@example.org", attributes={"city": "Lyon"}), now=now, declare=True
    )
    [dropped] = save(
        in_workspace,
        Person(email="d@example.org", language="en", attributes={"city": "Nice", "age": 3}),
        now=now,
        declare=True,
    )
    actions.add_to_list(in_workspace.id, "vip", [dropped.contact_id], now=now)

    actions.merge(in_workspace.id, kept.contact_id, dropped.contact_id, now=now)

    row = queries.contact(in_workspace.id, kept.contact_id)
    assert (row.email, row.language, row.attributes) == ("k@example.org", "en", {"city": "Lyon", "age": 3})
    assert [each.slug for each in queries.lists_of(in_workspace.id, kept.contact_id)] == ["vip"]
    found = queries.contact_of(in_workspace.id, IdentityKind.EMAIL, "D@example.org")
    assert found is not None
    assert found.id == kept.contact_id


def test_possible_address_names_only_who_has_none(in_workspace: Workspace, now: datetime) -> None:
    [ann] = save(in_workspace, Person(email="ann@example.org", identities=((EXTERNAL, "ann"),)), now=now)
    [ben] = save(in_workspace, Person(identities=((EXTERNAL, "ben"),)), now=now)

    save(in_workspace, Person(identities=((EXTERNAL, "ann"),), possible_email="gift@example.org"), now=now)
    save(in_workspace, Person(identities=((EXTERNAL, "ben"),), possible_email="ben@example.org"), now=now)
    save(in_workspace, Person(identities=((EXTERNAL, "eve"),), possible_email="ann@example.org"), now=now)

    assert ("email", "gift@example.org") not in known(in_workspace, ann.contact_id)
    assert queries.contact(in_workspace.id, ben.contact_id).email == "ben@example.org"
    assert queries.contact(in_workspace.id, ann.contact_id).email == "ann@example.org"
    assert queries.count_contacts(in_workspace.id) == 3


def test_new_address_becomes_the_one_written_to(in_workspace: Workspace, now: datetime) -> None:
    [ann] = save(in_workspace, Person(email="old@example.org", identities=((EXTERNAL, "ann"),)), now=now)

    [again] = save(in_workspace, Person(email="new@example.org", identities=((EXTERNAL, "ann"),)), now=now)

    assert again.contact_id == ann.contact_id
    assert again.changes == {"email": {"from": "old@example.org", "to": "new@example.org"}}
    assert {("email", "old@example.org"), ("email", "new@example.org")} <= known(in_workspace, ann.contact_id)


def test_lists_tell_who_changed(in_workspace: Workspace, now: datetime) -> None:
    actions.create_list(in_workspace.id, "vip", "VIP", actor=SYSTEM, now=now)
    ids = [
        each.contact_id
        for each in save(in_workspace, *[Person(email=f"{n}@example.org") for n in range(3)], now=now)
    ]

    assert set(actions.add_to_list(in_workspace.id, "vip", ids[:2], now=now)) == set(ids[:2])
    assert actions.add_to_list(in_workspace.id, "vip", ids, now=now) == ids[2:]
    assert actions.remove_from_list(in_workspace.id, "vip", ids[:1], now=now) == ids[:1]
    assert actions.remove_from_list(in_workspace.id, "vip", ids[:1], now=now) == []
    assert [each.count for each in queries.lists(in_workspace.id)] == [2]


def test_attribute_changes_in_a_set(in_workspace: Workspace, now: datetime) -> None:
    actions.declare_attribute(
        in_workspace.id, "stage", AttributeType.CATEGORY, options=["a", "b"], actor=SYSTEM, now=now
    )
    ids = [
        each.contact_id
        for each in save(in_workspace, *[Person(email=f"{n}@example.org") for n in range(3)], now=now)
    ]
    actions.change_attribute(in_workspace.id, ids[:1], "stage", "a", now=now)

    changed = actions.change_attribute(in_workspace.id, ids, "stage", "b", now=now)

    assert {(each.contact_id, each.before) for each in changed} == {
        (ids[0], "a"),
        (ids[1], None),
        (ids[2], None),
    }
    with pytest.raises(InvalidAttribute):
        actions.change_attribute(in_workspace.id, ids, "stage", "c", now=now)
    assert len(actions.change_attribute(in_workspace.id, ids, "stage", None, now=now)) == 3
    assert queries.contact(in_workspace.id, ids[0]).attributes == {}


def test_pages_of_contacts_follow_each_other(in_workspace: Workspace, now: datetime) -> None:
    for n in range(5):
        save(in_workspace, Person(email=f"{n}@example.org"), now=now + timedelta(minutes=n))

    first = queries.list_contacts(in_workspace.id, limit=3)
    second = queries.list_contacts(in_workspace.id, before=(first[-1].created_at, first[-1].id), limit=3)

    assert [row.email for row in first + second] == [f"{n}@example.org" for n in (4, 3, 2, 1, 0)]
