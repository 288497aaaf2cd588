"""The shop with a mail server, the clock of its pages, and a program of the shop that asks for receipts."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from parcours.accounts.models import Workspace
from parcours.kernel import clock
from tests.api.conftest import Machine, machine_of
from tests.delivery.post import Post, post_of

RECEIPT = {
    "subject": "Votre commande {{ data.order_id }}",
    "mjml": (
        "<mjml><mj-body><mj-section><mj-column><mj-text>"
        "{% for line in data.lines %}{{ line.quantity }} × {{ line.name }} {% endfor %}: {{ event.total }} €"
        "</mj-text></mj-column></mj-section></mj-body></mjml>"
    ),
}


@pytest.fixture
def post(transactional_db: None, workspace: Workspace, tmp_path: Path, now: datetime) -> Iterator[Post]:
    """A shop that sends to a server where everything goes well."""
    with post_of(workspace, tmp_path, now) as opened:
        yield opened


@pytest.fixture
def one_clock(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls (pages, programs, recipients) calls at the post's own time."""
    monkeypatch.setattr(clock, "now", lambda: post.now)


@pytest.fixture
def till(post: Post, workspace: Workspace, now: datetime) -> Machine:
    """A program that has put the shop's receipt in."""
    machine = machine_of(workspace, now)
    saved = machine.put("/templates/receipt", {"name": "Receipt", "bodies": {"fr": RECEIPT}})
    assert saved.status_code == 200, saved.content
    return machine
