"""Every error is a problem document that says what is wrong and how to mend it (RFC 9457)."""

import gzip
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from parcours.accounts import actions as accounts
from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM, KeyKind
from parcours.api.brevo.service import api as brevos
from parcours.api.service import api as ours
from parcours.consent.errors import NotForThisBasis
from parcours.contacts.models import Contact
from parcours.kernel import tenancy
from tests.api.conftest import Machine

MARC = {"email": "marc@example.com"}
HELLO = {
    "subject": "Bonjour",
    "mjml": "<mjml><mj-body><mj-section><mj-column><mj-text>Bonjour</mj-text></mj-column></mj-section></mj-body></mjml>",
}
FRENCH = {"Accept-Language": "fr-CH, fr;q=0.9, en;q=0.5"}


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:parcours:problem:{code}")
    assert body["title"]
    return body


@pytest.mark.parametrize(
    ("data", "field", "guess"),
    [
        ({"emial": "marc@example.com"}, "emial", "“email”"),
        ({**MARC, "workspace_id": 2}, "workspace_id", "Known"),
        ({**MARC, "id": "x"}, "id", "Known"),
        (
            {**MARC, "consents": [{"purpos": "promotions", "granted": True, "source": "till"}]},
            "consents.0.purpos",
            "“purpose”",
        ),
    ],
)
def test_unknown_field_is_refused_with_a_guess(
    till: Machine, data: dict[str, Any], field: str, guess: str
) -> None:
    errors = problem(till.post("/contacts", data), 422, "invalid")["errors"]
    message = next(one["message"] for one in errors if one["field"] == field)
    assert guess in message


def test_unknown_query_parameter_is_refused(till: Machine) -> None:
    errors = problem(till.get("/contacts", emial="x"), 422, "invalid")["errors"]
    assert errors[0]["field"] == "emial"
    assert "“email”" in errors[0]["message"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed"),
        (b"\xff\xfe", 400, "malformed"),
        (b'{"email": "a\\u0000@example.com"}', 400, "malformed"),
        (b'{"email": "\\ud800"}', 400, "malformed"),
        (b'{"email": NaN}', 400, "malformed"),
        (b'{"attributes": {"n": 1e999}}', 400, "malformed"),
        (b'{"attributes": {"n": ' + b"9" * 5000 + b"}}", 400, "malformed"),
        (b'{"attributes": ' + b"[" * 100 + b"]" * 100 + b"}", 400, "malformed"),
        (b"[" * 20_000, 400, "malformed"),
        (b'{"email": "' + b"a" * 40_000 + b'"}', 413, "too_large"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b'"text"', 422, "invalid"),
        (b"", 422, "invalid"),
    ],
)
def test_body_that_cannot_be_read_is_refused(till: Machine, body: bytes, status: int, code: str) -> None:
    problem(till.send("post", "/contacts", body), status, code)


def test_body_of_another_type_is_refused(till: Machine) -> None:
    client = Client(headers={"Authorization": f"Bearer {till.secret}"})
    problem(client.post("/api/v1/contacts", {"email": "a@example.com"}), 415, "unsupported_media_type")


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic abc", "Bearer ak_wrong", "Bearer \x01"])
def test_without_a_good_key_there_is_nothing(till: Machine, value: str) -> None:
    response = Client(headers={"Authorization": value}).get("/api/v1/contacts")
    problem(response, 401, "key.bad")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_key_of_another_kind_or_revoked_is_no_key(till: Machine, workspace: Workspace, now: datetime) -> None:
    with tenancy.scope(workspace_id=workspace.pk):
        write = accounts.create_key(workspace.pk, KeyKind.WRITE, "site", actor=SYSTEM, now=now)
        gone = accounts.create_key(workspace.pk, KeyKind.API, "old", actor=SYSTEM, now=now)
        accounts.revoke_key(workspace.pk, str(gone.key.pk), actor=SYSTEM, now=now)
    for made in (write, gone):
        problem(Machine(made.secret).get("/contacts"), 401, "key.bad")


def test_unknown_address_and_method_are_problems_too(till: Machine) -> None:
    problem(till.get("/nonsense"), 404, "not_found")
    problem(till.put("/products/a%0Ab", {"name": "Bowl"}), 404, "not_found")
    response = till.send("delete", "/contacts")
    assert "GET" in problem(response, 405, "method_not_allowed")["detail"]
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/contacts", {"limit": "0"}),
        ("/contacts", {"limit": "100000"}),
        ("/contacts", {"limit": "many"}),
        ("/contacts", {"after": "nonsense"}),
        ("/contacts", {"after": "MjAyNi0wMS0wMXx4"}),
        ("/contacts", {"email": "nobody"}),
        ("/messages", {"contact": "1"}),
    ],
)
def test_bad_query_is_refused(till: Machine, path: str, query: dict[str, str]) -> None:
    assert till.get(path, **query).status_code == 422


