"""Judging batches and sending messages end to end, each beside its floor and beside what libraries do, in the same run.

The message is the one of `performance.md`: about 25 kB of HTML with 37 slots and 15 tracked links, 5 kB of text, a pixel.
Not here: which benchmarks there are and how their results are printed (`tests.bench.main`).
"""

import asyncio
import os
import smtplib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import dkim
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.content import actions as content
from parcours.content import queries as templates
from parcours.delivery import actions, settings
from parcours.delivery.models import Sending
from parcours.delivery.sender import Sender
from parcours.delivery.smtp import SmtpSettings
from parcours.delivery.types import Origin
from parcours.kernel import crypto, sql, tenancy
from tests.bench import upkeep

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
JUDGED = int(os.environ.get("PARCOURS_BENCH_JUDGED", "20000"))
SENT = int(os.environ.get("PARCOURS_BENCH_SENT", "2000"))
BATCH = 1000
ROUNDS = 3

_PEOPLE = """
INSERT INTO contacts_contact (workspace_id, email, language, attributes, created_at, updated_at)
SELECT %(workspace_id)s, 'person' || n || '@example.org', 'en',
       jsonb_build_object('first_name', 'Person ' || n, 'city', 'Lyon', 'size', n %% 50), %(now)s, %(now)s
FROM generate_series(1, %(count)s::integer) AS n ON CONFLICT DO NOTHING"""
_CONSENTS = """
WITH granted AS (
    INSERT INTO consent_record (workspace_id, contact_id, purpose_id, channel, act, at, source)
    SELECT %(workspace_id)s, c.id, p.id, CASE WHEN p.is_measuring THEN 'any' ELSE 'email' END, 'granted', %(now)s, 'bench'
    FROM contacts_contact c, consent_purpose p
    WHERE c.workspace_id = %(workspace_id)s AND p.workspace_id = %(workspace_id)s AND p.basis = 'consent'
    RETURNING contact_id, purpose_id, channel, id
)
INSERT INTO consent_state (workspace_id, contact_id, purpose_id, channel, act, since, record_id)
SELECT %(workspace_id)s, contact_id, purpose_id, channel, 'granted', %(now)s, id FROM granted"""
_QUEUE = """
INSERT INTO delivery_message (workspace_id, mailing_id, contact_id, state, is_urgent, queued_at, due_at, expires_at)
SELECT %(workspace_id)s, %(mailing_id)s, id, 'queued', %(is_urgent)s, %(now)s, %(now)s, %(now)s::timestamptz + interval '1 day'
FROM contacts_contact WHERE workspace_id = %(workspace_id)s ORDER BY id LIMIT %(count)s"""
_CLAIM = """
UPDATE delivery_message SET state = 'sending', verdict = 'send', judged_at = %(now)s, lease_until = %(now)s, fence = fence + 1
WHERE id IN (SELECT id FROM delivery_message WHERE workspace_id = %(workspace_id)s AND state = 'queued' AND due_at <= %(now)s
             ORDER BY is_urgent, due_at, queued_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)"""


def bench_gate_batch() -> list[dict[str, Any]]:
    """Messages judged per second, with all that the gate asks and writes; the floor is the claim alone."""
    workspace = _shop(JUDGED)
    product = statistics.median(_judging(workspace, _judge) for _ in range(ROUNDS))
    floor = statistics.median(_judging(workspace, _claim_only) for _ in range(ROUNDS))
    _clear(workspace)
    setting = f"batches of {BATCH:,}, {JUDGED:,} promotions: consent, cap, quiet hours, guard; floor: the claim UPDATE alone"
    return [_result("gate.batch", JUDGED / product, JUDGED / floor, "messages/s", setting)]


