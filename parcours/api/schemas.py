"""What the API takes and gives. Everything taken refuses unknown fields; everything given is made from plain rows.

Not here: meaning (the rooms), reading JSON (`parsing`).
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from parcours.campaigns.types import CampaignState
from parcours.catalogue.types import ProductOrigin
from parcours.consent.types import Act, Basis, SuppressionReason
from parcours.contacts.types import AttributeType, IdentityKind
from parcours.delivery.types import MessageState, Origin, Verdict
from parcours.integrations.types import DeliveryState, EndpointState, PauseReason, Trouble
from parcours.journeys.types import JourneyState


def in_utc(instant: datetime) -> datetime:
    """The same instant in UTC: PostgreSQL takes no zone as far from it as ISO 8601 does."""
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("datetime_out_of_range", "out of range") from error


Item = TypeVar("Item")
Instant = Annotated[AwareDatetime, AfterValidator(in_utc)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class Input(Schema):
    """Something the caller sends: a field that we do not know is an error, not noise."""

    model_config = ConfigDict(extra="forbid")


class Page(Schema, Generic[Item]):
    """One page of a list. `next` is the cursor of the page after it, null on the last."""

    items: list[Item]
    next: str | None = None


class FieldProblem(Schema):
    """What is wrong with one value; of a template, at which line of it."""

    field: str
    message: str
    line: int | None = Field(default=None, ge=1)


class Problem(Schema):
    """An error (RFC 9457, `application/problem+json`)."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    hint: str = ""
    errors: list[FieldProblem] = []


# Contacts.


class ConsentIn(Input):
    """What a person said about one purpose on one channel, with its proof. Measuring has no channel: it is kept for `any`.

    With `double_opt_in` (or when the purpose asks for it) a yes by e-mail counts once the person has confirmed it, by the message
    that is sent to them: at most one per person, purpose and day. Who has agreed already is not asked again.
    """

    purpose: Slug
    channel: Literal["email", "sms", "any"] = "email"
    granted: bool
    double_opt_in: bool = False
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    wording: Annotated[str, StringConstraints(max_length=4000)] = ""
    at: Instant | None = None
    ip: Annotated[str, StringConstraints(max_length=45)] | None = None
    user_agent: Annotated[str, StringConstraints(max_length=300)] = ""


class ContactIn(Input):
    """A person, by e-mail address. Fields that are left out stay as they are; an attribute of null is removed."""

    email: Annotated[str, StringConstraints(max_length=254)]
    language: Annotated[str, StringConstraints(max_length=35)] = ""
    time_zone: Annotated[str, StringConstraints(max_length=64)] = ""
    external_id: Annotated[str, StringConstraints(max_length=254)] = ""
    phone: Annotated[str, StringConstraints(max_length=40)] = ""
    source: Annotated[str, StringConstraints(max_length=60)] = ""
    attributes: dict[str, Any] = Field(default_factory=dict, max_length=300)
    consents: list[ConsentIn] = Field(default_factory=list, max_length=50)


class ContactChange(Input):
    """What shall be different about a person. What is left out stays; null empties language, time zone or an attribute."""

    email: Annotated[str, StringConstraints(min_length=1, max_length=254)] = ""
    language: Annotated[str, StringConstraints(max_length=35)] | None = None
    time_zone: Annotated[str, StringConstraints(max_length=64)] | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, max_length=300)


class IdentityIn(Input):
    """One way to recognise a person: an e-mail address, a phone number, an id of the shop or CRM, a browser's id."""

    kind: IdentityKind
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=254)]


class IdentitiesIn(Input):
    """What shall lead to this person, and what no longer."""

    add: list[IdentityIn] = Field(default_factory=list, max_length=50)
    remove: list[IdentityIn] = Field(default_factory=list, max_length=50)


class ConsentOut(Schema):
    """What holds now for one purpose and channel."""

    purpose: str
    channel: str
    act: Act
    since: datetime
    source: str
    wording: str


class IdentityOut(Schema):
    """One way to recognise the person."""

    kind: str
    value: str


class ContactOut(Schema):
    """A person."""

    id: UUID
    email: str | None
    language: str
    time_zone: str
    source: str
    attributes: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ContactDetail(ContactOut):
    """A person with all that identifies them, what they said, and their lists."""

    identities: list[IdentityOut]
    consents: list[ConsentOut]
    lists: list[str]


class EventOut(Schema):
    """Something that happened."""

    name: str
    at: datetime
    properties: dict[str, Any]


class EventIn(Input):
    """Something a person did. Say who by `email`, `user_id` or `anonymous_id`; `message_id` makes it count once."""

    event: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    email: Annotated[str, StringConstraints(max_length=254)] = ""
    user_id: Annotated[str, StringConstraints(max_length=254)] = ""
    anonymous_id: Annotated[str, StringConstraints(max_length=254)] = ""
    properties: dict[str, Any] = Field(default_factory=dict)
    timestamp: Instant | None = None
    message_id: Annotated[str, StringConstraints(max_length=99)] = ""


