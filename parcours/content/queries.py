"""Reads of templates and versions; templates made ready, kept by version; previews for any contact.

Not here: storing (`actions`), what is really sent (`delivery.composing`).
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from parcours.accounts.models import Workspace
from parcours.contacts import queries as contacts
from parcours.content import layout, liquid, products
from parcours.content import template as making
from parcours.content.errors import TemplateError, UnknownTemplate, told_of
from parcours.content.models import Coupon, Template, TemplateVersion
from parcours.content.template import CompiledTemplate, Rendered

_EVENT = ("event", "data", "params")
"""The names under which templates find the event."""
_SAMPLE_CODE = {"fr": "EXEMPLE-2345", "en": "EXAMPLE-2345"}
_SAMPLE_PURPOSE = {
    "fr": {"code": "newsletter", "name": "Lettre d’information", "description": ""},
    "en": {"code": "newsletter", "name": "Newsletter", "description": ""},
}


def templates(workspace_id: int) -> QuerySet[Template]:
    """The templates of a workspace, by name."""
    return Template.objects.filter(workspace_id=workspace_id).order_by("name", "id")


def template(workspace_id: int, slug: str) -> Template:
    """One template, or UnknownTemplate."""
    found = Template.objects.filter(workspace_id=workspace_id, slug=slug).first()
    if found is None:
        raise UnknownTemplate(_("There is no template “%(slug)s”.") % {"slug": slug}, field="template")
    return found


def template_of_id(workspace_id: int, template_id: int) -> Template:
    """One template, by its number, or UnknownTemplate."""
    found = Template.objects.filter(workspace_id=workspace_id, pk=template_id).first()
    if found is None:
        raise UnknownTemplate(_("No template has the id %(id)s.") % {"id": template_id})
    return found


def latest_version(workspace_id: int, slug: str) -> TemplateVersion:
    """What a template says now, or UnknownTemplate."""
    found = (
        TemplateVersion.objects.filter(workspace_id=workspace_id, template__slug=slug)
        .select_related("template")
        .order_by("-number")
        .first()
    )
    if found is None:
        raise UnknownTemplate(_("There is no template “%(slug)s”.") % {"slug": slug}, field="template")
    return found


def latest_versions(workspace_id: int) -> QuerySet[TemplateVersion]:
    """What every template says now, each with its template, by name."""
    newest = (
        TemplateVersion.objects.filter(template=OuterRef("template")).order_by("-number").values("pk")[:1]
    )
    return (
        TemplateVersion.objects.filter(workspace_id=workspace_id, pk=Subquery(newest))
        .select_related("template")
        .order_by("template__name", "template_id")
    )


def version(workspace_id: int, version_id: int) -> TemplateVersion:
    """One saved state of a template, or UnknownTemplate."""
    found = TemplateVersion.objects.filter(workspace_id=workspace_id, pk=version_id).first()
    if found is None:
        raise UnknownTemplate(_("There is no such version of a template."), field="template")
    return found


def versions(workspace_id: int, template_id: int) -> QuerySet[TemplateVersion]:
    """The saved states of a template, newest first."""
    return TemplateVersion.objects.filter(workspace_id=workspace_id, template_id=template_id).order_by(
        "-number"
    )


def made_ready(body: Mapping[str, str], language: str) -> CompiledTemplate:
    """One language of a template, made ready with its footer. Raises a TemplateError with field, line and hint."""
    text = body.get("text", "")
    return making.compile_template(
        body.get("subject", ""),
        body.get("preheader", ""),
        layout.with_footer(body.get("mjml", ""), language),
        layout.with_text_footer(text, language) if text.strip() else None,
    )


@lru_cache(maxsize=512)
def compiled(workspace_id: int, version_id: int, language: str) -> CompiledTemplate:
    """A version in a language, made ready once: versions never change. Needs the workspace's scope the first time."""
    bodies = version(workspace_id, version_id).bodies
    return made_ready(bodies[language], language)


@lru_cache(maxsize=512)
def languages_of(workspace_id: int, version_id: int) -> tuple[str, ...]:
    """The languages that a version speaks, in their order."""
    return tuple(version(workspace_id, version_id).bodies)


@dataclass(frozen=True)
class Link:
    """A tracked link of a version. `addresses` are as written: several where languages lead to different pages."""

    label: str
    addresses: tuple[str, ...]

    @property
    def is_fixed(self) -> bool:
        """Whether it leads to the same pages for everybody, whatever the data say."""
        return not any("{" in each for each in self.addresses)


def links(workspace_id: int, version_id: int, language: str) -> list[Link]:
    """The tracked links of a version in the order of their numbers, labelled in `language` where it speaks it.

    Languages in which it cannot be read any more are passed over.
    """
    spoken_here = languages_of(workspace_id, version_id)
    first = spoken(spoken_here, language, language)
    ready = []
    for each in sorted(spoken_here, key=lambda one: one != first):
        with suppress(TemplateError):
            ready.append(compiled(workspace_id, version_id, each))
    most = max((len(each.links) for each in ready), default=0)
    by_number = ([each for each in ready if number < len(each.links)] for number in range(most))
    return [
        Link(having[0].labels[number], tuple(dict.fromkeys(each.links[number] for each in having)))
        for number, having in enumerate(by_number)
    ]


