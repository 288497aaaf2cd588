"""The ledger: what people said, what holds now, and that nothing is lost or rewritten."""

from datetime import datetime, timedelta
from importlib import import_module
from uuid import UUID

import pytest
from django.db import ProgrammingError, connection, transaction

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import actions, queries
from parcours.consent.errors import BadDate, MissingEvidence, NotForThisBasis, UnknownPurpose, WrongChannel
from parcours.consent.models import Record, State
from parcours.consent.types import Act, Channel, Evidence, Statement, SuppressionReason
from parcours.contacts.models import Contact
from parcours.kernel.clock import EARLIEST

FORM = Evidence(source="sign-up form", wording="Yes, send me offers.", ip="192.0.2.1")


@pytest.fixture
def marc(in_workspace: Workspace, now: datetime) -> UUID:
    for code, basis, marketing in (
        ("order_information", "contract", False),
        ("advice", "legitimate_interest", True),
        ("promotions", "consent", True),
        ("measure_opens", "consent", False),
    ):
        measuring = code.startswith("measure")
        fields = {"name_fr": code, "name_en": code, "basis": basis, "is_marketing": marketing}
        actions.save_purpose(
            in_workspace.id,
            code,
            {**fields, "is_measuring": measuring},
            actor=SYSTEM,
            now=now,
        )
    contact = Contact.objects.create(
        workspace_id=in_workspace.id, email="marc@example.com", created_at=now, updated_at=now
    )
    return contact.pk


def said(who: UUID, act: Act, purpose: str = "promotions", at: datetime | None = None) -> Statement:
    return Statement(who, purpose, Channel.EMAIL, act, FORM, at)


def state(workspace: Workspace, who: UUID) -> dict[str, str]:
    return {one.purpose.code: one.act for one in queries.states(workspace.id, who)}


def test_statement_is_not_older_than_the_log(in_workspace: Workspace, marc: UUID, now: datetime) -> None:
    with pytest.raises(BadDate):
        actions.record(
            in_workspace.id, [said(marc, Act.GRANTED, at=EARLIEST - timedelta(seconds=1))], now=now
        )
    assert len(actions.record(in_workspace.id, [said(marc, Act.GRANTED, at=EARLIEST)], now=now)) == 1


def test_withdrawal_follows_grant_and_both_are_kept(
    in_workspace: Workspace, marc: UUID, now: datetime
) -> None:
    later = now + timedelta(days=1)
    assert len(actions.record(in_workspace.id, [said(marc, Act.GRANTED)], now=now)) == 1
    assert len(actions.record(in_workspace.id, [said(marc, Act.WITHDRAWN)], now=later)) == 1
    assert state(in_workspace, marc) == {"promotions": "withdrawn"}
    assert [one.act for one in queries.ledger(in_workspace.id, marc)] == ["withdrawn", "granted"]


def test_same_act_again_is_proof_but_no_change(in_workspace: Workspace, marc: UUID, now: datetime) -> None:
    actions.record(in_workspace.id, [said(marc, Act.GRANTED)], now=now)
    assert actions.record(in_workspace.id, [said(marc, Act.GRANTED)], now=now + timedelta(hours=1)) == []
    assert Record.objects.count() == 2


def test_older_statement_is_kept_but_does_not_override(
    in_workspace: Workspace, marc: UUID, now: datetime
) -> None:
    actions.record(in_workspace.id, [said(marc, Act.WITHDRAWN)], now=now)
    imported = said(marc, Act.GRANTED, at=now - timedelta(days=300))
    assert actions.record(in_workspace.id, [imported], now=now) == []
    assert state(in_workspace, marc) == {"promotions": "withdrawn"}


def test_several_at_once_fold_to_the_latest(in_workspace: Workspace, marc: UUID, now: datetime) -> None:
    both = [said(marc, Act.GRANTED), said(marc, Act.WITHDRAWN), said(marc, Act.OBJECTED, "advice")]
    changed = actions.record(in_workspace.id, both, now=now)
    assert changed == both[1:]
    assert state(in_workspace, marc) == {"advice": "objected", "promotions": "withdrawn"}


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        (lambda who: said(who, Act.GRANTED, "nonsense"), UnknownPurpose),
        (lambda who: said(who, Act.GRANTED, "order_information"), NotForThisBasis),
        (lambda who: said(who, Act.OBJECTED, "promotions"), NotForThisBasis),
        (
            lambda who: Statement(who, "promotions", Channel.EMAIL, Act.GRANTED, Evidence(" ")),
            MissingEvidence,
        ),
        (lambda who: Statement(who, "promotions", Channel.ANY, Act.GRANTED, FORM), WrongChannel),
    ],
)
def test_unacceptable_statement_changes_nothing(
    in_workspace: Workspace, marc: UUID, now: datetime, statement: object, error: type[Exception]
) -> None:
    assert callable(statement)
    with pytest.raises(error):
        actions.record(in_workspace.id, [said(marc, Act.GRANTED), statement(marc)], now=now)
    assert not Record.objects.exists()
    assert not State.objects.exists()