def bench_send_signed() -> list[dict[str, Any]]:
    """Messages per second from the queue to the server's answer, signed; beside the signature alone, and the library way."""
    workspace = _shop(SENT)
    rate = _end_to_end(workspace, is_signed=True)
    key = _key(workspace)
    signatures, library = _signatures(key), _library_way(key)
    setting = f"{SENT:,} messages of 33 kB, gate, attempts and outcomes committed, RSA-2048, 20 connections"
    return [
        _result(
            "send.signed", rate, signatures, "messages/s", f"{setting}; floor: RSA signatures on one core"
        ),
        _result(
            "send.signed.assembled",
            rate,
            library,
            "messages/s",
            f"{setting}; floor: EmailMessage, dkimpy, smtplib",
        ),
    ]


def bench_send_unsigned() -> list[dict[str, Any]]:
    """The same where the relay signs."""
    workspace = _shop(SENT)
    rate = _end_to_end(workspace, is_signed=False)
    setting = (
        f"{SENT:,} messages of 33 kB, 20 connections, the relay signs; floor: RSA signatures on one core"
    )
    return [_result("send.unsigned", rate, _signatures(_key(workspace)), "messages/s", setting)]


def _result(name: str, figure: float, floor: float, unit: str, setting: str) -> dict[str, Any]:
    return {
        "name": name,
        "figure": round(figure),
        "unit": unit,
        "floor": round(floor),
        "ratio": round(figure / floor, 3),
        "setting": setting,
    }


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# The shop


def _shop(people: int) -> Workspace:
    """A workspace with people who agreed to everything; made once per database."""
    slug = f"bench-sending-{people}"
    found = Workspace.objects.filter(slug=slug).first()
    if found:
        return found
    workspace = accounts.create_workspace(slug, name="Bench", language="en", now=NOW)
    with tenancy.scope(workspace_id=workspace.pk):
        settings.set_up_sending(
            workspace.pk, from_name="Bench", from_email="hello@bench.example", actor=SYSTEM, now=NOW
        )
        for code, basis in (
            ("promotions", "consent"),
            ("order_information", "contract"),
            ("measure_opens", "consent"),
            ("measure_clicks", "consent"),
        ):
            fields = {"name_fr": code, "name_en": code, "basis": basis}
            more = {"is_marketing": code == "promotions", "is_measuring": code.startswith("measure")}
            consent.save_purpose(workspace.pk, code, {**fields, **more}, actor=SYSTEM, now=NOW)
        names = {"workspace_id": workspace.pk, "now": NOW}
        sql.run(_PEOPLE, {**names, "count": people})
        sql.run(_CONSENTS, names)
        content.save_template(workspace.pk, "bench", "Bench", {"en": _body()}, actor=SYSTEM, now=NOW)
    upkeep.vacuum("contacts_contact", "consent_state")
    return workspace


def _body() -> dict[str, str]:
    words = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor. "
    slots = ("contact.first_name", "contact.city", "contact.size")
    sections = "".join(
        "<mj-section><mj-column><mj-text>"
        + words * 3
        + f"{{{{ {slots[n % 3]} }}}} {{{{ {slots[(n + 1) % 3]} }}}} "
        + f'<a href="https://shop.example/product/{n}">{words[:20]}</a></mj-text></mj-column></mj-section>'
        for n in range(15)
    )
    return {
        "subject": "News for {{ contact.first_name }}",
        "preheader": "For {{ contact.first_name }}",
        "mjml": f"<mjml><mj-body>{sections}</mj-body></mjml>",
        "text": words * 60 + "{{ contact.first_name }}",
    }


def _clear(workspace: Workspace) -> None:
    """Nothing waits in this workspace: a sender serves all of them."""
    with tenancy.scope(workspace_id=workspace.pk):
        names = {"workspace_id": workspace.pk}
        sql.run("DELETE FROM delivery_allowance WHERE workspace_id = %(workspace_id)s", names)
        sql.run("DELETE FROM delivery_attempt WHERE workspace_id = %(workspace_id)s", names)
        sql.run("DELETE FROM delivery_message WHERE workspace_id = %(workspace_id)s", names)


