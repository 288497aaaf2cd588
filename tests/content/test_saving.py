"""Saving templates and coupons: what is refused and where, versions that never change, previews, one code for each person."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection

from parcours.accounts.models import AuditEntry, Workspace
from parcours.accounts.types import SYSTEM
from parcours.contacts.models import Contact
from parcours.content import actions, merging, queries
from parcours.content.errors import TemplateError, UnknownTemplate, UnknownVariable
from parcours.content.models import CouponCode, TemplateVersion
from parcours.kernel import tenancy

MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section></mj-body></mjml>"
FRENCH = {
    "subject": "Bonjour {{ contact.first_name }}",
    "preheader": "",
    "mjml": MJML.format("Merci !"),
    "text": "",
}


def save(workspace: Workspace, now: datetime, **changes: str) -> TemplateVersion:
    bodies = {"fr": {**FRENCH, **changes}, "en": FRENCH}
    return actions.save_template(workspace.id, "merci", "Merci", bodies, actor=SYSTEM, now=now)


def somebody(workspace: Workspace, now: datetime, name: str = "Julie") -> Contact:
    return Contact.objects.create(
        workspace_id=workspace.id,
        email=f"{name.lower()}@example.com",
        language="fr",
        attributes={"first_name": name},
        created_at=now,
        updated_at=now,
    )


def test_every_saving_is_a_version_and_the_old_one_stays(in_workspace: Workspace, now: datetime) -> None:
    first = save(in_workspace, now)
    second = save(in_workspace, now, subject="Salut")
    assert (first.number, second.number) == (1, 2)
    assert queries.version(in_workspace.id, first.pk).bodies["fr"]["subject"] == FRENCH["subject"]
    assert queries.latest_version(in_workspace.id, "merci").pk == second.pk
    assert list(
        AuditEntry.objects.filter(subject="template").order_by("id").values_list("action", flat=True)
    ) == [
        "created",
        "changed",
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": "{{ contact.first_name"}, "fr.subject"),
        ({"subject": "  "}, "fr.subject"),
        ({"preheader": "{% if %}"}, "fr.preheader"),
        ({"mjml": "<mjml><mj-body><mj-nonsense/></mj-body></mjml>"}, "fr.mjml"),
        ({"mjml": MJML.format("{% include 'secret' %}")}, "fr.mjml"),
        ({"text": "{{ contact.first_name | unknown_filter }}"}, "fr.text"),
    ],
)
def test_bad_template_is_refused_with_its_place(
    in_workspace: Workspace, now: datetime, changes: dict[str, str], field: str
) -> None:
    with pytest.raises(TemplateError) as refused:
        save(in_workspace, now, **changes)
    assert refused.value.field == field
    assert TemplateVersion.objects.count() == 0


def test_own_language_must_be_there(in_workspace: Workspace, now: datetime) -> None:
    with pytest.raises(TemplateError):
        actions.save_template(in_workspace.id, "merci", "Merci", {"en": FRENCH}, actor=SYSTEM, now=now)


def test_footer_is_added_once_and_in_the_readers_language(in_workspace: Workspace, now: datetime) -> None:
    version = save(in_workspace, now)
    julie = somebody(in_workspace, now)
    french = queries.preview(in_workspace.id, version.pk, julie.pk, "fr", now=now)
    english = queries.preview(in_workspace.id, version.pk, julie.pk, "en", now=now)
    assert "Me désabonner" in french.html
    assert "Unsubscribe" in english.html
    assert "Me désabonner" in french.text
    own = save(in_workspace, now, mjml=MJML.format('<a href="{{ unsubscribe_url }}">Stop</a>'))
    assert "désabonner" not in queries.preview(in_workspace.id, own.pk, julie.pk, "fr", now=now).html


def test_preview_shows_the_person_and_tracks_nothing(in_workspace: Workspace, now: datetime) -> None:
    version = save(
        in_workspace, now, mjml=MJML.format('<a href="https://shop.example/x">Voir</a> {{ coupon.code }}')
    )
    shown = queries.preview(in_workspace.id, version.pk, somebody(in_workspace, now).pk, "fr", now=now)
    assert shown.subject == "Bonjour Julie"
    assert "https://shop.example/x" in shown.html
    assert "/t/c/" not in shown.html
    assert "EXEMPLE-2345" in shown.html


def test_preview_says_which_name_is_unknown(in_workspace: Workspace, now: datetime) -> None:
    version = save(in_workspace, now, mjml=MJML.format("{{ contact.shoe_size }}"))
    with pytest.raises(UnknownVariable, match="shoe_size"):
        queries.preview(in_workspace.id, version.pk, somebody(in_workspace, now).pk, "fr", now=now)


def test_data_used_by_a_template(in_workspace: Workspace, now: datetime) -> None:
    version = save(in_workspace, now, text="{{ event.total }}")
    assert queries.data_used(in_workspace.id, version.pk) == ["contact.first_name", "event.total"]


def test_template_of_somebody_else_is_unknown(
    in_workspace: Workspace, other_workspace: Workspace, now: datetime
) -> None:
    version = save(in_workspace, now)
    with tenancy.scope(workspace_id=other_workspace.id), pytest.raises(UnknownTemplate):
        queries.version(other_workspace.id, version.pk)


def test_code_is_each_persons_own_and_stays(in_workspace: Workspace, now: datetime) -> None:
    coupon = actions.save_coupon(in_workspace.id, "w", "W", percent=20, prefix="MERCI", actor=SYSTEM, now=now)
    people = [somebody(in_workspace, now, f"P{n}").pk for n in range(50)]
    first = actions.issue_codes(in_workspace.id, coupon.pk, people, now=now)
    again = actions.issue_codes(in_workspace.id, coupon.pk, [*people, people[0]], now=now)
    assert {who: code.code for who, code in first.items()} == {who: code.code for who, code in again.items()}
    assert len({code.code for code in first.values()}) == 50
    assert all(code.code.startswith("MERCI-") and len(code.code) == 18 for code in first.values())
    assert (first[people[0]].expires_at - now).days == 30


def test_expired_code_gives_way_to_a_new_one(in_workspace: Workspace, now: datetime) -> None:
    """The second year's birthday message offers a code that the shop takes."""
    coupon = actions.save_coupon(in_workspace.id, "w", "W", percent=20, actor=SYSTEM, now=now).pk
    julie, marc = (somebody(in_workspace, now, name).pk for name in ("Julie", "Marc"))
    first = actions.issue_codes(in_workspace.id, coupon, [julie], now=now)[julie]
    last_day = first.expires_at - timedelta(seconds=1)
    assert actions.issue_codes(in_workspace.id, coupon, [julie], now=last_day)[julie] == first
    next_year = now + timedelta(days=365)
    again = actions.issue_codes(in_workspace.id, coupon, [julie, marc], now=next_year)
    assert again[julie].code != first.code
    assert {code.expires_at for code in again.values()} == {next_year + timedelta(days=30)}
    assert actions.issue_codes(in_workspace.id, coupon, [marc, julie], now=next_year) == again