class Accepted(Schema):
    """It is stored."""

    accepted: Literal[True] = True
    message_id: str


# Attributes, lists, segments, purposes.


class AttributeIn(Input):
    """An attribute to declare. Its name is kept in small letters: `firstName` becomes `first_name`."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    type: AttributeType
    label_fr: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""
    label_en: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""
    options: list[Text] = Field(default_factory=list, max_length=200)


class AttributeChange(Input):
    """How an attribute is read, and which values a category takes. Its name and type stay."""

    label_fr: Text | None = None
    label_en: Text | None = None
    options: Annotated[list[Text], Field(max_length=200)] | None = None


class AttributeOut(Schema):
    """A declared attribute. `options` are the values that a category takes; empty means any."""

    name: str
    type: AttributeType
    label_fr: str
    label_en: str
    options: list[str]


class ListIn(Input):
    """A list to make."""

    slug: Slug
    name: Text


class ListOut(Schema):
    """A list with the number of people on it."""

    slug: str
    name: str
    count: int
    created_at: datetime


class MembersIn(Input):
    """People to put on a list, or to take off it."""

    add: list[UUID] = Field(default_factory=list, max_length=10_000)
    remove: list[UUID] = Field(default_factory=list, max_length=10_000)


class MembersChanged(Schema):
    """How many were not on the list before, and how many were."""

    added: int
    removed: int


class SegmentIn(Input):
    """A segment: its rule in the rule language (see docs/concepts)."""

    slug: Slug
    name: Text
    description: Annotated[str, StringConstraints(max_length=400)] = ""
    rule: dict[str, Any]


class SegmentChange(Input):
    """What to change of a segment; what is left out stays."""

    name: Text | None = None
    description: Annotated[str, StringConstraints(max_length=400)] | None = None
    rule: dict[str, Any] | None = None


class SegmentOut(Schema):
    """A segment. `is_current` is false while its members are being computed for the first time or after a change."""

    slug: str
    name: str
    description: str
    rule: Any
    sentence_en: str
    sentence_fr: str
    count: int
    is_current: bool
    created_at: datetime


class CountOut(Schema):
    """How many."""

    count: int


class ContactInSegment(Schema):
    """A person in a segment, and since when."""

    id: UUID
    email: str | None
    attributes: dict[str, Any]
    since: datetime


class SuppressionIn(Input):
    """An address that is never to be written to any more. `detail` is kept; it must not repeat the address."""

    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=254)]
    channel: Literal["email", "sms"] = "email"
    detail: Annotated[str, StringConstraints(max_length=400)] = ""


class SuppressionOut(Schema):
    """An address that is never written to, since when and why. Only its hash is kept: `contact` is whose it was, if known."""

    id: int
    channel: Literal["email", "sms"]
    reason: SuppressionReason
    detail: str
    contact: UUID | None
    at: datetime


class PurposeIn(Input):
    """A purpose. Its basis and whether it is marketing stay once it is made; `audience` (a rule) is for legitimate interests.

    Fields that are left out get their defaults when it is made, and stay as they are later.
    """

    name_fr: Text | None = None
    name_en: Text | None = None
    description_fr: Annotated[str, StringConstraints(max_length=400)] | None = None
    description_en: Annotated[str, StringConstraints(max_length=400)] | None = None
    basis: Basis | None = None
    is_marketing: bool | None = None
    audience: dict[str, Any] | None = None
    double_opt_in: bool | None = None
    position: Annotated[int, Field(ge=0, le=100_000)] | None = None
    archived: bool | None = None


class PurposeOut(Schema):
    """What messages may be for, and on which legal basis. An archived one sends nothing."""

    code: str
    name_fr: str
    name_en: str
    description_fr: str
    description_en: str
    basis: Basis
    is_marketing: bool
    is_measuring: bool
    audience: Any
    double_opt_in: bool
    position: int
    archived: bool


# Messages.


class ReasonOut(Schema):
    """Why the gate decided so: a code, its evidence, and a sentence."""

    code: str
    evidence: dict[str, Any]
    sentence: str


class MessageIn(Input):
    """A message to one person, at once. `data` is what the template speaks of as `data.…`; `message_id` makes it count once."""

    template: Slug
    purpose: Slug
    email: Annotated[str, StringConstraints(max_length=254)]
    data: dict[str, Any] = Field(default_factory=dict)
    message_id: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = ""


class MessageAccepted(Schema):
    """It is queued, or has been before: where it stands, and where to ask again (`/api/v1/messages/{id}`)."""

    id: UUID
    contact: UUID
    state: MessageState
    verdict: Verdict | None


class MessageOut(Schema):
    """One message to one person, sent or not, with the gate's verdict and all its reasons. `machine_…`: what scanners did."""

    id: UUID
    contact: UUID
    purpose: str
    channel: str
    origin: Origin
    origin_id: int
    step: str
    name: str
    state: MessageState
    verdict: Verdict | None
    reasons: list[ReasonOut]
    subject: str
    queued_at: datetime
    due_at: datetime
    judged_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    machine_opened_at: datetime | None
    machine_clicked_at: datetime | None
    bounced_at: datetime | None
    complained_at: datetime | None
    unsubscribed_at: datetime | None