def _queue(workspace: Workspace, purpose: str, count: int, guard: object = None) -> None:
    """A new mailing to that many people; nothing else waits."""
    _clear(workspace)
    with tenancy.scope(workspace_id=workspace.pk):
        names = {"workspace_id": workspace.pk}
        purpose_id = sql.scalar(
            "SELECT id FROM consent_purpose WHERE workspace_id = %(workspace_id)s AND code = %(code)s",
            {**names, "code": purpose},
        )
        mailing_id = actions.add_mailing(
            workspace.pk,
            origin=Origin.API,
            origin_id=time.time_ns() % 2_000_000_000,
            purpose_id=purpose_id,
            template_version_id=templates.latest_version(workspace.pk, "bench").pk,
            name="bench",
            valid_for=timedelta(days=1),
            guard=guard,
            now=NOW,
        )
        is_urgent = purpose == "order_information"
        sql.run(
            _QUEUE, {**names, "mailing_id": mailing_id, "now": NOW, "count": count, "is_urgent": is_urgent}
        )
    upkeep.vacuum("delivery_message", "delivery_allowance", "delivery_attempt")


# The gate


def _judging(workspace: Workspace, step: Callable[[Workspace], int]) -> float:
    _queue(workspace, "promotions", JUDGED, guard={"attribute": "city", "is": "Lyon"})

    def judge_all() -> None:
        while step(workspace):
            pass

    return _timed(judge_all)


def _judge(workspace: Workspace) -> int:
    with tenancy.scope(workspace_id=workspace.pk):
        return actions.claim(workspace.pk, now=NOW, limit=BATCH).count


def _claim_only(workspace: Workspace) -> int:
    with tenancy.scope(workspace_id=workspace.pk):
        return sql.run(_CLAIM, {"workspace_id": workspace.pk, "now": NOW, "limit": BATCH})


# Sending


def _end_to_end(workspace: Workspace, *, is_signed: bool) -> float:
    _queue(workspace, "promotions", SENT)
    with _sink() as port:
        sender = Sender(
            SmtpSettings("127.0.0.1", port), lambda: NOW, connections=20, batch=400, is_signed=is_signed
        )
        seconds = _timed(lambda: asyncio.run(sender.drain()))
    with tenancy.scope(workspace_id=workspace.pk):
        sent = sql.scalar(
            "SELECT count(*) FROM delivery_message WHERE workspace_id = %(workspace_id)s AND state = 'sent'",
            {"workspace_id": workspace.pk},
        )
    assert sent == SENT, f"{sent} of {SENT} were sent"
    return SENT / seconds


@contextmanager
def _sink() -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


def _key(workspace: Workspace) -> bytes:
    with tenancy.scope(workspace_id=workspace.pk):
        return crypto.unseal("dkim", bytes(Sending.objects.get(workspace_id=workspace.pk).dkim_key))


def _signatures(pem: bytes, count: int = 500) -> float:
    key: Any = load_pem_private_key(pem, None)
    text = b"x" * 1500
    return count / _timed(lambda: [key.sign(text, padding.PKCS1v15(), hashes.SHA256()) for _ in range(count)])


def _library_way(pem: bytes, count: int = 60) -> float:
    """The same message as most would send it."""
    with _sink() as port, smtplib.SMTP("127.0.0.1", port) as server:

        def send_all() -> None:
            for number in range(count):
                mail = EmailMessage()
                mail["From"], mail["To"] = "hello@bench.example", f"person{number}@example.org"
                mail["Subject"] = f"News for {number}"
                mail.set_content("Lorem ipsum dolor sit amet. " * 180 + str(number))
                mail.add_alternative(
                    "<p>" + "Lorem ipsum dolor sit amet. " * 900 + f"{number}</p>", subtype="html"
                )
                raw = mail.as_bytes().replace(b"\n", b"\r\n")
                signature = dkim.sign(raw, b"parcours", b"bench.example", pem)
                server.sendmail("hello@bench.example", [f"person{number}@example.org"], signature + raw)

        return count / _timed(send_all)
