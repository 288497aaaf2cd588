"""The report of one mailing: which links, which mail systems, which devices. Reads only.

Not here: the figures that lists of mailings show (`queries`).
"""

from parcours.content import queries as content
from parcours.delivery.models import Mailing
from parcours.insights.queries import mailing_figures
from parcours.insights.types import DeviceFigures, DomainFigures, LinkClicks, LinkFigures, MailingReport
from parcours.kernel import sql

statements = sql.load(__package__)
DOMAINS = 10
"""How many mail systems stand for themselves; the others are counted together."""
DEVICES = ("computer", "phone", "tablet", "other", "machine")


def report(mailing: Mailing, language: str) -> MailingReport:
    """What came of a mailing, with its links labelled in `language` where it is written in it."""
    return MailingReport(
        figures=mailing_figures(mailing.workspace_id, [mailing.pk])[mailing.pk],
        links=links(mailing, language),
        domains=domains(mailing),
        devices=devices(mailing),
    )


def links(mailing: Mailing, language: str) -> list[LinkFigures]:
    """Every link of the message with its clicks, those followed most first, then in their order in the message."""
    found = statements.mailing_links.rows(
        LinkClicks, workspace_id=mailing.workspace_id, mailing_id=mailing.pk
    )
    counted = {each.number: each for each in found}
    written = content.links(mailing.workspace_id, mailing.template_version_id, language)
    named = dict(enumerate(written))
    figures = []
    for number in sorted({*named, *counted}):
        link = named.get(number, content.Link("", ()))
        figures.append(LinkFigures(link.label, link.addresses, counted.get(number, LinkClicks(number))))
    return sorted(figures, key=lambda each: -each.counted.clicks)


def domains(mailing: Mailing) -> list[DomainFigures]:
    """The mail systems that received most, then all others together."""
    return statements.mailing_domains.rows(
        DomainFigures, workspace_id=mailing.workspace_id, mailing_id=mailing.pk, most=DOMAINS
    )


def devices(mailing: Mailing) -> list[DeviceFigures]:
    """The kinds of devices that were used, machines last."""
    found = statements.mailing_devices.rows(
        DeviceFigures, workspace_id=mailing.workspace_id, mailing_id=mailing.pk
    )
    return sorted(found, key=lambda each: DEVICES.index(each.device))