def test_merged_person_keeps_one_code_of_a_coupon(in_workspace: Workspace, now: datetime) -> None:
    one, other = (somebody(in_workspace, now, name).pk for name in ("Julie", "Julia"))
    both, single = (
        actions.save_coupon(in_workspace.id, slug, slug, percent=20, actor=SYSTEM, now=now).pk
        for slug in ("a", "b")
    )
    actions.issue_codes(in_workspace.id, both, [one, other], now=now)
    actions.issue_codes(in_workspace.id, single, [other], now=now)
    merging.move(in_workspace.id, one, other, now)
    assert sorted(CouponCode.objects.filter(contact_id=one).values_list("coupon_id", flat=True)) == sorted(
        [both, single]
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_renewal", [False, True])
def test_two_issuers_at_once_give_one_code(workspace: Workspace, now: datetime, is_renewal: bool) -> None:
    with tenancy.scope(workspace_id=workspace.id):
        coupon = actions.save_coupon(workspace.id, "w", "W", percent=20, actor=SYSTEM, now=now).pk
        people = [somebody(workspace, now, f"P{n}").pk for n in range(100)]
        if is_renewal:
            actions.issue_codes(workspace.id, coupon, people, now=now - timedelta(days=31))
    barrier = Barrier(2)

    def issue(_: int) -> dict[object, str]:
        try:
            barrier.wait()
            with tenancy.scope(workspace_id=workspace.id):
                issued = actions.issue_codes(workspace.id, coupon, people, now=now)
            return {who: code.code for who, code in issued.items()}
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(issue, range(2))
    assert one == other
    assert len(one) == 100