def test_nul_in_an_address_or_a_query_is_refused(till: Machine) -> None:
    for name in ("email", "after"):
        errors = problem(till.get("/contacts", **{name: "a\x00@example.com"}), 400, "malformed")["errors"]
        assert [one["field"] for one in errors] == [name]
    told = problem(till.get("/segments/a%00b"), 400, "malformed")
    assert "errors" not in told
    assert "address" in told["detail"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/contacts/nope", "contact_id"),
        ("/contacts/nope/timeline", "contact_id"),
        ("/messages/1", "message_id"),
        ("/campaigns/first", "campaign_id"),
        ("/webhooks/x", "endpoint_id"),
    ],
)
def test_malformed_id_is_named(till: Machine, path: str, field: str) -> None:
    errors = problem(till.get(path), 422, "invalid")["errors"]
    assert [one["field"] for one in errors] == [field]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/campaigns/-1", "unknown_campaign"),
        ("/lists/Très%20chers/members", "list.unknown"),
        ("/segments/Très%20chers", "not_found"),
        ("/templates/Très%20chers", "template.unknown"),
        ("/journeys/Très%20chers", "unknown_journey"),
    ],
)
def test_id_that_nothing_has_is_told_as_that(till: Machine, path: str, code: str) -> None:
    assert "no such operation" not in problem(till.get(path), 404, code)["detail"]


def test_slug_of_something_new_is_told_in_plain_words(till: Machine) -> None:
    [error] = problem(till.put("/purposes/Summer Sale", {}), 422, "invalid")["errors"]
    assert error["field"] == "code"
    assert "small letters" in error["message"]
    assert "^" not in error["message"]


def test_id_in_capitals_is_the_same_id(till: Machine) -> None:
    made = till.post("/contacts", MARC).json()
    assert till.get(f"/contacts/{made['id'].upper()}").json() == till.get(f"/contacts/{made['id']}").json()


@pytest.mark.parametrize(
    "address",
    ["contacts?email=", "contacts?email=%20", "contacts?email=a%40example.com&email=b%40example.com", "messages?contact=",
     "suppressions?address=", "products?q=", "contacts?limit=1&limit=2", "contacts?after=a&after=b", "contacts/export?list="],
)  # fmt: skip
def test_filter_that_is_empty_or_given_twice_is_refused(till: Machine, address: str) -> None:
    [error] = problem(till.get(f"/{address}"), 422, "invalid")["errors"]
    assert error["field"] == re.split("[?&=]", address)[-2]
    assert "one value" in error["message"] or "leave it out" in error["message"]


def test_compressed_body_is_refused_as_that(till: Machine) -> None:
    body = gzip.compress(json.dumps(MARC).encode())
    told = problem(
        till.send("post", "/contacts", body, **{"Content-Encoding": "gzip"}), 415, "unsupported_media_type"
    )
    assert "compressed" in told["detail"]
    assert "Content-Encoding" in told["hint"]
    assert till.post("/contacts", MARC, **{"Content-Encoding": "identity"}).status_code == 201


@pytest.mark.parametrize(
    ("body", "english", "french"),
    [
        (b"[" * 5000, "This is nested too deeply.", "imbrication"),
        (b'{"a": 1,\n  }', "This is not JSON: look at line 2, column 3.", "ligne 2, colonne 3"),
        (b'{"a": NaN}', "JSON has no number “NaN”.", "JSON ne connaît pas le nombre"),
        (b'{"a": ' + b"9" * 5000 + b"}", "A number has too many digits.", "trop de chiffres"),
        (b'{"email": "a@example.com", "email": "b@example.com"}', "The key “email” stands twice.", "deux fois"),
    ],
)  # fmt: skip
def test_unreadable_body_is_told_in_our_words(till: Machine, body: bytes, english: str, french: str) -> None:
    assert problem(till.send("post", "/contacts", body), 400, "malformed")["detail"] == english
    assert french in problem(till.send("post", "/contacts", body, **FRENCH), 400, "malformed")["detail"]


def test_key_that_stands_twice_is_named(till: Machine) -> None:
    body = b'{"email": "a@example.com", "attributes": {"city": "Lyon", "city": "Nantes"}}'
    [error] = problem(till.send("post", "/contacts", body), 400, "malformed")["errors"]
    assert error["field"] == "city"


def test_time_of_a_campaign_is_told_as_the_caller_wrote_it(till: Machine) -> None:
    till.put("/templates/hello", {"name": "Hello", "bodies": {"fr": HELLO}})
    till.post("/lists", {"slug": "vip", "name": "VIP"})
    draft = {"name": "Sale", "template": "hello", "purpose": "promotions", "list": "vip"}
    made = till.post("/campaigns", draft).json()
    told = problem(
        till.post(f"/campaigns/{made['id']}/schedule", {"at": "2001-01-01T00:00:00Z"}),
        422,
        "campaign_invalid",
    )
    assert [one["field"] for one in told["errors"]] == ["at"]