def test_ledger_cannot_be_rewritten(in_workspace: Workspace, marc: UUID, now: datetime) -> None:
    actions.record(in_workspace.id, [said(marc, Act.GRANTED)], now=now)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Record.objects.update(act="withdrawn")
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Record.objects.all()._raw_delete("default")


def test_suppressed_address_is_known_in_any_case_and_kept_as_a_hash(
    in_workspace: Workspace, marc: UUID, now: datetime
) -> None:
    assert actions.suppress(
        in_workspace.id, Channel.EMAIL, "Marc@Example.com", SuppressionReason.BOUNCE, now=now
    )
    assert not actions.suppress(
        in_workspace.id, Channel.EMAIL, "marc@example.com", SuppressionReason.MANUAL, now=now
    )
    assert queries.is_suppressed(in_workspace.id, Channel.EMAIL, " marc@example.com ")
    actions.lift_suppression(in_workspace.id, Channel.EMAIL, "marc@example.com", actor=SYSTEM, now=now)
    assert not queries.is_suppressed(in_workspace.id, Channel.EMAIL, "marc@example.com")


def test_suppressed_address_is_known_in_whichever_spelling_it_is_named(
    in_workspace: Workspace, now: datetime
) -> None:
    own = in_workspace.id
    actions.suppress(own, Channel.EMAIL, "Jean@Café.fr", SuppressionReason.MANUAL, now=now)
    actions.suppress(own, Channel.SMS, "+33 6 12 34 56 78", SuppressionReason.MANUAL, now=now)
    assert queries.is_suppressed(own, Channel.EMAIL, "jean@xn--caf-dma.fr")
    assert queries.is_suppressed(own, Channel.EMAIL, "jean@café.fr")
    assert queries.is_suppressed(own, Channel.SMS, "+33612345678")
    assert not queries.is_suppressed(own, Channel.EMAIL, "not an address")


def places(workspace: Workspace, who: UUID) -> dict[tuple[str, str], str]:
    return {(one.purpose.code, one.channel): one.act for one in queries.states(workspace.id, who)}


def test_measuring_has_one_state_whatever_channel_is_named(
    in_workspace: Workspace, marc: UUID, now: datetime
) -> None:
    actions.record(in_workspace.id, [said(marc, Act.GRANTED, "measure_opens")], now=now)
    assert places(in_workspace, marc) == {("measure_opens", "any"): "granted"}
    no = Statement(marc, "measure_opens", Channel.ANY, Act.WITHDRAWN, FORM)
    [changed] = actions.record(in_workspace.id, [no], now=now + timedelta(days=1))
    assert changed.channel is Channel.ANY
    assert places(in_workspace, marc) == {("measure_opens", "any"): "withdrawn"}


def test_rows_from_before_are_brought_into_line(in_workspace: Workspace, marc: UUID, now: datetime) -> None:
    """The migration, on rows as older versions wrote them; the latest act counts, and the ledger says where it came from."""
    known = {one.code: one for one in queries.purposes(in_workspace.id)}
    for hours, code, channel, act in (
        (0, "measure_opens", "any", "withdrawn"),
        (1, "measure_opens", "email", "granted"),
        (2, "promotions", "email", "granted"),
        (3, "promotions", "any", "withdrawn"),
    ):
        row = {
            "workspace_id": in_workspace.id,
            "contact_id": marc,
            "purpose": known[code],
            "channel": channel,
            "act": act,
        }
        at = now + timedelta(hours=hours)
        State.objects.create(**row, since=at, record=Record.objects.create(**row, at=at, source="form"))
    align = import_module("parcours.consent.migrations.0003_channel_of_measuring").ALIGN
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute(align)
        cursor.execute("SET LOCAL ROLE parcours_worker")
    assert places(in_workspace, marc) == {
        ("measure_opens", "any"): "granted",
        ("promotions", "email"): "withdrawn",
    }
    assert [one.detail for one in queries.ledger(in_workspace.id, marc)] == [
        {"channel": "any"}, {}, {"channel": "email"}, {},
    ]  # fmt: skip
