"""Two contacts prove to be one person while a message to each of them is on the wire: one arrives, whatever the server says."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import connection

from develop.smtp import Refuse, Stage
from parcours.accounts.models import Workspace
from parcours.events import people
from parcours.kernel import tenancy
from tests.delivery.post import Post, post_of
from tests.delivery.stories import codes, message


def second_is_greylisted() -> Callable[[Stage], Refuse | None]:
    """A server that says `later` to the second message that it is given, and takes all others."""
    given = 0

    def decide(stage: Stage) -> Refuse | None:
        nonlocal given
        given += stage.name == "message"
        is_second = stage.name == "message" and given == 2
        return Refuse(451, "4.7.1 Greylisted, try again later") if is_second else None

    return decide


def merging_when_both_are_started(post: Post, kept: UUID, dropped: UUID) -> Callable[[str], None]:
    """A sender's hook. The merge runs in a thread of its own, as a request of the web would."""
    started = 0

    def merge() -> None:
        try:
            with tenancy.scope(workspace_id=post.shop.id):
                people.merge(post.shop.id, kept, dropped, now=post.now)
        finally:
            connection.close()

    def hook(point: str) -> None:
        nonlocal started
        started += point == "started"
        if point == "started" and started == 2:
            with ThreadPoolExecutor(1) as thread:
                thread.submit(merge).result()

    return hook


def test_copy_that_was_told_later_stays_when_the_other_arrived(
    transactional_db: None, workspace: Workspace, tmp_path: Path, now: datetime
) -> None:
    with post_of(workspace, tmp_path, now, second_is_greylisted()) as post:
        with tenancy.scope(workspace_id=workspace.id):
            julie, julia = post.shop.person("Julie"), post.shop.person("Julia")
            mailing = post.shop.mailing("order_information")
            both = [post.shop.queue(mailing, who) for who in (julie, julia)]
        post.send(hook=merging_when_both_are_started(post, julie, julia))
        post.later(minutes=10)
        post.send()
        assert len(post.arrived) == 1
        with tenancy.scope(workspace_id=workspace.id):
            assert {message(one).contact_id for one in both} == {julie}
            [late] = [one for one in both if message(one).state != "sent"]
            assert (message(late).state, codes(late)) == ("withheld", ["had_already"])