def test_error_in_a_template_says_its_line(till: Machine) -> None:
    body = {
        **HELLO,
        "mjml": "<mjml>\n<mj-body>{{ contact.email | upper_case_it }}{% nonsense %}</mj-body></mjml>",
    }
    told = problem(
        till.put("/templates/hello", {"name": "Hello", "bodies": {"fr": body}}), 422, "template.syntax"
    )
    assert [(one["field"], one["line"]) for one in told["errors"]] == [("fr.mjml", 2)]


def test_error_about_no_line_says_none(till: Machine) -> None:
    told = problem(
        till.put("/templates/hello", {"name": "Hello", "bodies": {"en": HELLO}}), 422, "template.invalid"
    )
    assert [set(one) for one in told["errors"]] == [{"field", "message"}]


@pytest.mark.parametrize(
    ("path", "data", "field"),
    [
        ("/lists", {"slug": "vip", "name": " "}, "name"),
        ("/webhooks", {"url": "https://a.example/", "events": []}, "events"),
    ],
)
def test_empty_value_is_told_in_plain_words(
    till: Machine, path: str, data: dict[str, Any], field: str
) -> None:
    [error] = problem(till.post(path, data), 422, "invalid")["errors"]
    assert error == {"field": field, "message": "This must not be empty."}


def test_sentences_of_slugs_and_of_emptiness_fit_everything_that_is_taken() -> None:
    """There is one pattern, and the only least length is 1, so that those two sentences are true."""
    found = [
        document
        for served in (ours, brevos)
        for document in constraints(served.get_openapi_schema(path_prefix="/"))
    ]
    assert {value for name, value in found if name == "pattern"} == {r"^[a-z0-9][a-z0-9_-]{0,59}$"}
    assert {value for name, value in found if name in ("minLength", "minItems", "minProperties")} == {1}


def constraints(schema: Any) -> Iterator[tuple[str, Any]]:
    """What a document says about lengths and forms, wherever."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if isinstance(schema, dict):
        for name, inner in schema.items():
            if not isinstance(inner, dict | list):
                yield str(name), inner
            yield from constraints(inner)


def test_refusal_rolls_back_what_was_done(till: Machine, workspace: Workspace) -> None:
    data = {**MARC, "consents": [{"purpose": "order_information", "granted": True, "source": "till"}]}
    problem(till.post("/contacts", data), 422, NotForThisBasis.code)
    with tenancy.scope(workspace_id=workspace.pk):
        assert not Contact.objects.exists()


def test_error_inside_is_told_without_its_cause(till: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("parcours.contacts.queries.list_contacts", broken)
    response = till.get("/contacts")
    problem(response, 500, "internal")
    assert b"secret" not in response.content


def test_keys_are_never_given_back(till: Machine, workspace: Workspace) -> None:
    till.post("/lists", {"slug": "vip", "name": "VIP"})
    for path in (
        "/contacts",
        "/lists",
        "/purposes",
        "/segments",
        "/journeys",
        "/campaigns",
        "/templates",
        "/messages",
    ):
        response = till.get(path)
        assert response.status_code == 200, path
        assert till.secret.encode() not in response.content
    with tenancy.scope(workspace_id=workspace.pk):
        assert till.secret not in json.dumps(list(AuditEntry.objects.values("actor", "detail")))


def test_audit_names_the_key(till: Machine, workspace: Workspace) -> None:
    till.post("/lists", {"slug": "vip", "name": "VIP"})
    with tenancy.scope(workspace_id=workspace.pk):
        entry = AuditEntry.objects.get(subject="list")
    assert entry.actor == "API key “till”"
    assert entry.key_id is not None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"emial": "marc@example.com"},
            "Il n’y a pas de champ «\u00a0emial\u00a0». Vouliez-vous dire «\u00a0email\u00a0»\u00a0?",
        ),
        ({}, "Ce champ manque."),
        ({**MARC, "consents": "yes"}, "Il faut une liste."),
        (
            {**MARC, "consents": [{"purpose": "nonsense", "granted": True, "source": "till"}]},
            "Il n’y a pas de finalité «\u00a0nonsense\u00a0».",
        ),
        ({"email": "marc"}, "«\u00a0marc\u00a0» n’est pas une adresse e-mail."),
    ],
)
def test_problem_speaks_the_language_asked_for(till: Machine, data: dict[str, Any], message: str) -> None:
    english, french = (till.post("/contacts", data, **headers).json() for headers in ({}, FRENCH))
    assert (french["status"], french["code"]) == (english["status"], english["code"])
    assert message in [one["message"] for one in french["errors"]]
    assert [one["field"] for one in french["errors"]] == [one["field"] for one in english["errors"]]
    assert french["title"] != english["title"]


def test_problem_is_english_by_default(till: Machine) -> None:
    body = problem(till.get("/nonsense"), 404, "not_found")
    assert (body["title"], body["detail"]) == ("There is no such thing here.", "There is no such operation.")
