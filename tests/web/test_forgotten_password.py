"""A forgotten password: a link by mail, or a new first password from an owner. Nobody learns who has an account, and nobody is flooded."""

import re
from datetime import datetime

import pytest
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client

from parcours.accounts import actions as accounts
from parcours.accounts.errors import WorksElsewhere
from parcours.accounts.models import AuditEntry, User, Workspace
from parcours.accounts.types import SYSTEM, Actor, Role
from parcours.kernel import tenancy
from parcours.kernel.errors import NotFound
from tests.web.conftest import signed_in

RESET = "/account/password/reset/"
OLD, NEW = "the password of before", "a quite different password"


@pytest.fixture
def alice(workspace: Workspace, now: datetime) -> User:
    """The French-speaking owner of the shop."""
    cache.clear()
    user = accounts.create_user("alice@example.com", password=OLD, language="fr", now=now)
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.set_member(workspace.pk, user, Role.OWNER, actor=SYSTEM, now=now)
    return user


@pytest.fixture
def bob(workspace: Workspace, alice: User, now: datetime) -> User:
    """An editor of the shop."""
    user = accounts.create_user("bob@example.com", password=OLD, now=now)
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.set_member(workspace.pk, user, Role.EDITOR, actor=SYSTEM, now=now)
    return user


def can_sign_in(email: str, password: str) -> bool:
    client = Client()
    client.post("/account/login/", {"login": email, "password": password})
    return "_auth_user_id" in client.session


def ask(email: str) -> int:
    """The status of the answer to somebody whose browser speaks English."""
    return Client(headers={"accept-language": "en"}).post(RESET, {"email": email}).status_code


def trail(workspace: Workspace, action: str) -> list[tuple[str, str]]:
    with tenancy.scope(workspace_id=workspace.pk):
        found = AuditEntry.objects.filter(subject="password", action=action)
        return [(entry.actor, entry.subject_id) for entry in found]


def test_link_by_mail_leads_to_a_new_password_once(alice: User, workspace: Workspace) -> None:
    someone = Client(headers={"accept-language": "en", "host": "evil.example"})
    answer = someone.post(RESET, {"email": "Alice@example.com"}, follow=True)
    assert "If this address has an account" in answer.content.decode()
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (
        ["alice@example.com"],
        "Choisissez un nouveau mot de passe pour Parcours",
    )
    assert sent.from_email == settings.DEFAULT_FROM_EMAIL
    link = re.search(rf"{re.escape(settings.BASE_URL)}(/account/password/reset/key/\S+)", sent.body)
    assert link, sent.body

    page = someone.get(link[1], follow=True)
    form = page.redirect_chain[-1][0]
    assert "Choose a new password" in page.content.decode()
    refused = someone.post(form, {"password1": "short", "password2": "short"})
    assert "at least 12 characters" in refused.content.decode()
    done = someone.post(form, {"password1": NEW, "password2": NEW}, follow=True)
    assert "Your password is changed" in done.content.decode()

    assert can_sign_in("alice@example.com", NEW)
    assert not can_sign_in("alice@example.com", OLD)
    assert trail(workspace, "changed") == [("alice@example.com", str(alice.pk))]
    again = Client(headers={"accept-language": "fr"}).get(link[1])
    assert "Ce lien n’est plus valable" in again.content.decode()


def test_address_without_an_account_gets_the_same_answer_and_no_mail(alice: User) -> None:
    assert ask("nobody@example.com") == ask("alice@example.com") == 302
    assert [sent.to for sent in mail.outbox] == [["alice@example.com"]]


def test_nobody_is_flooded_with_links_and_the_limit_is_kept_in_the_database(alice: User) -> None:
    """In PostgreSQL, so that it holds for all processes together."""
    assert settings.CACHES["default"]["LOCATION"] == "kernel_cache"
    assert [ask("alice@example.com") for _ in range(4)] == [302, 302, 302, 429]
    assert len(mail.outbox) == 3


def test_mail_server_that_is_away_tells_nothing(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    assert ask("alice@example.com") == ask("nobody@example.com") == 302


def test_owner_gives_a_member_a_new_first_password(alice: User, bob: User, workspace: Workspace) -> None:
    bobs = signed_in(bob)
    with tenancy.scope(workspace_id=workspace.pk):
        member = bob.memberships.get(workspace=workspace).pk
    page = signed_in(alice).post(f"/w/shop/settings/members/{member}/password/").content.decode()
    shown = re.search(r'id="secret">([^<]+)<', page)
    assert shown
    assert can_sign_in("bob@example.com", shown[1])
    assert bobs.get("/w/shop/").status_code == 302  # signed out
    assert trail(workspace, "renewed") == [("alice@example.com", str(bob.pk))]


def test_invitation_gives_no_power_over_an_account(alice: User, workspace: Workspace, now: datetime) -> None:
    charlie = accounts.create_user("charlie@example.com", password=OLD, now=now)
    with tenancy.scope(workspace_id=workspace.pk):
        accounts.invite(workspace.pk, charlie.email, Role.VIEWER, actor=SYSTEM, now=now)
        with pytest.raises(NotFound):
            actor = Actor(alice.email, user_id=alice.pk)
            accounts.renew_password(workspace.pk, charlie, actor=actor, now=now)
    assert can_sign_in("charlie@example.com", OLD)


def test_owner_cannot_get_into_a_workspace_of_others_that_way(
    alice: User, bob: User, workspace: Workspace, other_workspace: Workspace, now: datetime
) -> None:
    with tenancy.scope(workspace_id=other_workspace.pk):
        accounts.set_member(other_workspace.pk, bob, Role.OWNER, actor=SYSTEM, now=now)
    actor = Actor("alice@example.com", user_id=alice.pk)
    with tenancy.scope(workspace_id=workspace.pk), pytest.raises(WorksElsewhere):
        accounts.renew_password(workspace.pk, bob, actor=actor, now=now)
    assert can_sign_in("bob@example.com", OLD)

    with tenancy.scope(workspace_id=other_workspace.pk):
        accounts.set_member(other_workspace.pk, alice, Role.OWNER, actor=SYSTEM, now=now)
    with tenancy.scope(workspace_id=workspace.pk):
        assert accounts.renew_password(workspace.pk, bob, actor=actor, now=now)
    assert not can_sign_in("bob@example.com", OLD)
