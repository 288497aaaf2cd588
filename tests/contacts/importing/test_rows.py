"""From cells to people, and the reasons for which a row is refused."""

from datetime import date

import pytest

from parcours.contacts.importing.columns import Column, DateOrder, Target
from parcours.contacts.importing.errors import BadPlan
from parcours.contacts.importing.plan import Claim, Plan, UpdateRule, check, from_json
from parcours.contacts.importing.reading import Record
from parcours.contacts.importing.rows import Reader, Refusal, Row
from parcours.contacts.types import AttributeType, Declared, IdentityKind

EMAIL = Column("email", Target.EMAIL)
PLAN = Plan(
    delimiter=",",
    columns=(
        EMAIL,
        Column("name", Target.ATTRIBUTE, "first_name"),
        Column("born", Target.ATTRIBUTE, "birthday", AttributeType.DATE),
        Column("points", Target.ATTRIBUTE, "points", AttributeType.NUMBER),
        Column("vip", Target.ATTRIBUTE, "vip", AttributeType.BOOLEAN),
        Column("tel", Target.PHONE),
        Column("langue", Target.LANGUAGE),
        Column("stop", Target.OPT_OUT),
        Column("x", Target.IGNORE),
    ),
    date_order=DateOrder.DAY_FIRST,
    source="fair 2026",
)


def read(*cells: str) -> Row | Refusal:
    return Reader(PLAN, [Declared("points", AttributeType.NUMBER)]).read(Record(7, list(cells)))


def test_cells_become_a_person() -> None:
    row = read(
        " Marc@Example.COM ", "Marc", "03/04/1980", "1 234,5", "oui", "06 12 34 56 78", "Français", "", "junk"
    )
    assert isinstance(row, Row)
    assert row.email == "marc@example.com"
    assert row.person.attributes == {
        "first_name": "Marc",
        "birthday": date(1980, 4, 3).isoformat(),
        "points": 1234.5,
        "vip": True,
    }
    assert row.person.identities == ((IdentityKind.PHONE, "0612345678"),)
    assert (row.person.language, row.person.source, row.opted_out) == ("fr", "fair 2026", False)


def test_empty_cells_say_nothing() -> None:
    row = read("marc@example.com", "", " ")
    assert isinstance(row, Row)
    assert row.person.attributes == {}


@pytest.mark.parametrize("formula", ["=1+1", "+33", "@SUM(A1)", '=HYPERLINK("http://x")', "-2+3"])
def test_formula_is_text(formula: str) -> None:
    row = read("marc@example.com", formula)
    assert isinstance(row, Row)
    assert row.person.attributes == {"first_name": formula}


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (("not an address",), "bad_email"),
        (("a@b",), "bad_email"),
        (("marc@example.com\r\nBcc: eve@example.com",), "bad_email"),
        (("",), "no_email"),
        (("marc@example.com", "Marc\x00"), "not_text"),
        (("marc@example.com", "x" * 4001), "bad_text"),
        (("marc@example.com", "", "31/02/2020"), "bad_date"),
        (("marc@example.com", "", "tomorrow"), "bad_date"),
        (("marc@example.com", "", "", "many"), "bad_number"),
        (("marc@example.com", "", "", "", "perhaps"), "bad_boolean"),
        (("marc@example.com", "", "", "", "", "call me"), "bad_phone"),
        (("marc@example.com", "", "", "", "", "", "klingon!"), "bad_language"),
        (("marc@example.com", "", "", "", "", "", "", "maybe"), "bad_opt_out"),
        (("marc@example.com", "", "", "", "", "", "", "", "", "left over"), "too_many_cells"),
    ],
)
def test_bad_row_is_refused_with_its_reason(cells: tuple[str, ...], code: str) -> None:
    row = read(*cells)
    assert isinstance(row, Refusal)
    assert (row.line, row.code) == (7, code)


def test_refused_row_still_says_no() -> None:
    row = read("Marc@example.com", "", "31/02/2020", "many", "", "call me", "", "yes")
    assert isinstance(row, Refusal)
    assert (row.code, row.value) == ("bad_date", "31/02/2020")
    assert (row.email, row.opted_out) == ("marc@example.com", True)


def test_row_whose_cells_are_shifted_says_nothing() -> None:
    row = read("marc@example.com", "Dupont", "Marc", "", "", "", "", "yes", "", "left over")
    assert isinstance(row, Refusal)
    assert (row.email, row.opted_out) == ("", False)


def test_plan_survives_storage() -> None:
    claim = Claim("promotions", "email", "La Boutique", date(2025, 5, 1), "shop form", "Yes, write to me.")
    plan = Plan(";", PLAN.columns, UpdateRule.FILL_EMPTY, DateOrder.MONTH_FIRST, "vip", "fair", claim)
    assert from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (Plan(",", (Column("name", Target.ATTRIBUTE, "first_name"),)), "columns"),
        (Plan(",", (EMAIL, EMAIL)), "columns"),
        (
            Plan(",", (EMAIL, Column("a", Target.ATTRIBUTE, "x"), Column("b", Target.ATTRIBUTE, "x"))),
            "columns",
        ),
        (Plan(",", (EMAIL, Column("a", Target.ATTRIBUTE, ""))), "columns"),
        (
            Plan(",", (EMAIL,), claim=Claim("promotions", "email", "", date(2025, 5, 1), "form", "Yes")),
            "collector",
        ),
        (
            Plan(",", (EMAIL,), claim=Claim("promotions", "email", "Us", date(2025, 5, 1), "form", " ")),
            "wording",
        ),
        (
            Plan(",", (EMAIL,), claim=Claim("promotions", "email", "Us", date(2026, 5, 1), "form", "Yes")),
            "collected_on",
        ),
        (
            Plan(",", (EMAIL,), claim=Claim("promotions", "email", "Us", date(1999, 12, 31), "form", "Yes")),
            "collected_on",
        ),
    ],
)
def test_plan_that_cannot_be_carried_out_is_refused(plan: Plan, field: str) -> None:
    with pytest.raises(BadPlan) as refused:
        check(plan, has_ambiguous_dates=False, today=date(2026, 3, 10))
    assert refused.value.field == field


def test_ambiguous_dates_need_an_order() -> None:
    with pytest.raises(BadPlan) as refused:
        check(Plan(",", (EMAIL,)), has_ambiguous_dates=True, today=date(2026, 3, 10))
    assert refused.value.field == "date_order"