def spoken(languages: tuple[str, ...], wanted: str, otherwise: str) -> str:
    """The language to write in: the person's, else the workspace's, else the first there is."""
    return next((one for one in (wanted, otherwise) if one in languages), languages[0])


def subject_line(workspace_id: int, version_id: int, language: str, data: Mapping[str, object]) -> str:
    """Only the subject of a version, as it would be sent. Raises a TemplateError when it cannot be rendered."""
    only = _only_subject(workspace_id, version_id, language)
    parts = only.subject.parts
    if parts is not None and all(isinstance(part, str) for part in parts):
        return _fixed_subject(workspace_id, version_id, language)
    return making.render(only, data, lambda _number, url: url, None, language).subject


@lru_cache(maxsize=512)
def _fixed_subject(workspace_id: int, version_id: int, language: str) -> str:
    """A subject that is the same for everybody."""
    only = _only_subject(workspace_id, version_id, language)
    return making.render(only, {}, lambda _number, url: url, None, language).subject


@lru_cache(maxsize=512)
def _only_subject(workspace_id: int, version_id: int, language: str) -> CompiledTemplate:
    nothing = making.Program(liquid.parse(liquid.TEXT, ""))
    whole = compiled(workspace_id, version_id, language)
    return replace(whole, html=nothing, text=nothing, preheader=nothing)


def data_used(workspace_id: int, version_id: int) -> list[str]:
    """Which data a version uses, in any language: the paths of its variables ("contact.first_name")."""
    found: set[str] = set()
    for source in version(workspace_id, version_id).sources:
        found.update(liquid.analyse(source).variables)
    return sorted(found)


def speak_of_event(sources: Iterable[str]) -> bool:
    """Whether any of these texts uses data of the event that a message answers. One that cannot be read uses none."""
    return any(not _names(source).isdisjoint(_EVENT) for source in sources)


def _names(source: str) -> set[str]:
    """The first parts of the paths that a text uses."""
    try:
        used = liquid.analyse(source).variables
    except TemplateError:
        return set()
    return {re.split(r"[.\[]", path, maxsplit=1)[0] for path in used}


def sender_data(workspace: Workspace) -> dict[str, Any]:
    """What templates may say about the sender, under `workspace`."""
    identity = ", ".join(
        part for part in (workspace.legal_name or workspace.name, workspace.legal_address) if part
    )
    return {
        "name": workspace.name,
        "currency": workspace.currency,
        "legal_name": workspace.legal_name,
        "legal_address": workspace.legal_address,
        "identity": identity,
    }


def coupon_data(coupon: Coupon, code: str, expires_at: datetime) -> dict[str, Any]:
    """What templates may say about a coupon, under `coupon`."""
    return {
        "code": code,
        "percent": coupon.percent,
        "name": coupon.name,
        "expires_at": expires_at.date(),
    }


def preview(
    workspace_id: int,
    template_version_id: int,
    contact_id: UUID,
    language: str,
    *,
    event: Mapping[str, Any] | None = None,
    now: datetime,
) -> Rendered:
    """A version with the data of any contact, as they would see it: no tracking, links that lead nowhere, a sample code.

    Raises UnknownVariable for a name that this person's data do not have (which stays empty when sent), UnknownContact.
    """
    bodies = version(workspace_id, template_version_id).bodies
    if language not in bodies:
        raise TemplateError(
            _("This template has no text in “%(language)s”.") % {"language": language}, field="language"
        )
    making_ready = compiled(workspace_id, template_version_id, language)
    return _as_seen_by(workspace_id, making_ready, contact_id, language, event=event, now=now)


def preview_body(
    workspace_id: int,
    body: Mapping[str, str],
    contact_id: UUID,
    language: str,
    *,
    event: Mapping[str, Any] | None = None,
    is_strict: bool = True,
    now: datetime,
) -> Rendered:
    """As `preview`, of a text that need not be saved. Without `is_strict` an unknown name is a warning."""
    with told_of(language):
        ready = made_ready(body, language)
    return _as_seen_by(workspace_id, ready, contact_id, language, event=event, is_strict=is_strict, now=now)


def _as_seen_by(
    workspace_id: int,
    ready: CompiledTemplate,
    contact_id: UUID,
    language: str,
    *,
    event: Mapping[str, Any] | None,
    is_strict: bool = True,
    now: datetime,
) -> Rendered:
    person = contacts.contact(workspace_id, contact_id)
    told = dict(event or {})
    data = {
        **dict.fromkeys(making.FUNCTIONAL, "https://example.org/"),
        "contact": {**person.attributes, "email": person.email or "", "language": person.language},
        **dict.fromkeys(_EVENT, told),
        "coupon": sample_coupon(language, now.date()),
        "purpose": _SAMPLE_PURPOSE.get(language, _SAMPLE_PURPOSE["en"]),
        "workspace": sender_data(Workspace.objects.get(pk=workspace_id)),
        "catalogue": products.of_messages(
            workspace_id, {None: products.asked_for(ready, told, person.attributes)}
        )[None],
    }
    with told_of(language):
        return making.render(ready, data, lambda _number, url: url, None, language, is_strict=is_strict)


def sample_coupon(language: str, today: date) -> dict[str, Any]:
    """What stands for a coupon where none is issued: a code that nobody can use."""
    return {
        "code": _SAMPLE_CODE.get(language, _SAMPLE_CODE["en"]),
        "percent": 20,
        "name": "",
        "expires_at": today + timedelta(days=30),
    }
