"""What the pages show and change, as the people of a shop use them."""

import json
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from parcours.accounts.models import AuditEntry, Key, Membership, User
from parcours.audiences.models import Segment
from parcours.campaigns.models import Campaign
from parcours.consent.models import Record
from parcours.contacts.models import Contact
from parcours.contacts.types import IdentityKind, Person
from parcours.content.models import TemplateVersion
from parcours.delivery.models import Message, Sending
from parcours.events import people
from parcours.journeys.models import Journey
from parcours.kernel import tenancy
from parcours.web.pages import campaigns as campaign_pages
from tests.web.conftest import Shop, signed_in


def contact_id(shop: Shop, email: str) -> UUID:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return Contact.objects.get(email=email).pk


def text_of(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode().replace("<wbr>", "")


def test_home_shows_the_week_and_what_runs(shop: Shop, owner: Client) -> None:
    page = text_of(owner, shop.path())
    assert "Revenue" in page
    assert "After the purchase" in page
    assert "chart-plot" in page


@pytest.mark.parametrize("language", ["fr", "en"])
def test_language_follows_the_reader(shop: Shop, language: str) -> None:
    page = text_of(signed_in(shop.owner, language), shop.path("journeys/"))
    assert f'<html lang="{language}"' in page
    assert ("Après l’achat" if language == "fr" else "After the purchase") in page


def test_contacts_are_found_by_name_and_address(shop: Shop, owner: Client) -> None:
    page = text_of(owner, shop.path("contacts/?q=zoé+martin"))
    assert "Zoé Martin" in page
    assert "Marc " not in page
    assert "client7@mail.example" in text_of(owner, shop.path("contacts/?q=client7@"))
    assert "client7@mail.example" in text_of(owner, shop.path("contacts/?q=c-0007"))
    assert "Nobody found" in text_of(owner, shop.path("contacts/?q=nobody+at+all"))
    assert "Zoé Martin" in text_of(owner, shop.path("contacts/?q=MARTIN+zoe"))


@pytest.mark.parametrize(
    ("language", "said"), [("fr", "Début du nom, de l’adresse"), ("en", "Start of a name, address")]
)
def test_search_for_people_says_what_it_searches(shop: Shop, language: str, said: str) -> None:
    assert said in text_of(signed_in(shop.owner, language), shop.path("contacts/"))


def test_contacts_go_on_to_a_second_page(shop: Shop, owner: Client) -> None:
    first = owner.get(shop.path("contacts/"))
    following = first.context["page"].next
    second = owner.get(shop.path("contacts/"), {"after": following})
    both = {each.pk for each in [*first.context["page"].rows, *second.context["page"].rows]}
    assert (len(first.context["page"].rows), len(second.context["page"].rows), len(both)) == (50, 10, 60)
    assert owner.get(shop.path("contacts/?after=rubbish")).status_code == 200


def test_export_runs_nothing_and_is_noted(shop: Shop, owner: Client, viewer: Client) -> None:
    response = owner.post(shop.path("contacts/export/?q=zoé"))
    assert response["Content-Type"].startswith("text/csv")
    lines = b"".join(response).decode("utf-8-sig").splitlines()  # type: ignore[arg-type]  # a stream
    assert len(lines) == 7
    assert "Zoé" in lines[1]
    with tenancy.scope(workspace_id=shop.workspace.pk):
        assert AuditEntry.objects.filter(action="exported", subject="contacts").count() == 1
    assert viewer.post(shop.path("contacts/export/")).status_code == 403
    assert (
        owner.get(shop.path("contacts/export/")).status_code == 405
    )  # no link, no prefetch, writes into the trail


def test_contact_tells_why_a_message_was_withheld(shop: Shop, owner: Client) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        withheld = Message.objects.filter(state="withheld", reasons__0__code="no_consent").first()
    assert withheld is not None
    page = text_of(owner, shop.path(f"contacts/{withheld.contact_id}/"))
    assert "Why it was not sent" in page
    assert "has not consented" in page
    assert "n’a pas consenti" in text_of(signed_in(shop.owner, "fr"), shop.path(f"messages/{withheld.pk}/"))


def test_contact_timeline_is_filtered(shop: Shop, owner: Client) -> None:
    person = contact_id(shop, "client0@mail.example")
    shop_only = text_of(owner, shop.path(f"contacts/{person}/timeline/?show=shop"))
    assert "Ordered" in shop_only
    assert "Agreed" not in shop_only
    assert "Withdrew consent" in text_of(owner, shop.path(f"contacts/{person}/timeline/?show=consent"))


def test_editing_a_contact_changes_and_clears_attributes(shop: Shop, owner: Client) -> None:
    person = contact_id(shop, "client1@mail.example")
    path = shop.path(f"contacts/{person}/edit/")
    form = {
        "email": "client1@mail.example", "language": "fr", "time_zone": "Europe/Paris",
        "first_name": "Marcelle", "last_name": "", "city": "Lyon", "points": "12.5", "club": "true",
    }  # fmt: skip
    assert owner.post(path, form).status_code == 302
    with tenancy.scope(workspace_id=shop.workspace.pk):
        kept = Contact.objects.get(pk=person).attributes
    assert kept["first_name"] == "Marcelle"
    assert kept["points"] == 12.5
    assert kept["club"] is True
    assert "last_name" not in kept
    wrong = owner.post(path, {**form, "points": "many"})
    assert wrong.status_code == 422
    assert "Marcelle" in wrong.content.decode()


def test_withdrawal_is_recorded_with_its_proof(shop: Shop, owner: Client) -> None:
    person = contact_id(shop, "client2@mail.example")
    path = shop.path(f"contacts/{person}/say/")
    said = {"purpose": "promotions", "channel": "email", "act": "withdrawn", "source": "au téléphone"}
    assert owner.post(path, said).status_code == 302
    with tenancy.scope(workspace_id=shop.workspace.pk):
        last = Record.objects.filter(contact_id=person).order_by("-at").first()
    assert last is not None
    assert (last.act, last.source) == ("withdrawn", "au téléphone")
    assert last.detail == {"recorded_by": "olive@shop.example"}
    assert "au téléphone" in text_of(owner, shop.path(f"contacts/{person}/proof/"))
    assert owner.post(path, {**said, "source": ""}).status_code == 422


def test_trail_names_the_channel_for_which_a_statement_is_kept(shop: Shop, owner: Client) -> None:
    person = contact_id(shop, "client2@mail.example")
    said = {"purpose": "measure_clicks", "channel": "email", "act": "withdrawn", "source": "au téléphone"}
    assert owner.post(shop.path(f"contacts/{person}/say/"), said).status_code == 302
    with tenancy.scope(workspace_id=shop.workspace.pk):
        [entry] = AuditEntry.objects.filter(subject="consent", subject_id=str(person))
    assert entry.detail == {"purpose": "measure_clicks", "channel": "any"}


def test_people_without_a_name_are_told_apart_by_what_they_are_known_by(shop: Shop, owner: Client) -> None:
    browser = (IdentityKind.ANONYMOUS, "browser-8")
    known = [
        Person(identities=(browser, (IdentityKind.EXTERNAL, "CRM-77"))),
        Person(identities=((IdentityKind.PHONE, "+33611223344"),)),
        Person(identities=((IdentityKind.ANONYMOUS, "browser-9"),)),
    ]
    with tenancy.scope(workspace_id=shop.workspace.pk):
        first, *_others = people.save_people(shop.workspace.pk, known, now=shop.now)
    listed = text_of(owner, shop.path("contacts/"))
    for told in ("CRM-77", "+33611223344", "browser-9"):
        assert told in listed
    assert "browser-8" not in listed
    assert "CRM-77" in text_of(owner, shop.path(f"contacts/{first.contact_id}/proof/"))
    assert "Unnamed person" in text_of(owner, shop.path("search/?q=CRM-77"))


def test_rule_is_checked_while_it_is_written(shop: Shop, owner: Client) -> None:
    def check(rule: object) -> str:
        text = rule if isinstance(rule, str) else json.dumps(rule)
        return owner.post(shop.path("segments/+/check/"), {"rule": text}).content.decode()

    assert "30 people now" in check({"event": "Order Completed", "count": {"at_least": 2}})
    assert "line 1" in check('{"event": ')
    assert "citty" in check({"attribute": "citty", "is": "Lyon"})
    assert "This is no condition" in check('{"\\ud800": 1}')
    assert "Expected an object" in check('"\\ud800"')
    assert "too many digits" in check('{"list": ' + "9" * 5000 + "}")
    assert "nested too deeply" in check("[" * 9000 + "]" * 9000)


def test_fault_of_a_rule_that_was_sent_stands_once(shop: Shop, owner: Client) -> None:
    """Below its field; the check while writing would say it again as soon as the page is there."""
    assert 'hx-trigger="load,' in owner.get(shop.path("segments/+/")).content.decode()
    refused = owner.post(shop.path("segments/+/"), {"name": "X", "rule": '{"list": "a", "list": "b"}'})
    assert refused.status_code == 422
    assert refused.content.decode().count("stands twice") == 1
    assert 'hx-trigger="load,' not in refused.content.decode()


def test_segment_is_made_changed_and_removed(shop: Shop, owner: Client) -> None:
    rule = {"attribute": "city", "is": "Lyon"}
    made = owner.post(shop.path("segments/+/"), {"name": "Gens de Lyon", "rule": json.dumps(rule)})
    assert made["Location"] == shop.path("segments/gens-de-lyon/")
    assert "Lyon" in text_of(owner, shop.path("segments/gens-de-lyon/"))
    wrong = owner.post(shop.path("segments/gens-de-lyon/edit/"), {"name": "X", "rule": '{"list": "none"}'})
    assert wrong.status_code == 422
    assert owner.post(shop.path("segments/gens-de-lyon/delete/")).status_code == 302
    with tenancy.scope(workspace_id=shop.workspace.pk):
        assert not Segment.objects.filter(slug="gens-de-lyon").exists()


def test_segment_whose_rule_cannot_be_judged_says_so_and_can_be_mended(shop: Shop, owner: Client) -> None:
    long = {"any": [{"attribute": "city", "is": f"Lyon {n}"} for n in range(120)]}
    for name in ("Lower", "Upper"):
        rule = long if name == "Lower" else {"segment": "lower"}
        owner.post(shop.path("segments/+/"), {"name": name, "rule": json.dumps(rule)})
    with tenancy.scope(workspace_id=shop.workspace.pk):
        Segment.objects.filter(slug="upper").update(rule={"all": [{"segment": "lower"}, long]})
    assert "cannot be counted" in text_of(owner, shop.path("segments/"))
    assert "more than 200 conditions" in text_of(owner, shop.path("segments/upper/"))
    assert "being counted" in text_of(owner, shop.path("segments/lower/"))
    edit = {"name": "Upper", "rule": json.dumps({"segment": "lower"})}
    assert owner.post(shop.path("segments/upper/edit/"), edit).status_code == 302
    assert "being counted" in text_of(owner, shop.path("segments/upper/"))


def test_journey_shows_people_and_can_be_paused(shop: Shop, owner: Client) -> None:
    page = text_of(owner, shop.path("journeys/post-purchase/"))
    picture = json.loads(page.split('id="picture" type="application/json">')[1].split("</script>")[0])
    assert {"entry", "confirm", "wait"} <= {step["id"] for step in picture["steps"]}
    assert owner.post(shop.path("journeys/post-purchase/move/"), {"move": "pause"}).status_code == 302
    with tenancy.scope(workspace_id=shop.workspace.pk):
        assert Journey.objects.get(slug="post-purchase").state == "paused"
    assert owner.post(shop.path("journeys/post-purchase/move/"), {"move": "pause"}).status_code == 409
    assert owner.post(shop.path("journeys/post-purchase/move/"), {"move": "explode"}).status_code == 422


def test_recipe_is_offered_and_published(shop: Shop, owner: Client) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        Journey.objects.filter(slug="re-engagement").update(slug="old-one")
    assert "Re-engagement" in text_of(owner, shop.path("journeys/+/recipes/re-engagement/"))
    published = owner.post(shop.path("journeys/+/recipes/re-engagement/publish/"))
    assert published["Location"] == shop.path("journeys/re-engagement/")
    assert owner.get(shop.path("journeys/+/recipes/none-such/")).status_code == 404


def test_campaign_is_drawn_up_and_scheduled(shop: Shop, owner: Client) -> None:
    form = {
        "name": "Été",
        "template": "we-miss-you",
        "purpose": "promotions",
        "audience": "list:loyal-clients",
    }
    made = owner.post(shop.path("campaigns/new/"), form)
    path = made["Location"]
    assert "loyal-clients" in text_of(owner, f"{path}edit/")
    renamed = owner.post(f"{path}edit/", {**form, "name": "Plein été"})
    assert renamed["Location"] == path
    assert "Plein été" in text_of(owner, path)
    assert owner.post(f"{path}edit/", form).status_code == 302
    discarded = owner.post(shop.path("campaigns/new/"), form)["Location"]
    assert owner.post(f"{discarded}delete/").status_code == 302
    assert owner.get(discarded).status_code == 404
    assert "consented" in text_of(owner, path)
    assert owner.post(f"{path}send/", {"at": "2001-01-01T10:00"}).status_code == 422
    assert owner.post(f"{path}send/", {"at": f"{shop.now.year + 1}-01-01T10:00"}).status_code == 302
    with tenancy.scope(workspace_id=shop.workspace.pk):
        campaign = Campaign.objects.get(name="Été")
    assert campaign.state == "scheduled"
    assert owner.post(f"{path}delete/").status_code == 409
    assert campaign.scheduled_at is not None
    assert campaign.scheduled_at.hour == 9, "ten o'clock in Paris"
    assert owner.post(f"{path}move/", {"move": "cancel"}).status_code == 302


def test_large_campaign_wants_its_number_typed(
    shop: Shop, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_pages, "MANY", 5)
    with tenancy.scope(workspace_id=shop.workspace.pk):
        draft = Campaign.objects.get(state="draft")
    path = shop.path(f"campaigns/{draft.pk}/")
    people = campaign_people(owner, path)
    assert owner.post(f"{path}send/", {"confirmation": "7"}).status_code == 422
    assert owner.post(f"{path}send/", {"confirmation": f"{people}"}).status_code == 302


def campaign_people(client: Client, path: str) -> int:
    return int(client.get(path).context["people"])


def test_template_page_reads_no_more_than_its_newest_version(
    shop: Shop, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bodies of the others may be megabytes."""
    with tenancy.scope(workspace_id=shop.workspace.pk):
        newest = TemplateVersion.objects.latest("number")
        for number in range(newest.number + 1, newest.number + 4):
            newest.pk, newest.number = None, number
            newest.save(force_insert=True)
        slug = newest.template.slug
    read: list[TemplateVersion] = []
    from_db = TemplateVersion.from_db

    def noted(*row: Any) -> TemplateVersion:
        read.append(from_db(*row))
        return read[-1]

    monkeypatch.setattr(TemplateVersion, "from_db", noted)
    text_of(owner, shop.path(f"templates/{slug}/"))
    assert {one.number for one in read if one.template_id == newest.template_id} == {newest.number}


def test_template_error_stands_beside_its_field(shop: Shop, owner: Client) -> None:
    page = owner.get(shop.path("templates/we-miss-you/"))
    body = page.context["version"].bodies["fr"]
    form = {"name": "Cela fait longtemps", **{f"fr.{name}": text for name, text in body.items()}}
    broken = owner.post(
        shop.path("templates/we-miss-you/save/"),
        {**form, "fr.mjml": "<mjml><mj-body><mj-nonsense/></mj-body></mjml>"},
    )
    assert broken.status_code == 422
    assert broken.context["form"].errors["fr.mjml"]
    assert "mj-nonsense" in broken.content.decode()
    from_browser = {name: text.replace("\n", "\r\n") for name, text in form.items()}
    assert owner.post(shop.path("templates/we-miss-you/save/"), from_browser).status_code == 302
    with tenancy.scope(workspace_id=shop.workspace.pk):
        assert TemplateVersion.objects.filter(template__slug="we-miss-you").count() == 2


def test_preview_can_do_nothing_on_our_pages(shop: Shop, owner: Client) -> None:
    response = owner.get(shop.path("templates/order-confirmation/preview/?person=client3@mail.example"))
    assert "Paul" in response.content.decode()
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "X-Frame-Options" not in response
    draft = {"shown": "fr", "fr.subject": "Hé", "fr.mjml": "<mjml><mj-body></mj-body></mjml>", "person": ""}
    assert "Hé" in owner.post(shop.path("templates/+/preview/"), draft).content.decode()


def test_preview_of_an_order_is_for_the_latest_buyer_when_newer_people_ordered_nothing(
    shop: Shop, owner: Client
) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        newer = Person(email="zoe@mail.example", attributes={"first_name": "Zoé"})
        people.save_people(shop.workspace.pk, [newer], now=shop.now + timedelta(days=1))
    preview = owner.get(shop.path("templates/order-confirmation/preview/")).content.decode()
    assert "is not known" not in preview
    assert "Zoé" not in preview
    assert "A-" in preview
    draft = {"shown": "fr", "fr.subject": "Hé", "fr.mjml": "<mjml><mj-body></mj-body></mjml>", "person": ""}
    assert "Zoé" in owner.post(shop.path("templates/+/preview/"), draft).content.decode()


def test_message_shows_what_it_said(shop: Shop, owner: Client) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        sent = Message.objects.filter(state="sent").first()
    assert sent is not None
    assert "Why it was sent" in text_of(owner, shop.path(f"messages/{sent.pk}/"))
    assert "A-" in text_of(owner, shop.path(f"messages/{sent.pk}/content/"))
    assert "Withheld" in text_of(owner, shop.path("messages/?state=withheld"))


def test_message_that_is_not_in_doubt_cannot_be_settled(shop: Shop, owner: Client) -> None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        sent = Message.objects.filter(state="sent").first()
    assert sent is not None
    assert owner.post(shop.path(f"messages/{sent.pk}/settle/"), {"was_sent": "yes"}).status_code == 409


def test_proof_is_found_by_address(shop: Shop, owner: Client) -> None:
    found = owner.get(shop.path("purposes/?address=CLIENT0@mail.example"))
    assert found["Location"].endswith("/proof/")
    assert "Nobody here" in text_of(owner, shop.path("purposes/?address=ghost@mail.example"))
    assert "Oui, je veux recevoir" in text_of(owner, shop.path("purposes/promotions/"))


def test_key_secret_is_shown_once(shop: Shop, owner: Client) -> None:
    page = owner.post(shop.path("settings/keys/add/"), {"name": "boutique", "kind": "write"}).content.decode()
    with tenancy.scope(workspace_id=shop.workspace.pk):
        key = Key.objects.get(name="boutique")
    start = key.hint.removesuffix("…")
    assert page.count(start) >= 2
    assert 'id="secret"' in page
    assert 'id="secret"' not in text_of(owner, shop.path("settings/keys/"))
    assert owner.post(shop.path(f"settings/keys/{key.pk}/revoke/")).status_code == 302


def test_member_is_added_and_the_last_owner_stays(shop: Shop, owner: Client) -> None:
    page = owner.post(shop.path("settings/members/add/"), {"email": "Nina@shop.example", "role": "editor"})
    assert "nina@shop.example" in page.content.decode()
    assert page.context["new_password"]
    assert User.objects.get(email="nina@shop.example").check_password(page.context["new_password"])
    with tenancy.scope(workspace_id=shop.workspace.pk):
        olive = Membership.objects.get(user=shop.owner)
    assert owner.post(shop.path(f"settings/members/{olive.pk}/"), {"role": "viewer"}).status_code == 409


def test_role_changes_by_a_button_and_removing_is_apart(shop: Shop, owner: Client) -> None:
    page = text_of(owner, shop.path("settings/members/"))
    assert "data-submit" not in page
    assert '<option value="remove"' not in page
    with tenancy.scope(workspace_id=shop.workspace.pk):
        victor = Membership.objects.get(user=shop.viewer)
    role, removal = re.findall(
        rf'<form method="post" action="{shop.path(f"settings/members/{victor.pk}/")}".*?</form>',
        page,
        re.DOTALL,
    )
    assert "Save" in role
    assert "Their access ends at once." in removal
    assert owner.post(shop.path(f"settings/members/{victor.pk}/"), {"role": "remove"}).status_code == 302
    with tenancy.scope(workspace_id=shop.workspace.pk):
        assert not Membership.objects.filter(user=shop.viewer).exists()


def test_sending_is_changed_and_paused(shop: Shop, owner: Client, viewer: Client) -> None:
    page = owner.get(shop.path("settings/sending/"))
    assert "v=DKIM1" in page.content.decode()
    form = {**page.context["form"].initial, "quiet_from": "22:00", "quiet_until": "07:00"}
    assert owner.post(shop.path("settings/sending/change/"), form).status_code == 302
    assert owner.post(shop.path("settings/sending/hold/"), {"move": "pause"}).status_code == 302
    with tenancy.scope(workspace_id=shop.workspace.pk):
        sending = Sending.objects.get()
    assert sending.quiet_from.hour == 22
    assert sending.paused_at is not None
    assert "Sending is paused" in text_of(viewer, shop.path())


def test_workspace_is_changed_with_a_trail(shop: Shop, owner: Client) -> None:
    form = {**owner.get(shop.path("settings/")).context["form"].initial, "legal_name": "Vitrine SARL"}
    form |= {"tracking_consent": "analytics"}
    assert owner.post(shop.path("settings/change/"), form).status_code == 302
    assert "Vitrine SARL" in text_of(owner, shop.path("settings/trail/"))
    assert 'value="analytics"' in owner.get(shop.path("settings/")).content.decode()


GRAPH = """\
entry: {event: Order Completed}
start: wait
nodes:
  wait: {wait: 7d, next: tell}
  tell: {send: {template: we-miss-you, purpose: promotions}}
"""
WRITTEN = {"name_fr": "Le mien", "name_en": "My own", "graph": GRAPH}


def own_journey(shop: Shop) -> str | None:
    with tenancy.scope(workspace_id=shop.workspace.pk):
        return Journey.objects.filter(slug="my-own").values_list("state", flat=True).first()


def test_own_journey_is_written_previewed_and_published(shop: Shop, owner: Client) -> None:
    page = text_of(owner, shop.path("new-journey/"))
    assert "New journey" in page
    assert "Order Completed" in page
    preview = owner.post(shop.path("new-journey/"), WRITTEN)
    assert preview.status_code == 200
    assert own_journey(shop) is None
    [confirmed] = re.findall(r'name="confirmed" value="([0-9a-f]{64})"', preview.content.decode())
    assert 'data-island="journey-canvas"' in preview.content.decode()
    changed = owner.post(
        shop.path("new-journey/"), {**WRITTEN, "graph": GRAPH.replace("7d", "8d"), "confirmed": confirmed}
    )
    assert changed.status_code == 200  # another text than the one that was previewed: previewed anew
    assert own_journey(shop) is None
    published = owner.post(shop.path("new-journey/"), {**WRITTEN, "confirmed": confirmed})
    assert published["Location"] == shop.path("journeys/my-own/")
    assert own_journey(shop) == "published"
    again = owner.post(shop.path("new-journey/"), {**WRITTEN, "confirmed": confirmed})
    assert again.status_code == 422
    assert "There is a journey" in again.content.decode()


def test_next_version_is_written_from_the_live_one(shop: Shop, owner: Client, viewer: Client) -> None:
    address = shop.path("journeys/post-purchase/edit/")
    assert "order-confirmation" in text_of(owner, address)
    names = {"name_fr": "Après l'achat", "name_en": "After a purchase"}
    short = {**names, "graph": "entry: {event: Order Completed}\nstart: end\nnodes: {end: {exit: done}}\n"}
    preview = owner.post(address, short).content.decode()
    [confirmed] = re.findall(r'name="confirmed" value="([0-9a-f]{64})"', preview)
    assert "on the version that they entered" in preview
    assert owner.post(address, {**short, "confirmed": confirmed}).status_code == 302
    page = text_of(owner, shop.path("journeys/post-purchase/"))
    assert "After a purchase" in page
    assert "exit: done" in page
    assert "?version=1" in page
    assert "?version=2" in page
    assert "order-confirmation" in text_of(owner, shop.path("journeys/post-purchase/?version=1"))
    assert viewer.get(address).status_code == 403


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (GRAPH.replace("we-miss-you", "we-mis-you"), "Line 5 (nodes.tell.send.template):"),
        (GRAPH.replace("next: tell", "next: tel"), "Line 4 (nodes.wait.next):"),
        (GRAPH + "more: 1\n", "Line 6 (graph.more):"),
        ("nodes: [", "line 1, column"),
    ],
)
def test_error_in_a_written_journey_has_its_line(shop: Shop, owner: Client, graph: str, said: str) -> None:
    refused = owner.post(shop.path("new-journey/"), {**WRITTEN, "graph": graph})
    assert refused.status_code == 422
    assert said in refused.content.decode()
    assert "data-island" not in refused.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "search/?q=zz%00zz",
        "messages/?purpose=a%00&state=%00",
        "contacts/?q=%00&list=a%00",
        "contacts/?segment=a%00",
        "catalogue/?q=%00zzz&after=%00",
        "suppressions/?address=%00",
        "purposes/promotions/?address=%00",
        "templates/order-confirmation/preview/?person=%00&language=%00",
    ],
)
def test_nul_in_an_address_is_no_error(shop: Shop, owner: Client, address: str) -> None:
    assert owner.get(shop.path(address)).status_code in (200, 404)


def test_search_finds_people_and_journeys(shop: Shop, owner: Client) -> None:
    page = text_of(owner, shop.path("search/?q=achat"))
    assert "After the purchase" in page
    assert "client1@mail.example" in text_of(owner, shop.path("search/?q=client1@"))
    assert "Nothing found" in text_of(owner, shop.path("search/?q=zzzz"))


def test_theme_and_language_are_kept(shop: Shop, owner: Client) -> None:
    owner.post("/account/theme/", {"theme": "dark", "next": "/w/vitrine/"})
    assert 'data-theme="calm-dark"' in text_of(owner, shop.path())
    kept = owner.post("/account/language/", {"language": "fr", "next": "https://evil.example/"})
    assert kept["Location"] == "/"
    assert "Accueil" in text_of(owner, shop.path())
