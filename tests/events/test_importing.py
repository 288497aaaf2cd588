"""Imports from the file to the base: what is made, what is refused, and what a killed worker leaves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import OperationalError

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.consent.models import Record, State, Suppression
from parcours.consent.types import Act, Channel, Evidence, Statement, SuppressionReason
from parcours.contacts import actions as contacts
from parcours.contacts import attributes
from parcours.contacts.errors import Contended, TooManyAttributes
from parcours.contacts.importing import actions as imports
from parcours.contacts.importing import queries
from parcours.contacts.importing.errors import BadPlan, FileTooLarge, WrongState
from parcours.contacts.importing.plan import Claim, Plan, UpdateRule
from parcours.contacts.models import Contact, Import, ListMember
from parcours.contacts.queries import declared_attributes
from parcours.contacts.types import ImportState, Person
from parcours.events import importing, people
from parcours.events.models import Event

FILE = "email;prénom;points\nmarc@example.com;Marc;12\nzoe@example.com;Zoé;7,5\n"
CLAIM = Claim("promotions", "email", "La Boutique", date(2025, 5, 1), "shop form", "Oui, écrivez-moi.")


@pytest.fixture
def shop(in_workspace: Workspace, now: datetime) -> Workspace:
    for code, basis in (("promotions", "consent"), ("advice", "legitimate_interest")):
        consent.save_purpose(
            in_workspace.pk,
            code,
            {"name_fr": code, "name_en": code, "basis": basis, "is_marketing": True},
            actor=SYSTEM,
            now=now,
        )
    contacts.create_list(in_workspace.pk, "fair", "Fair", actor=SYSTEM, now=now)
    return in_workspace


def confirmed(shop: Workspace, text: str | bytes, now: datetime, **choices: Any) -> Import:
    content = text.encode() if isinstance(text, str) else text
    run = imports.upload(shop.pk, "people.csv", content, actor=SYSTEM, now=now)
    preview = queries.preview(shop.pk, run)
    plan = Plan(preview.delimiter, preview.columns, date_order=preview.date_order, **choices)
    imports.confirm(shop.pk, run, plan, actor=SYSTEM, now=now)
    return run


def test_plan_that_cannot_be_carried_out_leaves_the_import_to_be_planned_again(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attributes, "MAX_DECLARED", 1)  # the file brings two
    run = imports.upload(shop.pk, "people.csv", FILE.encode(), actor=SYSTEM, now=now)
    preview = queries.preview(shop.pk, run)
    plan = Plan(preview.delimiter, preview.columns, date_order=preview.date_order)
    with pytest.raises(TooManyAttributes):
        imports.confirm(shop.pk, run, plan, actor=SYSTEM, now=now)
    assert run.state == Import.objects.get(pk=run.pk).state == ImportState.UPLOADED.value
    assert declared_attributes(shop.pk) == {}

    monkeypatch.setattr(attributes, "MAX_DECLARED", 2)
    imports.confirm(shop.pk, run, plan, actor=SYSTEM, now=now)
    assert finished(shop, run, now).created_count == 2


def finished(shop: Workspace, run: Import, now: datetime) -> Import:
    while importing.tick(shop.pk, now=now):
        pass
    return queries.import_of(shop.pk, run.pk)


def taken(shop: Workspace, text: str | bytes, now: datetime, **choices: Any) -> Import:
    return finished(shop, confirmed(shop, text, now, **choices), now)


@pytest.mark.parametrize("rest", ["", "\n" * 300_000])
def test_file_without_rows_ends_well(
    shop: Workspace, now: datetime, rest: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Only one that was kept before such files were refused, or one whose blank lines hide it, comes so far."""
    run = confirmed(shop, FILE, now)
    Import.objects.update(content=("email;prénom;points\n" + rest).encode())
    run = finished(shop, run, now)
    assert (run.state, run.total, run.failure, caplog.records) == ("finished", 0, "", [])


def refused(run: Import) -> list[tuple[int, str, str]]:
    return [(one.line, one.code, one.value) for one in queries.refusals(run)]


