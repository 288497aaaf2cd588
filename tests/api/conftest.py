"""A client with a key of the shop."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, KeyKind
from parcours.consent import actions as consent
from parcours.kernel import tenancy


class Machine:
    """A program of the shop that presents its key."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self._client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {secret}"})

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self._client.get(f"/api/v1{path}", query)  # type: ignore[return-value]

    def post(self, path: str, data: Any = None, **headers: str) -> HttpResponse:
        return self.send("post", path, data, **headers)

    def put(self, path: str, data: Any = None) -> HttpResponse:
        return self.send("put", path, data)

    def send(self, method: str, path: str, data: Any = None, **headers: str) -> HttpResponse:
        body = data if isinstance(data, bytes) else json.dumps(data).encode() if data is not None else b""
        call: Callable[..., HttpResponse] = getattr(self._client, method)
        return call(f"/api/v1{path}", body, content_type="application/json", headers=headers)


def machine_of(workspace: Workspace, now: datetime) -> Machine:
    with tenancy.scope(workspace_id=workspace.pk):
        return Machine(accounts.create_key(workspace.pk, KeyKind.API, "till", actor=SYSTEM, now=now).secret)


@pytest.fixture
def till(workspace: Workspace, now: datetime) -> Machine:
    with tenancy.scope(workspace_id=workspace.pk):
        for code, basis, marketing in (
            ("order_information", "contract", False),
            ("advice", "legitimate_interest", True),
            ("promotions", "consent", True),
        ):
            fields = {"name_fr": code, "name_en": code, "basis": basis, "is_marketing": marketing}
            consent.save_purpose(workspace.pk, code, fields, actor=SYSTEM, now=now)
    return machine_of(workspace, now)


@pytest.fixture
def other_till(other_workspace: Workspace, now: datetime) -> Machine:
    return machine_of(other_workspace, now)
