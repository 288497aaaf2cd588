"""What is wrong with one message stops that message, what is wrong with one workspace stops that workspace: nobody else waits."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, OperationalError

from develop.smtp import Decide, Refuse, Stage
from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent.models import Suppression
from parcours.content.models import Template, TemplateVersion
from parcours.delivery import actions, composing, sender
from parcours.delivery.models import Attempt, Mailing, Sending
from parcours.delivery.settings import resume_sending
from parcours.delivery.types import AttemptOutcome, Outcome
from parcours.kernel import crypto, tenancy
from tests.delivery.post import Post, post_of
from tests.delivery.stories import BODY, PEM, Shop, codes, message

pytestmark = pytest.mark.django_db(transaction=True)


def order(shop: Shop, name: str) -> UUID:
    """A confirmation for somebody, queued."""
    with tenancy.scope(workspace_id=shop.id):
        return shop.queue(shop.mailing("order_information"), shop.person(name))


def open_shop(workspace: Workspace, now: datetime) -> Shop:
    with tenancy.scope(workspace_id=workspace.id):
        return Shop.open(workspace, now)


def state(shop: Shop, message_id: UUID) -> str:
    with tenancy.scope(workspace_id=shop.id):
        return message(message_id).state


def sealed_with_another_secret(key: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    with monkeypatch.context() as other:
        other.setattr(crypto, "derived_key", lambda _use: bytes(32))
        return crypto.seal("dkim", key)


def test_key_that_cannot_be_opened_pauses_its_workspace_only(
    post: Post, other_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_shop(other_workspace, post.now)
    waiting, going = order(post.shop, "Julie"), order(other, "Marc")
    with tenancy.scope(workspace_id=post.shop.id):
        Sending.objects.update(dkim_key=sealed_with_another_secret(PEM, monkeypatch))

    post.send()

    assert (state(post.shop, waiting), state(other, going)) == ("queued", "sent")
    with tenancy.scope(workspace_id=post.shop.id):
        sending = Sending.objects.get()
        assert sending.paused_at == post.now
        assert "PARCOURS_SECRET_KEY" in sending.pause_reason
        assert AuditEntry.objects.filter(action="paused", subject="sending").count() == 1
        assert Attempt.objects.count() == 0
        Sending.objects.update(dkim_key=crypto.seal("dkim", PEM))
        resume_sending(post.shop.id, actor=SYSTEM, now=post.now)

    post.send()
    assert state(post.shop, waiting) == "sent"


def test_stored_template_that_cannot_be_used_any_more_withholds_its_own_messages(post: Post) -> None:
    good = order(post.shop, "Julie")
    with tenancy.scope(workspace_id=post.shop.id):
        template = Template.objects.create(
            workspace=post.shop.workspace, slug="old", name="Old", created_at=post.now, updated_at=post.now
        )
        broken = TemplateVersion.objects.create(
            workspace=post.shop.workspace,
            template=template,
            number=1,
            bodies={"fr": {**BODY, "subject": "{% never_existed %}"}},
            actor="test",
            created_at=post.now,
        )
        mailing = post.shop.mailing("order_information")
        Mailing.objects.filter(pk=mailing.pk).update(template_version=broken)
        bad = post.shop.queue(mailing, post.shop.person("Marc"))

    post.send()

    assert (state(post.shop, good), state(post.shop, bad)) == ("sent", "withheld")
    with tenancy.scope(workspace_id=post.shop.id):
        assert codes(bad) == ["template_failed"]
        [reason] = message(bad).reasons
        told = reason["evidence"]["failed"]
        assert told.startswith("fr.subject, ligne 1\u00a0: Il n’y a pas de balise"), (
            "in the workspace's language"
        )
        assert Sending.objects.get().paused_at is None


def test_fault_of_ours_in_making_one_message_withholds_that_one(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = order(post.shop, "Julie"), order(post.shop, "Marc")
    real = composing.message_id

    def stumbles(sending: Sending, claim: Any) -> str:
        if claim.id == bad:
            raise RecursionError
        return real(sending, claim)

    monkeypatch.setattr(composing, "message_id", stumbles)
    post.send()

    assert (state(post.shop, good), state(post.shop, bad)) == ("sent", "withheld")


def test_failing_claim_pauses_its_workspace_only(
    post: Post, other_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_shop(other_workspace, post.now)
    waiting, going = order(post.shop, "Julie"), order(other, "Marc")
    real = actions.claim

    def stumbles(workspace_id: int, **named: Any) -> Any:
        if workspace_id == post.shop.id:
            with tenancy.scope(workspace_id=workspace_id):
                if Sending.objects.get().paused_at is None:
                    raise DataError("a value that cannot be")
        return real(workspace_id, **named)

    monkeypatch.setattr(actions, "claim", stumbles)
    post.send()

    assert (state(post.shop, waiting), state(other, going)) == ("queued", "sent")
    with tenancy.scope(workspace_id=post.shop.id):
        assert Sending.objects.get().pause_reason == "DataError"


def test_statement_that_is_cancelled_again_and_again_lets_others_go_first(
    post: Post, other_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_shop(other_workspace, post.now)
    waiting, going = order(post.shop, "Julie"), order(other, "Marc")
    real = actions.claim
    seen: list[str] = []

    def cancelled(workspace_id: int, **named: Any) -> Any:
        if workspace_id == post.shop.id and len(seen) < 3:
            seen.append(state(other, going))
            raise OperationalError("canceling statement due to statement timeout")
        return real(workspace_id, **named)

    monkeypatch.setattr(actions, "claim", cancelled)
    post.send()

    assert seen[-1] == "sent"
    assert (state(post.shop, waiting), state(other, going)) == ("sent", "sent")
    with tenancy.scope(workspace_id=post.shop.id):
        assert Sending.objects.get().paused_at is None


def refuse_julie(code: int) -> Decide:
    def decide(stage: Stage) -> Any:
        is_hers = stage.name == "rcpt" and "julie" in stage.argument
        return Refuse(code, f"5.7.1 <{stage.argument}>: Relay access denied") if is_hers else None

    return decide


def resume(post: Post) -> None:
    with tenancy.scope(workspace_id=post.shop.id):
        resume_sending(post.shop.id, actor=SYSTEM, now=post.now)


def test_refusal_of_one_address_that_reads_like_a_fault_of_ours_pauses_once(
    workspace: Workspace, tmp_path: Path, now: datetime
) -> None:
    """The trail tells why, and not whom; after the resume the others go first, and the one is refused for itself."""
    with post_of(workspace, tmp_path, now, refuse_julie(554)) as post:
        bad = order(post.shop, "Julie")
        post.send()
        good = [order(post.shop, f"P{n}") for n in range(3)]
        post.send()
        with tenancy.scope(workspace_id=workspace.id):
            assert Sending.objects.get().pause_reason.endswith("554 5.7.1 …: Relay access denied")
            assert "julie" not in str(AuditEntry.objects.get(action="paused").detail)
        assert {state(post.shop, one) for one in (bad, *good)} == {"queued"}

        resume(post)
        post.send()
        assert [state(post.shop, one) for one in (bad, *good)] == ["queued", "sent", "sent", "sent"]
        post.later(minutes=6)
        post.send()
        with tenancy.scope(workspace_id=workspace.id):
            assert Sending.objects.get().paused_at is None
            assert Attempt.objects.filter(message_id=bad).count() == 2
            assert not Suppression.objects.exists()
        assert state(post.shop, bad) == "failed"


def test_configuration_that_is_still_wrong_pauses_again_and_fails_nothing(
    workspace: Workspace, tmp_path: Path, now: datetime
) -> None:
    """Also after days: nobody was accepted meanwhile, so it is not about this message."""
    is_mended = False

    def decide(stage: Stage) -> Any:
        return Refuse(550, "5.7.1 Relaying denied") if stage.name == "rcpt" and not is_mended else None

    with post_of(workspace, tmp_path, now, decide) as post:
        orders = [order(post.shop, name) for name in ("Julie", "Marc")]
        post.send(connections=1)
        for _ in range(3):
            post.later(days=4)
            resume(post)
            post.send(connections=1)
            with tenancy.scope(workspace_id=workspace.id):
                assert Sending.objects.get().paused_at == post.now
            assert {state(post.shop, one) for one in orders} == {"queued"}
        is_mended = True
        resume(post)
        post.later(minutes=6)
        post.send()
        assert {state(post.shop, one) for one in orders} == {"sent"}


def refuse_with_nul(stage: Stage) -> Any:
    return Refuse(550, "5.1.1 no\0body here") if stage.name == "rcpt" and "julie" in stage.argument else None


def test_nul_in_a_reply_is_left_out(workspace: Workspace, tmp_path: Path, now: datetime) -> None:
    decide: Decide = refuse_with_nul
    with post_of(workspace, tmp_path, now, decide) as post:
        bad, good = order(post.shop, "Julie"), order(post.shop, "Marc")
        post.send()

        assert (state(post.shop, bad), state(post.shop, good)) == ("failed", "sent")
        with tenancy.scope(workspace_id=workspace.id):
            assert Attempt.objects.get(message_id=bad).reply.endswith("nobody here")


def test_outcome_that_cannot_be_stored_is_in_doubt_and_the_others_are_stored(
    post: Post, other_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_shop(other_workspace, post.now)
    orders = [order(post.shop, f"P{n}") for n in range(6)]
    going, bad = order(other, "Marc"), orders[0]
    real = actions.finish

    def stumbles(workspace_id: int, outcomes: list[Outcome], **named: Any) -> Any:
        if any(one.message_id == bad and one.outcome is AttemptOutcome.ACCEPTED for one in outcomes):
            raise DataError("a value that cannot be")
        return real(workspace_id, outcomes, **named)

    monkeypatch.setattr(actions, "finish", stumbles)
    post.send(connections=4)

    assert state(other, going) == "sent"
    assert {state(post.shop, one) for one in orders[1:]} <= {"sent", "queued"}
    post.later(seconds=31)
    assert actions.sweep(post.shop.id, now=post.now).in_doubt == 1
    assert state(post.shop, bad) == "in_doubt"
    with tenancy.scope(workspace_id=post.shop.id):
        assert "cannot be stored" in Sending.objects.get().pause_reason
        resume_sending(post.shop.id, actor=SYSTEM, now=post.now)
    post.later(seconds=timedelta(minutes=1).total_seconds())
    post.send()
    assert {state(post.shop, one) for one in orders[1:]} == {"sent"}
    assert post.twice == []


def test_sender_told_to_stop_while_the_database_is_away_leaves_everything_to_the_leases(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was handed over and could not be recorded is in doubt, what was only claimed goes later: nothing is lost, or sent twice."""
    for name in ("Julie", "Marc", "Alice"):
        order(post.shop, name)
    monkeypatch.setattr(sender, "_LAST_WORDS", 0.1)

    async def stopped_in_an_outage(outage: pytest.MonkeyPatch) -> None:
        def gone(**_scope: int) -> None:
            raise OperationalError("the database system is shutting down")

        def lose(point: str) -> None:
            if point == "answered":
                outage.setattr(tenancy, "scope", gone)
                sending.stop()

        sending = post.sender(connections=1, hook=lose)
        async with asyncio.timeout(20):
            await sending.run()

    with monkeypatch.context() as outage:
        asyncio.run(stopped_in_an_outage(outage))
    assert (len(post.arrived), post.states()) == (1, {"sending": 3})

    post.later(minutes=1)
    swept = actions.sweep(post.shop.id, now=post.now)
    assert (swept.in_doubt, swept.requeued) == (1, 2)
    post.send()
    assert (len(post.arrived), post.twice, post.states()) == (3, [], {"in_doubt": 1, "sent": 2})
    with tenancy.scope(workspace_id=post.shop.id):
        assert Sending.objects.get().paused_at is None
