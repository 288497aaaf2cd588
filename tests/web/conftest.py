"""Fixtures of the pages' tests: one furnished shop per module, clients signed in as its people."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker

from parcours.accounts import actions as accounts
from parcours.accounts.models import User, Workspace
from parcours.kernel import clock
from tests.web.furnishing import furnish

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@dataclass(frozen=True)
class Shop:
    """The furnished workspace and its people."""

    workspace: Workspace
    owner: User
    viewer: User
    outsider: User
    now: datetime

    def path(self, rest: str = "") -> str:
        return f"/w/{self.workspace.slug}/{rest}"


@pytest.fixture(scope="module")
def furnished(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Shop]:
    """Made once per module and committed, so that the workers' cursors see it; emptied at the end."""
    now = clock.now()
    with django_db_blocker.unblock():
        workspace = accounts.create_workspace("vitrine", name="La Vitrine", language="fr", now=now)
        owner = furnish(workspace, now=now)
        viewer = User.objects.get(email="victor@shop.example")
        outsider = accounts.create_user("oscar@other.example", password="a password of Oscar's own", now=now)
    yield Shop(workspace, owner, viewer, outsider, now)
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0, reset_sequences=False)


@pytest.fixture
def shop(furnished: Shop, db: None) -> Shop:
    """The shop, seen as the web's role does; what a test changes is taken back."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE parcours_web")
    return furnished


def signed_in(user: User, language: str = "en") -> Client:
    """A client of somebody who signed in."""
    client = Client(headers={"accept-language": language})
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture
def owner(shop: Shop) -> Client:
    """Olive, who owns the shop."""
    return signed_in(shop.owner)


@pytest.fixture
def viewer(shop: Shop) -> Client:
    """Victor, who may only look."""
    return signed_in(shop.viewer)


@pytest.fixture
def outsider(shop: Shop) -> Client:
    """Oscar, who works elsewhere."""
    return signed_in(shop.outsider)
