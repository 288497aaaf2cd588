"""Pixels and clicks, recorded before the answer, against a Django view that inserts."""

import json
import statistics
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM
from parcours.consent import actions as consent
from parcours.consent import queries as consent_queries
from parcours.consent.types import Act, Channel, Evidence, Statement
from parcours.content.models import Template, TemplateVersion
from parcours.delivery import actions as delivery
from parcours.delivery.models import Message
from parcours.delivery.types import Origin
from parcours.events import tokens
from parcours.events.tokens import ClickToken, MessageToken
from parcours.kernel import tenancy
from tests.bench import load
from tests.bench.ingest import prepare, result

MESSAGES = 3_000
URL = "https://shop.example/tea?utm=1"
SCRIPT = """
local paths = {%s}
local n = 0
request = function()
  n = n + 1
  return "GET " .. paths[n %% #paths + 1] .. " HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nUser-Agent: Mozilla/5.0 (iPhone) Mobile\\r\\n\\r\\n"
end
"""


def bench_feedback_pixel() -> list[dict[str, Any]]:
    """Opens of people who agreed to be measured."""
    shop, people, messages, _ = _sent("pixel")
    sign = tokens.signer().sign
    paths = [f"/t/o/{sign(MessageToken(shop.id, each), tokens.Purpose.OPEN)}.gif" for each in messages]
    return _compare("feedback.pixel", shop, people, paths)


def bench_feedback_click() -> list[dict[str, Any]]:
    """Clicks of people who agreed to be measured."""
    shop, people, messages, version = _sent("click")
    sign = tokens.signer().sign_click
    target = quote(URL, safe="")
    paths = [f"/t/c/{sign(ClickToken(shop.id, each, version, 1), URL)}?u={target}" for each in messages]
    return _compare("feedback.click", shop, people, paths)


def _compare(name: str, shop: Workspace, people: list[str], paths: list[str]) -> list[dict[str, Any]]:
    script = SCRIPT % ",".join(f'"{each}"' for each in paths)
    variables = {"BENCH_WORKSPACE": str(shop.id), "BENCH_PEOPLE": json.dumps(people[:500])}
    ours, views = [], []
    with ExitStack() as servers:
        product = servers.enter_context(load.web())
        view = servers.enter_context(load.floor("django_views", variables))
        for address in (product, view):
            load.requests_per_second(address, script, seconds=1)
        for _ in range(load.ROUNDS):
            views.append(load.requests_per_second(view, script))
            ours.append(load.requests_per_second(product, script))
    setting = f"{load.CONNECTIONS} connections, {load.PROCESSES} processes; floor: a Django view that inserts"
    return [result(name, statistics.median(ours), statistics.median(views), setting, "requests/s")]


def _sent(slug: str) -> tuple[Workspace, list[str], list[UUID], int]:
    """A workspace with messages to people who agreed to everything."""
    shop, people, now = prepare(slug)
    with tenancy.scope(workspace_id=shop.id):
        for position, code in enumerate(("promotions", "measure_opens", "measure_clicks")):
            _purpose(shop, code, position, now)
        evidence = Evidence("bench", "yes")
        said = [
            Statement(UUID(each), code, Channel.ANY, Act.GRANTED, evidence, now)
            for each in people[:MESSAGES]
            for code in ("measure_opens", "measure_clicks")
        ]
        consent.record(shop.id, said, now=now)
        version = _version(shop, now)
        messages = _messages(shop, people, version, now)
    return shop, people, messages, version


def _purpose(shop: Workspace, code: str, position: int, now: datetime) -> None:
    fields = {
        "name_fr": code,
        "name_en": code,
        "description_fr": "",
        "description_en": "",
        "basis": "consent",
        "is_marketing": code == "promotions",
        "is_measuring": code != "promotions",
        "position": position,
    }
    consent.save_purpose(shop.id, code, fields, actor=SYSTEM, now=now)


def _version(shop: Workspace, now: datetime) -> int:
    template = Template.objects.create(
        workspace=shop, slug="hello", name="Hello", created_at=now, updated_at=now
    )
    made = TemplateVersion.objects.create(
        workspace=shop, template=template, number=1, bodies={}, actor="bench", created_at=now
    )
    return int(made.pk)


def _messages(shop: Workspace, people: list[str], version: int, now: datetime) -> list[UUID]:
    purpose = next(each for each in consent_queries.purposes(shop.id) if each.code == "promotions")
    mailing_id = delivery.add_mailing(
        shop.id,
        origin=Origin.API,
        origin_id=1,
        purpose_id=purpose.pk,
        template_version_id=version,
        name="Hello",
        valid_for=timedelta(days=3),
        now=now,
    )
    Message.objects.bulk_create(
        Message(
            workspace_id=shop.id,
            mailing_id=mailing_id,
            contact_id=UUID(each),
            state="sent",
            verdict="send",
            queued_at=now,
            due_at=now,
            expires_at=now + timedelta(days=3),
            sent_at=now - timedelta(minutes=5),
        )
        for each in people[:MESSAGES]
    )
    return list(Message.objects.filter(workspace_id=shop.id).values_list("id", flat=True))
