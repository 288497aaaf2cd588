"""The exports of Mailchimp, Brevo and Mautic are recognised, and their columns become what they are."""

import pytest

from parcours.contacts.importing import columns, profiles
from parcours.contacts.importing.columns import Column, Target
from parcours.contacts.importing.plan import Plan
from parcours.contacts.importing.reading import Record
from parcours.contacts.importing.rows import Reader, Row

MAILCHIMP = [
    "Email Address",
    "First Name",
    "Last Name",
    "Phone Number",
    "MEMBER_RATING",
    "OPTIN_TIME",
    "TIMEZONE",
]
UNSUBSCRIBED = ["Email Address", "First Name", "UNSUB_TIME", "UNSUB_REASON", "LEID", "EUID"]
CLEANED = ["Email Address", "First Name", "CLEAN_TIME", "LEID", "EUID"]
BREVO = ["CONTACT ID", "EMAIL", "PRENOM", "NOM", "SMS", "EMAIL_BLACKLISTED", "SMS_BLACKLISTED", "ADDED_TIME"]
MAUTIC = [
    "id",
    "email",
    "firstname",
    "lastname",
    "mobile",
    "phone",
    "preferred_locale",
    "timezone",
    "donotcontact",
]


def guessed(header: list[str], values: list[str]) -> tuple[str, tuple[Column, ...]]:
    profile = profiles.recognised(header)
    assert profile is not None
    return profile.product, columns.guess(header, [values], [], profile.targets)


def read(header: list[str], values: list[str]) -> Row:
    row = Reader(Plan(",", guessed(header, values)[1]), []).read(Record(2, values))
    assert isinstance(row, Row), row
    return row


@pytest.mark.parametrize(
    ("header", "product", "becomes"),
    [
        (
            MAILCHIMP,
            "Mailchimp",
            ["email", "first_name", "last_name", "phone", "ignore", "ignore", "time_zone"],
        ),
        (UNSUBSCRIBED, "Mailchimp", ["email", "first_name", "opted_out_at", "ignore", "ignore", "ignore"]),
        (CLEANED, "Mailchimp", ["email", "first_name", "bounced_at", "ignore", "ignore"]),
        (
            BREVO,
            "Brevo",
            ["ignore", "email", "first_name", "last_name", "phone", "opt_out", "ignore", "ignore"],
        ),
        (["EMAIL", "LASTNAME", "FIRSTNAME", "SMS"], "Brevo", ["email", "last_name", "first_name", "phone"]),
        (
            MAUTIC,
            "Mautic",
            [
                "ignore",
                "email",
                "first_name",
                "last_name",
                "phone",
                "ignore",
                "language",
                "time_zone",
                "opt_out",
            ],
        ),
    ],
)
def test_export_is_recognised_by_its_columns(header: list[str], product: str, becomes: list[str]) -> None:
    found, guess = guessed(header, [""] * len(header))
    assert found == product
    assert [one.name or one.target.value for one in guess] == becomes


@pytest.mark.parametrize(
    "header", [["email", "prénom"], ["Email Address", "First Name"], ["id", "email", "phone"]]
)
def test_other_files_are_nobodys_export(header: list[str]) -> None:
    assert profiles.recognised(header) is None


def test_unsubscribed_and_cleaned_people_of_mailchimp_are_known_as_such() -> None:
    left = read(UNSUBSCRIBED, ["a@example.com", "Ann", "2025-03-01 10:00:00", "too many", "1", "x"])
    gone = read(CLEANED, ["a@example.com", "Ann", "2025-03-01 10:00:00", "1", "x"])
    assert ((left.opted_out, left.bounced), (gone.opted_out, gone.bounced)) == ((True, False), (False, True))


@pytest.mark.parametrize(
    ("cell", "opted_out"),
    [("true", True), ("1", True), ("Oui", True), ("Unsubscribed", True), ("Désinscrit", True), ("", False),
     ("0", False), ("false", False), ("subscribed", False)],
)  # fmt: skip
def test_blacklist_of_brevo_is_an_opt_out(cell: str, opted_out: bool) -> None:
    values = ["7", "a@example.com", "Anne", "Martin", "33612345678", cell, "", "01-02-2025 10:00:00"]
    row = read(BREVO, values)
    assert (row.opted_out, row.person.attributes) == (
        opted_out,
        {"first_name": "Anne", "last_name": "Martin"},
    )


def test_profile_claims_its_target_before_a_guess_does() -> None:
    header = ["phone", "mobile", "email", "firstname", "lastname", "preferred_locale"]
    _product, guess = guessed(header, [""] * 6)
    assert [one.target for one in guess[:2]] == [Target.IGNORE, Target.PHONE]
