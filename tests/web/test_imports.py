"""Importing through the pages, as an editor (Alice) does it and a viewer (Bob) may not."""

import io
from datetime import datetime
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse

from parcours.accounts import actions as accounts
from parcours.accounts.models import User, Workspace
from parcours.accounts.types import SYSTEM, Role
from parcours.consent import actions as consent
from parcours.contacts.importing import reading
from parcours.contacts.models import Contact, Import
from parcours.events import importing
from parcours.kernel import tenancy
from parcours.public.hot.wsgi import MAX_BODY

FILE = "courriel;prénom;né le\nmarc@example.com;=1+1;03/04/1980\nnobody;-2;04/05/1990\nzoe@example.com;Zoé;\n".encode()
CHOICES = {
    "column_0": "email",
    "column_1": "new:text:first_name",
    "column_2": "new:date:ne_le",
    "rule": "overwrite",
    "date_order": "day_first",
}


def member(workspace: Workspace, role: Role, now: datetime) -> Client:
    user = accounts.create_user(f"{role.value}@example.com", password=None, language="en", now=now)
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.set_member(workspace.pk, user, Role.OWNER, actor=SYSTEM, now=now)
        second = accounts.create_user(f"{role.value}-2@example.com", password=None, now=now)
        accounts.set_member(workspace.pk, second, Role.OWNER, actor=SYSTEM, now=now)
        accounts.set_member(workspace.pk, user, role, actor=SYSTEM, now=now)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alice(workspace: Workspace, now: datetime) -> Client:
    with tenancy.scope(workspace_id=workspace.pk):
        fields = {"name_fr": "Offres", "name_en": "Offers", "basis": "consent", "is_marketing": True}
        consent.save_purpose(workspace.pk, "promotions", fields, actor=SYSTEM, now=now)
    return member(workspace, Role.EDITOR, now)


def uploaded(alice: Client, content: bytes = FILE) -> str:
    file = SimpleUploadedFile("people.csv", content)
    response = alice.post("/w/shop/imports/upload/", {"file": file})
    assert response.status_code == 302, response.content
    return response.headers["Location"].removesuffix("columns/")


def run_to_the_end(workspace: Workspace, now: datetime) -> None:
    while importing.tick(workspace.pk, now=now):
        pass


def test_file_is_uploaded_mapped_imported_and_reported(
    alice: Client, workspace: Workspace, now: datetime
) -> None:
    address = uploaded(alice)
    page = alice.get(address + "columns/").content.decode()
    for shown in ("courriel", "prénom", "03/04/1980", "first_name", "the day comes first"):
        assert shown in page, shown
    answer = alice.post(address + "columns/", CHOICES)
    assert answer.status_code == 302, answer.content.decode()
    assert b"hx-get" in alice.get(address).content
    run_to_the_end(workspace, now)
    report = alice.get(address).content.decode()
    assert "Finished" in report
    assert "This is not an e-mail address." in report
    assert "hx-get" not in report
    with tenancy.scope(workspace_id=workspace.pk):
        marc = Contact.objects.get(email="marc@example.com")
        assert marc.attributes == {"first_name": "=1+1", "ne_le": "1980-04-03"}


def test_refused_rows_come_as_harmless_csv(alice: Client, workspace: Workspace, now: datetime) -> None:
    address = uploaded(alice, b"email\n=cmd|' /C calc'!A0\n")
    alice.post(address + "columns/", {"column_0": "email", "rule": "overwrite"})
    run_to_the_end(workspace, now)
    for language, row in (
        ("en", "2,This is not an e-mail address.,'=cmd|' /C calc'!A0"),
        ("fr", "2;Ce n’est pas une adresse e-mail.;'=cmd|' /C calc'!A0"),  # Excel parts by semicolons there
    ):
        User.objects.filter(email="editor@example.com").update(language=language)
        answer = alice.get(address + "refusals/")
        assert isinstance(answer, StreamingHttpResponse)
        assert answer.getvalue().decode("utf-8-sig").splitlines()[1] == row


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"column_0": "ignore"}, "No column is the e-mail address."),
        ({"date_order": ""}, "This field is required."),
        ({"column_1": "email"}, "Two columns are"),
        ({"column_1": "known:text:secret"}, "Select a valid choice"),
        ({"list_slug": "nowhere"}, "Select a valid choice"),
        ({"purpose": "promotions"}, "Say when the consent was collected."),
        ({"purpose": "promotions", "collected_on": "2025-01-01"}, "A consent needs its proof"),
        ({"rule": "erase"}, "Select a valid choice"),
    ],
)
def test_plan_that_cannot_be_carried_out_is_shown_beside_its_field(
    alice: Client, change: dict[str, str], message: str
) -> None:
    address = uploaded(alice)
    response = alice.post(address + "columns/", {**CHOICES, **change})
    assert response.status_code == 422
    assert message in response.content.decode()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"PK\x03\x04\x00,\n", b"a\x81\x8d\n"])
