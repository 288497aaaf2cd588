"""The report of a mailing as campaigns and journeys tell it. Not here: routes of its own; what is counted (`insights`)."""

from dataclasses import asdict
from typing import Literal

from parcours.api.schemas import DeviceOut, DomainOut, LinkOut, ReportOut
from parcours.delivery import queries as delivery
from parcours.insights import mailings
from parcours.insights.types import DomainFigures, LinkFigures, MailingReport

Language = Literal["fr", "en"]
_FIGURES = frozenset(ReportOut.model_fields) - {"links", "domains", "devices"}


def of_mailing(workspace_id: int, mailing_id: int, language: Language) -> ReportOut:
    """What came of a mailing, with its links labelled in `language` where it is written in it."""
    return told(mailings.report(delivery.access_mailing(workspace_id, mailing_id), language))


def told(report: MailingReport) -> ReportOut:
    """A report in the API's words."""
    return ReportOut(
        **{name: getattr(report.figures, name) for name in _FIGURES},
        links=[_link(each) for each in report.links],
        domains=[_domain(each) for each in report.domains],
        devices=[DeviceOut(**asdict(each)) for each in report.devices],
    )


def _link(link: LinkFigures) -> LinkOut:
    counted = link.counted
    return LinkOut(label=link.label, addresses=list(link.addresses), clicks=counted.clicks, **asdict(counted))


def _domain(figures: DomainFigures) -> DomainOut:
    return DomainOut(**{**asdict(figures), "domain": figures.domain or None})
