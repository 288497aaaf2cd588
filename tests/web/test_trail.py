"""The audit trail: what members change about themselves and others is in it, and every entry has words."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from parcours.accounts.actions import record_audit
from parcours.accounts.models import AuditEntry, User
from parcours.accounts.types import SYSTEM
from parcours.audiences.models import Segment
from parcours.campaigns.models import Campaign
from parcours.catalogue import actions as catalogue
from parcours.catalogue.types import ProductOrigin
from parcours.contacts.models import Contact
from parcours.integrations import actions as webhooks
from parcours.integrations.models import Endpoint
from parcours.integrations.types import Wanted
from parcours.kernel import tenancy
from parcours.web import trail
from parcours.web.templatetags import look
from parcours.web.trail_names import names
from tests.web.conftest import Shop, signed_in
from tests.web.furnishing import PASSWORD

ROOM = Path(trail.__file__).parents[1]


def entries(shop: Shop, subject: str) -> list[tuple[str, str, dict[str, object]]]:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        found = AuditEntry.objects.filter(subject=subject).order_by("id")
        return [(one.actor, one.action, one.detail) for one in found]


def written(pattern: str) -> set[str]:
    """The codes that the sources write into the trail."""
    found: set[str] = set()
    for path in ROOM.rglob("*.py"):
        for groups in re.findall(pattern, path.read_text(encoding="utf-8")):
            found |= {each for each in (groups if isinstance(groups, tuple) else (groups,)) if each}
    return found


def test_every_subject_and_action_has_words() -> None:
    subjects = written(r'\bsubject="([a-z_]+)"')
    assert {"contact", "workspace", "password"} <= subjects
    assert subjects - set(trail.SUBJECTS) == set()
    actions = written(r'\baction="([a-z_]+)"(?: if \w+ else "([a-z_]+)")?')
    actions |= written(r'\b_audit\(\s*\w+,\s*"([a-z_]+)"(?: if \w+ else "([a-z_]+)")?')
    assert {"changed", "created", "paused", "halted", "uploaded"} <= actions
    assert actions - set(trail.ACTIONS) == {"store_true"}  # argparse's


def test_trail_is_read_in_french(shop: Shop, owner: Client) -> None:
    form = {**owner.get(shop.path("settings/")).context["form"].initial, "legal_name": "Vitrine SARL"}
    owner.post(shop.path("settings/change/"), form)
    page = signed_in(shop.owner, "fr").get(shop.path("settings/trail/")).content.decode()
    assert "Espace · modification" in page
    assert "legal_name\u00a0: – → Vitrine SARL" in page
    assert "workspace: changed" not in page


def test_trail_names_what_it_speaks_of_and_keeps_the_id_of_what_is_gone(shop: Shop, owner: Client) -> None:
    own = shop.workspace.pk
    with tenancy.scope(workspace_id=own):
        campaign = Campaign.objects.all()[0]
        person = Contact.objects.get(email="client2@mail.example")
        segment = Segment.objects.all()[0]
        things = (("segment", segment.slug), ("campaign", campaign.pk), ("consent", person.pk))
        for subject, known in (*things, ("consent", UUID(int=7))):
            record_audit(own, actor=SYSTEM, action="changed", subject=subject, subject_id=known, now=shop.now)
        entries = list(AuditEntry.objects.order_by("-id")[:4])
        found = names(own, entries)
    gone, consent, about_campaign, about_segment = entries
    assert found[about_segment.pk] == segment.name
    assert found[about_campaign.pk] == campaign.name
    assert found[consent.pk] == look.person(person)
    page = owner.get(shop.path("settings/trail/")).content.decode()
    assert str(UUID(int=7)) in page
    assert gone.pk not in found
    assert str(person.pk) not in page


def test_changes_of_webhooks_and_products_are_read_in_french(shop: Shop, owner: Client) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        number = Endpoint.objects.get().pk
        webhooks.change(
            shop.workspace.pk,
            number,
            Wanted("https://x.example/", takes_all=True),
            actor=SYSTEM,
            now=shop.now,
        )
        webhooks.pause(shop.workspace.pk, number, actor=SYSTEM, now=shop.now)
        for origin in (ProductOrigin.API, ProductOrigin.HAND):
            facts = {"name": "Bol", "brand": origin.value, "in_stock": True}
            catalogue.save(shop.workspace.pk, "BOL-7", facts, origin=origin, actor=SYSTEM, now=shop.now)
    page = signed_in(shop.owner, "fr").get(shop.path("settings/trail/")).content.decode()
    for told in (
        "tous les événements\u00a0: non → oui",
        "raison\u00a0: Mis en pause à la main.",
        "marque\u00a0: api → hand",
        "qui le dit\u00a0: Déclaré par la boutique → Saisi à la main",
    ):
        assert told in page


def test_new_account_of_a_member_is_noted(shop: Shop, owner: Client) -> None:
    owner.post(shop.path("settings/members/add/"), {"email": "Nina@shop.example", "role": "editor"})
    nina = {"email": "nina@shop.example"}
    assert entries(shop, "user") == [(shop.owner.email, "created", nina)]
    assert entries(shop, "member")[-1] == (shop.owner.email, "added", {**nina, "role": "editor"})


def test_changes_to_the_own_profile_are_noted(shop: Shop, viewer: Client) -> None:
    form = {"name": "Victor V.", "language": "", "time_zone": "Europe/Paris"}
    assert viewer.post("/account/me/", form).status_code == 302
    assert viewer.post("/account/me/", form).status_code == 302
    viewer.post("/account/language/", {"language": "fr"})
    assert entries(shop, "profile") == [
        (shop.viewer.email, "changed", {"fields": ["name", "time_zone"]}),
        (shop.viewer.email, "changed", {"fields": ["language"]}),
    ]
    kept = User.objects.get(pk=shop.viewer.pk)
    assert (kept.name, kept.time_zone, kept.language) == ("Victor V.", "Europe/Paris", "fr")


def test_new_password_is_noted_without_it(shop: Shop, owner: Client) -> None:
    new = "another long sentence of words"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert owner.post("/account/password/change/", form).status_code == 302
    assert entries(shop, "password") == [(shop.owner.email, "changed", {})]
    assert User.objects.get(pk=shop.owner.pk).check_password(new)


@pytest.mark.parametrize("move", ["on", "on and off"])
def test_second_factor_is_noted(
    shop: Shop, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, move: str
) -> None:
    client = Client()
    client.post("/account/login/", {"login": shop.owner.email, "password": PASSWORD})
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get("/account/2fa/totp/activate/")
    secret = page.context["form"].secret
    counter = next(iter(yield_hotp_counters_from_time()))
    code = format_hotp_value(hotp_value(secret, counter))
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post("/account/2fa/totp/activate/", {"code": code}).status_code == 302
    assert entries(shop, "second_factor") == [(shop.owner.email, "enabled", {})]
    if move == "on and off":
        with django_capture_on_commit_callbacks(execute=True):
            assert client.post("/account/2fa/totp/deactivate/").status_code == 302
        assert [action for _, action, _ in entries(shop, "second_factor")] == ["enabled", "disabled"]
