"""What every test may use: a database seen through the product's own roles, two workspaces, a fixed instant."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import connections
from hypothesis import settings
from pytest_django import DjangoDbBlocker

from config import wiring
from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.kernel import tenancy

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's own loop runs in browser tests
settings.register_profile("parcours", deadline=None)  # a busy machine is no failure
settings.load_profile("parcours")
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """After the migrations, every connection acts as the workers' role, which row security binds."""
    wiring.connect()
    with (
        django_db_blocker.unblock(),
        connections["default"].cursor() as cursor,
    ):  # for emptying tables between tests
        cursor.execute("GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO parcours_worker, parcours_web")
        cursor.execute(
            "GRANT INSERT ON django_content_type, auth_permission TO parcours_worker, parcours_web"
        )
    act_as("parcours_worker", django_db_blocker)
    yield
    act_as("none", django_db_blocker)  # the owner again, who may drop the database


def act_as(role: str, blocker: DjangoDbBlocker) -> None:
    """Reconnect with another role as the session's default, as `parcours web` and `parcours worker` do."""
    with blocker.unblock():
        connection = connections["default"]
        connection.settings_dict["OPTIONS"]["options"] = f"-c role={role}"
        connection.close()


@pytest.fixture
def now() -> datetime:
    """A Tuesday morning in March."""
    return NOW


@pytest.fixture
def workspace(db: None, now: datetime) -> Workspace:
    """A French shop."""
    return accounts.create_workspace("shop", name="La Boutique", language="fr", now=now)


@pytest.fixture
def other_workspace(db: None, now: datetime) -> Workspace:
    """Somebody else's shop, on the same installation."""
    return accounts.create_workspace("other", name="Other Shop", language="en", now=now)


@pytest.fixture
def in_workspace(workspace: Workspace) -> Iterator[Workspace]:
    """The whole test runs inside the shop's scope."""
    with tenancy.scope(workspace_id=workspace.id):
        yield workspace