def test_file_becomes_people_with_typed_attributes_and_events(shop: Workspace, now: datetime) -> None:
    run = taken(shop, FILE, now, list_slug="fair", source="fair 2026")
    assert (run.state, run.total, run.created_count, run.refused_count) == ("finished", 2, 2, 0)
    marc = Contact.objects.get(workspace_id=shop.pk, email="marc@example.com")
    assert (marc.attributes, marc.source) == ({"first_name": "Marc", "points": 12}, "fair 2026")
    assert ListMember.objects.filter(workspace_id=shop.pk, list__slug="fair").count() == 2
    names = set(Event.objects.filter(workspace_id=shop.pk, contact_id=marc.pk).values_list("name", flat=True))
    assert names == {"Contact Created", "List Joined"}


def test_content_is_thrown_away_at_the_end(shop: Workspace, now: datetime) -> None:
    run = taken(shop, FILE, now)
    assert bytes(Import.objects.get(pk=run.pk).content) == b""


def test_importing_twice_makes_nobody_twice(shop: Workspace, now: datetime) -> None:
    taken(shop, FILE, now)
    again = taken(shop, FILE.replace("Marc", "Marco"), now)
    assert (again.created_count, again.updated_count) == (0, 1)
    assert Contact.objects.filter(workspace_id=shop.pk).count() == 2


@pytest.mark.parametrize(
    ("rule", "told", "skipped"),
    [
        (UpdateRule.OVERWRITE, ("Marco", "Lyon"), 0),
        (UpdateRule.FILL_EMPTY, ("Marc", "Lyon"), 0),
        (UpdateRule.ONLY_NEW, ("Marc", None), 1),
    ],
)
def test_update_rule_decides_about_those_who_exist(
    shop: Workspace, now: datetime, rule: UpdateRule, told: tuple[str, str | None], skipped: int
) -> None:
    taken(shop, FILE, now)
    run = taken(
        shop, "email,first_name,city\nmarc@example.com,Marco,Lyon\nnew@example.com,N,\n", now, rule=rule
    )
    marc = Contact.objects.get(workspace_id=shop.pk, email="marc@example.com")
    assert (marc.attributes["first_name"], marc.attributes.get("city")) == told
    assert (run.skipped_count, run.created_count) == (skipped, 1)


def test_duplicates_in_the_file_are_said_and_the_last_wins(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PORTION_ROWS", 2)
    text = "email,city\na@example.com,Lyon\nb@example.com,Nice\nc@example.com,Lille\nA@Example.com,Paris\n"
    run = taken(shop, text, now, rule=UpdateRule.ONLY_NEW)
    assert refused(run) == [(2, "duplicate", "a@example.com")]
    assert Contact.objects.get(workspace_id=shop.pk, email="a@example.com").attributes == {"city": "Paris"}
    assert (run.total, run.position, run.created_count) == (4, 4, 3)


def test_bad_rows_are_reported_and_the_others_taken_in(shop: Workspace, now: datetime) -> None:
    text = b'email,name\nmarc@example.com,Ok\nnobody,X\nnul@example.com,a\x00b\nzoe@example.com,"Z\ney@example.com,Y\n'
    run = taken(shop, text, now)
    assert refused(run) == [(3, "bad_email", "nobody"), (4, "not_text", "a�b"), (5, "unreadable", "")]
    assert (run.state, run.created_count, run.refused_count) == ("finished", 2, 3)


def test_claimed_consent_has_its_proof(shop: Workspace, now: datetime) -> None:
    run = taken(shop, FILE, now, claim=CLAIM)
    record = Record.objects.filter(workspace_id=shop.pk).first()
    assert record is not None
    assert (record.act, record.source, record.wording) == ("granted", "shop form", "Oui, écrivez-moi.")
    assert record.at.date() == date(2025, 5, 1)
    assert record.detail == {"collector": "La Boutique", "import": str(run.pk)}


def test_first_day_that_a_consent_may_be_of_is_taken_in(shop: Workspace, now: datetime) -> None:
    run = taken(shop, FILE, now, claim=replace(CLAIM, collected_on=date(2000, 1, 1)))
    assert (run.state, run.created_count) == ("finished", 2)


def test_consent_may_be_of_today_where_the_workspace_is(shop: Workspace) -> None:
    night = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)  # half past midnight in Paris
    run = taken(shop, FILE, night, claim=replace(CLAIM, collected_on=date(2026, 3, 11)))
    assert run.state == "finished"
    record = Record.objects.filter(workspace_id=shop.pk).first()
    assert record is not None
    assert record.at == night
    with pytest.raises(BadPlan):
        confirmed(shop, FILE, night, claim=replace(CLAIM, collected_on=date(2026, 3, 12)))


