"""The file with the demo's credentials: kept while it is true, renewed when it belongs to another database."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from parcours.accounts import queries
from parcours.accounts.models import Workspace
from parcours.accounts.types import KeyKind
from parcours.cli.demo import shop


@pytest.fixture
def demo(db: None, now: datetime) -> tuple[Workspace, shop.Credentials]:
    return shop.set_up(now)


def kept(data: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((data / "demo-credentials.json").read_text())
    return found


def test_credentials_that_are_true_stay(
    demo: tuple[Workspace, shop.Credentials], tmp_path: Path, now: datetime
) -> None:
    workspace, credentials = demo
    shop.keep(credentials, tmp_path)
    before = kept(tmp_path)
    shop.keep_or_renew(workspace, tmp_path, now=now)
    assert kept(tmp_path) == before


@pytest.mark.parametrize(
    "stale",
    [
        None,
        "{",
        "[]",
        '{"admin_email": "demo@parcours.test"}',
        '{"admin_email": "demo@parcours.test", "admin_password": "x", "write_key": "wk_of_another_database", "api_key": "ak_x"}',
    ],
)
def test_credentials_of_another_database_are_renewed(
    demo: tuple[Workspace, shop.Credentials], tmp_path: Path, now: datetime, stale: str | None
) -> None:
    workspace, _ = demo
    if stale is not None:
        (tmp_path / "demo-credentials.json").write_text(stale)
    shop.keep_or_renew(workspace, tmp_path, now=now)
    renewed = kept(tmp_path)
    assert queries.workspace_of_key(renewed["write_key"], KeyKind.WRITE).workspace_id == workspace.pk
    assert queries.workspace_of_key(renewed["api_key"], KeyKind.API).workspace_id == workspace.pk
