"""The shop, committed for real: ticks and cursors open transactions of their own."""

from datetime import datetime

import pytest

from parcours.accounts import actions as accounts
from tests.journeys.shop import Shop


@pytest.fixture
def shop(transactional_db: None, now: datetime) -> Shop:
    """A furnished workspace whose transactions commit, so that the log's cursor sees them."""
    workspace = accounts.create_workspace("shop", name="La Boutique", now=now)
    return Shop(workspace.id, now).furnish()
