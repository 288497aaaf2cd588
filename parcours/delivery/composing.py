"""From a claimed message to the bytes that leave: the person's data, their language, tracked links, headers, signature.

Two steps: `load` gathers in a few statements what a whole batch is made of (and issues its coupons), `make` needs no database. Only
what a person agreed to is measured: without their consent no pixel is rendered, and links say which link, never who (compliance
C11, C12). A test is made the same way, but says so, follows nobody and issues nothing. Not here: Liquid and MJML (`content`), how a
message is built (`mime`) and signed (`dkim`).
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings as installation

from parcours.accounts.models import Workspace
from parcours.consent.types import Basis
from parcours.content import actions as coupons
from parcours.content import products
from parcours.content import queries as content
from parcours.content import template as templates
from parcours.content.errors import TemplateError, told_of
from parcours.content.models import Coupon
from parcours.content.template import CompiledTemplate
from parcours.delivery import mime
from parcours.delivery.dkim import Signer
from parcours.delivery.hours import zone_named
from parcours.delivery.models import Sending
from parcours.delivery.settings import signer
from parcours.delivery.types import ClickTracking, Origin, ToSend
from parcours.events.tokens import ClickToken, MessageToken, Purpose
from parcours.events.tokens import signer as token_signer
from parcours.kernel import crypto, sql
from parcours.kernel.errors import DomainError

_log = logging.getLogger(__name__)
statements = sql.load(__package__)

TEST_MARK = "[Test] "
TEST_HEADER = "X-Parcours-Test"


@dataclass(frozen=True, slots=True)
class Ready:
    """A message that can be handed over as it is."""

    claim: ToSend
    subject: str
    return_path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Unsendable:
    """A message that cannot be made, and why."""

    claim: ToSend
    why: str


class Letter(NamedTuple):
    """What one message speaks of."""

    id: UUID
    email: str
    language: str
    attributes: dict[str, Any]
    event: dict[str, Any]
    content: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class MailingFacts:
    """What the messages of one mailing share."""

    id: int
    template_version_id: int
    coupon_id: int | None
    origin: str
    purpose: str
    basis: str
    names: dict[str, str]
    descriptions: dict[str, str]

    @property
    def is_automatic(self) -> bool:
        """True for what answers something that the person did, and is therefore not to be answered by a machine (RFC 3834)."""
        return self.basis == Basis.CONTRACT.value or self.origin == Origin.CONFIRMATION.value

    @property
    def is_test(self) -> bool:
        """True for what a member sends to the team to see it."""
        return self.origin == Origin.TEST.value

    def about_purpose(self, language: str) -> dict[str, str]:
        """What templates may say about the purpose, under `purpose`."""
        spoken = language if language in self.names else "en"
        return {
            "code": self.purpose,
            "name": self.names[spoken],
            "description": self.descriptions[spoken],
        }


@dataclass(frozen=True, slots=True)
class Letters:
    """All that a batch is made of, gathered once. `codes`: by (mailing, contact). In the place of a template: why it is none."""

    workspace: Workspace
    sending: Sending
    signer: Signer
    zone: ZoneInfo
    now: datetime
    mailings: Mapping[int, MailingFacts]
    templates: Mapping[tuple[int, str], CompiledTemplate | DomainError]
    letters: Mapping[UUID, Letter]
    codes: Mapping[tuple[int, UUID], dict[str, Any]]
    sender: Mapping[str, Any]
    products: Mapping[UUID, dict[str, Any]] = field(default_factory=dict)
    anonymous_links: dict[tuple[int, int, str], str] = field(default_factory=dict)


def load(workspace_id: int, claims: Sequence[ToSend], *, now: datetime) -> Letters:
    """Gather what a batch is made of, and issue the coupons that it offers. Runs in the caller's scope."""
    workspace = Workspace.objects.get(pk=workspace_id)
    sending = Sending.objects.get(workspace_id=workspace_id)
    zone = zone_named(workspace.time_zone, "UTC")
    mailings = {
        row.id: row
        for row in statements.list_mailings.rows(
            MailingFacts, workspace_id=workspace_id, mailing_ids=list({claim.mailing_id for claim in claims})
        )
    }
    letters = {
        row.id: row
        for row in statements.list_letters.rows(
            Letter, workspace_id=workspace_id, ids=sql.uuids(claim.id for claim in claims)
        )
    }
    gathered = Letters(
        workspace=workspace,
        sending=sending,
        signer=signer(sending.dkim_domain, sending.dkim_selector, bytes(sending.dkim_key)),
        zone=zone,
        now=now,
        mailings=mailings,
        templates=_templates(workspace_id, mailings.values()),
        letters=letters,
        codes=_issue(workspace_id, claims, mailings, zone, now),
        sender=content.sender_data(workspace),
    )
    return replace(gathered, products=_products(workspace_id, gathered, claims))


