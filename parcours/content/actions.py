"""Writes of templates and coupons, in the caller's scope. What is wrong with a template is said when it is saved.

Not here: what a template means (`liquid`, `mjml`, `template`), sending (`delivery`).
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from parcours.accounts.actions import record_audit
from parcours.accounts.models import Workspace
from parcours.accounts.types import Actor
from parcours.content import filters, liquid, queries
from parcours.content.errors import TemplateError, TemplateSyntax, told_of
from parcours.content.models import Coupon, Template, TemplateVersion
from parcours.kernel import sql

statements = sql.load(__package__)

CONFIRMATION = "confirm-subscription"
"""The template of a double opt-in. It comes with the product (`shipping`), and always has the link that confirms."""

_FIELDS = ("subject", "preheader", "mjml", "text")
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Code:
    """A person's code of a coupon."""

    contact_id: UUID
    code: str
    expires_at: datetime


def save_template(
    workspace_id: int,
    slug: str,
    name: str,
    bodies: Mapping[str, Mapping[str, str]],
    *,
    actor: Actor,
    now: datetime,
) -> TemplateVersion:
    """Save a template as a new version; the versions before stay as they are. `bodies` maps a language to its texts.

    Every language is made ready first: a TemplateError says in which one (`fr.mjml`), at which line, and how to mend it. The
    workspace's own language must be there.
    """
    clean = {language: {field: body.get(field, "") for field in _FIELDS} for language, body in bodies.items()}
    if slug == CONFIRMATION:
        _check_confirmation(clean)
    _check(clean, Workspace.objects.only("language").get(pk=workspace_id).language)
    template, created = Template.objects.select_for_update().get_or_create(
        workspace_id=workspace_id,
        slug=slug,
        defaults={"name": name[:120], "created_at": now, "updated_at": now},
    )
    if not created:
        Template.objects.filter(workspace_id=workspace_id, pk=template.pk).update(
            name=name[:120], updated_at=now
        )
    latest = queries.versions(workspace_id, template.pk).first()
    version = TemplateVersion.objects.create(
        workspace_id=workspace_id,
        template=template,
        number=latest.number + 1 if latest else 1,
        bodies=clean,
        actor=actor.label[:200],
        created_at=now,
    )
    record_audit(
        workspace_id,
        actor=actor,
        action="created" if created else "changed",
        subject="template",
        subject_id=slug,
        detail={"version": version.number, "languages": sorted(clean)},
        now=now,
    )
    return version


def _check(bodies: Mapping[str, Mapping[str, str]], language: str) -> None:
    if language not in bodies:
        raise TemplateError(
            _("The workspace's own language, “%(language)s”, is missing.") % {"language": language},
            field=language,
            hint=_("Write it first."),
        )
    for spoken, body in bodies.items():
        if not body["subject"].strip():
            raise TemplateError(_("A message needs a subject."), field=f"{spoken}.subject")
        with told_of(spoken):
            queries.made_ready(body, spoken)
            for field in _FIELDS:
                _check_filters(body[field], field)


def _check_confirmation(bodies: Mapping[str, Mapping[str, str]]) -> None:
    """Without its link nobody could confirm."""
    for language, body in bodies.items():
        if "confirm_url" not in liquid.analyse(body["mjml"]).variables:
            raise TemplateError(
                _("This message has to carry the link that confirms."),
                field=f"{language}.mjml",
                hint=_("Link a button to %(link)s.") % {"link": "{{ confirm_url }}"},
            )


def _check_filters(source: str, field: str) -> None:
    """Liquid notices an unknown filter only when it renders; an author wants to know now."""
    unknown = sorted(set(liquid.analyse(source).filters) - set(filters.FILTERS))
    if unknown:
        known = ", ".join(sorted(filters.FILTERS))
        raise TemplateSyntax(
            _("There is no filter “%(name)s”.") % {"name": unknown[0]},
            field=field,
            hint=_("Filters: %(known)s.") % {"known": known},
        )


def save_coupon(
    workspace_id: int,
    slug: str,
    name: str,
    *,
    percent: int,
    prefix: str = "",
    valid_days: int = 30,
    actor: Actor,
    now: datetime,
) -> Coupon:
    """Make a coupon, or change it; codes that were issued keep their dates."""
    fields = {"name": name[:120], "percent": percent, "prefix": prefix[:12], "valid_days": valid_days}
    coupon, created = Coupon.objects.update_or_create(
        workspace_id=workspace_id, slug=slug, defaults=fields, create_defaults={**fields, "created_at": now}
    )
    record_audit(
        workspace_id,
        actor=actor,
        action="created" if created else "changed",
        subject="coupon",
        subject_id=slug,
        detail=fields,
        now=now,
    )
    return coupon


def issue_codes(
    workspace_id: int, coupon_id: int, contact_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, Code]:
    """Give each person a code of their own that nobody can guess (60 random bits). Who has one keeps it while it is valid."""
    coupon = Coupon.objects.only("prefix").get(workspace_id=workspace_id, pk=coupon_id)
    issued: dict[UUID, Code] = {}
    missing = list(dict.fromkeys(contact_ids))
    while missing:  # a second round sees the codes that another transaction issued at the same moment
        rows = statements.issue_codes.rows(
            Code,
            workspace_id=workspace_id,
            coupon_id=coupon_id,
            contact_ids=missing,
            codes=[_new_code(coupon.prefix) for _ in missing],
            now=now,
        )
        issued |= {row.contact_id: row for row in rows}
        missing = [one for one in missing if one not in issued]
    return issued


def _new_code(prefix: str) -> str:
    random = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
    return f"{prefix}-{random}" if prefix else random