def test_claim_does_not_undo_a_no(shop: Workspace, now: datetime) -> None:
    [marc] = people.save_people(shop.pk, [Person(email="marc@example.com")], now=now)
    no = Statement(marc.contact_id, "promotions", Channel.EMAIL, Act.WITHDRAWN, Evidence("page"), at=None)
    people.record_statements(shop.pk, [no], now=now)
    recent = Claim("promotions", "email", "Us", now.date(), "form", "Yes")
    run = taken(shop, FILE, now, claim=recent)
    states = {
        one.contact_id: one.act
        for one in State.objects.filter(workspace_id=shop.pk, purpose__code="promotions")
    }
    assert states.pop(marc.contact_id) == "withdrawn"
    assert set(states.values()) == {"granted"}
    assert run.refusing_count == 1


def test_opt_out_column_refuses_all_marketing_and_beats_the_claim(shop: Workspace, now: datetime) -> None:
    taken(shop, "email;désinscrit\nmarc@example.com;oui\nzoe@example.com;non\n", now, claim=CLAIM)
    marc = Contact.objects.get(workspace_id=shop.pk, email="marc@example.com")
    acts = State.objects.filter(workspace_id=shop.pk, contact_id=marc.pk).values_list("purpose__code", "act")
    assert dict(acts) == {"promotions": "withdrawn", "advice": "objected"}


def test_exports_of_mailchimp_bring_their_opt_outs_and_dead_addresses(shop: Workspace, now: datetime) -> None:
    taken(
        shop,
        "Email Address,LEID,EUID,UNSUB_TIME\nmarc@example.com,1,a,2025-03-01 10:00:00\nzoe@example.com,2,b,\n",
        now,
    )
    run = taken(shop, "Email Address,LEID,EUID,CLEAN_TIME\nzoe@example.com,2,b,2025-03-01 10:00:00\n", now)
    marc, zoe = (
        Contact.objects.get(workspace_id=shop.pk, email=f"{name}@example.com") for name in ("marc", "zoe")
    )
    acts = State.objects.filter(workspace_id=shop.pk).values_list("contact_id", "purpose__code", "act")
    assert set(acts) == {(marc.pk, "promotions", "withdrawn"), (marc.pk, "advice", "objected")}
    dead = Suppression.objects.get(workspace_id=shop.pk)
    assert (dead.contact_id, dead.reason, run.suppressed_count) == (zoe.pk, "import", 1)
    assert declared_attributes(shop.pk) == {}


def acts_of(shop: Workspace, email: str) -> dict[str, str]:
    """What somebody has said about the marketing purposes."""
    states = State.objects.filter(workspace_id=shop.pk, contact__email=email)
    return dict(states.values_list("purpose__code", "act"))


NO = {"promotions": "withdrawn", "advice": "objected"}


@pytest.mark.parametrize("rule", UpdateRule)
def test_no_in_the_file_counts_under_every_update_rule(
    shop: Workspace, now: datetime, rule: UpdateRule
) -> None:
    taken(shop, "email,city\nmarc@example.com,Lyon\nzoe@example.com,Nice\n", now, claim=CLAIM)
    text = "email,city,opt out\nmarc@example.com,Paris,yes\nzoe@example.com,Paris,no\n"
    run = taken(shop, text, now, rule=rule)
    assert acts_of(shop, "marc@example.com") == NO
    assert acts_of(shop, "zoe@example.com") == {"promotions": "granted"}
    assert run.skipped_count == (2 if rule is UpdateRule.ONLY_NEW else 0)