def _products(workspace_id: int, letters: Letters, claims: Sequence[ToSend]) -> dict[UUID, dict[str, Any]]:
    """What the messages that ask for products of the catalogue may say about them: one statement, or none."""
    asked = {claim.id: ids for claim in claims if (ids := _asked_products(letters, claim))}
    return products.of_messages(workspace_id, asked)


def _asked_products(letters: Letters, claim: ToSend) -> list[str]:
    letter = letters.letters[claim.id]
    if letter.content is not None and not any("product" in part for part in letter.content.values()):
        return []  # a program's own words are made ready for this message alone: not twice for nothing
    try:
        template, _language = _template(letters, claim)
    except DomainError:
        return []  # said when the message is made
    return products.asked_for(template, letter.event, letter.attributes)


def _templates(
    workspace_id: int, mailings: Iterable[MailingFacts]
) -> dict[tuple[int, str], CompiledTemplate | DomainError]:
    return {
        (version, language): _compiled(workspace_id, version, language)
        for version in {mailing.template_version_id for mailing in mailings}
        for language in content.languages_of(workspace_id, version)
    }


def _compiled(workspace_id: int, version: int, language: str) -> CompiledTemplate | DomainError:
    """A stored version may be one that can no longer be used: its own messages cannot be made, all others can."""
    try:
        return content.compiled(workspace_id, version, language)
    except DomainError as error:
        return error


def _issue(
    workspace_id: int,
    claims: Sequence[ToSend],
    mailings: Mapping[int, MailingFacts],
    zone: ZoneInfo,
    now: datetime,
) -> dict[tuple[int, UUID], dict[str, Any]]:
    """A code for everybody whose message offers a coupon: one statement for each coupon."""
    codes: dict[tuple[int, UUID], dict[str, Any]] = {}
    for mailing in mailings.values():
        if mailing.coupon_id is None:
            continue
        coupon = Coupon.objects.get(workspace_id=workspace_id, pk=mailing.coupon_id)
        people = [claim.contact_id for claim in claims if claim.mailing_id == mailing.id]
        issued = coupons.issue_codes(workspace_id, coupon.pk, people, now=now)
        for person, code in issued.items():
            codes[mailing.id, person] = content.coupon_data(
                coupon, code.code, code.expires_at.astimezone(zone)
            )
    return codes


def make(letters: Letters, claims: Sequence[ToSend], *, is_signed: bool = True) -> list[Ready | Unsendable]:
    """Make messages ready to be handed over. One that fails does not stop the others. No database."""
    return [_make_one(letters, claim, is_signed=is_signed) for claim in claims]


def subject(letters: Letters, claim: ToSend) -> str:
    """Only the subject of a message; empty when it cannot be made."""
    version = letters.mailings[claim.mailing_id].template_version_id
    try:
        template, language = _template(letters, claim)
        if letters.letters[claim.id].content is not None:
            return templates.subject(template, _data(letters, claim, language), language)
        line = content.subject_line(claim.workspace_id, version, language, _data(letters, claim, language))
        return _mark(letters, claim) + line
    except DomainError:
        return ""