def test_file_that_is_no_csv_is_refused(alice: Client, workspace: Workspace, content: bytes) -> None:
    response = alice.post("/w/shop/imports/upload/", {"file": SimpleUploadedFile("x.csv", content)})
    assert response.status_code == 422
    with tenancy.scope(workspace_id=workspace.pk):
        assert not Import.objects.exists()


@pytest.mark.parametrize("content", [b"email,city", b"email;city\r\n", b"\xef\xbb\xbfemail,city\n\n,\n"])
def test_file_of_a_header_alone_is_refused_and_not_kept(
    alice: Client, workspace: Workspace, content: bytes
) -> None:
    for language, told in (
        ("en", "This file has no lines after the header."),
        ("fr", "Ce fichier ne contient aucune ligne après l’en-tête."),
    ):
        User.objects.filter(email="editor@example.com").update(language=language)
        response = alice.post("/w/shop/imports/upload/", {"file": SimpleUploadedFile("x.csv", content)})
        assert (response.status_code, told in response.content.decode()) == (422, True)
    with tenancy.scope(workspace_id=workspace.pk):
        assert not Import.objects.exists()


def test_cancelled_import_stays_cancelled(alice: Client, workspace: Workspace, now: datetime) -> None:
    address = uploaded(alice)
    assert alice.post(address + "cancel/").status_code == 302
    assert "Cancelled" in alice.get(address).content.decode()
    assert alice.post(address + "cancel/").status_code == 409
    assert alice.get(address + "columns/").status_code == 302
    assert importing.tick(workspace.pk, now=now) == 0


def test_viewer_reads_and_does_not_import(workspace: Workspace, alice: Client, now: datetime) -> None:
    bob = member(workspace, Role.VIEWER, now)
    address = uploaded(alice)
    assert bob.get("/w/shop/imports/").status_code == 200
    assert bob.get(address).status_code == 200
    assert bob.get(address + "columns/").status_code == 403
    assert bob.post(address + "cancel/").status_code == 403
    file = SimpleUploadedFile("people.csv", FILE)
    assert bob.post("/w/shop/imports/upload/", {"file": file}).status_code == 403


def test_import_of_another_workspace_is_not_there(
    alice: Client, other_workspace: Workspace, now: datetime
) -> None:
    charlie = member(other_workspace, Role.OWNER, now)
    address = uploaded(alice)
    assert charlie.get(address).status_code == 404
    assert charlie.get(address.replace("/w/shop/", "/w/other/")).status_code == 404


def test_file_that_is_too_large_for_the_server_gets_a_page_that_says_so(alice: Client) -> None:
    class Thrown(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise RequestDataTooBig

    kind = "multipart/form-data; boundary=x"
    sent: dict[str, Any] = {"wsgi.input": Thrown(), "CONTENT_LENGTH": str(60_000_000), "CONTENT_TYPE": kind}
    response = alice.post("/w/shop/imports/upload/", {}, **sent)
    assert response.status_code == 413
    assert "a CSV file to import may have 50 MB" in response.content.decode()


def test_only_the_upload_of_a_file_may_be_large() -> None:
    from config.server import limit_of  # sets a second application up, so only here

    assert limit_of(reverse("upload_import", args=["shop"])) > reading.MAX_BYTES
    assert {limit_of(reverse(name, args=["shop"])) for name in ("imports", "home")} == {MAX_BODY}


def test_notice_of_a_failed_import_leads_to_it(alice: Client, workspace: Workspace) -> None:
    path = uploaded(alice)
    with tenancy.scope(workspace_id=workspace.pk):
        Import.objects.update(state="failed", failure="The disk is full.")
    assert f'href="{path}"' in alice.get("/w/shop/").content.decode()
