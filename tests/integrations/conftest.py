"""A shop with webhooks, and somebody's server on the loopback, which the operator allows here."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from pytest_django import Settings

from parcours.accounts.models import Workspace
from tests.integrations.receiver import Receiver, receiving
from tests.integrations.stories import Story


@pytest.fixture
def shop(transactional_db: None, workspace: Workspace, settings: Settings, now: datetime) -> Story:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    return Story(workspace, now)


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