def _make_one(letters: Letters, claim: ToSend, *, is_signed: bool) -> Ready | Unsendable:
    try:
        mail = compose(letters, claim)
        data = mime.build(mail)
        if is_signed:
            data = letters.signer.sign(data, int(letters.now.timestamp()))
    except DomainError as error:
        return Unsendable(claim, error.located if isinstance(error, TemplateError) else error.message)
    except (
        Exception
    ) as error:  # a fault of ours, met by this message's data: it must not stop everybody's mail
        _log.exception("Message %s cannot be made", claim.id)
        return Unsendable(claim, type(error).__name__)
    named = MessageToken(claim.workspace_id, claim.id)
    return_path = f"bounce+{token_signer().sign(named, Purpose.BOUNCE)}@{bounce_domain(letters.sending)}"
    return Ready(claim, mail.subject, return_path, data)


def compose(letters: Letters, claim: ToSend) -> mime.Mail:
    """A message before it is written out and signed. Raises the DomainError that keeps it from being made."""
    sending = letters.sending
    compiled, language = _template(letters, claim)
    links = _functional_links(claim)
    with told_of(language):
        encoded = templates.encode(
            compiled,
            {**_data(letters, claim, language), **links},
            _link_maker(letters, claim),
            _pixel(claim) if claim.measured_opens else None,
            language,
        )
    return mime.Mail(
        from_name=sending.from_name,
        from_address=sending.from_email,
        to_name="",
        to_address=mime.address(claim.address, field="to_address"),
        subject=_mark(letters, claim) + encoded.subject,
        html=encoded.html,
        text=encoded.text,
        message_id=message_id(letters.sending, claim),
        date=letters.now,
        reply_to=sending.reply_to,
        headers=_headers(letters, claim, links),
    )


def _mark(letters: Letters, claim: ToSend) -> str:
    """What the subject of a test begins with, in every language."""
    return TEST_MARK if letters.mailings[claim.mailing_id].is_test else ""


def message_id(sending: Sending, claim: ToSend) -> str:
    """The Message-ID of what is being sent."""
    return message_id_of(sending, claim.id)


def message_id_of(sending: Sending, message: UUID) -> str:
    """Always the same for a message, whoever sends it, however often, and whoever its person proves to be: a duplicate can be
    recognised anywhere.
    """
    parts = f"{sending.workspace_id}:{message}"
    return f"<{crypto.fingerprint('message-id', parts).hex()[:40]}@{sending.dkim_domain}>"


def bounce_domain(sending: Sending) -> str:
    """Where bounces and unsubscribing mails arrive: a subdomain, so that it is aligned with the sender's address."""
    return f"bounce.{sending.dkim_domain}"


def _template(letters: Letters, claim: ToSend) -> tuple[CompiledTemplate, str]:
    version = letters.mailings[claim.mailing_id].template_version_id
    spoken = content.spoken(
        content.languages_of(claim.workspace_id, version),
        letters.letters[claim.id].language,
        letters.workspace.language,
    )
    own = letters.letters[claim.id].content
    with told_of(spoken):
        template = letters.templates[version, spoken] if own is None else content.made_ready(own, spoken)
        if isinstance(template, DomainError):
            raise template
    return template, spoken


def _data(letters: Letters, claim: ToSend, language: str) -> dict[str, object]:
    """What the template can speak of (`docs/concepts/templates.md`)."""
    letter = letters.letters[claim.id]
    mailing = letters.mailings[claim.mailing_id]
    return {
        "contact": {**letter.attributes, "email": letter.email, "language": language},
        "event": letter.event,
        "data": letter.event,
        "params": letter.event,
        "coupon": _coupon(letters, claim, language),
        "purpose": mailing.about_purpose(language),
        "workspace": letters.sender,
        "catalogue": letters.products.get(claim.id, {}),
    }


