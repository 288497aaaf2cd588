"""The addresses of the staff's pages. Everything of a workspace is below `/w/<workspace>/`, in the order of the rail."""

from collections.abc import Container, Iterable
from typing import Any, NoReturn

from allauth.account import urls as allauth
from django.http import Http404, HttpRequest
from django.urls import URLPattern, include, path

from parcours.web import invitations, mark, preferences
from parcours.web.contacts_import import views as imports
from parcours.web.pages import (
    attributes,
    campaigns,
    catalogue,
    contact_changes,
    contacts,
    home,
    journey_text,
    journeys,
    messages,
    purposes,
    reports,
    segments,
    settings,
    suppressions,
    templates,
    webhooks,
)

SIGNING_IN = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_reauthenticate",
    "account_change_password",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}
"""What of allauth is open. Signing up is not, nor changing one's address: nothing here would make sure that it is one's own."""


def closed(request: HttpRequest, **kwargs: Any) -> NoReturn:
    """There is no such page."""
    raise Http404


def only(wanted: Container[str], patterns: Iterable[URLPattern]) -> list[URLPattern]:
    """Those of the addresses; the others keep their names, which allauth's own pages ask for, and lead nowhere."""
    return [
        each if (each.name or "") in wanted else URLPattern(each.pattern, closed, name=each.name)
        for each in patterns
    ]


