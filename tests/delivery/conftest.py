"""The shop with a mail server, for tests that send for real."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from parcours.accounts.models import Workspace
from tests.delivery.post import Post, post_of


@pytest.fixture
def post(transactional_db: None, workspace: Workspace, tmp_path: Path, now: datetime) -> Iterator[Post]:
    """A shop that sends to a server where everything goes well."""
    with post_of(workspace, tmp_path, now) as opened:
        yield opened