def test_no_of_somebody_known_by_another_id_counts_too(shop: Workspace, now: datetime) -> None:
    taken(shop, "email,external id\nmarc@example.com,C-1\n", now, claim=CLAIM)
    text = "email,external id,opt out\nmarc@new.example,C-1,yes\n"
    taken(shop, text, now, rule=UpdateRule.ONLY_NEW)
    assert acts_of(shop, "marc@example.com") == NO


def test_no_and_dead_address_of_a_refused_row_count(shop: Workspace, now: datetime) -> None:
    taken(shop, "email\nmarc@example.com\nzoe@example.com\n", now, claim=CLAIM)
    text = "Email Address,LEID,EUID,Phone Number,UNSUB_TIME,CLEAN_TIME\n"
    text += "marc@example.com,1,a,call me,2025-03-01,\nzoe@example.com,2,b,call me,,2025-03-01\n"
    text += "nobody@example.com,3,c,call me,2025-03-01,\n"
    run = taken(shop, text, now)
    assert [code for _line, code, _value in refused(run)] == ["bad_phone"] * 3
    assert acts_of(shop, "marc@example.com") == NO
    assert acts_of(shop, "zoe@example.com") == {"promotions": "granted"}
    dead = Suppression.objects.get(workspace_id=shop.pk)
    assert dead.contact_id == Contact.objects.get(workspace_id=shop.pk, email="zoe@example.com").pk
    assert not Contact.objects.filter(workspace_id=shop.pk, email="nobody@example.com").exists()


@pytest.mark.parametrize("rows_at_once", [1, 100])
@pytest.mark.parametrize("is_known", [True, False])
def test_later_row_of_an_address_does_not_take_its_no_back(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch, rows_at_once: int, is_known: bool
) -> None:
    monkeypatch.setattr(imports, "PORTION_ROWS", rows_at_once)
    if is_known:
        taken(shop, "email\nmarc@example.com\n", now, claim=CLAIM)
    text = "email,city,opt out\nmarc@example.com,Lyon,yes\nzoe@example.com,Nice,\nmarc@example.com,Lille,no\n"
    run = taken(shop, text + "marc@example.com,Paris,\n", now, claim=CLAIM)
    assert refused(run) == [
        (2, "duplicate_opted_out", "marc@example.com"),
        (4, "duplicate", "marc@example.com"),
    ]
    assert Contact.objects.get(workspace_id=shop.pk, email="marc@example.com").attributes["city"] == "Paris"
    assert acts_of(shop, "marc@example.com") == NO
    assert acts_of(shop, "zoe@example.com") == {"promotions": "granted"}


def test_dead_address_stays_dead_in_a_later_row(shop: Workspace, now: datetime) -> None:
    text = "Email Address,LEID,EUID,CLEAN_TIME\nmarc@example.com,1,a,2025-03-01\nmarc@example.com,1,a,\n"
    taken(shop, text, now)
    dead = Suppression.objects.get(workspace_id=shop.pk)
    assert dead.contact_id == Contact.objects.get(workspace_id=shop.pk, email="marc@example.com").pk


def test_suppressed_address_stays_suppressed(shop: Workspace, now: datetime) -> None:
    consent.suppress(shop.pk, Channel.EMAIL, "marc@example.com", SuppressionReason.COMPLAINT, now=now)
    run = taken(shop, FILE, now, claim=CLAIM)
    assert run.suppressed_count == 1
    from parcours.consent.queries import is_suppressed

    assert is_suppressed(shop.pk, Channel.EMAIL, "marc@example.com")


