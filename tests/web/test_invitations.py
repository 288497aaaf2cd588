"""Nobody becomes a member through an account that somebody else may hold: the pre-hijacking of accounts, and first passwords."""

from base64 import b64decode

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from parcours.accounts import actions, queries
from parcours.accounts.errors import NoInvitation
from parcours.accounts.models import Membership, User
from parcours.accounts.types import Role
from parcours.kernel import crypto, tenancy
from tests.web.conftest import Shop, signed_in
from tests.web.furnishing import PASSWORD

OWN_WORDS = "a sentence that only Nina knows"


def add(owner: Client, shop: Shop, email: str, role: str = "editor") -> dict[str, str]:
    """Add a member; what the owner is shown this once."""
    page = owner.post(shop.path("settings/members/add/"), {"email": email, "role": role})
    shown = ("new_password", "invitation")
    return {name: page.context[name] for name in shown if page.context and name in page.context}


def test_account_made_elsewhere_is_no_member_until_the_code_comes_back(shop: Shop, owner: Client) -> None:
    """Oscar's account was there before. Whoever can sign in as him sees the invitation, and cannot open it."""
    code = add(owner, shop, "oscar@other.example")["invitation"].partition("?code=")[2]
    oscar = signed_in(shop.outsider)

    assert queries.workspaces_of(shop.outsider) == []
    assert oscar.get(shop.path()).status_code == 404
    page = oscar.get("/", follow=True)
    assert "You are invited to “La Vitrine”." in page.content.decode()
    for wrong in ("", "guess", code[:-1]):
        assert oscar.post("/account/invitations/", {"accept": "1", "code": wrong}).status_code == 422
    assert oscar.get(shop.path()).status_code == 404

    assert code in oscar.get(f"/account/invitations/?code={code}").content.decode()
    assert oscar.post("/account/invitations/", {"accept": "1", "code": code}).status_code == 302
    assert oscar.get(shop.path()).status_code == 200
    assert oscar.post("/account/invitations/", {"accept": "1", "code": code}).status_code == 422
    with tenancy.scope(workspace_id=shop.workspace.pk):
        trail = [(one.actor, one.action) for one in queries.audit_trail(shop.workspace.pk)[:2]]
    assert trail == [("oscar@other.example", "joined"), ("olive@shop.example", "invited")]


def test_code_opens_the_invitation_of_its_own_person_only(shop: Shop, owner: Client) -> None:
    add(owner, shop, "oscar@other.example")
    eve = actions.create_user("eve@other.example", password=PASSWORD, now=shop.now)
    code = add(owner, shop, "eve@other.example")["invitation"].partition("?code=")[2]

    with pytest.raises(NoInvitation):
        actions.accept_invitation(shop.outsider, code, now=shop.now)
    assert actions.accept_invitation(eve, code, now=shop.now).role == "editor"


def test_invitation_is_declined(shop: Shop, owner: Client) -> None:
    add(owner, shop, "oscar@other.example")
    answer = signed_in(shop.outsider).post(
        "/account/invitations/", {"decline": str(shop.workspace.pk)}, follow=True
    )
    assert "You are not a member of a workspace" in answer.content.decode()
    with tenancy.scope(workspace_id=shop.workspace.pk):
        assert not Membership.objects.filter(user=shop.outsider).exists()


def test_declining_takes_no_membership_away(shop: Shop, viewer: Client) -> None:
    viewer.post("/account/invitations/", {"decline": str(shop.workspace.pk)})
    assert viewer.get(shop.path()).status_code == 200


def test_invited_owner_does_not_count_as_an_owner(shop: Shop, owner: Client) -> None:
    add(owner, shop, "oscar@other.example", role="owner")
    with tenancy.scope(workspace_id=shop.workspace.pk):
        olive = Membership.objects.get(user=shop.owner)
    assert owner.post(shop.path(f"settings/members/{olive.pk}/"), {"role": "remove"}).status_code == 409


def test_member_who_is_there_gets_the_role_at_once(shop: Shop, owner: Client) -> None:
    assert add(owner, shop, shop.viewer.email) == {}
    with tenancy.scope(workspace_id=shop.workspace.pk):
        assert Membership.objects.get(user=shop.viewer).role == Role.EDITOR.value


def test_first_password_opens_nothing_but_the_page_that_changes_it(shop: Shop, owner: Client) -> None:
    first = add(owner, shop, "nina@shop.example")["new_password"]
    assert len(b64decode(first + "==", altchars="-_")) == 16
    nina = Client()
    nina.post("/account/login/", {"login": "nina@shop.example", "password": first})
    change = "/account/password/change/"

    for path in (shop.path(), shop.path("contacts/"), "/account/me/", "/account/2fa/"):
        assert nina.get(path)["Location"] == change
    assert nina.post(shop.path("lists/add/"), {"name": "Salon"})["Location"] == change
    assert "Somebody else has seen the password" in nina.get(change).content.decode()
    again = {"oldpassword": first, "password1": first, "password2": first}
    assert "nobody else has seen" in nina.post(change, again).content.decode()
    own = {"oldpassword": first, "password1": OWN_WORDS, "password2": OWN_WORDS}
    assert nina.post(change, own)["Location"] == "/"

    assert nina.get(shop.path()).status_code == 200
    assert User.objects.get(email="nina@shop.example").has_first_password is False


def test_secrets_of_the_second_factor_are_sealed(shop: Shop) -> None:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal.auth import TOTP

    TOTP.activate(shop.owner, "JBSWY3DPEHPK3PXP")
    codes = RecoveryCodes.activate(shop.owner).generate_codes()
    stored = {one.type: one.data for one in Authenticator.objects.filter(user=shop.owner)}

    assert "JBSWY3DPEHPK3PXP" not in str(stored)
    assert crypto.unseal("second factor", b64decode(stored["totp"]["secret"])) == b"JBSWY3DPEHPK3PXP"
    assert RecoveryCodes.activate(shop.owner).generate_codes() == codes