def _coupon(letters: Letters, claim: ToSend, language: str) -> dict[str, Any]:
    if letters.mailings[claim.mailing_id].is_test:
        return content.sample_coupon(language, letters.now.astimezone(letters.zone).date())
    return letters.codes.get((claim.mailing_id, claim.contact_id), {})


def _functional_links(claim: ToSend) -> dict[str, str]:
    named = MessageToken(claim.workspace_id, claim.id)
    sign = token_signer().sign
    base = installation.BASE_URL
    return {
        "unsubscribe_url": f"{base}/u/{sign(named, Purpose.UNSUBSCRIBE)}",
        "preferences_url": f"{base}/p/{sign(named, Purpose.PREFERENCES)}",
        "why_url": f"{base}/why/{sign(named, Purpose.WHY)}",
        "confirm_url": f"{base}/confirm/{sign(named, Purpose.CONFIRM)}",
    }


def _pixel(claim: ToSend) -> str:
    token = token_signer().sign(MessageToken(claim.workspace_id, claim.id), Purpose.OPEN)
    return f"{installation.BASE_URL}/t/o/{token}.gif"


def _link_maker(letters: Letters, claim: ToSend) -> Callable[[int, str], str]:
    """Links of a measured person name the message; those of others are the same for everybody, made once. A test's are plain."""
    mailing = letters.mailings[claim.mailing_id]
    if mailing.is_test:
        return _plain
    is_personal = claim.measured_clicks or letters.sending.click_tracking == ClickTracking.EVERYONE.value
    known = letters.anonymous_links

    def personal(number: int, url: str) -> str:
        return named(claim.id, number, url)

    def anonymous(number: int, url: str) -> str:
        key = (mailing.id, number, url)
        if key not in known:
            known[key] = named(None, number, url)
        return known[key]

    def named(message_id: UUID | None, number: int, url: str) -> str:
        version = mailing.template_version_id
        return _tracked(ClickToken(claim.workspace_id, message_id, version, number, mailing.id), url)

    return personal if is_personal else anonymous


def _plain(number: int, url: str) -> str:
    """The address itself."""
    return url


def _tracked(token: ClickToken, url: str) -> str:
    return f"{installation.BASE_URL}/t/c/{token_signer().sign_click(token, url)}?u={_quoted(url)}"


@lru_cache(maxsize=4096)
def _quoted(url: str) -> str:
    return quote(url, safe="")


@lru_cache(maxsize=256)
def _sender_id(workspace_id: int) -> str:
    """The stable name under which Gmail counts complaints (Feedback-ID): 5 to 15 characters."""
    return crypto.fingerprint("feedback-id", str(workspace_id)).hex()[:12]


def _headers(letters: Letters, claim: ToSend, links: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """RFC 2369, 8058, 2919, 3834, Gmail's Feedback-ID. One click on every purpose: decision 9."""
    mailing = letters.mailings[claim.mailing_id]
    sending, slug = letters.sending, letters.workspace.slug
    token = links["unsubscribe_url"].rpartition("/")[2]
    headers = (
        (
            "List-Unsubscribe",
            f"<{links['unsubscribe_url']}>, <mailto:unsub+{token}@{bounce_domain(sending)}>",
        ),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Help", f"<{links['why_url']}>"),
        ("List-Id", f"<{mailing.purpose}.{slug}.{sending.dkim_domain}>"),
        (TEST_HEADER, "yes")
        if mailing.is_test  # and Gmail does not count it with the others of its purpose
        else ("Feedback-ID", f"{mailing.id}:{slug}:{mailing.purpose}:{_sender_id(claim.workspace_id)}"),
    )
    if mailing.is_automatic:
        return (*headers, ("Auto-Submitted", "auto-generated"))
    return headers
