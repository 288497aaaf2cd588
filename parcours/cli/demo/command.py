"""The command line of the demo: load it once, say how far it is, keep the credentials."""

import argparse
import sys
import time
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import connection

from parcours.accounts import actions as accounts
from parcours.accounts import queries
from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM
from parcours.catalogue import seen as catalogue
from parcours.cli.demo import newsletters, orders, people, shop
from parcours.cli.demo.history import History, closing_of
from parcours.cli.demo.orders import LONDON
from parcours.delivery import actions as delivery
from parcours.insights import actions as insights
from parcours.kernel import clock, tenancy

YEAR = timedelta(days=364)
RECENT = timedelta(days=28)


def arguments(parser: argparse.ArgumentParser) -> None:
    """No options: loading twice is loading once."""


def run(options: argparse.Namespace) -> int:
    """Load the demo shop when it is not there; one that was interrupted is begun again."""
    existing = next((one for one in queries.workspaces() if one.slug == shop.SLUG), None)
    if existing is not None and is_complete(existing):
        shop.keep_or_renew(existing, settings.ENVIRONMENT.data, now=clock.now())
        return 0
    if existing is not None:
        erase(existing)
    load(clock.now())
    return 0


def load(now: datetime) -> Workspace:
    """Make the workspace and let its two years pass; returns it."""
    progress = Progress()
    progress.say("its orders")
    yesterday = now.astimezone(LONDON).date() - timedelta(days=1)
    history_of_orders = orders.read(yesterday)
    first = history_of_orders[0].at
    anniversary = closing_of((first.astimezone(LONDON) + YEAR).date())
    recently = closing_of(yesterday - RECENT)
    workspace, credentials = shop.set_up(first - timedelta(hours=1))
    customers = people.invent(history_of_orders)
    progress.orders = len(history_of_orders)
    with History(workspace, customers, history_of_orders) as history:
        shop.open_journeys(workspace, shop.FROM_THE_FIRST_DAY, first)
        newsletters.plan(workspace.pk, first=first, last=now)
        history.live(anniversary, timedelta(days=7), progress)
        shop.open_journeys(workspace, shop.FROM_THE_SECOND_YEAR, anniversary)
        history.live(recently, timedelta(days=5), progress)
        history.live(now, timedelta(days=1), progress)
    progress.say("its figures")
    for follow in (delivery.project, insights.roll_up, partial(catalogue.learn, limit=50_000)):
        while follow(workspace.pk, now=now):
            pass
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.record_audit(
            workspace.pk, actor=SYSTEM, action="loaded", subject="demo", subject_id=workspace.pk, now=now
        )
    shop.keep(credentials, settings.ENVIRONMENT.data)
    progress.end(f"{len(customers):,} people, {len(history_of_orders):,} orders and refunds")
    return workspace


def is_complete(workspace: Workspace) -> bool:
    """True when its history was lived through to the end."""
    with tenancy.scope(workspace_id=workspace.pk):
        return AuditEntry.objects.filter(workspace=workspace, subject="demo", action="loaded").exists()


def erase(workspace: Workspace) -> None:
    """Remove a demo that was not finished. The database refuses this for any workspace that is not a demo."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT accounts_erase_demo(%s)", [workspace.pk])


class Progress:
    """One line that says how far the history is; on a terminal it is rewritten in place."""

    def __init__(self) -> None:
        self.orders = 0
        self._done = 0
        self._started = self._shown = time.monotonic()
        self._live = sys.stdout.isatty()

    def __call__(self, happened: int, day: str) -> None:
        self._done += happened
        if time.monotonic() - self._shown < (0.2 if self._live else 5):
            return
        self.say(day)

    def say(self, what: str) -> None:
        """Show how far it is, and with what."""
        self._shown = time.monotonic()
        share = self._done / self.orders if self.orders else 0
        filled = round(share * 24)
        line = f"  Loading the demo shop  [{'█' * filled}{'·' * (24 - filled)}] {share:4.0%}  {what}"
        print(f"\r\033[K{line}" if self._live else line, end="" if self._live else "\n", flush=True)

    def end(self, what: str) -> None:
        """The last line."""
        start = "\r\033[K" if self._live else ""
        print(
            f"{start}  Loaded the demo shop: {what} in {time.monotonic() - self._started:.0f} s", flush=True
        )