# Journeys, campaigns, templates.


class JourneyIn(Input):
    """Publish a ready-made journey."""

    recipe: Slug


class JourneyOut(Schema):
    """A journey with its people."""

    slug: str
    name_fr: str
    name_en: str
    description_fr: str
    description_en: str
    state: JourneyState
    version: int | None
    inside: int
    entered: int
    created_at: datetime


class JourneyGraphIn(Input):
    """A journey as its author writes it: see docs/concepts/journeys.md for the graph."""

    name_fr: Text
    name_en: Text
    description_fr: Annotated[str, StringConstraints(max_length=400)] = ""
    description_en: Annotated[str, StringConstraints(max_length=400)] = ""
    graph: dict[str, Any]


class VersionOut(Schema):
    """One published graph of a journey, and who published it."""

    number: int
    actor: str
    created_at: datetime


class StepOut(Schema):
    """A node of the shown version: people there now, runs that left it, and what became of its messages.

    `opened` and `clicked` are of those who may be measured, without machines; `unnamed_clicks` are of the others.
    """

    node: str
    kind: str
    sentence: str
    inside: int
    passed: int
    targeted: int = 0
    sent: int = 0
    withheld: int = 0
    open_measured: int = 0
    opened: int = 0
    opened_by_machines: int = 0
    click_measured: int = 0
    clicked: int = 0
    clicked_by_machines: int = 0
    unnamed_clicks: int = 0
    unsubscribed: int = 0
    bounced: int = 0


class JourneyGraphOut(JourneyOut):
    """A journey with the graph of one version (the live one, unless another is asked for) and its figures."""

    shown_version: int | None
    graph: dict[str, Any] | None
    steps: list[StepOut]
    versions: list[VersionOut]


class CampaignIn(Input):
    """A one-off sending, to a segment or to a list."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=160)]
    template: Slug
    purpose: Slug
    segment: Slug | None = None
    list: Slug | None = None


class ScheduleIn(Input):
    """When to start; null is at once."""

    at: Instant | None = None


class ProgressOut(Schema):
    """What became of a campaign's recipients."""

    targeted: int
    queued: int
    delayed: int
    sending: int
    sent: int
    failed: int
    in_doubt: int
    withheld: int
    cancelled: int


class CampaignOut(Schema):
    """A campaign with its progress."""

    id: int
    name: str
    template: str
    purpose: str
    segment: str | None
    list: str | None
    state: CampaignState
    scheduled_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    progress: ProgressOut


class LinkOut(Schema):
    """A link of a message, as it is written there, and how often it was followed.

    `people` are messages of those who may be measured; `clicks` are theirs (`named_clicks`) and those of others, who are counted
    without their names (`unnamed_clicks`). Machines are in neither.
    """

    number: int
    label: str
    addresses: list[str]
    people: int
    clicks: int
    named_clicks: int
    unnamed_clicks: int
    machine_clicks: int


class DomainOut(Schema):
    """What became of the messages to addresses of one domain; of all but the ten largest together where `domain` is null."""

    domain: str | None
    domains: int
    sent: int
    failed: int
    bounced: int
    open_measured: int
    opened: int
    click_measured: int
    clicked: int
    unsubscribed: int
    complained: int


class DeviceOut(Schema):
    """In how many messages people who may be measured did something on one kind of device; `machine` is what was none of them."""

    device: Literal["computer", "phone", "tablet", "other", "machine"]
    opened: int
    clicked: int


class ReportOut(Schema):
    """What came of a campaign or of one message of a journey.

    `opened` and `clicked` are of those who may be measured, without machines.
    """

    targeted: int
    sent: int
    withheld: int
    failed: int
    in_doubt: int
    cancelled: int
    open_measured: int
    opened: int
    opened_by_machines: int
    click_measured: int
    clicked: int
    clicked_by_machines: int
    unnamed_clicks: int
    unsubscribed: int
    bounced: int
    complained: int
    links: list[LinkOut]
    domains: list[DomainOut]
    devices: list[DeviceOut]