WORKSPACE = [
    path("", home.home, name="home"),
    path("days.csv", reports.export_days, name="export_days"),
    path("search/", home.search, name="search"),
    path("contacts/", contacts.contacts, name="contacts"),
    path("contacts/export/", contacts.export, name="contacts_export"),
    path("contacts/<uuid:contact_id>/", contacts.contact, name="contact"),
    path("contacts/<uuid:contact_id>/timeline/", contacts.contact_timeline, name="contact_timeline"),
    path("contacts/add/", contact_changes.add, name="add_contact"),
    path("contacts/<uuid:contact_id>/edit/", contact_changes.edit, name="contact_edit"),
    path("contacts/<uuid:contact_id>/identities/add/", contact_changes.add_identity, name="add_identity"),
    path(
        "contacts/<uuid:contact_id>/identities/remove/",
        contact_changes.remove_identity,
        name="remove_identity",
    ),
    path("contacts/<uuid:contact_id>/lists/", contact_changes.change_list, name="change_contact_list"),
    path("contacts/<uuid:contact_id>/say/", contacts.say, name="contact_say"),
    path("contacts/<uuid:contact_id>/proof/", contacts.proof, name="contact_proof"),
    path("lists/", contacts.lists, name="lists"),
    path("lists/add/", contacts.add_list, name="add_list"),
    path("imports/", imports.imports, name="imports"),
    path("imports/upload/", imports.upload, name="upload_import"),
    path("imports/<uuid:import_id>/", imports.one, name="import"),
    path("imports/<uuid:import_id>/columns/", imports.mapping, name="import_mapping"),
    path("imports/<uuid:import_id>/progress/", imports.progress, name="import_progress"),
    path("imports/<uuid:import_id>/cancel/", imports.cancel, name="cancel_import"),
    path("imports/<uuid:import_id>/refusals/", imports.refusals, name="import_refusals"),
    path("segments/", segments.segments, name="segments"),
    path("segments/+/", segments.new, name="new_segment"),
    path("segments/+/check/", segments.check, name="check_rule"),
    path("segments/<slug:slug>/", segments.segment, name="segment"),
    path("segments/<slug:slug>/edit/", segments.edit, name="edit_segment"),
    path("segments/<slug:slug>/delete/", segments.delete, name="delete_segment"),
    path("journeys/", journeys.journeys, name="journeys"),
    path("new-journey/", journey_text.new, name="new_journey"),
    path("journeys/+/recipes/<slug:slug>/", journeys.recipe, name="recipe"),
    path("journeys/+/recipes/<slug:slug>/publish/", journeys.publish_recipe, name="publish_recipe"),
    path("journeys/<slug:slug>/", journeys.journey, name="journey"),
    path("journeys/<slug:slug>/edit/", journey_text.edit, name="edit_journey"),
    path("journeys/<slug:slug>/move/", journeys.move, name="journey_move"),
    path("campaigns/", campaigns.campaigns, name="campaigns"),
    path("campaigns/new/", campaigns.new, name="new_campaign"),
    path("campaigns/<int:campaign_id>/", campaigns.campaign, name="campaign"),
    path("campaigns/<int:campaign_id>/progress/", campaigns.campaign_progress, name="campaign_progress"),
    path("campaigns/<int:campaign_id>/edit/", campaigns.edit, name="edit_campaign"),
    path("campaigns/<int:campaign_id>/delete/", campaigns.delete, name="delete_campaign"),
    path("campaigns/<int:campaign_id>/send/", campaigns.send, name="campaign_send"),
    path("campaigns/<int:campaign_id>/test/", campaigns.test, name="test_campaign"),
    path("campaigns/<int:campaign_id>/tests/", campaigns.tests, name="campaign_tests"),
    path("campaigns/<int:campaign_id>/move/", campaigns.move, name="campaign_move"),
    path("mailings/<int:mailing_id>/", reports.mailing, name="mailing"),
    path("mailings/<int:mailing_id>/<slug:table>.csv", reports.export_mailing, name="export_mailing"),
    path("templates/", templates.templates, name="templates"),
    path("templates/+/", templates.new, name="new_template"),
    path("templates/+/preview/", templates.preview_draft, name="preview_draft"),
    path("templates/<slug:slug>/", templates.template, name="template"),
    path("templates/<slug:slug>/save/", templates.save, name="save_template"),
    path("templates/<slug:slug>/test/", templates.test, name="test_template"),
    path("templates/<slug:slug>/tests/", templates.tests, name="template_tests"),
    path("templates/<slug:slug>/preview/", templates.preview, name="preview_template"),
    path("catalogue/", catalogue.products, name="catalogue"),
    path("catalogue/add/", catalogue.add, name="add_product"),
    path("catalogue/<int:number>/", catalogue.product, name="product"),
    path("catalogue/<int:number>/edit/", catalogue.edit, name="edit_product"),
    path("catalogue/<int:number>/remove/", catalogue.remove, name="remove_product"),
    path("messages/", messages.messages, name="messages"),
    path("messages/<uuid:message_id>/", messages.message, name="message"),
    path("messages/<uuid:message_id>/content/", templates.message_content, name="message_content"),
    path("messages/<uuid:message_id>/settle/", messages.settle, name="message_settle"),
    path("purposes/", purposes.purposes, name="purposes"),
    path("purposes/+/", purposes.new, name="new_purpose"),
    path("purposes/+/standard/", purposes.bring_standard, name="standard_purposes"),
    path("purposes/<slug:code>/", purposes.purpose, name="purpose"),
    path("purposes/<slug:code>/edit/", purposes.edit, name="edit_purpose"),
    path("purposes/<slug:code>/move/", purposes.move, name="move_purpose"),
    path("suppressions/", suppressions.suppressions, name="suppressions"),
    path("suppressions/add/", suppressions.add, name="add_suppression"),
    path("suppressions/<int:suppression_id>/lift/", suppressions.lift, name="lift_suppression"),
    path("settings/", settings.workspace, name="settings"),
    path("settings/change/", settings.change_workspace, name="change_workspace"),
    path("settings/members/", settings.members, name="settings_members"),
    path("settings/members/add/", settings.add_member, name="add_member"),
    path("settings/members/<int:member_id>/", settings.change_member, name="change_member"),
    path("settings/members/<int:member_id>/password/", settings.renew_password, name="renew_password"),
    path("settings/keys/", settings.keys, name="settings_keys"),
    path("settings/keys/add/", settings.add_key, name="add_key"),
    path("settings/keys/<uuid:key_id>/revoke/", settings.revoke_key, name="revoke_key"),
    path("settings/attributes/", attributes.attributes, name="settings_attributes"),
    path("settings/attributes/+/", attributes.declare, name="declare_attribute"),
    path("settings/attributes/<slug:name>/", attributes.attribute, name="settings_attribute"),
    path("settings/sending/", settings.sending, name="settings_sending"),
    path("settings/sending/change/", settings.change_sending, name="change_sending"),
    path("settings/sending/hold/", settings.hold_sending, name="hold_sending"),
    path("settings/webhooks/", webhooks.webhooks, name="settings_webhooks"),
    path("settings/webhooks/new/", webhooks.new, name="new_webhook"),
    path("settings/webhooks/<int:endpoint_id>/", webhooks.webhook, name="webhook"),
    path("settings/webhooks/<int:endpoint_id>/edit/", webhooks.edit, name="edit_webhook"),
    path("settings/webhooks/<int:endpoint_id>/move/", webhooks.move, name="webhook_move"),
    path("settings/webhooks/<int:endpoint_id>/secret/", webhooks.rotate, name="rotate_webhook"),
    path("settings/webhooks/<int:endpoint_id>/remove/", webhooks.remove, name="remove_webhook"),
    path("settings/webhooks/<int:endpoint_id>/test/", webhooks.test, name="test_webhook"),
    path("settings/webhooks/<int:endpoint_id>/replay/", webhooks.replay_failed, name="replay_failed"),
    path(
        "settings/webhooks/<int:endpoint_id>/replay/<uuid:delivery_id>/",
        webhooks.replay,
        name="replay_delivery",
    ),
    path("settings/trail/", settings.trail, name="settings_trail"),
]

urlpatterns = [
    path("", home.start, name="start"),
    path("favicon.ico", mark.favicon, name="favicon"),
    path("account/me/", preferences.profile, name="profile"),
    path("account/invitations/", invitations.invitations, name="invitations"),
    path("account/language/", preferences.choose_language, name="choose_language"),
    path("account/theme/", preferences.choose_theme, name="choose_theme"),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("account/", include(only(SIGNING_IN, allauth.urlpatterns))),
    path("w/<slug:workspace>/", include(WORKSPACE)),
]
