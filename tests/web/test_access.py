"""Who may open which page: every address of a workspace, for nobody, an outsider, a viewer and an owner."""

from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, reverse

from parcours.accounts import actions as accounts
from parcours.accounts.models import Workspace
from parcours.accounts.types import SYSTEM, Role
from parcours.kernel import tenancy
from parcours.web.urls import WORKSPACE
from tests.web.conftest import Shop, signed_in

EXAMPLES: dict[str, object] = {"slug": "post-purchase", "code": "promotions", "name": "city"}
PATTERNS = [each for each in WORKSPACE if isinstance(each, URLPattern)]
NAMES = [str(each.name) for each in PATTERNS]


def address(shop: Shop, pattern: URLPattern) -> str:
    """The pattern's address with something in every place."""
    kinds = {name: type(converter).__name__ for name, converter in pattern.pattern.converters.items()}
    values: dict[str, object] = {"UUIDConverter": UUID(int=7), "IntConverter": 1}
    rest = {name: EXAMPLES.get(name, values.get(kind)) for name, kind in kinds.items()}
    return reverse(str(pattern.name), kwargs={"workspace": shop.workspace.slug, **rest})


@pytest.mark.parametrize("pattern", PATTERNS, ids=NAMES)
def test_page_says_which_role_it_needs(pattern: URLPattern) -> None:
    assert isinstance(getattr(pattern.callback, "needed_role", None), Role)


@pytest.mark.parametrize("pattern", PATTERNS, ids=NAMES)
def test_page_is_closed_to_strangers(shop: Shop, outsider: Client, pattern: URLPattern) -> None:
    path = address(shop, pattern)
    for method in ("get", "post"):
        anonymous = getattr(Client(), method)(path)
        assert (anonymous.status_code, anonymous["Location"].split("?")[0]) == (302, "/account/login/")
        assert getattr(outsider, method)(path).status_code == 404


@pytest.mark.parametrize("pattern", PATTERNS, ids=NAMES)
def test_page_refuses_lesser_roles(shop: Shop, viewer: Client, pattern: URLPattern) -> None:
    path = address(shop, pattern)
    needed: Role = pattern.callback.needed_role  # type: ignore[attr-defined]
    statuses = {getattr(viewer, method)(path).status_code for method in ("get", "post")}
    if needed is Role.VIEWER:
        assert 403 not in statuses
    else:
        assert statuses <= {403, 405}
        assert 403 in statuses


def test_changed_state_needs_the_form_token(shop: Shop) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(shop.owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post(shop.path("lists/add/"), {"name": "Salon"}).status_code == 403


def test_refused_form_token_is_told_in_the_readers_words(shop: Shop) -> None:
    for language, said in (("fr", "Envoyez-le encore une fois"), ("en", "Send it once more")):
        client = Client(enforce_csrf_checks=True, headers={"accept-language": language})
        refused = client.post("/account/login/", {"login": shop.owner.email, "password": "x"})
        assert refused.status_code == 403
        assert said in refused.content.decode()


def test_other_workspaces_are_not_in_the_switch(shop: Shop) -> None:
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")  # workspaces are made by operators
        for slug in ("annexe", "other"):
            accounts.create_workspace(slug, name=slug.title(), now=shop.now)
        annexe = Workspace.objects.get(slug="annexe")
        with tenancy.scope(workspace_id=annexe.pk):
            accounts.set_member(annexe.pk, shop.owner, Role.VIEWER, actor=SYSTEM, now=shop.now)
        cursor.execute("SET LOCAL ROLE parcours_web")
    page = signed_in(shop.owner).get(shop.path()).content.decode()
    assert "La Vitrine" in page
    assert 'href="/w/annexe/' in page
    assert "/w/other/" not in page


@pytest.mark.parametrize("path", ["", "contacts/", "settings/webhooks/new/", "settings/keys/", "nowhere/"])
def test_nobody_keeps_a_page(shop: Shop, owner: Client, path: str) -> None:
    """Pages show people, and secrets that are shown once: neither a proxy nor a shared computer keeps them."""
    assert owner.get(shop.path(path))["Cache-Control"] == "no-store"


def test_policy_forbids_inline_scripts_and_styles(shop: Shop, owner: Client) -> None:
    response = owner.get(shop.path())
    policy = response["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    page = response.content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert "onclick" not in page