class BodyIn(Input):
    """A template's content in one language: Liquid in MJML, with a subject, a preheader and optionally a text part."""

    subject: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    preheader: Annotated[str, StringConstraints(max_length=400)] = ""
    mjml: Annotated[str, StringConstraints(min_length=1, max_length=500_000)]
    text: Annotated[str, StringConstraints(max_length=200_000)] = ""


class TemplateIn(Input):
    """A template. Saving makes a new version; what was sent or is published keeps its own."""

    name: Text
    bodies: dict[Literal["fr", "en"], BodyIn] = Field(min_length=1)


class TemplateOut(Schema):
    """A template and its newest version."""

    slug: str
    name: str
    version: int
    bodies: dict[str, dict[str, str]]
    updated_at: datetime


class TestIn(Input):
    """A test of a template. `to`: 1 to 6 members, by the address they sign in with; `contact`: whose message it shows, unless said
    the newest contact's, or of a message about an order that of whoever placed the latest; `language`: the contact's unless
    said; `purpose`: the workspace's first unless said."""

    to: list[Annotated[str, StringConstraints(max_length=254)]] = Field(default_factory=list, max_length=6)
    contact: UUID | None = None
    purpose: Slug | None = None
    language: Literal["fr", "en"] | None = None


class TestOut(Schema):
    """One message of a test, on its way: ask `/api/v1/messages/{id}` what became of it."""

    id: UUID
    to: str
    state: MessageState


class TestsOut(Schema):
    """The messages of a test, one for each member."""

    items: list[TestOut]


# Products.


class ProductIn(Input):
    """What the shop states of a product: all that is known of it; a fact that is left out is emptied.

    Without `currency` a price is in the workspace's. `attributes` are the shop's own, up to 50 names and 8,000 bytes.
    """

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
    url: Annotated[str, StringConstraints(max_length=2000)] = ""
    image_url: Annotated[str, StringConstraints(max_length=2000)] = ""
    price: Decimal | None = None
    currency: Annotated[str, StringConstraints(max_length=3)] = ""
    category: Annotated[str, StringConstraints(max_length=300)] = ""
    brand: Annotated[str, StringConstraints(max_length=200)] = ""
    in_stock: bool | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, max_length=50)


class IdentifiedProductIn(ProductIn):
    """A product of a batch, with the shop's id."""

    product_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ProductsIn(Input):
    """Up to 1,000 products, each as `PUT /products/{product_id}` takes it, with its `product_id`. Each is judged by itself."""

    products: list[dict[str, Any]] = Field(min_length=1, max_length=1000)


class ProductOut(Schema):
    """A product. `origin` says who states it: `api` and `hand` are the shop; `seen` was only seen in events, is shown to no
    customer, and becomes the shop's when it is saved. Amounts are texts, so that no digit is lost."""

    product_id: str
    name: str
    url: str
    image_url: str
    price: str | None
    currency: str
    category: str
    brand: str
    in_stock: bool | None
    attributes: dict[str, Any]
    origin: ProductOrigin
    seen_at: datetime | None
    created_at: datetime
    changed_at: datetime


class RefusedProduct(Schema):
    """A product of a batch that was not kept: its place (from 0), and what is wrong with it."""

    index: int
    product_id: str | None
    errors: list[FieldProblem]


class ProductsSaved(Schema):
    """What became of a batch."""

    created: int
    changed: int
    unchanged: int
    refused: list[RefusedProduct]


# Webhooks.

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
EventNames = Annotated[list[str], Field(min_length=1, max_length=100)]


class WebhookIn(Input):
    """Where to tell what. `events` are names as the log has them; `["*"]` asks for all of them."""

    url: Url
    description: Annotated[str, StringConstraints(max_length=200)] = ""
    events: EventNames


class WebhookChange(Input):
    """What to change; what is left out stays."""

    url: Url | None = None
    description: Annotated[str, StringConstraints(max_length=200)] | None = None
    events: EventNames | None = None


class WebhookOut(Schema):
    """A webhook. `failing_since`: it was tried, and took nothing, since then. `waiting` and `failed` count its deliveries."""

    id: int
    url: str
    description: str
    events: list[str]
    state: EndpointState
    pause_reason: PauseReason | None
    created_at: datetime
    failing_since: datetime | None
    waiting: int
    failed: int


class WebhookMade(WebhookOut):
    """A webhook with its new secret, which is told this once."""

    secret: str


class WebhookDeliveryOut(Schema):
    """One event (or a test: without `event_id`) for one webhook. `id` is the `webhook-id`; `due_at` is null when no try follows."""

    id: UUID
    event: str
    event_id: str | None
    at: datetime
    state: DeliveryState
    tries: int
    code: int | None
    trouble: Trouble | None
    tried_at: datetime | None
    due_at: datetime | None
    created_at: datetime


class Replayed(Schema):
    """How many deliveries begin again."""

    count: int