def test_killed_worker_goes_on_where_it_was(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PORTION_ROWS", 10)
    text = "email\n" + "".join(f"p{n}@example.com\n" for n in range(35))
    run = confirmed(shop, text, now)
    importing.step(shop.pk, now=now)  # reads the file once
    importing.step(shop.pk, now=now)
    real: Callable[..., Any] = people.save_people

    def killed(*args: Any, **kwargs: Any) -> Any:
        real(*args, **kwargs)
        raise OperationalError("terminating connection")

    monkeypatch.setattr(people, "save_people", killed)
    with pytest.raises(OperationalError):
        importing.step(shop.pk, now=now)
    halfway = queries.import_of(shop.pk, run.pk)
    assert (halfway.position, Contact.objects.filter(workspace_id=shop.pk).count()) == (10, 10)
    monkeypatch.setattr(people, "save_people", real)
    done = finished(shop, run, now)
    assert (done.state, done.position, done.created_count) == ("finished", 35, 35)
    assert Event.objects.filter(workspace_id=shop.pk, name="Contact Created").count() == 35


def test_import_that_others_overtake_again_and_again_is_tried_again(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(shop, FILE, now)
    importing.step(shop.pk, now=now)

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        raise Contended("Others are changing the same people.")

    with monkeypatch.context() as busy:
        busy.setattr(people, "save_people", overtaken)
        with pytest.raises(Contended):
            importing.step(shop.pk, now=now)
    assert queries.import_of(shop.pk, run.pk).state == "running"
    assert finished(shop, run, now).created_count == 2


def test_cancelled_import_keeps_what_is_in_and_takes_no_more(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PORTION_ROWS", 1)
    run = confirmed(shop, FILE, now)
    importing.step(shop.pk, now=now)
    importing.step(shop.pk, now=now)
    imports.cancel(queries.import_of(shop.pk, run.pk), actor=SYSTEM, now=now)
    assert importing.tick(shop.pk, now=now) == 0
    assert Contact.objects.filter(workspace_id=shop.pk).count() == 1
    with pytest.raises(WrongState):
        imports.cancel(run, actor=SYSTEM, now=now)


def test_import_that_cannot_go_on_fails_with_its_reason(shop: Workspace, now: datetime) -> None:
    run = confirmed(shop, FILE, now, list_slug="gone")
    done = finished(shop, run, now)
    assert done.state == ImportState.FAILED.value
    assert "gone" in done.failure
    assert not Contact.objects.filter(workspace_id=shop.pk).exists()


@pytest.mark.parametrize("place", ["middle", "end"])
def test_line_longer_than_a_portion_is_refused_and_the_others_taken_in(
    shop: Workspace, now: datetime, place: str
) -> None:
    long = "marc@example.com," + "x" * 2_500_000 + "\n"
    rows = ["zoe@example.com,Z\n" * 20_000, long, "ey@example.com,Y\n" if place == "middle" else ""]
    run = taken(shop, "email,notes\n" + "".join(rows), now)
    reported = [one for one in refused(run) if one[1] != "duplicate"]
    assert reported == [(20_002, "too_long", "")]
    assert (run.state, run.created_count) == ("finished", 2 if place == "middle" else 1)
    assert run.position == run.total == 20_001 + (place == "middle")


def test_file_of_which_most_cannot_be_read_is_refused_as_a_whole(shop: Workspace, now: datetime) -> None:
    run = taken(shop, "email,notes\nzoe@example.com,Z\n" + 'ey@example.com,"say \\"hi\\""\n' * 10_001, now)
    assert (run.state, run.created_count) == ("failed", 0)
    assert "quotation marks" in run.failure


def test_import_cancelled_before_its_worker_gave_up_stays_cancelled(shop: Workspace, now: datetime) -> None:
    run = confirmed(shop, FILE, now)
    imports.cancel(run, actor=SYSTEM, now=now)
    imports.fail(shop.pk, run.pk, "too late", now=now)
    stopped = queries.import_of(shop.pk, run.pk)
    assert (stopped.state, stopped.failure) == ("cancelled", "")


def test_file_beyond_the_limit_is_refused(
    shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parcours.contacts.importing.reading.MAX_BYTES", 10)
    with pytest.raises(FileTooLarge):
        imports.upload(shop.pk, "x.csv", FILE.encode(), actor=SYSTEM, now=now)


def test_import_of_another_workspace_is_not_seen(
    shop: Workspace, other_workspace: Workspace, now: datetime
) -> None:
    confirmed(shop, FILE, now)
    assert importing.tick(other_workspace.pk, now=now) == 0
