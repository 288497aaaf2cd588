"""What columns are taken for, in French and in English."""

import pytest

from parcours.contacts.importing import columns
from parcours.contacts.importing.columns import Column, DateOrder, Known, Target
from parcours.contacts.types import AttributeType


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("Courriel", Target.EMAIL),
        ("E-mail", Target.EMAIL),
        ("ADRESSE E-MAIL", Target.EMAIL),
        ("Téléphone", Target.PHONE),
        ("N° client", Target.ATTRIBUTE),
        ("Langue", Target.LANGUAGE),
        ("Fuseau horaire", Target.TIME_ZONE),
        ("Désinscrit", Target.OPT_OUT),
        ("Identifiant client", Target.EXTERNAL),
    ],
)
def test_header_names_its_target(header: str, target: Target) -> None:
    [found] = columns.guess([header], [["x"]], [])
    assert found.target is target


def test_first_names_and_towns_become_attributes_whatever_they_are_called() -> None:
    found = columns.guess(
        ["Prénom", "First name", "Ville", "Note", "Created at"], [["Zoé", "Z", "Lyon", "12,5", ""]], []
    )
    assert found == (
        Column("Prénom", Target.ATTRIBUTE, "first_name", AttributeType.TEXT, True),
        Column("First name", Target.IGNORE),
        Column("Ville", Target.ATTRIBUTE, "city", AttributeType.TEXT, True),
        Column("Note", Target.ATTRIBUTE, "note", AttributeType.NUMBER, True),
        Column("Created at", Target.IGNORE),
    )


def test_attribute_of_the_workspace_is_recognised_by_its_label() -> None:
    known = [Known("points", AttributeType.NUMBER, ("Points de fidélité", "Loyalty points"))]
    [found] = columns.guess(["points de fidelite"], [["12"]], known)
    assert found == Column("points de fidelite", Target.ATTRIBUTE, "points", AttributeType.NUMBER)


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["oui", "non", ""], AttributeType.BOOLEAN),
        (["1", "0"], AttributeType.NUMBER),
        (["1 234,50", "-3"], AttributeType.NUMBER),
        (["03/04/2026", "2026-01-02"], AttributeType.DATE),
        (["69001", "01000"], AttributeType.TEXT),
        (["=1+1"], AttributeType.TEXT),
        ([], AttributeType.TEXT),
    ],
)
def test_type_is_the_narrowest_that_fits(values: list[str], type_: AttributeType) -> None:
    assert columns.type_of(values) is type_


def test_date_order_is_proven_or_asked_for() -> None:
    assert columns.date_order(["03/04/2026", "25/12/2025"]) is DateOrder.DAY_FIRST
    assert columns.date_order(["03/04/2026", "12/25/2025"]) is DateOrder.MONTH_FIRST
    assert columns.date_order(["03/04/2026"]) is None
    assert columns.needs_date_order(["03/04/2026"])
    assert not columns.needs_date_order(["2026-04-03"])
